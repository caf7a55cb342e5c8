// Reads the owned partitions of one assignment: a fetch loop per leading broker, and one pump that hands records to the consumer.
// Invariant: a partition is in at most one fetch at a time and its records reach the consumer in offset order; after `stop` resolves,
// no callback runs. Fetching is one response ahead of the consumer and no more, so a slow consumer bounds the memory.

import type { Clock } from '../clock.js';
import type { Cluster } from 'kafkajs';
import { TidemarkError } from '../errors.js';
import type { Decompress } from './kafka-codecs.js';
import { kafkaErrorType, toKafkaError, type SourceLog } from './kafka-client.js';
import { fetchPartitions, type FetchedPartition, type FetchLimits } from './kafka-fetch.js';
import type { TopicPartition } from './kafka-group.js';
import { nextPlainOffset, plainRecordBatches } from './kafka-plain-records.js';
import { decodeRecordSet, scanRecordSet, type ScannedBatch, type UndecodableRange } from './kafka-record-batches.js';
import type { LogConsumer, PartitionId, RecordBatch } from './log.js';

const LIMITS: FetchLimits = { maxWaitMs: 100, minBytes: 1, maxBytes: 32 * 1024 * 1024, maxBytesPerPartition: 4 * 1024 * 1024 };
const BACKOFF_MS = 250;

/** Kafka's error codes that say something about one partition. */
const OFFSET_OUT_OF_RANGE = 1;
const TOPIC_AUTHORIZATION_FAILED = 29;

export interface ReaderOptions {
  readonly cluster: Cluster;
  readonly consumer: LogConsumer;
  readonly generation: number;
  readonly positions: ReadonlyMap<PartitionId, number>;
  readonly owned: readonly TopicPartition[];
  readonly decompress: Decompress;
  readonly log: SourceLog;
  readonly clock: Clock;
  /** Uses kafkajs' own decoding. */
  readonly plain: boolean;
}

interface Reading extends TopicPartition {
  readonly id: PartitionId;
  /** Next offset to fetch. */
  position: number;
  inFlight: boolean;
  /** Offset of a batch whose checksum failed once. */
  distrust: number;
}

/** What one fetch brought of one partition, waiting for the consumer. */
interface Arrival {
  readonly reading: Reading;
  readonly fetched: FetchedPartition;
  /** When the fetch was sent, epoch ms: what the broker says of the log's end is not older. */
  readonly askedAtMs: number;
  readonly fromOffset: number;
  readonly batches: readonly ScannedBatch[];
  /** Position after it: at the log's end the partition is idle. */
  readonly nextOffset: number;
}

/** Why reading ended by itself: a position the log no longer has, or an error (of the consumer, or not to be retried). */
export type ReaderEnd =
  { readonly kind: 'out_of_range'; readonly partition: PartitionId } | { readonly kind: 'failed'; readonly error: unknown };

