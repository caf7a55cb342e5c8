// The files of the embedded log: segments of blocks, named by their first offset, appended at the end and deleted from the front.
// Invariant: what `append` has returned is on disk; readers see durable blocks only. Offsets are dense, except where damaged bytes lie.

import { constants } from 'node:fs';
import { mkdir, open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { TidemarkError } from '../errors.js';
import { BLOCK_HEADER_BYTES, claimedBlockBytes, findBlock, readBlock, type Block } from './embedded-block.js';
import type { SourceLog } from './kafka-client.js';

const SUFFIX = '.log';
const CHUNK_BYTES = 1024 * 1024;
const INDEX_EVERY_BYTES = 256 * 1024;

interface Segment {
  readonly baseOffset: number;
  readonly path: string;
  /** Durable bytes. */
  bytes: number;
  /** Sparse: offsets and the file positions of their blocks, ascending. */
  readonly index: { readonly offset: number; readonly at: number }[];
}

/** Where sequential reading stands. */
export interface ReadCursor {
  offset: number;
  segmentBase: number;
  at: number;
}

export type ReadResult =
  | { readonly kind: 'blocks'; readonly buffer: Buffer; readonly blocks: readonly Block[] }
  | { readonly kind: 'damaged'; readonly fromOffset: number; readonly toOffset: number; readonly bytes: Buffer; readonly detail: string };

export class EmbeddedSegments {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  #active: FileHandle;
  #logEnd: number;
  #lastTimestampMs: number;
  #readHandle: { readonly base: number; readonly file: FileHandle } | null = null;

  private constructor(dir: string, segmentBytes: number, segments: Segment[], active: FileHandle, logEnd: number, lastTimestampMs: number) {
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
    this.#segments = segments;
    this.#active = active;
    this.#logEnd = logEnd;
    this.#lastTimestampMs = lastTimestampMs;
  }

  /** Opens or creates. A tail that a crash cut off is removed; it was never acknowledged. */
  static async open(dir: string, segmentBytes: number, log: SourceLog): Promise<EmbeddedSegments> {
    await mkdir(dir, { recursive: true });
    const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).sort();
    const segments: Segment[] = [];
    for (const name of names) {
      const path = join(dir, name);
      segments.push({ baseOffset: Number(name.slice(0, -SUFFIX.length)), path, bytes: (await stat(path)).size, index: [] });
    }
    if (segments.length === 0) segments.push(await createSegment(dir, 0));
    const last = segments[segments.length - 1];
    const active = await open(last.path, constants.O_RDWR);
    const { logEnd, lastTimestampMs, soundBytes } = await recoverTail(active, last);
    if (soundBytes < last.bytes) {
      const fields = { file: last.path, bytes: last.bytes - soundBytes, offset: logEnd };
      log.warn(fields, 'the embedded log ended in a write that was cut off; it was never acknowledged and is removed');
      await active.truncate(soundBytes);
      await active.datasync();
      last.bytes = soundBytes;
    }
    return new EmbeddedSegments(dir, segmentBytes, segments, active, logEnd, lastTimestampMs);
  }

  get logStart(): number {
    return this.#segments[0].baseOffset;
  }

  /** Next offset to be written. */
  get logEnd(): number {
    return this.#logEnd;
  }

  /** Append time of the newest block; later blocks are not dated before it. */
  get lastTimestampMs(): number {
    return this.#lastTimestampMs;
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /**
   * Writes encoded blocks, whose offsets follow `logEnd`, and waits for the disk.
   * @param nextOffset offset after them
   * @throws when nothing of it was kept (disk full), or fatal when that is not known
   */
  async append(blocks: readonly Buffer[], nextOffset: number, timestampMs: number): Promise<void> {
    if (this.#segments[this.#segments.length - 1].bytes >= this.#segmentBytes) await this.#roll();
    const segment = this.#segments[this.#segments.length - 1];
    let at = segment.bytes;
    try {
      for (const block of blocks) {
        for (let written = 0; written < block.length;) {
          written += (await this.#active.write(block, written, block.length - written, at + written)).bytesWritten;
        }
        at += block.length;
      }
    } catch (error) {
      await this.#undo(segment, error);
    }
    try {
      await this.#active.datasync();
    } catch (error) {
      throw new TidemarkError('fatal', 'LOG_SYNC_FAILED', `the disk did not confirm ${segment.path}`, 'Check the disk, then restart.', {
        cause: error,
      });
    }
    for (let position = segment.bytes, i = 0; i < blocks.length; position += blocks[i++].length) {
      const lastAt = segment.index.length === 0 ? -INDEX_EVERY_BYTES : segment.index[segment.index.length - 1].at;
      if (position - lastAt >= INDEX_EVERY_BYTES) segment.index.push({ offset: blocks[i].readDoubleLE(16), at: position });
    }
    segment.bytes = at;
    this.#logEnd = nextOffset;
    this.#lastTimestampMs = timestampMs;
  }

  async #undo(segment: Segment, error: unknown): Promise<never> {
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    try {
      await this.#active.truncate(segment.bytes);
    } catch (again) {
      const what = `${segment.path} could neither be written nor cut back`;
      throw new TidemarkError('fatal', 'LOG_WRITE_FAILED', what, 'Check the disk, then restart.', { cause: again });
    }
    const what = `${segment.path} could not be written: ${error instanceof Error ? error.message : String(error)}`;
    const remedy = full ? 'Free space in the data directory.' : 'Check the disk and the permissions of the data directory.';
    throw new TidemarkError('unavailable', full ? 'LOG_DISK_FULL' : 'LOG_WRITE_FAILED', what, remedy, { cause: error });
  }

  async #roll(): Promise<void> {
    const segment = await createSegment(this.#dir, this.#logEnd);
    const former = this.#active;
    this.#active = await open(segment.path, constants.O_RDWR);
    this.#segments.push(segment);
    await former.close();
  }

  /** Where to read for `offset`, which must lie between logStart and logEnd. */
  async seek(offset: number): Promise<ReadCursor> {
    const segment = this.#segmentOf(offset);
    const known = segment.index.filter((entry) => entry.offset <= offset).pop();
    let at = known?.at ?? 0;
    // Walks the headers that the sparse index leaves out.
    const file = await this.#reader(segment);
    const header = Buffer.alloc(BLOCK_HEADER_BYTES);
    while (at < segment.bytes) {
      const { bytesRead } = await file.read(header, 0, BLOCK_HEADER_BYTES, at);
      const bytes = bytesRead === BLOCK_HEADER_BYTES ? claimedBlockBytes(header, 0) : 0;
      if (bytes === 0 || header.readDoubleLE(16) + header.readUInt32LE(12) > offset) break;
      const lastAt = segment.index.length === 0 ? -INDEX_EVERY_BYTES : segment.index[segment.index.length - 1].at;
      if (at - lastAt >= INDEX_EVERY_BYTES) segment.index.push({ offset: header.readDoubleLE(16), at });
      at += bytes;
    }
    return { offset, segmentBase: segment.baseOffset, at };
  }

  /**
   * Reads on from the cursor and moves it: sound blocks of about a megabyte, or one stretch of damaged bytes.
   * @returns null at the log's end
   */
  async read(cursor: ReadCursor): Promise<ReadResult | null> {
    if (cursor.offset >= this.#logEnd) return null;
    let segment = this.#segments.find(({ baseOffset }) => baseOffset === cursor.segmentBase);
    if (segment === undefined) {
      // Read to its end and trimmed away.
      segment = this.#segmentOf(cursor.offset);
      Object.assign(cursor, await this.seek(cursor.offset));
    }
    if (cursor.at >= segment.bytes) {
      const next = this.#segments[this.#segments.indexOf(segment) + 1];
      if (next === undefined) return null;
      segment = next;
      cursor.segmentBase = next.baseOffset;
      cursor.at = 0;
    }
    const file = await this.#reader(segment);
    let buffer = await readAt(file, cursor.at, Math.min(CHUNK_BYTES, segment.bytes - cursor.at));
    const claimed = claimedBlockBytes(buffer, 0);
    if (claimed > buffer.length && cursor.at + claimed <= segment.bytes) buffer = await readAt(file, cursor.at, claimed);
    const blocks: Block[] = [];
    let at = 0;
    for (let block = readBlock(buffer, 0); block !== null; block = readBlock(buffer, at)) {
      blocks.push(block);
      at = block.end;
    }
    if (blocks.length === 0) return this.#skipDamage(file, segment, cursor);
    const last = blocks[blocks.length - 1];
    cursor.at += at;
    cursor.offset = last.baseOffset + last.count;
    return { kind: 'blocks', buffer, blocks };
  }

  async #skipDamage(file: FileHandle, segment: Segment, cursor: ReadCursor): Promise<ReadResult> {
    const rest = await readAt(file, cursor.at, segment.bytes - cursor.at);
    const sound = findBlock(rest, 1, cursor.offset);
    const next = this.#segments[this.#segments.indexOf(segment) + 1];
    const fromOffset = cursor.offset;
    const toOffset = sound?.baseOffset ?? next?.baseOffset ?? this.#logEnd;
    const bytes = rest.subarray(0, sound?.start ?? rest.length);
    const detail = `${segment.path}: ${bytes.length} bytes from position ${cursor.at} on are damaged (checksum)`;
    cursor.at += bytes.length;
    cursor.offset = toOffset;
    return { kind: 'damaged', fromOffset, toOffset, bytes, detail };
  }

  #segmentOf(offset: number): Segment {
    let found = this.#segments[0];
    for (const segment of this.#segments) if (segment.baseOffset <= offset) found = segment;
    return found;
  }

  async #reader(segment: Segment): Promise<FileHandle> {
    if (this.#readHandle?.base !== segment.baseOffset) {
      const former = this.#readHandle;
      this.#readHandle = { base: segment.baseOffset, file: await open(segment.path, 'r') };
      await former?.file.close();
    }
    return this.#readHandle.file;
  }

  /** Deletes segments that hold only offsets before `offset`. The newest segment stays. */
  async trimTo(offset: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[1].baseOffset <= offset) {
      const [segment] = this.#segments.splice(0, 1);
      await unlink(segment.path);
    }
  }

  async close(): Promise<void> {
    await this.#active.close();
    await this.#readHandle?.file.close();
    this.#readHandle = null;
  }
}

