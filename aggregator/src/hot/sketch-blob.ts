// Sketch deltas of one stretch in one growing string: frames of (bucket in the stretch, length, entries), so that appending a
// frame is merging it. Read back per bucket; rewritten with one frame per bucket when it has grown.

import { TidemarkError } from '../errors.js';
import type { SketchKind } from './layout.js';

/** Beyond this a blob is rewritten, and again whenever it has doubled since. */
export const COMPACT_AT_BYTES = 16_384;

/** Rewrites a list of entries as an equivalent shorter one; `keep` is for `top`: how many items stay. */
export type CompactDelta = (kind: SketchKind, bytes: Uint8Array, keep: number) => Uint8Array;

const LONGEST_HEADER_BYTES = 6;
const SHORT_BYTES = 64;

/** One frame: bucket position (1 byte), length (LEB128), entries. */
export function encodeFrame(bucket: number, entries: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameBytes(entries.length));
  writeFrame(frame, 0, bucket, entries, 0, entries.length);
  return frame;
}

/** Length of a frame around so many bytes of entries. */
export function frameBytes(length: number): number {
  return length + (length < 0x80 ? 2 : length < 0x4000 ? 3 : length < 0x20_0000 ? 4 : length < 0x1000_0000 ? 5 : LONGEST_HEADER_BYTES);
}

/** Writes a frame around source[from … to). @returns the position after it */
export function writeFrame(target: Uint8Array, start: number, bucket: number, source: Uint8Array, from: number, to: number): number {
  let at = start;
  target[at++] = bucket;
  const length = to - from;
  let rest = length;
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  if (length < SHORT_BYTES) {
    // A call of `set` costs more than copying a short list byte by byte.
    for (let i = from; i < to; i++) {
      target[at++] = source[i];
    }
    return at;
  }
  target.set(source.subarray(from, to), at);
  return at + length;
}

/**
 * Calls `visit` for each frame in order of writing; entries are views into `blob`.
 * @throws TidemarkError fatal when the blob is not a list of frames
 */
export function eachFrame(blob: Uint8Array, visit: (bucket: number, entries: Uint8Array) => void): void {
  let at = 0;
  while (at < blob.length) {
    const bucket = blob[at++];
    let length = 0;
    let factor = 1;
    let byte = 0x80;
    while (byte >= 0x80) {
      if (at >= blob.length || factor > 2 ** 28) {
        throw unreadable();
      }
      byte = blob[at++];
      length += (byte & 0x7f) * factor;
      factor *= 128;
    }
    if (at + length > blob.length) {
      throw unreadable();
    }
    visit(bucket, blob.subarray(at, at + length));
    at += length;
  }
}

function unreadable(): TidemarkError {
  return new TidemarkError(
    'fatal',
    'HOT_SKETCH_UNREADABLE',
    'A sketch in the hot tier ends in the middle of a frame: it was not written by this version.',
    'Clear the hot tier; it is rebuilt from the log.',
  );
}

/** All entries per bucket position; null where there are none. */
export function splitBlob(blob: Uint8Array, buckets: number): (Uint8Array | null)[] {
  return partsOf(blob, buckets).map(concatenate);
}

function partsOf(blob: Uint8Array, buckets: number): Uint8Array[][] {
  const parts: Uint8Array[][] = Array.from({ length: buckets }, () => []);
  eachFrame(blob, (bucket, entries) => parts[bucket]?.push(entries));
  return parts;
}

/** The same blob with one compacted frame per bucket. What came in one frame has nothing to be merged with and stays as it is. */
export function compactBlob(blob: Uint8Array, buckets: number, compact: (entries: Uint8Array) => Uint8Array): Uint8Array {
  const frames: Uint8Array[] = [];
  partsOf(blob, buckets).forEach((parts, bucket) => {
    const whole = concatenate(parts);
    if (whole !== null) {
      frames.push(encodeFrame(bucket, parts.length > 1 ? compact(whole) : whole));
    }
  });
  return concatenate(frames) ?? new Uint8Array(0);
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array | null {
  if (parts.length < 2) {
    return parts[0] ?? null;
  }
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
