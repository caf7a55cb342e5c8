// Writes events into a Kafka topic in record batches, in the order given per partition. Used to fill topics and to keep a steady
// load going; what it costs is not measured.

import { setTimeout as delay } from 'node:timers/promises';
import { ProduceConnection, ProduceRefused } from './produce-connection.js';
import { RecordBatchBuilder } from './record-batch.js';

export interface TopicProducerOptions {
  /** The only broker of the cluster. */
  readonly broker: string;
  readonly topic: string;
  readonly partitions: number;
  /** Records per record batch. @default 500 */
  readonly batchRecords?: number;
}

/** A batch that was refused for a moment is sent again; meanwhile later ones may pass it. */
const MOST_TRIES = 60;
const RETRY_MS = 500;
/** Batches under way before `add` asks its caller to wait. */
const MOST_UNDER_WAY = 16;

export class TopicProducer {
  readonly #connection: ProduceConnection;
  readonly #topic: string;
  readonly #batchRecords: number;
  readonly #open: readonly RecordBatchBuilder[];
  readonly #underWay = new Set<Promise<void>>();
  #failure: Error | null = null;
  #count = 0;

  private constructor(connection: ProduceConnection, options: TopicProducerOptions) {
    this.#connection = connection;
    this.#topic = options.topic;
    this.#batchRecords = options.batchRecords ?? 500;
    this.#open = Array.from({ length: options.partitions }, () => new RecordBatchBuilder());
  }

  static async connect(options: TopicProducerOptions): Promise<TopicProducer> {
    return new TopicProducer(await ProduceConnection.open(options.broker), options);
  }

  /** Events taken so far. */
  get count(): number {
    return this.#count;
  }

  /** The partition of a key, by a hash of its characters (FNV-1a). */
  partitionOf(key: string): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    return (hash >>> 0) % this.#open.length;
  }

  /** Takes one event. Await the answer where there is one: enough is under way. */
  add(partition: number, key: string, value: string, timestampMs: number): Promise<void> | null {
    const open = this.#open[partition];
    this.#count++;
    open.add(key, value, timestampMs);
    if (open.count < this.#batchRecords) return null;
    this.#send(partition);
    return this.#underWay.size >= MOST_UNDER_WAY ? Promise.race(this.#underWay) : null;
  }

  /** Resolves when everything taken so far is stored. @throws what a send failed with */
  async flush(): Promise<void> {
    this.#open.forEach((open, partition) => {
      if (open.count > 0) this.#send(partition);
    });
    await Promise.all(this.#underWay);
    if (this.#failure !== null) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#connection.close();
  }

  #send(partition: number): void {
    // One connection, and the broker works on its requests in turn: offsets keep the order.
    const sent = this.#deliver(partition, this.#open[partition].finish())
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
  }

  async #deliver(partition: number, batch: Buffer): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#connection.produce(this.#topic, partition, batch);
      } catch (error) {
        if (!(error instanceof ProduceRefused && error.passing) || tries === MOST_TRIES) throw error;
        await delay(RETRY_MS);
      }
    }
  }
}
