// The hot tier in Redis. Flushes go through one script per shard, which moves the markers and the data together; reads and
// coverage go by the shard's epoch, so that a Redis that lost or exchanged its data is noticed before a number is believed.
// State here (epochs, what is registered) is only a memory of what Redis said; Redis decides.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Coverage } from '../query/tier-read.js';
import type { PartitionId } from '../source/log.js';
import type { Flush, PartitionState } from '../window/flush-batch.js';
import { BlobCompactor } from './blob-compactor.js';
import { planFlush, type ShardDeltas } from './flush-plan.js';
import type { ApplyResult, Extension, HotMarkers, HotTier, SeriesRead, ShardReach } from './hot-tier.js';
import { HotKeys } from './keys.js';
import { HotLayout } from './layout.js';
import { RedisAdmissions } from './redis-admissions.js';
import { checkServers, nodeName, readServerInfo, unsafeServer } from './redis-checks.js';
import { clearRedis } from './redis-clear.js';
import { RedisConnection, type ConnectTimeouts } from './redis-connect.js';
import { classifyRedisError } from './redis-errors.js';
import { buildApply, buildExtend, RegistryMemory, stateTtlS, type ApplyCall } from './redis-flush.js';
import { listSeries, readNumeric, readSketch, type EpochReader } from './redis-read.js';
import { APPLY, EXTEND, type RedisScript } from './redis-scripts.js';
import { RedisShelf } from './redis-shelf.js';
import { coverageOf, decodeMarker, NO_BASE, noCoverage, reachOf, SeenPositions, type Marker, type ShardState } from './shard-state.js';
import type { CompactDelta } from './sketch-blob.js';

export interface RedisHotTierOptions {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly compact: CompactDelta;
  /** Told of what went wrong without stopping anything: for the log. */
  readonly warn: (problem: TidemarkError) => void;
  /** A short name that no epoch had before; @default 48 random bits. */
  readonly newEpoch?: () => string;
  /** @default 10 s to connect, 10 s per command */
  readonly timeouts?: ConnectTimeouts;
}

/** Each retry of an apply follows a change of epoch; more than a few in a row is somebody clearing in a loop. */
const MAX_APPLY_ATTEMPTS = 4;

export class RedisHotTier implements HotTier {
  readonly shards: number;
  readonly #definition: Definition;
  readonly #clock: Clock;
  readonly #warn: (problem: TidemarkError) => void;
  readonly #newEpoch: () => string;
  readonly #timeouts: ConnectTimeouts;
  readonly #keys: HotKeys;
  readonly #layout: HotLayout;
  readonly #admissions: RedisAdmissions;
  readonly #compactor: BlobCompactor;
  readonly #shelf: RedisShelf;
  readonly #registries: readonly RegistryMemory[];
  readonly #seen = new SeenPositions();
  /** By shard; null: not known. */
  readonly #epochs: (string | null)[];
  readonly #handlers = new Set<(message: string) => void>();
  readonly #reader: EpochReader;
  #connection: RedisConnection | null = null;

