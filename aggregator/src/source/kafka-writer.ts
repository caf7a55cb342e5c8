// Puts collected and generated events into the Kafka topic, keyed by user, so that one user's events keep their order in one partition.
// Invariant: an event is reported as stored only after all in-sync replicas have it, with the offset that it has there.
// While one request is under way, what arrives waits and goes out together.

import { Partitioners, type Message, type PartitionMetadata } from 'kafkajs';
import type { KafkaConfig } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { SILENT_LOG, type SourceLog } from './kafka-client.js';
import { KafkaProducer } from './kafka-producer.js';
import { partitionId } from './kafka-reader.js';
import type { LogWriter, PartitionId } from './log.js';

/** Under the brokers' default limit of a batch (1 MiB), with room for headers. */
const BATCH_BYTES = 900 * 1024;
const RECORD_OVERHEAD_BYTES = 64;
/** New partitions are used after at most this long. */
const PARTITIONS_MAX_AGE_MS = 60_000;

interface Stored {
  readonly partition: PartitionId;
  readonly offset: number;
}

interface Pending {
  readonly key: string;
  readonly value: Uint8Array;
  readonly stored: (where: Stored) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Writes to the first topic of the definition.
 * @param now epoch ms
 */
export function createKafkaWriter(config: KafkaConfig, now: () => number, log: SourceLog = SILENT_LOG): LogWriter {
  return new KafkaWriter(config, now, log);
}

class KafkaWriter implements LogWriter {
  readonly #producer: KafkaProducer;
  readonly #topic: string;
  readonly #now: () => number;
  readonly #partitionOf = Partitioners.DefaultPartitioner();
  #partitions: PartitionMetadata[] = [];
  #partitionsAtMs = 0;
  #queue: Pending[] = [];
  #sending: Promise<void> | null = null;
  #closed = false;

  constructor(config: KafkaConfig, now: () => number, log: SourceLog) {
    this.#producer = new KafkaProducer(config, log);
    this.#topic = config.topics[0];
    this.#now = now;
  }

  async append(events: readonly { readonly key: string; readonly value: Uint8Array }[]): Promise<readonly Stored[]> {
    if (this.#closed) throw new TidemarkError('fatal', 'KAFKA_PRODUCER_CLOSED', 'the writer is closed');
    const stored = events.map(
      ({ key, value }) =>
        new Promise<Stored>((resolve, reject) => {
          this.#queue.push({ key, value, stored: resolve, failed: reject });
        }),
    );
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = null;
    });
    const results = await Promise.allSettled(stored);
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sending;
    await this.#producer.close();
  }

  async #drain(): Promise<void> {
    // Lets appends of the same turn of the event loop join.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      try {
        await this.#send(queue);
      } catch (error) {
        for (const pending of queue) pending.failed(error);
      }
    }
  }

  /** Cuts into requests with at most one batch's bytes per partition, one after the other. */
  async #send(queue: readonly Pending[]): Promise<void> {
    if (this.#partitions.length === 0 || this.#now() - this.#partitionsAtMs > PARTITIONS_MAX_AGE_MS) {
      this.#partitions = await this.#producer.partitions(this.#topic);
      this.#partitionsAtMs = this.#now();
    }
    let request = new Map<number, Pending[]>();
    let bytes = new Map<number, number>();
    for (const pending of queue) {
      const message: Message = { key: pending.key === '' ? null : pending.key, value: null };
      const partition = this.#partitionOf({ topic: this.#topic, partitionMetadata: this.#partitions, message });
      const size = pending.value.length + pending.key.length + RECORD_OVERHEAD_BYTES;
      const sum = (bytes.get(partition) ?? 0) + size;
      if (sum > BATCH_BYTES && sum > size) {
        await this.#request(request);
        request = new Map();
        bytes = new Map();
      }
      bytes.set(partition, (bytes.get(partition) ?? 0) + size);
      const list = request.get(partition);
      if (list === undefined) request.set(partition, [pending]);
      else list.push(pending);
    }
    await this.#request(request);
  }

  async #request(request: ReadonlyMap<number, readonly Pending[]>): Promise<void> {
    const messages = [...request].flatMap(([partition, list]) =>
      list.map(({ key, value }) => ({
        partition,
        key: key === '' ? null : key,
        value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
      })),
    );
    if (messages.length === 0) return;
    try {
      const written = await this.#producer.send(this.#topic, messages);
      for (const { partition, baseOffset } of written) {
        const first = Number(baseOffset);
        request
          .get(partition)
          ?.forEach((pending, i) => pending.stored({ partition: partitionId(this.#topic, partition), offset: first + i }));
      }
    } catch (error) {
      const tooLarge = error instanceof TidemarkError && error.code === 'KAFKA_MESSAGE_TOO_LARGE';
      if (tooLarge && messages.length > 1) return this.#halve(request);
      for (const list of request.values()) for (const pending of list) pending.failed(error);
    }
  }

  /** The topic takes smaller batches than usual, or one event is too large for it: find out which. */
  async #halve(request: ReadonlyMap<number, readonly Pending[]>): Promise<void> {
    const all = [...request].flatMap(([partition, list]) => list.map((pending): [number, Pending] => [partition, pending]));
    for (const half of [all.slice(0, all.length >> 1), all.slice(all.length >> 1)]) {
      const part = new Map<number, Pending[]>();
      for (const [partition, pending] of half) part.set(partition, [...(part.get(partition) ?? []), pending]);
      await this.#request(part);
    }
  }
}
