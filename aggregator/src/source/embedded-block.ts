// The unit of the embedded log on disk: what one group commit wrote, checksummed as a whole. Pure bytes, no files.
// Layout, little-endian: magic u32, payload bytes u32, CRC-32C u32 of all that follows it, record count u32, base offset f64,
// append time f64 (epoch ms); payload: the length of each value as u32, then the values.

import { crc32c } from '@node-rs/crc32';

export const BLOCK_HEADER_BYTES = 32;
const MAGIC = 0x314b4454;
const CRC_AT = 8;
const CHECKED_FROM = 12;
const COUNT_AT = 12;
const BASE_OFFSET_AT = 16;
const TIMESTAMP_AT = 24;

export interface Block {
  /** Byte range in the buffer it was found in. */
  readonly start: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly timestampMs: number;
}

/** @returns the block's bytes */
export function encodeBlock(baseOffset: number, timestampMs: number, values: readonly Uint8Array[]): Buffer {
  let payloadBytes = values.length * 4;
  for (const value of values) payloadBytes += value.length;
  const out = Buffer.allocUnsafe(BLOCK_HEADER_BYTES + payloadBytes);
  out.writeUInt32LE(MAGIC, 0);
  out.writeUInt32LE(payloadBytes, 4);
  out.writeUInt32LE(values.length, COUNT_AT);
  out.writeDoubleLE(baseOffset, BASE_OFFSET_AT);
  out.writeDoubleLE(timestampMs, TIMESTAMP_AT);
  let at = BLOCK_HEADER_BYTES;
  for (const value of values) at = out.writeUInt32LE(value.length, at);
  for (const value of values) {
    out.set(value, at);
    at += value.length;
  }
  out.writeUInt32LE(crc32c(out.subarray(CHECKED_FROM)), CRC_AT);
  return out;
}

/**
 * The length that a header claims, header included; so that a reader knows how much to fetch.
 * @returns 0 when there is no header at `at`, or not all of it
 */
export function claimedBlockBytes(buffer: Buffer, at: number): number {
  if (at + BLOCK_HEADER_BYTES > buffer.length || buffer.readUInt32LE(at) !== MAGIC) return 0;
  return BLOCK_HEADER_BYTES + buffer.readUInt32LE(at + 4);
}

/** The block that starts at `at`, if all of it is there and its checksum is right. */
export function readBlock(buffer: Buffer, at: number): Block | null {
  const bytes = claimedBlockBytes(buffer, at);
  if (bytes === 0 || at + bytes > buffer.length) return null;
  if (crc32c(buffer.subarray(at + CHECKED_FROM, at + bytes)) !== buffer.readUInt32LE(at + CRC_AT)) return null;
  return {
    start: at,
    end: at + bytes,
    baseOffset: buffer.readDoubleLE(at + BASE_OFFSET_AT),
    count: buffer.readUInt32LE(at + COUNT_AT),
    timestampMs: buffer.readDoubleLE(at + TIMESTAMP_AT),
  };
}

/** The first sound block at or after `from` that holds no offset before `minOffset`: where reading goes on behind damaged bytes. */
export function findBlock(buffer: Buffer, from: number, minOffset: number): Block | null {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(MAGIC);
  for (let at = buffer.indexOf(magic, from); at >= 0; at = buffer.indexOf(magic, at + 1)) {
    const block = readBlock(buffer, at);
    if (block !== null && block.baseOffset >= minOffset) return block;
  }
  return null;
}

/** Calls `value(offset, start, end)` for each record of a block that `readBlock` accepted; ranges are of `buffer`. */
export function eachValue(buffer: Buffer, block: Block, value: (offset: number, start: number, end: number) => void): void {
  let lengthAt = block.start + BLOCK_HEADER_BYTES;
  let at = lengthAt + block.count * 4;
  for (let i = 0; i < block.count; i++) {
    const end = at + buffer.readUInt32LE(lengthAt);
    value(block.baseOffset + i, at, end);
    lengthAt += 4;
    at = end;
  }
}
