// Kafka record batches made by hand (KIP-98), independent of any client, for tests of their reading.

import { gzipSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

export interface RecordSpec {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, string])[];
}

export interface BatchSpec {
  readonly baseOffset: number;
  readonly records: readonly RecordSpec[];
  /** 0 none, 1 gzip, 2 snappy, 3 lz4; others are marked so and left uncompressed. */
  readonly codec?: number;
  readonly firstTimestampMs?: number;
  readonly maxTimestampMs?: number;
  readonly logAppendTime?: boolean;
  readonly transactional?: boolean;
  readonly control?: boolean;
  readonly producerId?: number;
  /** More than the last record's where compaction removed records. */
  readonly lastOffsetDelta?: number;
}

function varint(value: number): Buffer {
  let rest = (BigInt(value) << 1n) ^ (BigInt(value) >> 63n);
  rest = BigInt.asUintN(64, rest);
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

function withLength(bytes: Uint8Array | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
}

function encodeRecord({ offsetDelta, timestampDelta, key, value, headers }: RecordSpec): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(offsetDelta),
    withLength(key),
    withLength(value),
    varint(headers.length),
    ...headers.flatMap(([name, text]) => [withLength(Buffer.from(name)), withLength(Buffer.from(text))]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

function compress(codec: number, bytes: Buffer): Buffer {
  if (codec === 1) return gzipSync(bytes);
  if (codec === 2) return snappy.compressSync(bytes);
  if (codec === 3) return lz4.compressFrameSync(bytes);
  return bytes;
}

export function encodeRecordBatch(spec: BatchSpec): Buffer {
  const { records, codec = 0, firstTimestampMs = 1_700_000_000_000 } = spec;
  const stored = compress(codec, Buffer.concat(records.map(encodeRecord)));
  const batch = Buffer.alloc(61 + stored.length);
  batch.writeBigInt64BE(BigInt(spec.baseOffset), 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt8(2, 16);
  const flags = (spec.logAppendTime === true ? 8 : 0) | (spec.transactional === true ? 16 : 0) | (spec.control === true ? 32 : 0);
  batch.writeInt16BE(codec | flags, 21);
  batch.writeInt32BE(spec.lastOffsetDelta ?? records[records.length - 1]?.offsetDelta ?? 0, 23);
  batch.writeBigInt64BE(BigInt(firstTimestampMs), 27);
  batch.writeBigInt64BE(BigInt(spec.maxTimestampMs ?? firstTimestampMs), 35);
  batch.writeBigInt64BE(BigInt(spec.producerId ?? -1), 43);
  batch.writeInt32BE(records.length, 57);
  stored.copy(batch, 61);
  return sealed(batch);
}

/** Sets the checksum right after a test has changed a batch. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** The marker that ends a transaction. */
export function encodeMarker(baseOffset: number, producerId: number, kind: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]);
  const records = [{ offsetDelta: 0, timestampDelta: 0, key, value: Buffer.alloc(6), headers: [] }];
  return encodeRecordBatch({ baseOffset, records, transactional: true, control: true, producerId });
}