  /** @throws TidemarkError invalid on settings that cannot work */
  constructor(options: RedisHotTierOptions) {
    this.#definition = options.definition;
    this.#clock = options.clock;
    this.#warn = options.warn;
    this.#newEpoch = options.newEpoch ?? (() => randomBytes(6).toString('base64url'));
    this.#timeouts = options.timeouts ?? { connectTimeoutMs: 10_000, commandTimeoutMs: 10_000 };
    this.shards = options.definition.hot.shards;
    this.#keys = new HotKeys(options.definition);
    this.#layout = new HotLayout(options.definition);
    this.#admissions = new RedisAdmissions(options.definition, this.#keys, options.clock);
    this.#compactor = new BlobCompactor(options.definition, options.compact, options.warn);
    this.#shelf = new RedisShelf(this.#keys, options.warn);
    this.#registries = Array.from({ length: this.shards }, () => new RegistryMemory());
    this.#epochs = new Array<string | null>(this.shards).fill(null);
    this.#reader = {
      epoch: (shard) => this.#epoch(shard),
      noteEpoch: (shard, epoch) => this.#noteEpoch(shard, epoch),
      run: (script, keys, args) => this.#run(script, keys, args, `running ${script.name}`, false),
    };
  }

  async start(): Promise<void> {
    if (this.#connection !== null) {
      return;
    }
    const connection = new RedisConnection(this.#definition.hot.redis, this.#timeouts);
    try {
      await connection.open();
      await checkServers(connection, this.#keys, this.#newEpoch());
      await connection.subscribe(this.#keys.channel(), (message) => this.#handlers.forEach((handler) => handler(message)));
    } catch (error) {
      connection.close();
      throw classifyRedisError(error, 'connecting', false);
    }
    this.#connection = connection;
  }

  #open(): RedisConnection {
    if (this.#connection === null) {
      throw new TidemarkError(
        'unavailable',
        'HOT_NOT_STARTED',
        'The hot tier is not connected to Redis.',
        'Start it first; see the log for why it did not.',
      );
    }
    return this.#connection;
  }

  async #run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | Buffer | number)[],
    doing: string,
    writing: boolean,
  ): Promise<unknown> {
    try {
      return await this.#open().script(script, keys, args);
    } catch (error) {
      throw classifyRedisError(error, doing, writing);
    }
  }

  #noteEpoch(shard: number, epoch: string): void {
    if (this.#epochs[shard] !== epoch) {
      this.#epochs[shard] = epoch;
      // What was registered, was so in another life of the shard.
      this.#registries[shard].forget();
    }
  }

  async #epoch(shard: number): Promise<string> {
    const known = this.#epochs[shard];
    if (known !== null) {
      return known;
    }
    const { epoch } = await this.#shardState(shard);
    return epoch;
  }

  async #shardState(shard: number): Promise<ShardState> {
    let hash: unknown;
    try {
      hash = await this.#open().command('hgetall', [this.#keys.state(shard)]);
    } catch (error) {
      throw classifyRedisError(error, 'reading the markers', false);
    }
    const state = parseShardState(hash);
    this.#noteEpoch(shard, state.epoch);
    return state;
  }

  #shardStates(): Promise<readonly ShardState[]> {
    return Promise.all(Array.from({ length: this.shards }, (_, shard) => this.#shardState(shard)));
  }

  async readMarkers(partitions: readonly PartitionId[]): Promise<HotMarkers> {
    const states = await this.#shardStates();
    // A recovery: somebody may have lost what this process believes registered, without this process having been fenced for it.
    this.#registries.forEach((registry) => registry.forget());
    return states.map(
      ({ markers }) => new Map<PartitionId, PartitionState | null>(partitions.map((p) => [p, markers.get(p)?.state ?? null])),
    );
  }

  async dropMarker(shard: number, partition: PartitionId): Promise<void> {
    const state = this.#keys.state(shard);
    try {
      // In this order: a marker with a base that is not its own would have records added that are there already.
      await this.#open().command('hset', [state, `b:${partition}`, NO_BASE]);
      await this.#open().command('hdel', [state, `m:${partition}`]);
    } catch (error) {
      throw classifyRedisError(error, 'dropping a marker', true);
    }
  }

  async coverage(): Promise<Coverage> {
    try {
      for (;;) {
        const before = this.#open().generation;
        const states = await this.#shardStates();
        // A connection made meanwhile may lead to a server that knows less.
        if (this.#open().generation === before) {
          return this.#seen.check(coverageOf(states, String(before)));
        }
      }
    } catch (error) {
      if (error instanceof TidemarkError && error.errorClass === 'unavailable') {
        return noCoverage(error.message);
      }
      throw error;
    }
  }

  async keep(): Promise<void> {
    const ttlS = stateTtlS(this.#layout);
    const connection = this.#open();
    try {
      await Promise.all(this.#registries.map((_, shard) => connection.command('expire', [this.#keys.state(shard), ttlS])));
    } catch (error) {
      throw classifyRedisError(error, 'keeping the markers', false);
    }
  }

  stoodAt(positions: ReadonlyMap<PartitionId, number>): void {
    this.#seen.raise(positions);
  }

  async apply(flush: Flush, shards: readonly number[]): Promise<ApplyResult> {
    const plan = planFlush(this.#definition, this.#layout, flush, shards, this.#clock.now());
    const outcomes = await Promise.allSettled(shards.map((shard) => this.#applyShard(flush, shard, plan[shard])));
    let failure: TidemarkError | null = null;
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled' && outcome.value.outcome === 'fenced') {
        return outcome.value;
      }
      if (outcome.status === 'rejected') {
        failure ??= classifyRedisError(outcome.reason, 'applying a flush', true);
      }
    }
    if (failure !== null) {
      throw failure;
    }
    return { outcome: 'applied' };
  }

  async #applyShard(flush: Flush, shard: number, deltas: ShardDeltas): Promise<ApplyResult> {
    const registry = this.#registries[shard];
    for (let attempt = 0; attempt < MAX_APPLY_ATTEMPTS; attempt++) {
      const epoch = await this.#epoch(shard);
      const newEpoch = this.#newEpoch();
      const call = buildApply(
        { keys: this.#keys, layout: this.#layout, registry, shard, epoch, newEpoch, nowMs: this.#clock.now() },
        flush,
        deltas,
      );
      const answer = await this.#run(APPLY, call.keys, [call.argument], 'applying a flush', true);
      const [kind, ...rest] = partsOf(answer);
      if (kind === 'applied') {
        if (epoch === '') {
          this.#noteEpoch(shard, newEpoch);
        }
        registry.note(call.registered);
        this.#offerBlobs(call, rest);
        return { outcome: 'applied' };
      }
      if (kind === 'repeated') {
        if (epoch === '') {
          this.#epochs[shard] = null;
        }
        return { outcome: 'applied' };
      }
      if (kind === 'fenced') {
        this.#epochs[shard] = null;
        registry.forget();
        return { outcome: 'fenced', shard, partition: String(rest[0]), marker: rest[1] === '' ? null : Number(rest[1]) };
      }
      if (kind === 'broken') {
        this.#shardBroken(shard, String(rest[0]));
        return { outcome: 'fenced', shard, partition: flush.partitions[0].partition, marker: null };
      }
      if (kind !== 'epoch') {
        throw new TidemarkError(
          'fatal',
          'HOT_UNEXPECTED_ANSWER',
          `Redis answered a flush with ${String(kind)}.`,
          'Is something between Tidemark and Redis?',
        );
      }
      this.#noteEpoch(shard, String(rest[0]));
    }
    throw new TidemarkError(
      'retryable',
      'HOT_CHANGING',
      `Shard ${shard} is being cleared again and again.`,
      'Is another process clearing the hot tier?',
    );
  }

  async reaches(): Promise<readonly ShardReach[]> {
    return (await this.#shardStates()).map(reachOf);
  }

  async extend(extension: Extension, shards: readonly number[]): Promise<boolean> {
    const plan = planFlush(this.#definition, this.#layout, extension, shards, this.#clock.now());
    const extended = await Promise.all(shards.map((shard) => this.#extendShard(extension, shard, plan[shard])));
    return extended.every((done) => done);
  }

  async #extendShard(extension: Extension, shard: number, deltas: ShardDeltas): Promise<boolean> {
    const epoch = extension.epochs[shard];
    // What an earlier life had registered does not count.
    const registry = epoch === this.#epochs[shard] ? this.#registries[shard] : new RegistryMemory();
    const call = buildExtend(
      { keys: this.#keys, layout: this.#layout, registry, shard, epoch, newEpoch: epoch, nowMs: this.#clock.now() },
      extension,
      deltas,
    );
    const answer = await this.#run(EXTEND, call.keys, [call.argument], 'adding what the hot tier had lost', true);
    const [kind, ...rest] = partsOf(answer);
    if (kind === 'applied') {
      registry.note(call.registered);
      this.#offerBlobs(call, rest);
      return true;
    }
    if (kind === 'broken') {
      this.#shardBroken(shard, String(rest[0]));
    }
    return kind === 'repeated';
  }

  #shardBroken(shard: number, why: string): void {
    this.#noteEpoch(shard, '');
    this.#warn(
      new TidemarkError(
        'unavailable',
        'HOT_SHARD_BROKEN',
        `Shard ${shard} was dropped because Redis refused part of a flush: ${why}`,
        'It is rebuilt from the cold tier. If this repeats, look for foreign keys under hot.redis.keyPrefix and at the ACL of hot.redis.username.',
      ),
    );
  }

  #offerBlobs(call: ApplyCall, grown: readonly (string | number)[]): void {
    for (let i = 0; i + 1 < grown.length; i += 2) {
      const number = Number(grown[i]);
      const blob = call.blobComponents.get(number);
      if (blob !== undefined) {
        this.#compactor.offer(this.#open(), { key: call.keys[number - 1], ...blob }, Number(grown[i + 1]));
      }
    }
  }

  admit(tenant: string, dimension: number, values: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#admissions.admit(this.#open(), tenant, dimension, values);
  }

  admissionsMissing(): Promise<boolean> {
    return this.#admissions.missing(this.#open());
  }

  admissionsLoaded(): Promise<void> {
    return this.#admissions.loaded(this.#open());
  }

  listSeries(
    tenant: string,
    grouping: number,
    fromS: number,
    _toS: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly string[])[]> {
    const dimensions = this.#definition.groupings[grouping].dimensions.length;
    return listSeries(this.#reader, this.#keys, tenant, grouping, dimensions, fromS, limit, signal);
  }

  readNumeric(read: SeriesRead, components: readonly number[]): Promise<readonly (readonly Float64Array[])[]> {
    return readNumeric(this.#reader, this.#keys, this.#layout, read, components);
  }

  readSketch(read: SeriesRead, component: number): Promise<readonly (readonly (Uint8Array | null)[])[]> {
    return readSketch(this.#reader, this.#keys, this.#layout, read, component);
  }

  cacheGet(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    return this.#shelf.get(this.#connection, keys);
  }

  cacheSet(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    return this.#shelf.set(this.#connection, key, value, ttlMs);
  }

  async lease(name: string, owner: string, ttlMs: number): Promise<boolean> {
    return await this.#shelf.lease(this.#open(), name, owner, ttlMs);
  }

  async releaseLease(name: string, owner: string): Promise<void> {
    await this.#shelf.releaseLease(this.#open(), name, owner);
  }

  announce(message: string): void {
    this.#connection
      ?.publish(this.#keys.channel(), message)
      .catch((error: unknown) => this.#warn(classifyRedisError(error, 'announcing a flush', false)));
  }

  onAnnounce(handler: (message: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  async health(): Promise<{ readonly ok: boolean; readonly detail: string; readonly memoryBytes: number }> {
    const started = this.#clock.monotonic();
    try {
      const nodes = this.#open().primaries();
      await Promise.all(nodes.map((node) => node.ping()));
      const roundTripMs = this.#clock.monotonic() - started;
      const infos = await Promise.all(nodes.map(readServerInfo));
      const problem = infos.map((info, i) => unsafeServer(info, nodeName(nodes[i]))).find((p) => p !== null);
      const servers = infos.length === 1 ? `Redis ${infos[0].version}` : `Redis ${infos[0]?.version ?? ''}, ${infos.length} primaries`;
      return {
        ok: problem === undefined && infos.length > 0,
        detail: problem === undefined ? `${servers}, round trip ${roundTripMs.toFixed(1)} ms` : `${problem.message} ${problem.remedy}`,
        memoryBytes: infos.reduce((sum, info) => sum + info.usedMemoryBytes, 0),
      };
    } catch (error) {
      const problem = classifyRedisError(error, 'the health check', false);
      return { ok: false, detail: `${problem.message} ${problem.remedy}`, memoryBytes: 0 };
    }
  }

  async clear(): Promise<void> {
    await this.#compactor.idle();
    await clearRedis(this.#open(), this.#keys, this.#admissions.keys());
    this.#seen.forget();
    for (let shard = 0; shard < this.shards; shard++) {
      this.#noteEpoch(shard, '');
    }
  }

  async stop(): Promise<void> {
    await this.#compactor.idle();
    this.#connection?.close();
    this.#connection = null;
    this.#epochs.fill(null);
  }
}

/** Words and numbers of a script's answer. */
function partsOf(answer: unknown): (string | number)[] {
  return Array.isArray(answer) ? answer.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString() : Number(part))) : [];
}

/** @param hash the answer of HGETALL, which the client turns into an object */
function parseShardState(hash: unknown): ShardState {
  let epoch = '';
  let expected: readonly PartitionId[] = [];
  const markers = new Map<PartitionId, Marker>();
  const bases = new Map<PartitionId, number>();
  for (const [field, stored] of Object.entries(typeof hash === 'object' && hash !== null ? hash : {})) {
    const value = String(stored);
    if (field === 'epoch') {
      epoch = value;
    } else if (field === 'expected') {
      const list: unknown = JSON.parse(value);
      expected = Array.isArray(list) ? list.map(String) : [];
    } else if (field.startsWith('m:')) {
      const partition = field.slice(2);
      markers.set(partition, decodeMarker(partition, value));
    } else if (field.startsWith('b:')) {
      bases.set(field.slice(2), Number(value));
    }
  }
  return { epoch, expected, markers, bases };
}
