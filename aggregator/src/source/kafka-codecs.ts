// Undoes the compression of Kafka record batches (none is left to kafkajs): gzip, snappy (raw and xerial-framed), LZ4 frame, Zstandard.
// Invariant: whatever the bytes are, the call returns the records or throws `CodecError`; it never loops, and the output is bounded,
// because the bytes are what any producer chose to write.

import { gunzipSync } from 'node:zlib';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { ZSTDDecoder } from 'zstddec';

/** The compression field of a record batch (low three bits of its attributes). */
export const COMPRESSION_NAMES: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Output of one batch beyond this is refused: a batch of 1 MiB that claims more is no batch of events. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** The batch cannot be decompressed; the message is for the dead letter. */
export class CodecError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CodecError';
  }
}

/** @returns the decompressed bytes of codec 1 to 4 */
export type Decompress = (codec: number, bytes: Uint8Array) => Uint8Array;

/** Instantiates the WebAssembly decoder once; the function returned is synchronous. */
export async function loadCodecs(): Promise<Decompress> {
  const zstd = new ZSTDDecoder();
  await zstd.init();
  return (codec, bytes) => {
    try {
      if (codec === 1) return gunzipSync(bytes, { maxOutputLength: MAX_OUTPUT_BYTES });
      if (codec === 2) return decompressSnappy(bytes);
      if (codec === 3) return lz4.decompressFrameSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      if (codec === 4) return decompressZstd(zstd, bytes);
    } catch (error) {
      if (error instanceof CodecError) throw error;
      throw new CodecError(`${COMPRESSION_NAMES[codec]}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    throw new CodecError(`compression ${codec} is not one that Kafka defines (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd)`);
  };
}

// Java's snappy stream (xerial): this magic, two 32-bit versions, then blocks of a 32-bit length and raw snappy.
const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const XERIAL_HEADER_BYTES = 16;

function decompressSnappy(bytes: Uint8Array): Uint8Array {
  if (!XERIAL_MAGIC.every((value, i) => bytes[i] === value)) return snappyBlock(bytes, 0, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  let total = 0;
  let at = XERIAL_HEADER_BYTES;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw new CodecError(`snappy: ${bytes.length - at} bytes where a block length should be`);
    const length = view.getInt32(at);
    at += 4;
    if (length < 0 || at + length > bytes.length) throw new CodecError(`snappy: a block of ${length} bytes with ${bytes.length - at} left`);
    const block = snappyBlock(bytes, at, at + length);
    total += block.length;
    if (total > MAX_OUTPUT_BYTES) throw new CodecError(`snappy: more than ${MAX_OUTPUT_BYTES} bytes decompressed`);
    blocks.push(block);
    at += length;
  }
  return blocks.length === 1 ? blocks[0] : Buffer.concat(blocks, total);
}

function snappyBlock(bytes: Uint8Array, start: number, end: number): Uint8Array {
  // The block opens with its decompressed length as a varint: checked before anything is allocated.
  let length = 0;
  for (let i = 0; i < 5 && start + i < end; i++) {
    length += (bytes[start + i] & 0x7f) * 2 ** (7 * i);
    if (bytes[start + i] < 0x80) break;
  }
  if (length > MAX_OUTPUT_BYTES) throw new CodecError(`snappy: a block that claims ${length} bytes`);
  const out = snappy.uncompressSync(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start), { asBuffer: true });
  if (typeof out === 'string') throw new CodecError('snappy: decoder returned text');
  return out;
}

/**
 * One-shot decoding into an upper bound of the size: the library's streaming form does not end on corrupt input.
 * Its one-shot form answers an error with no bytes.
 */
function decompressZstd(decoder: ZSTDDecoder, bytes: Uint8Array): Uint8Array {
  const bound = zstdOutputBound(bytes);
  if (bound > MAX_OUTPUT_BYTES) throw new CodecError(`zstd: up to ${bound} bytes decompressed, more than ${MAX_OUTPUT_BYTES}`);
  if (bound === 0) return new Uint8Array(0);
  const out = decoder.decode(bytes, bound);
  if (out.length === 0) throw new CodecError('zstd: corrupt data');
  return out;
}

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE_MAGIC = 0x184d2a50;
const ZSTD_BLOCK_MAX_BYTES = 128 * 1024;

/**
 * Upper bound of the decompressed size from frame and block headers alone (RFC 8878, chapter 3): the content size where a frame
 * states it, else the sum of what its blocks can hold.
 */
export function zstdOutputBound(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (at: number, count: number): void => {
    if (at + count > bytes.length) throw new CodecError('zstd: the frame is cut off');
  };
  let bound = 0;
  let at = 0;
  while (at < bytes.length) {
    need(at, 5);
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === ZSTD_SKIPPABLE_MAGIC) {
      need(at, 8);
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== ZSTD_MAGIC) throw new CodecError('zstd: no frame where one should start');
    const descriptor = bytes[at + 4];
    const singleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
    const sizeAt = at + 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
    need(sizeAt, sizeBytes);
    let stated = -1;
    if (sizeBytes === 1) stated = bytes[sizeAt];
    if (sizeBytes === 2) stated = view.getUint16(sizeAt, true) + 256;
    if (sizeBytes === 4) stated = view.getUint32(sizeAt, true);
    if (sizeBytes === 8) stated = Number(view.getBigUint64(sizeAt, true));
    at = sizeAt + sizeBytes;
    let blocks = 0;
    for (let last = false; !last;) {
      need(at, 3);
      const header = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
      last = (header & 1) === 1;
      const type = (header >> 1) & 3;
      const size = header >> 3;
      // Raw and run-length blocks state their output; a compressed one holds at most 128 KiB.
      blocks += type === 2 ? ZSTD_BLOCK_MAX_BYTES : size;
      at += 3 + (type === 1 ? 1 : size);
    }
    if ((descriptor & 4) !== 0) at += 4;
    if (at > bytes.length) throw new CodecError('zstd: the frame is cut off');
    bound += stated >= 0 ? stated : blocks;
  }
  return bound;
}
