// A Kafka consumer group as a LogSource: join → assigned → read → (rebalance) → revoked → join …, in one loop that owns the state.
// Invariant: callbacks of the consumer never overlap and carry a rising generation; a commit goes through only under the membership
// that owns its partitions. What passes (brokers down, coordinator moved) is retried for ever with growing pauses; the rest is fatal.

import type { Cluster } from 'kafkajs';
import type { Clock } from '../clock.js';
import type { KafkaConfig } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { calling, ConsumerFailure } from './consumer-failure.js';
import { createKafkaClient, isPassing, openCluster, SILENT_LOG, toKafkaError, type KafkaClient, type SourceLog } from './kafka-client.js';
import { loadCodecs, type Decompress } from './kafka-codecs.js';
import { KafkaGroup, type Membership, type TopicPartition } from './kafka-group.js';
import { appearedPartitions, readOffsetBounds } from './kafka-offsets.js';
import { registerPlainCodecs } from './kafka-plain-records.js';
import { KafkaReader, partitionId } from './kafka-reader.js';
import type { AssignedPartition, Commit, LogConsumer, LogSource, PartitionId } from './log.js';

export interface KafkaSourceOptions {
  readonly clock: Clock;
  readonly log?: SourceLog;
  /** Called once when reading has ended for good; the process should end. */
  readonly onFatal: (error: TidemarkError) => void;
  /** How long the first connection may take. @default for ever: what passes is waited out */
  readonly startTimeoutMs?: number;
  /** Told each time that the first connection has to be waited for. */
  readonly onWaiting?: (problem: TidemarkError, attempt: number) => void;
  /** How old metadata may be: new partitions are noticed within this time. @default 30_000 */
  readonly metadataMaxAgeMs?: number;
  /** Uses kafkajs' decoding of records. @default false */
  readonly plainDecoding?: boolean;
}

/** Bytes of commit metadata that every broker accepts (its own limit is `offset.metadata.max.bytes`, 4,096). */
const METADATA_MAX_BYTES = 4_000;
const TICK_MS = 1_000;
const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** How long `stop` waits for a callback that does not return, and for goodbyes. */
const STOP_GRACE_MS = 4_000;

/** What the consumer has been told last. */
interface Session {
  readonly membership: Membership;
  readonly owned: ReadonlySet<PartitionId>;
}

/** @returns a source that is not connected yet */
export function createKafkaSource(config: KafkaConfig, options: KafkaSourceOptions): LogSource {
  return new KafkaSource(config, options);
}

class KafkaSource implements LogSource {
  readonly #config: KafkaConfig;
  readonly #options: KafkaSourceOptions;
  readonly #log: SourceLog;
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #group: KafkaGroup;
  #session: Session | null = null;
  #generation = 0;
  /** The topics' partitions when this process joined first. */
  #knownFromStart: ReadonlySet<PartitionId> | null = null;
  /** The consumer has been given partitions that it has not been asked back for. */
  #holding = false;
  #running: Promise<void> | null = null;
  #stopping = false;
  #reassigning = false;
  /** Ends whatever the loop waits for: `stop` and `reassign` call it. */
  #interrupt: () => void = () => undefined;
  #interrupted: Promise<void> = Promise.resolve();
  #firstAssignment: () => void = () => undefined;

  constructor(config: KafkaConfig, options: KafkaSourceOptions) {
    this.#config = config;
    this.#options = options;
    this.#log = options.log ?? SILENT_LOG;
    this.#client = createKafkaClient(config, this.#log);
    this.#cluster = openCluster(this.#client.kafka, config.group);
    this.#group = new KafkaGroup(this.#cluster, config, options.clock, this.#log);
    this.#armInterrupt();
  }

  async start(consumer: LogConsumer): Promise<void> {
    if (this.#running !== null) throw new TidemarkError('fatal', 'SOURCE_STARTED_TWICE', 'the Kafka source was started twice');
    const decompress = await loadCodecs();
    registerPlainCodecs(decompress);
    await this.#connect();
    await new Promise<void>((resolve, reject) => {
      this.#firstAssignment = resolve;
      this.#running = this.#run(consumer, decompress).catch((error: unknown) => {
        const membership = this.#session?.membership;
        this.#session = null;
        // Others take the partitions over at once instead of after the session timeout.
        membership?.leave().catch((again: unknown) => this.#log.debug({}, toKafkaError(again, 'leave the group').message));
        const fatal = error instanceof ConsumerFailure ? error.asFatal() : toKafkaError(error, 'read from Kafka');
        reject(fatal);
        this.#options.onFatal(fatal);
      });
    });
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    const session = this.#session;
    if (session === null) throw fenced('nothing is assigned to this process');
    for (const { partition, metadata } of commits) {
      if (!session.owned.has(partition)) throw fenced(`${partition} is not assigned to this process`);
      if (Buffer.byteLength(metadata) > METADATA_MAX_BYTES) {
        throw new TidemarkError(
          'invalid',
          'KAFKA_METADATA_TOO_LARGE',
          `commit metadata of ${partition} exceeds ${METADATA_MAX_BYTES} bytes`,
        );
      }
    }
    if (commits.length === 0) return;
    try {
      await session.membership.commit(
        commits.map(({ partition, offset, metadata }) => ({ ...splitPartitionId(partition), offset, metadata })),
      );
    } catch (error) {
      const known = toKafkaError(error, 'commit offsets');
      // Committing the same offset again changes nothing, so an outcome that is not known may be tried again too.
      if (known.errorClass === 'fenced' || known.errorClass === 'invalid') throw known;
      throw new TidemarkError('retryable', known.code, known.message, known.remedy, { cause: error });
    }
  }

