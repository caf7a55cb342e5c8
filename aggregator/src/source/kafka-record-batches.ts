// Kafka's record batches (message format 2) of one partition, read as byte ranges: the step between a fetch response and a RecordBatch.
// Invariant: records come out in offset order, each offset once; what cannot be read comes out in its place as a range of offsets.
// Pure. The plain reading that it must equal is kafkajs' own decoder (kafka-record-batches.test.ts holds the two together).

import { crc32c } from '@node-rs/crc32';
import { CodecError, COMPRESSION_NAMES, type Decompress } from './kafka-codecs.js';
import { RecordColumns } from './kafka-record-columns.js';
import type { PartitionId, RecordBatch } from './log.js';

/** A transaction that was rolled back: the producer's records from `firstOffset` to its abort marker are not to be delivered. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** One stored batch, header read and checksum verified, records untouched. */
export interface ScannedBatch {
  /** Byte range in the record set. */
  readonly start: number;
  readonly end: number;
  readonly fromOffset: number;
  /** Its records before this are not wanted: the fetch was for later ones, or an earlier batch claimed them. */
  readonly wantedFrom: number;
  /** Offset after its last record. */
  readonly toOffset: number;
  readonly attributes: number;
  readonly count: number;
  readonly firstTimestampMs: number;
  readonly maxTimestampMs: number;
  /** Transaction marker, or records of an aborted transaction. */
  readonly hidden: boolean;
  /** Why it cannot be read; '' if it can. */
  readonly problem: string;
}

export interface ScannedRecordSet {
  readonly batches: readonly ScannedBatch[];
  /** Offset to fetch next. */
  readonly nextOffset: number;
}

/** Offsets whose records cannot be read. */
export interface UndecodableRange {
  readonly partition: PartitionId;
  readonly generation: number;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly detail: string;
  readonly bytes: Uint8Array;
}

// Offsets of the header's fields within a batch (KIP-98).
const LENGTH_AT = 8;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const FIRST_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const COUNT_AT = 57;
const HEADER_BYTES = 61;

const CODEC_MASK = 0x07;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** A record takes at least this much: length, attributes, two deltas, key and value lengths, header count. */
const RECORD_MIN_BYTES = 7;
/** Decompressed batches are joined into one array up to this size. */
const JOIN_BYTES = 64 * 1024 * 1024;

function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/**
 * Walks the batch headers of a partition's record set.
 * @param fromOffset the offset that was asked for; earlier records of the first batch are not wanted
 * @param aborted as the fetch response lists them, by first offset
 * @param distrust offset of a batch whose checksum failed at the fetch before: a second failure is the batch's, not the network's;
 *   a first failure ends the scan before that batch, so that it is fetched again
 */
export function scanRecordSet(
  bytes: Uint8Array,
  fromOffset: number,
  aborted: readonly AbortedTransaction[],
  distrust: number,
): ScannedRecordSet & { readonly failedAt: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const batches: ScannedBatch[] = [];
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const abortedProducers = new Set<number>();
  let nextOffset = fromOffset;
  let at = 0;
  // A fetch may end inside a batch: that one comes whole with the next fetch.
  while (at + MAGIC_AT < bytes.length) {
    const baseOffset = int64(view, at);
    const end = at + LENGTH_AT + 4 + view.getInt32(at + LENGTH_AT);
    if (end > bytes.length) break;
    const batch = scanBatch(view, bytes, at, end, baseOffset, nextOffset, pending, abortedProducers);
    if (batch.problem === CHECKSUM_PROBLEM && baseOffset !== distrust) return { batches, nextOffset, failedAt: baseOffset };
    if (batch.end <= at) {
      batches.push(batch);
      return { batches, nextOffset: Math.max(batch.toOffset, fromOffset + 1), failedAt: -1 };
    }
    if (batch.toOffset > nextOffset) {
      batches.push(batch);
      nextOffset = batch.toOffset;
    }
    at = end;
  }
  return { batches, nextOffset, failedAt: -1 };
}

const CHECKSUM_PROBLEM = 'its checksum (CRC-32C) does not fit its bytes';

function scanBatch(
  view: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
  baseOffset: number,
  wantedFrom: number,
  pending: AbortedTransaction[],
  abortedProducers: Set<number>,
): ScannedBatch {
  const magic = view.getInt8(start + MAGIC_AT);
  const readable = magic === 2 && end - start >= HEADER_BYTES;
  const unreadable = (problem: string): ScannedBatch => ({
    start,
    end,
    fromOffset: baseOffset,
    wantedFrom,
    toOffset: baseOffset + 1,
    attributes: 0,
    count: 1,
    firstTimestampMs: -1,
    maxTimestampMs: -1,
    hidden: false,
    problem,
  });
  if (end <= start + MAGIC_AT) return unreadable(`its length of ${end - start} bytes is shorter than a header`);
  if (!readable) {
    return unreadable(
      magic === 2
        ? `its length of ${end - start} bytes is shorter than a header`
        : `message format ${magic} is not read, only format 2 (Kafka 0.11 and later)`,
    );
  }
  const attributes = view.getInt16(start + ATTRIBUTES_AT);
  const toOffset = baseOffset + view.getInt32(start + LAST_OFFSET_DELTA_AT) + 1;
  let problem = '';
  if (crc32c(bytes.subarray(start + ATTRIBUTES_AT, end)) !== view.getUint32(start + CRC_AT)) {
    problem = CHECKSUM_PROBLEM;
  } else if ((attributes & CODEC_MASK) >= COMPRESSION_NAMES.length) {
    problem = `compression ${attributes & CODEC_MASK} is not one that Kafka defines (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd)`;
  }
  const producerId = int64(view, start + PRODUCER_ID_AT);
  while (pending.length > 0 && pending[0].firstOffset < toOffset) {
    abortedProducers.add(pending[0].producerId);
    pending.shift();
  }
  let hidden = false;
  if ((attributes & CONTROL) !== 0) {
    hidden = problem === '';
    if (hidden && isAbortMarker(bytes, start + HEADER_BYTES, end)) abortedProducers.delete(producerId);
  } else if ((attributes & TRANSACTIONAL) !== 0) {
    hidden = abortedProducers.has(producerId);
  }
  return {
    start,
    end,
    fromOffset: baseOffset,
    wantedFrom,
    toOffset,
    attributes,
    count: view.getInt32(start + COUNT_AT),
    firstTimestampMs: int64(view, start + FIRST_TIMESTAMP_AT),
    maxTimestampMs: int64(view, start + MAX_TIMESTAMP_AT),
    hidden,
    problem,
  };
}