export class KafkaReader {
  /** Resolves when reading cannot go on; pending for ever otherwise. */
  readonly ended: Promise<ReaderEnd>;
  readonly #options: ReaderOptions;
  readonly #readings: readonly Reading[];
  #stopped = false;
  #end: (end: ReaderEnd) => void = () => undefined;
  /** Fetch loops by leader's node id. */
  readonly #loops = new Map<string, Promise<void>>();
  #pumping: Promise<void> = Promise.resolve();
  readonly #pauses = new Set<() => void>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#readings = options.owned.map(({ topic, partition }) => {
      const id = partitionId(topic, partition);
      return { topic, partition, id, position: options.positions.get(id) ?? 0, inFlight: false, distrust: -1 };
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.followLeaders();
  }

  /** Starts a loop for every broker that leads an owned partition. To be called after each refresh of the metadata. */
  followLeaders(): void {
    if (this.#stopped) return;
    for (const [node] of this.#byLeader()) {
      if (this.#loops.has(node)) continue;
      this.#loops.set(
        node,
        this.#loop(node)
          .catch((error: unknown) => this.#end({ kind: 'failed', error }))
          .finally(() => this.#loops.delete(node)),
      );
    }
  }

  /** Stops fetching and waits until the callback that is running has returned. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wake of this.#pauses) wake();
    await this.#pumping;
  }

  #byLeader(): Map<string, Reading[]> {
    const leaders = new Map<string, Reading[]>();
    for (const reading of this.#readings) {
      for (const node of this.#leaderOf(reading)) {
        const list = leaders.get(node);
        if (list === undefined) leaders.set(node, [reading]);
        else list.push(reading);
      }
    }
    return leaders;
  }

  /** @returns the leader's node id; none while an election is on */
  #leaderOf({ topic, partition }: TopicPartition): string[] {
    const found = this.#options.cluster.findTopicPartitionMetadata(topic).find((metadata) => metadata.partitionId === partition);
    return found === undefined || found.leader === null || found.leader < 0 ? [] : [String(found.leader)];
  }

  async #loop(node: string): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const led = this.#byLeader().get(node) ?? [];
      // The partitions went to other brokers.
      if (led.length === 0) return;
      const wanted = led.filter((reading) => !reading.inFlight);
      if (wanted.length === 0) {
        // Their former leader's fetch is still under way.
        await this.#pause(BACKOFF_MS);
        continue;
      }
      // Kafka fills a response in the order asked for: every partition is first in turn.
      const shift = turn % wanted.length;
      const readings = [...wanted.slice(shift), ...wanted.slice(0, shift)];
      for (const reading of readings) reading.inFlight = true;
      let arrivals: Arrival[] | null = null;
      let refresh: boolean;
      try {
        const broker = await this.#options.cluster.findBroker({ nodeId: node });
        try {
          const asked = readings.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
          const askedAtMs = this.#options.clock.now();
          const fetched = await fetchPartitions(broker, asked, LIMITS, this.#options.plain);
          arrivals = this.#stopped ? [] : fetched.flatMap((partition) => this.#arrive(partition, readings, askedAtMs));
          refresh = fetched.some(({ errorCode }) => errorCode !== 0 && errorCode !== OFFSET_OUT_OF_RANGE);
        } catch (error) {
          if (kafkaErrorType(error) === 'KafkaJSConnectionClosedError') await broker.disconnect();
          throw error;
        }
      } catch (error) {
        if (this.#stopped) return;
        if (kafkaErrorType(error) === 'OFFSET_OUT_OF_RANGE') return this.#end({ kind: 'out_of_range', partition: readings[0].id });
        const { message } = toKafkaError(error, `fetch from broker ${node}`);
        this.#options.log.warn({ broker: node }, message);
        refresh = true;
      } finally {
        for (const reading of readings) reading.inFlight = false;
      }
      if (arrivals !== null && arrivals.length > 0) await this.#handOver(arrivals, readings);
      if (refresh) {
        await this.#pause(BACKOFF_MS);
        await this.#refreshMetadata();
      }
    }
  }

  async #refreshMetadata(): Promise<void> {
    if (this.#stopped) return;
    try {
      await this.#options.cluster.refreshMetadata();
    } catch (error) {
      this.#options.log.debug({}, toKafkaError(error, 'refresh the metadata').message);
    }
    this.followLeaders();
  }

  /** Reads the batch headers, which tell where the next fetch starts, and leaves the records for the pump. */
  #arrive(fetched: FetchedPartition, readings: readonly Reading[], askedAtMs: number): Arrival[] {
    const reading = readings.find(({ topic, partition }) => topic === fetched.topic && partition === fetched.partition);
    if (reading === undefined) return [];
    if (fetched.errorCode !== 0) {
      if (fetched.errorCode === OFFSET_OUT_OF_RANGE) {
        this.#end({ kind: 'out_of_range', partition: reading.id });
      } else if (fetched.errorCode === TOPIC_AUTHORIZATION_FAILED) {
        const remedy = 'Give this user READ on the topic.';
        this.#fail(new TidemarkError('invalid', 'KAFKA_NOT_AUTHORIZED', `reading ${reading.id} is not allowed`, remedy));
      } else {
        this.#options.log.warn({ partition: reading.id, code: fetched.errorCode }, 'Kafka cannot serve this partition now; asking again');
      }
      return [];
    }
    const fromOffset = reading.position;
    if (fetched.recordSet === null) {
      reading.position = nextPlainOffset(fetched.messages, fromOffset);
      return [{ reading, fetched, askedAtMs, fromOffset, batches: [], nextOffset: reading.position }];
    }
    const scanned = scanRecordSet(fetched.recordSet, fromOffset, fetched.aborted, reading.distrust);
    reading.position = scanned.nextOffset;
    reading.distrust = scanned.failedAt;
    if (scanned.failedAt >= 0) {
      this.#options.log.warn({ partition: reading.id, offset: scanned.failedAt }, 'a batch with a wrong checksum is fetched again');
    }
    return [{ reading, fetched, askedAtMs, fromOffset, batches: scanned.batches, nextOffset: scanned.nextOffset }];
  }

  /** Queues arrivals behind what the consumer is working on. @returns when the consumer starts on them: the time for the next fetch */
  async #handOver(arrivals: readonly Arrival[], readings: readonly Reading[]): Promise<void> {
    for (const reading of readings) reading.inFlight = true;
    const before = this.#pumping;
    this.#pumping = before.then(() => this.#deliver(arrivals)).catch((error: unknown) => this.#fail(error));
    await before;
    for (const reading of readings) reading.inFlight = false;
  }

  #fail(error: unknown): void {
    this.#stopped = true;
    this.#end({ kind: 'failed', error });
  }

  async #deliver(arrivals: readonly Arrival[]): Promise<void> {
    const { consumer } = this.#options;
    for (const { reading, fetched, askedAtMs, fromOffset, batches, nextOffset } of arrivals) {
      const items = this.#decode(reading, fetched, fromOffset, batches);
      for (const item of items) {
        if (this.#stopped) return;
        if ('detail' in item) {
          const { partition, generation, detail, bytes } = item;
          this.#options.log.warn({ partition, offset: item.fromOffset }, detail);
          await consumer.undecodable(partition, generation, item.fromOffset, item.toOffset, detail, bytes);
        } else {
          await consumer.batch({ ...item, logEndAtMs: askedAtMs });
        }
      }
      if (this.#stopped) return;
      if (items.length === 0 && nextOffset >= fetched.logEnd) consumer.idle(reading.id, fetched.logEnd, askedAtMs);
    }
    // Lets timers run (heartbeats) where the consumer never waits for anything.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #decode(
    reading: Reading,
    fetched: FetchedPartition,
    fromOffset: number,
    batches: readonly ScannedBatch[],
  ): (RecordBatch | UndecodableRange)[] {
    const { generation, decompress } = this.#options;
    const { logEnd } = fetched;
    if (fetched.recordSet === null)
      return plainRecordBatches(reading.id, generation, fetched.messages, fetched.aborted, fromOffset, logEnd);
    return decodeRecordSet(fetched.recordSet, batches, { partition: reading.id, generation, logEnd, decompress });
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#pauses.add(wake);
    });
  }
}

/** `topic/partition` */
export function partitionId(topic: string, partition: number): PartitionId {
  return `${topic}/${partition}`;
}