  reassign(): Promise<void> {
    this.#reassigning = true;
    this.#interrupt();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#interrupt();
    await within(STOP_GRACE_MS, this.#running ?? Promise.resolve());
    const membership = this.#session?.membership;
    this.#session = null;
    membership?.end();
    await within(
      STOP_GRACE_MS / 2,
      (async () => {
        await membership?.leave();
        await this.#cluster.disconnect();
      })().catch((error: unknown) => this.#log.debug({}, toKafkaError(error, 'leave the group').message)),
    );
    this.#client.destroySockets();
  }

  #armInterrupt(): void {
    this.#interrupted = new Promise((resolve) => {
      this.#interrupt = resolve;
    });
  }

  /** Connects and checks that the topics are there; waits for brokers as long as `startTimeoutMs` allows. */
  async #connect(): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + (this.#options.startTimeoutMs ?? Number.POSITIVE_INFINITY);
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#cluster.connect();
        await this.#cluster.addMultipleTargetTopics([...this.#config.topics]);
        return;
      } catch (error) {
        const known = toKafkaError(error, `connect to Kafka at ${this.#config.brokers.join(', ')} for ${this.#config.topics.join(', ')}`);
        if (this.#stopping || !isPassing(known) || clock.monotonic() > deadline) {
          this.#client.destroySockets();
          throw known;
        }
        this.#options.onWaiting?.(known, attempt + 1);
        await this.#sleep(backoffMs(attempt));
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#interrupted, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
    clearTimeout(timer);
  }

  async #run(consumer: LogConsumer, decompress: Decompress): Promise<void> {
    for (let attempt = 0; !this.#stopping; attempt++) {
      let membership: Membership | null = null;
      try {
        membership = await this.#group.join();
        if (this.#stopping) {
          this.#session = { membership, owned: new Set() };
          return;
        }
        attempt = -1;
        await this.#serve(membership, consumer, decompress);
      } catch (error) {
        membership?.end();
        if (error instanceof ConsumerFailure) throw error;
        const known = toKafkaError(error, `take part in group ${this.#config.group}`);
        // A topic that was there at the start may come back; nothing else that is wrong rights itself.
        if (!isPassing(known) && known.code !== 'KAFKA_TOPIC_MISSING') throw known;
        if (this.#stopping) return;
        if (known.errorClass !== 'fenced') this.#log.warn({ code: known.code }, `${known.message} ${known.remedy}`);
        if (this.#holding) await this.#revoke(consumer);
        this.#session = null;
        await this.#sleep(known.errorClass === 'fenced' ? BACKOFF_MIN_MS : backoffMs(attempt + 1));
        if (this.#reassigning) this.#armInterrupt();
        await this.#cluster
          .refreshMetadata()
          .catch((again: unknown) => this.#log.debug({}, toKafkaError(again, 'refresh the metadata').message));
      }
    }
  }

  /** One membership, from assignment to revocation. Returns to join again, or because the source stops. */
  async #serve(membership: Membership, consumer: LogConsumer, decompress: Decompress): Promise<void> {
    const owned = membership.owned.map(({ topic, partition }) => partitionId(topic, partition));
    this.#session = { membership, owned: new Set(owned) };
    for (;;) {
      this.#reassigning = false;
      if (!this.#stopping) this.#armInterrupt();
      const all = this.#group.allPartitions();
      const assigned = await this.#positionsWhen(membership);
      if (assigned === null) return;
      const generation = ++this.#generation;
      this.#holding = true;
      const from = await calling(
        consumer.assigned(
          generation,
          assigned,
          all.map((p) => partitionId(p.topic, p.partition)),
        ),
      );
      const positions = this.#checkPositions(assigned, from);
      this.#log.info({ generation, partitions: owned }, 'partitions assigned');
      this.#firstAssignment();
      const reader = new KafkaReader({
        cluster: this.#cluster,
        consumer,
        generation,
        positions,
        owned: membership.owned,
        decompress,
        log: this.#log,
        clock: this.#options.clock,
        plain: this.#options.plainDecoding ?? false,
      });
      const end = await this.#watch(membership, reader, all);
      const stopped = reader.stop();
      if (this.#stopping) {
        await within(STOP_GRACE_MS, stopped);
        return;
      }
      await stopped;
      if (end === 'failed') throw new ConsumerFailure(await failureOf(reader));
      if (end === 'reassign') continue;
      this.#log.info({ generation, reason: end }, 'partitions revoked');
      await this.#revoke(consumer);
      membership.end();
      if (end === 'lost') this.#group.forget();
      return;
    }
  }

  /** Waits for whatever ends this reading, and keeps the metadata fresh meanwhile. */
  async #watch(
    membership: Membership,
    reader: KafkaReader,
    all: readonly TopicPartition[],
  ): Promise<'rebalance' | 'lost' | 'reassign' | 'failed'> {
    let grown: () => void = () => undefined;
    const regrouping = new Promise<'rebalance'>((resolve) => {
      grown = () => resolve('rebalance');
    });
    const { clock, metadataMaxAgeMs = 30_000 } = this.#options;
    let refreshedMs = clock.monotonic();
    let refreshing = false;
    const tick = async (): Promise<void> => {
      if (refreshing) return;
      if (clock.monotonic() - refreshedMs >= metadataMaxAgeMs) {
        refreshing = true;
        try {
          await this.#cluster.refreshMetadata();
          refreshedMs = clock.monotonic();
        } catch (error) {
          this.#log.debug({}, toKafkaError(error, 'refresh the metadata').message);
        }
        refreshing = false;
        // A leader that joins again makes the group share out anew; from other members the broker would take no notice.
        if (membership.leads && this.#group.allPartitions().length !== all.length) grown();
      }
      reader.followLeaders();
    };
    const timer = setInterval(() => void tick(), Math.min(TICK_MS, metadataMaxAgeMs));
    try {
      return await Promise.race([
        membership.ended,
        regrouping,
        this.#interrupted.then(() => 'reassign' as const),
        reader.ended.then((end) => (end.kind === 'failed' ? ('failed' as const) : ('reassign' as const))),
      ]);
    } finally {
      clearInterval(timer);
    }
  }

  async #revoke(consumer: LogConsumer): Promise<void> {
    this.#holding = false;
    try {
      await calling(consumer.revoked());
    } finally {
      this.#session = null;
    }
  }

  /** Positions, as soon as every leader answers. @returns null when the source is stopped meanwhile @throws when the membership ends */
  async #positionsWhen(membership: Membership): Promise<AssignedPartition[] | null> {
    let over = false;
    void membership.ended.then(() => {
      over = true;
    });
    for (let attempt = 0; !this.#stopping; attempt++) {
      try {
        return await this.#positions(membership);
      } catch (error) {
        const known = toKafkaError(error, 'read the offsets of the partitions');
        if (over || !isPassing(known) || known.errorClass === 'fenced') throw error;
        this.#log.warn({ code: known.code }, known.message);
        await this.#sleep(backoffMs(attempt));
        await this.#cluster
          .refreshMetadata()
          .catch((again: unknown) => this.#log.debug({}, toKafkaError(again, 'refresh the metadata').message));
      }
    }
    return null;
  }

  async #positions(membership: Membership): Promise<AssignedPartition[]> {
    const all = this.#group.allPartitions();
    const committed = new Map((await membership.committed(all)).map((c) => [partitionId(c.topic, c.partition), c]));
    const known = (this.#knownFromStart ??= new Set(all.map((p) => partitionId(p.topic, p.partition))));
    const appeared = appearedPartitions(membership.owned, known, [...committed.values()]);
    const bounds = await readOffsetBounds(this.#cluster, membership.owned, this.#config.start, appeared);
    return membership.owned.map(({ topic, partition }) => {
      const id = partitionId(topic, partition);
      const bound = bounds.get(id);
      if (bound === undefined) throw new TidemarkError('retryable', 'KAFKA_UNAVAILABLE', `no leader tells the offsets of ${id} now`);
      const commit = committed.get(id);
      return { id, committedOffset: commit?.offset ?? null, committedMetadata: commit?.metadata ?? '', ...bound };
    });
  }

  #checkPositions(assigned: readonly AssignedPartition[], from: ReadonlyMap<PartitionId, number>): Map<PartitionId, number> {
    return new Map(
      assigned.map(({ id, logStart, logEnd }) => {
        const offset = from.get(id);
        if (offset === undefined) throw new TidemarkError('fatal', 'POSITION_MISSING', `no position was chosen for ${id}`);
        if (offset > logEnd) {
          const what = `${id} ends at offset ${logEnd}, before ${offset}, which was read already`;
          const remedy = 'The topic was made anew or lost records: choose another source.kafka.group, or clear the stores.';
          throw new TidemarkError('invalid', 'KAFKA_LOG_SHRUNK', what, remedy);
        }
        if (offset < logStart) this.#log.error({ partition: id, offset, logStart }, 'records were deleted before they were read');
        return [id, Math.max(offset, logStart)];
      }),
    );
  }
}

async function failureOf(reader: KafkaReader): Promise<unknown> {
  const end = await reader.ended;
  return end.kind === 'failed' ? end.error : end;
}

function fenced(what: string): TidemarkError {
  return new TidemarkError('fenced', 'KAFKA_GROUP_MOVED_ON', what, 'None needed: the partitions are assigned anew.');
}

function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(attempt, 10));
}

function splitPartitionId(id: PartitionId): TopicPartition {
  const slash = id.lastIndexOf('/');
  return { topic: id.slice(0, slash), partition: Number(id.slice(slash + 1)) };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
