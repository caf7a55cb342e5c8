// The plain path: records that kafkajs decoded, put into RecordBatches. Slower than kafka-record-batches.ts and equal to it.
// Pure; used where the lean path cannot be, and by the tests that hold the two equal.

import kafkajs from 'kafkajs';
import type { Decompress } from './kafka-codecs.js';
import type { PlainMessage } from './kafka-fetch.js';
import type { AbortedTransaction } from './kafka-record-batches.js';
import type { PartitionId, RecordBatch } from './log.js';

// CommonJS: Node does not see these two as named exports.
const { CompressionCodecs, CompressionTypes } = kafkajs;

/** Teaches kafkajs the codecs that it lacks; without them it stops at the first such batch. It keeps them for the whole process. */
export function registerPlainCodecs(decompress: Decompress): void {
  for (const codec of [CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD] as const) {
    CompressionCodecs[codec] = () => ({ decompress: async (bytes: Buffer) => Buffer.from(decompress(codec, bytes)) });
  }
}

/** @returns offset to read next after these messages */
export function nextPlainOffset(messages: readonly PlainMessage[], fromOffset: number): number {
  return messages.length === 0 ? fromOffset : Math.max(fromOffset, Number(messages[messages.length - 1].offset) + 1);
}

/**
 * Groups consecutive records whose values share a buffer. Transaction markers and aborted transactions are left out.
 * @param fromOffset earlier records are left out
 */
export function plainRecordBatches(
  partition: PartitionId,
  generation: number,
  messages: readonly PlainMessage[],
  aborted: readonly AbortedTransaction[],
  fromOffset: number,
  logEnd: number,
): RecordBatch[] {
  const batches: RecordBatch[] = [];
  let run: PlainMessage[] = [];
  let shared: ArrayBufferLike | null = null;
  const flush = (): void => {
    if (run.length > 0) batches.push(toBatch(partition, generation, run, shared, logEnd));
    run = [];
    shared = null;
  };
  for (const message of visible(messages, aborted)) {
    if (Number(message.offset) < fromOffset) continue;
    const buffer = message.value?.buffer ?? null;
    if (buffer !== null && shared !== null && buffer !== shared) flush();
    if (buffer !== null) shared = buffer;
    run.push(message);
  }
  flush();
  return batches;
}

function visible(messages: readonly PlainMessage[], aborted: readonly AbortedTransaction[]): PlainMessage[] {
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const producers = new Set<number>();
  return messages.filter((message) => {
    while (pending.length > 0 && pending[0].firstOffset <= Number(message.offset)) {
      producers.add(pending[0].producerId);
      pending.shift();
    }
    const producerId = Number(message.batchContext.producerId);
    if (message.isControlRecord) {
      if (message.key !== null && message.key.readInt16BE(2) === 0) producers.delete(producerId);
      return false;
    }
    return !(message.batchContext.inTransaction && producers.has(producerId));
  });
}

function toBatch(
  partition: PartitionId,
  generation: number,
  run: readonly PlainMessage[],
  shared: ArrayBufferLike | null,
  logEnd: number,
): RecordBatch {
  return {
    partition,
    generation,
    count: run.length,
    bytes: shared === null ? new Uint8Array(0) : new Uint8Array(shared),
    start: Int32Array.from(run, ({ value }) => (value === null ? 0 : value.byteOffset)),
    end: Int32Array.from(run, ({ value }) => (value === null ? -1 : value.byteOffset + value.byteLength)),
    offset: Float64Array.from(run, ({ offset }) => Number(offset)),
    timestampMs: Float64Array.from(run, ({ timestamp }) => Number(timestamp)),
    logEnd,
  };
}
