// Sends events all the time, and remembers of each when it was sent and when the broker had it. Idempotent, in order, waiting out
// every outage; a send whose outcome is not known is counted as sent and not as there.

import { Kafka, logLevel, type Producer } from 'kafkajs';
import { Events, type Sent, type SentEvent } from './events.js';

export interface Produced extends SentEvent {
  readonly partition: number;
  readonly sentAtMs: number;
  /** Infinity until the broker has said that it is there. */
  ackedAtMs: number;
  /** Came soon enough after its own time to count before its bucket is finished. */
  onTime: boolean;
}

export interface LoadOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly seed: number;
  readonly clocksAhead: boolean;
  readonly eventsPerSecond: number;
  readonly partitions: number;
  readonly latenessMs: number;
}

const EVERY_MS = 250;
/** An event that is this much less late than allowed is on time whoever counts. */
const MARGIN_MS = 6_000;
/** How long nobody needs to know of a new partition. */
const UNKNOWN_PARTITION_MS = 45_000;
/** Far below what a broker takes in one batch. */
const RECORDS_PER_REQUEST = 1_000;
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 };

export class Load {
  readonly produced: Produced[] = [];
  failures = 0;
  readonly #options: LoadOptions;
  readonly #events: Events;
  readonly #kafka: Kafka;
  readonly #aheadPartitions = new Set<number>();
  readonly #knownFromMs = new Map<number, number>();
  #producer: Producer | null = null;
  #partitions: number;
  #running: Promise<void> | null = null;
  #stopping = false;
  #held: Promise<void> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#events = new Events(options.seed, options.clocksAhead);
    this.#partitions = options.partitions;
    this.#kafka = new Kafka({ brokers: [...options.brokers], logLevel: logLevel.NOTHING, retry: RETRY });
  }

  get partitions(): number {
    return this.#partitions;
  }

  /** Events of the time before the run, so that there is something to compact. @throws Error when the broker does not take them */
  async history(count: number, fromMs: number, toMs: number): Promise<void> {
    const stepMs = (toMs - fromMs) / 10;
    for (let part = 0; part < 10; part++) {
      await this.#send(this.#events.next(count / 10, fromMs + part * stepMs, fromMs + (part + 1) * stepMs, this.#partitions));
    }
    if (this.failures > 0) throw new Error(`${this.failures} requests of the history failed`);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends to new partitions too, from now on. */
  grow(partitions: number): void {
    for (let partition = this.#partitions; partition < partitions; partition++) {
      this.#knownFromMs.set(partition, Date.now() + UNKNOWN_PARTITION_MS);
    }
    this.#partitions = partitions;
  }

  /** Nothing is sent while `work` runs. */
  async whileHeld<T>(work: () => Promise<T>): Promise<T> {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    try {
      return await work();
    } finally {
      release();
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    await this.#producer?.disconnect().catch(() => undefined);
  }

  async #run(): Promise<void> {
    let atMs = Date.now();
    while (!this.#stopping) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      await this.#held;
      // After an outage the producers go on with the present.
      const fromMs = Math.max(atMs, Date.now() - 2 * EVERY_MS);
      atMs = Date.now();
      await this.#send(this.#events.next(Math.ceil((this.#options.eventsPerSecond * EVERY_MS) / 1_000), fromMs, atMs, this.#partitions));
    }
  }

  async #send(records: readonly Sent[]): Promise<void> {
    const byPartition = new Map<number, Sent[]>();
    for (const record of records) {
      const list = byPartition.get(record.partition) ?? [];
      list.push(record);
      byPartition.set(record.partition, list);
    }
    for (const [partition, list] of byPartition) {
      for (let at = 0; at < list.length; at += RECORDS_PER_REQUEST) {
        await this.#sendTo(partition, list.slice(at, at + RECORDS_PER_REQUEST));
      }
    }
  }

  async #sendTo(partition: number, list: readonly Sent[]): Promise<void> {
    const sentAtMs = Date.now();
    const pending = list.flatMap(({ event }): Produced[] =>
      event === null ? [] : [{ ...event, partition, sentAtMs, ackedAtMs: Number.POSITIVE_INFINITY, onTime: false }],
    );
    for (const event of pending) this.produced.push(event);
    const messages = list.map(({ value, timestampMs }) => ({ partition, value, timestamp: String(timestampMs) }));
    try {
      this.#producer ??= await this.#connect();
      await this.#producer.send({ topic: this.#options.topic, messages });
      this.#acked(pending, Date.now());
    } catch {
      // Unknown outcome. The log says at the end what is there; a new producer has a new identity.
      this.failures++;
      await this.#producer?.disconnect().catch(() => undefined);
      this.#producer = null;
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: 2_000,
    });
    await producer.connect();
    return producer;
  }

  #acked(events: readonly Produced[], atMs: number): void {
    for (const event of events) {
      event.ackedAtMs = atMs;
      if (event.timeMs > atMs + 1_000) this.#aheadPartitions.add(event.partition);
      const soon = atMs - event.timeMs < this.#options.latenessMs - MARGIN_MS;
      const partitionKnown = (this.#knownFromMs.get(event.partition) ?? 0) < atMs;
      event.onTime = !event.repeated && soon && partitionKnown && !this.#aheadPartitions.has(event.partition);
    }
  }
}