/** A control record's key is a 16-bit version and a 16-bit type: 0 abort, 1 commit. Control batches are never compressed. */
function isAbortMarker(bytes: Uint8Array, start: number, end: number): boolean {
  const skipVarint = (at: number): number => {
    while (at < end && bytes[at] > 127) at++;
    return at + 1;
  };
  // Record length, attributes, timestamp delta, offset delta, key length.
  const key = skipVarint(skipVarint(skipVarint(skipVarint(start) + 1)));
  return key + 4 <= end && bytes[key + 2] === 0 && bytes[key + 3] === 0;
}

/** What every range of one partition's fetch has in common. */
export interface DecodeContext {
  readonly partition: PartitionId;
  readonly generation: number;
  readonly logEnd: number;
  readonly decompress: Decompress;
}

/**
 * Reads the scanned batches into as few RecordBatches as possible: uncompressed ones stay ranges of the record set, decompressed ones
 * are joined into an array of their own.
 * @returns in offset order; batches without a wanted record leave no trace
 */
export function decodeRecordSet(
  bytes: Uint8Array,
  batches: readonly ScannedBatch[],
  context: DecodeContext,
): (RecordBatch | UndecodableRange)[] {
  const out: (RecordBatch | UndecodableRange)[] = [];
  let at = 0;
  while (at < batches.length) {
    const batch = batches[at];
    if (batch.hidden) {
      at++;
    } else if (batch.problem !== '') {
      out.push(undecodable(bytes, batch, batch.problem, context));
      at++;
    } else {
      at = decodeRun(bytes, batches, at, context, out);
    }
  }
  return out;
}

function undecodable(bytes: Uint8Array, batch: ScannedBatch, problem: string, context: DecodeContext): UndecodableRange {
  const { partition, generation } = context;
  const fromOffset = Math.max(batch.fromOffset, batch.wantedFrom);
  const detail = `batch of offsets ${batch.fromOffset} to ${batch.toOffset - 1}: ${problem}`;
  return {
    partition,
    generation,
    fromOffset,
    toOffset: batch.toOffset,
    detail,
    bytes: bytes.subarray(batch.start, Math.max(batch.start, batch.end)),
  };
}

/** Reads batches from `first` on, as far as they fit together. @returns index of the first batch not read */
function decodeRun(
  bytes: Uint8Array,
  batches: readonly ScannedBatch[],
  first: number,
  context: DecodeContext,
  out: (RecordBatch | UndecodableRange)[],
): number {
  const compressed = (batches[first].attributes & CODEC_MASK) !== 0;
  const run: ScannedBatch[] = [];
  const parts: Uint8Array[] = [];
  let partBytes = 0;
  let count = 0;
  let next = first;
  let broken: UndecodableRange | null = null;
  for (; next < batches.length && broken === null; next++) {
    const batch = batches[next];
    if (batch.hidden) continue;
    if (batch.problem !== '' || ((batch.attributes & CODEC_MASK) !== 0) !== compressed || partBytes >= JOIN_BYTES) break;
    try {
      const stored = bytes.subarray(batch.start + HEADER_BYTES, batch.end);
      const records = compressed ? context.decompress(batch.attributes & CODEC_MASK, stored) : stored;
      if (batch.count < 0 || batch.count * RECORD_MIN_BYTES > records.length) {
        throw new CodecError(`${batch.count} records cannot be in ${records.length} bytes`);
      }
      run.push(batch);
      parts.push(records);
      partBytes += records.length;
      count += batch.count;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      broken = undecodable(bytes, batch, error.message, context);
    }
  }
  const columns = new RecordColumns(count);
  const joined = compressed ? (parts.length === 1 ? parts[0] : Buffer.concat(parts, partBytes)) : bytes;
  let from = 0;
  for (let i = 0; i < run.length; i++) {
    const batch = run[i];
    const start = compressed ? from : batch.start + HEADER_BYTES;
    from += parts[i].length;
    if (!columns.read(joined, start, start + parts[i].length, batch)) {
      columns.flush(joined, context, out);
      out.push(undecodable(bytes, batch, 'a record does not fit into its batch, or its offset does not', context));
    }
  }
  columns.flush(joined, context, out);
  if (broken !== null) out.push(broken);
  return next;
}