async function createSegment(dir: string, baseOffset: number): Promise<Segment> {
  const path = join(dir, `${String(baseOffset).padStart(16, '0')}${SUFFIX}`);
  const file = await open(path, 'wx');
  await file.close();
  await syncDirectory(dir);
  return { baseOffset, path, bytes: 0, index: [] };
}

/** Makes a created, renamed or deleted name durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** The end of the newest segment's last sound block. Damage that has sound blocks behind it is not the tail's. */
async function recoverTail(file: FileHandle, segment: Segment): Promise<{ logEnd: number; lastTimestampMs: number; soundBytes: number }> {
  const buffer = await readAt(file, 0, segment.bytes);
  let logEnd = segment.baseOffset;
  let lastTimestampMs = 0;
  let at = 0;
  for (
    let block = readBlock(buffer, 0) ?? findBlock(buffer, 0, logEnd);
    block !== null;
    block = readBlock(buffer, at) ?? findBlock(buffer, at, logEnd)
  ) {
    const lastAt = segment.index.length === 0 ? -INDEX_EVERY_BYTES : segment.index[segment.index.length - 1].at;
    if (block.start - lastAt >= INDEX_EVERY_BYTES) segment.index.push({ offset: block.baseOffset, at: block.start });
    logEnd = block.baseOffset + block.count;
    lastTimestampMs = block.timestampMs;
    at = block.end;
  }
  return { logEnd, lastTimestampMs, soundBytes: at };
}
