// Writes events into a Kafka topic in large batches, one stream per partition, in the order given. Used to fill topics and to
// keep a steady load going; what it costs is not measured.

import { CompressionTypes, Kafka, logLevel, type Message, type Producer } from 'kafkajs';

export interface TopicProducerOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  /** Records per record batch. @default 1000 */
  readonly batchRecords?: number;
}

export class TopicProducer {
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #batchRecords: number;
  readonly #open: Message[][];
  /** By partition: what was sent before is stored before the next batch goes out, so that offsets keep the order. */
  readonly #sent: Promise<void>[];
  #failure: unknown = null;
  #count = 0;

  private constructor(producer: Producer, options: TopicProducerOptions) {
    this.#producer = producer;
    this.#topic = options.topic;
    this.#batchRecords = options.batchRecords ?? 1_000;
    this.#open = Array.from({ length: options.partitions }, () => []);
    this.#sent = this.#open.map(() => Promise.resolve());
  }

  static async connect(options: TopicProducerOptions): Promise<TopicProducer> {
    const kafka = new Kafka({ brokers: [...options.brokers], clientId: 'bench-producer', logLevel: logLevel.NOTHING });
    // One try per batch: a repeated one could be stored twice, and then the counts would not be the oracle's.
    const producer = kafka.producer({ retry: { retries: 0 }, maxInFlightRequests: options.partitions });
    await producer.connect();
    return new TopicProducer(producer, options);
  }

  get count(): number {
    return this.#count;
  }

  /** The partition of a key, by a hash of its characters (FNV-1a). */
  partitionOf(key: string): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    return (hash >>> 0) % this.#open.length;
  }

  /** Takes one event. Await the answer where there is one: too much is under way. */
  add(partition: number, key: string, value: string, timestampMs: number): Promise<void> | null {
    const open = this.#open[partition];
    this.#count++;
    if (open.push({ key, value, timestamp: String(timestampMs) }) < this.#batchRecords) return null;
    const before = this.#sent[partition];
    this.#send(partition);
    return before;
  }

  /** Resolves when everything taken so far is stored. @throws what a send failed with */
  async flush(): Promise<void> {
    for (let partition = 0; partition < this.#open.length; partition++) {
      if (this.#open[partition].length > 0) this.#send(partition);
    }
    await Promise.all(this.#sent);
    if (this.#failure !== null) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#producer.disconnect();
  }

  #send(partition: number): void {
    const messages = this.#open[partition].map((message) => ({ ...message, partition }));
    this.#open[partition] = [];
    this.#sent[partition] = this.#sent[partition].then(async () => {
      if (this.#failure !== null) return;
      try {
        await this.#producer.send({ topic: this.#topic, acks: 1, compression: CompressionTypes.None, messages });
      } catch (error) {
        this.#failure = error;
      }
    });
  }
}
