// The records of stored batches, read into the arrays of a RecordBatch: the hottest loop of the Kafka source, so varints are read in line.
// Invariant: offsets rise; a batch with a record that does not fit leaves nothing behind.

import type { ScannedBatch } from './kafka-record-batches.js';
import type { PartitionId, RecordBatch } from './log.js';

/** Attribute bit: the broker dated the batch. */
const LOG_APPEND_TIME = 0x08;

export interface ColumnContext {
  readonly partition: PartitionId;
  readonly generation: number;
  readonly logEnd: number;
}

/** The arrays of the RecordBatch being put together. */
export class RecordColumns {
  readonly #start: Int32Array;
  readonly #end: Int32Array;
  readonly #offset: Float64Array;
  readonly #timestampMs: Float64Array;
  #flushed = 0;
  #count = 0;
  #lastOffset = -1;

  constructor(capacity: number) {
    this.#start = new Int32Array(capacity);
    this.#end = new Int32Array(capacity);
    this.#offset = new Float64Array(capacity);
    this.#timestampMs = new Float64Array(capacity);
  }

  /**
   * Appends the records of one batch. Record: length, attributes, timestamp delta, offset delta, key, value, headers; numbers are
   * zigzag varints. What follows the value is skipped by the record's length.
   * @returns false, and nothing appended, when a record does not fit or stands out of order
   */
  read(bytes: Uint8Array, start: number, end: number, batch: ScannedBatch): boolean {
    const appendTime = (batch.attributes & LOG_APPEND_TIME) !== 0 ? batch.maxTimestampMs : -1;
    let count = this.#count;
    let previous = this.#lastOffset;
    let at = start;
    let byte: number;
    let shift: number;
    for (let i = 0; i < batch.count; i++) {
      let value = bytes[at++];
      if (value > 127) {
        value &= 127;
        shift = 7;
        do {
          byte = bytes[at++];
          value |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      const recordEnd = at + ((value >>> 1) ^ -(value & 1));
      if (!(recordEnd > at && recordEnd <= end)) return false;
      at++;
      byte = bytes[at++];
      let low = byte & 127;
      let high = 0;
      if (byte > 127) {
        shift = 7;
        do {
          byte = bytes[at++];
          if (shift < 28) low |= (byte & 127) << shift;
          else high += (byte & 127) * 2 ** (shift - 28);
          shift += 7;
        } while (byte > 127);
      }
      const timestampDelta = high === 0 ? (low >>> 1) ^ -(low & 1) : unzigzagWide(high * 2 ** 28 + low);
      value = bytes[at++];
      if (value > 127) {
        value &= 127;
        shift = 7;
        do {
          byte = bytes[at++];
          value |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      const offset = batch.fromOffset + ((value >>> 1) ^ -(value & 1));
      if (!(offset > previous && offset < batch.toOffset)) return false;
      previous = offset;
      value = bytes[at++];
      if (value > 127) {
        value &= 127;
        shift = 7;
        do {
          byte = bytes[at++];
          value |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      // A key of length -1 (none) and of length 0 both take no bytes.
      const keyLength = (value >>> 1) ^ -(value & 1);
      if (keyLength > 0) at += keyLength;
      if (!(at < recordEnd)) return false;
      value = bytes[at++];
      if (value > 127) {
        value &= 127;
        shift = 7;
        do {
          byte = bytes[at++];
          value |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      const valueLength = (value >>> 1) ^ -(value & 1);
      const valueEnd = valueLength < 0 ? -1 : at + valueLength;
      if (!(at <= recordEnd && valueEnd <= recordEnd)) return false;
      if (offset >= batch.wantedFrom) {
        this.#start[count] = at;
        this.#end[count] = valueEnd;
        this.#offset[count] = offset;
        this.#timestampMs[count] = appendTime >= 0 ? appendTime : batch.firstTimestampMs + timestampDelta;
        count++;
      }
      at = recordEnd;
    }
    this.#count = count;
    this.#lastOffset = previous;
    return true;
  }

  /** Puts what was read since the last flush out as one RecordBatch. */
  flush(bytes: Uint8Array, context: ColumnContext, out: { push(batch: RecordBatch): unknown }): void {
    const from = this.#flushed;
    const to = this.#count;
    if (to === from) return;
    this.#flushed = to;
    out.push({
      partition: context.partition,
      generation: context.generation,
      count: to - from,
      bytes,
      start: this.#start.subarray(from, to),
      end: this.#end.subarray(from, to),
      offset: this.#offset.subarray(from, to),
      timestampMs: this.#timestampMs.subarray(from, to),
      logEnd: context.logEnd,
    });
  }
}

/** Zigzag of a value beyond 32 bits, as a number. */
function unzigzagWide(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
