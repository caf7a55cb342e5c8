// The hot tier in this process: the embedded default. The same contract as redis.ts, and the same packed layout.
// Invariant: a shard changes only in #applyShard and #extendShard, synchronously and after everything was checked. Stretches beyond their
// retention are dropped as flushes come in, so that memory is bounded as in Redis.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Coverage } from '../query/tier-read.js';
import type { PartitionId } from '../source/log.js';
import { RESOLUTIONS, type Flush, type PartitionState, type Resolution } from '../window/flush-batch.js';
import { Turns } from './abort.js';
import type { DeltaColumns } from '../window/delta-columns.js';
import { planFlush, type ShardDeltas } from './flush-plan.js';
import type { ApplyResult, Extension, HotMarkers, HotTier, SeriesRead, ShardReach } from './hot-tier.js';
import { seriesName, shardOf } from './keys.js';
import { addToSlot, decodeSlots, extremeToSlot, HotLayout, isSketch, STRETCH_SLOTS, stretchOf } from './layout.js';
import { MemoryAdmissions, MemoryShelf } from './memory-shelf.js';
import { SketchPanes } from './memory-sketches.js';
import { checkSeriesRead, stretchParts } from './series-read.js';
import { coverageOf, NO_BASE, reachOf, type Marker, type ShardState } from './shard-state.js';
import type { CompactDelta } from './sketch-blob.js';

export interface MemoryHotTierOptions {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly compact: CompactDelta;
  /** @default 64 MiB of query cache */
  readonly cacheBytes?: number;
}

interface Series {
  readonly tenant: string;
  readonly grouping: number;
  readonly values: readonly string[];
  lastBucketS: number;
}

/** Packed strings of one resolution: stretch → series name → string. A stretch is dropped whole. */
type Stretches = Map<number, Map<string, DataView>>;

interface Shard {
  epoch: number;
  expected: readonly PartitionId[];
  readonly markers: Map<PartitionId, Marker>;
  readonly bases: Map<PartitionId, number>;
  readonly stretches: Readonly<Record<Resolution, Stretches>>;
  readonly sketches: SketchPanes;
  readonly series: Map<string, Series>;
}

const SWEEP_EVERY_MS = 10_000;
const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;

export class MemoryHotTier implements HotTier {
  readonly shards: number;
  readonly #definition: Definition;
  readonly #clock: Clock;
  readonly #layout: HotLayout;
  readonly #compact: CompactDelta;
  readonly #shards: Shard[];
  readonly #admissions: MemoryAdmissions;
  readonly #shelf: MemoryShelf;
  readonly #handlers = new Set<(message: string) => void>();
  #epochs = 0;
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(options: MemoryHotTierOptions) {
    this.#definition = options.definition;
    this.#clock = options.clock;
    this.#layout = new HotLayout(options.definition);
    this.#compact = options.compact;
    this.shards = options.definition.hot.shards;
    this.#shards = Array.from({ length: this.shards }, () => this.#emptyShard());
    this.#admissions = new MemoryAdmissions(options.definition, options.clock);
    this.#shelf = new MemoryShelf(options.clock, options.cacheBytes ?? DEFAULT_CACHE_BYTES);
  }

  #emptyShard(): Shard {
    return {
      epoch: 0,
      expected: [],
      markers: new Map(),
      bases: new Map(),
      stretches: { 1: new Map(), 10: new Map(), 60: new Map() },
      sketches: new SketchPanes(this.#definition, this.#layout, this.#compact),
      series: new Map(),
    };
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  readMarkers(partitions: readonly PartitionId[]): Promise<HotMarkers> {
    return Promise.resolve(
      this.#shards.map(
        ({ markers }) => new Map<PartitionId, PartitionState | null>(partitions.map((p) => [p, markers.get(p)?.state ?? null])),
      ),
    );
  }

  dropMarker(shard: number, partition: PartitionId): Promise<void> {
    this.#shards[shard].bases.set(partition, NO_BASE);
    this.#shards[shard].markers.delete(partition);
    return Promise.resolve();
  }

  coverage(): Promise<Coverage> {
    return Promise.resolve(
      coverageOf(
        this.#shards.map((shard) => this.#stateOf(shard)),
        'memory',
      ),
    );
  }

  reaches(): Promise<readonly ShardReach[]> {
    return Promise.resolve(this.#shards.map((shard) => reachOf(this.#stateOf(shard))));
  }

  #stateOf({ epoch, expected, markers, bases }: Shard): ShardState {
    return { epoch: epoch === 0 ? '' : String(epoch), expected, markers, bases };
  }

  async extend(extension: Extension, shards: readonly number[]): Promise<boolean> {
    const plan = planFlush(this.#definition, this.#layout, extension, shards, this.#clock.now());
    return Promise.resolve(shards.map((shard) => this.#extendShard(extension, shard, plan[shard])).every((extended) => extended));
  }

  #extendShard({ epochs, partitions }: Extension, index: number, deltas: ShardDeltas): boolean {
    const shard = this.#shards[index];
    const reach = reachOf(this.#stateOf(shard));
    const beginsAt = (partition: PartitionId): number | null => reach.partitions.get(partition)?.coverageFromMs ?? null;
    if (reach.epoch !== epochs[index] || partitions.some((p) => reach.partitions.get(p.partition)?.baseOffset !== p.baseOffset)) {
      return false;
    }
    if (partitions.every(({ partition, toMs }) => beginsAt(partition) === toMs)) {
      return true;
    }
    if (partitions.some(({ partition, fromMs }) => beginsAt(partition) !== fromMs)) {
      return false;
    }
    for (const { partition, toMs } of partitions) {
      const marker = shard.markers.get(partition);
      if (marker !== undefined) {
        shard.markers.set(partition, { ...marker, coverageFromMs: toMs });
      }
    }
    this.#addDeltas(shard, deltas);
    return true;
  }

  keep(): Promise<void> {
    return Promise.resolve();
  }

  /** Memory never goes back: a new process starts with none. */
  stoodAt(): void {}

  async apply(flush: Flush, shards: readonly number[]): Promise<ApplyResult> {
    const nowMs = this.#clock.now();
    const plan = planFlush(this.#definition, this.#layout, flush, shards, nowMs);
    let fenced: ApplyResult | null = null;
    for (const shard of shards) {
      const result = this.#applyShard(flush, shard, plan[shard]);
      fenced ??= result.outcome === 'fenced' ? result : null;
    }
    this.#sweep(nowMs);
    return fenced ?? { outcome: 'applied' };
  }

  #applyShard(flush: Flush, index: number, deltas: ShardDeltas): ApplyResult {
    const shard = this.#shards[index];
    const at = (partition: PartitionId): number | null => shard.markers.get(partition)?.state.offset ?? null;
    if (flush.partitions.every(({ partition, state }) => at(partition) === state.offset)) {
      return { outcome: 'applied' };
    }
    for (const { partition, from, coverageFromMs } of flush.partitions) {
      const marker = at(partition);
      if (coverageFromMs === null ? marker !== from : marker !== null) {
        return { outcome: 'fenced', shard: index, partition, marker };
      }
    }
    if (shard.epoch === 0) {
      shard.epoch = ++this.#epochs;
    }
    shard.expected = flush.allPartitions;
    for (const { partition, from, state, coverageFromMs } of flush.partitions) {
      if (coverageFromMs !== null && !shard.bases.has(partition)) {
        shard.bases.set(partition, from);
      }
      shard.markers.set(partition, { state, coverageFromMs: coverageFromMs ?? shard.markers.get(partition)?.coverageFromMs ?? 0 });
    }
    this.#addDeltas(shard, deltas);
    return { outcome: 'applied' };
  }

  #addDeltas(shard: Shard, { columns, names, order }: ShardDeltas): void {
    for (const delta of order) {
      const { tenant, grouping, values } = columns.series[columns.seriesOf[delta]];
      const name = names[columns.seriesOf[delta]];
      const endS = columns.bucketS[delta] + columns.resolution[delta];
      this.#addNumbers(shard, name, columns, delta);
      shard.sketches.add(name, columns, delta);
      const series = shard.series.get(name);
      if (series === undefined) {
        shard.series.set(name, { tenant, grouping, values: [...values], lastBucketS: endS });
      } else {
        series.lastBucketS = Math.max(series.lastBucketS, endS);
      }
    }
  }

  #addNumbers(shard: Shard, name: string, columns: DeltaColumns, delta: number): void {
    const resolution = columns.resolutionOf(delta);
    const bucketS = columns.bucketS[delta];
    const numbersAt = columns.numbersAt[delta];
    const stretch = stretchOf(resolution, bucketS, STRETCH_SLOTS);
    const stretches = shard.stretches[resolution];
    let strings = stretches.get(stretch);
    if (strings === undefined) {
      strings = new Map();
      stretches.set(stretch, strings);
    }
    let view = strings.get(name);
    if (view === undefined) {
      view = new DataView(new ArrayBuffer(this.#layout.stretchBytes));
      strings.set(name, view);
    }
    const { components } = this.#layout;
    for (let i = 0; i < components.length; i++) {
      const { kind } = components[i];
      const value = columns.numbers[numbersAt + i];
      if (kind === 'count' || kind === 'sum') {
        if (value !== 0) {
          addToSlot(view, this.#layout.slot(i, resolution, bucketS), value);
        }
      } else if ((kind === 'min' || kind === 'max') && !Number.isNaN(value)) {
        extremeToSlot(view, this.#layout.slot(i, resolution, bucketS), value, kind);
      }
    }
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < SWEEP_EVERY_MS && nowMs >= this.#sweptMs) {
      return;
    }
    this.#sweptMs = nowMs;
    const forgottenS = (nowMs - this.#layout.longestRetentionMs()) / 1000;
    for (const shard of this.#shards) {
      for (const resolution of RESOLUTIONS) {
        for (const stretch of shard.stretches[resolution].keys()) {
          // The last bucket of the stretch has gone.
          if (this.#layout.isExpired(resolution, ((stretch + 1) * STRETCH_SLOTS - 1) * resolution, nowMs)) {
            shard.stretches[resolution].delete(stretch);
          }
        }
      }
      shard.sketches.sweep(nowMs);
      for (const [name, series] of shard.series) {
        if (series.lastBucketS < forgottenS) {
          shard.series.delete(name);
        }
      }
    }
  }

  admit(tenant: string, dimension: number, values: readonly string[]): Promise<ReadonlySet<string>> {
    return Promise.resolve(this.#admissions.admit(tenant, dimension, values));
  }

  admissionsMissing(): Promise<boolean> {
    return Promise.resolve(!this.#admissions.loaded);
  }

  admissionsLoaded(): Promise<void> {
    this.#admissions.loaded = true;
    return Promise.resolve();
  }

  async listSeries(
    tenant: string,
    grouping: number,
    fromS: number,
    _toS: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly string[])[]> {
    const turns = new Turns(() => this.#clock.monotonic(), signal);
    await turns.yield();
    const found: (readonly string[])[] = [];
    for (const shard of this.#shards) {
      for (const series of shard.series.values()) {
        if (series.tenant === tenant && series.grouping === grouping && series.lastBucketS > fromS) {
          if (found.length >= limit) {
            return found;
          }
          found.push(series.values);
        }
      }
      if (turns.due) {
        await turns.yield();
      }
    }
    return found;
  }

  async readNumeric(read: SeriesRead, components: readonly number[]): Promise<readonly (readonly Float64Array[])[]> {
    const count = checkSeriesRead(read);
    const extremum = components.map((c) => {
      const { kind } = this.#layout.components[c];
      return kind === 'min' || kind === 'max';
    });
    const parts = stretchParts(read.resolution, read.fromS, read.toS, STRETCH_SLOTS);
    const ranges = parts.map((part) => components.map((c) => this.#layout.range(c, part.from, part.to).startByte));
    const turns = new Turns(() => this.#clock.monotonic(), read.signal);
    await turns.yield();
    const result: Float64Array[][] = [];
    for (const values of read.series) {
      const name = seriesName(read.tenant, read.grouping, values);
      const stretches = this.#shards[shardOf(name, this.shards)].stretches[read.resolution];
      const columns = extremum.map((e) => (e ? new Float64Array(count).fill(Number.NaN) : new Float64Array(count)));
      for (let p = 0; p < parts.length; p++) {
        const view = stretches.get(parts[p].stretch)?.get(name);
        if (view !== undefined) {
          for (let c = 0; c < columns.length; c++) {
            decodeSlots(view, ranges[p][c], parts[p].to - parts[p].from, extremum[c], columns[c], parts[p].at);
          }
        }
      }
      result.push(columns);
      if (turns.due) {
        await turns.yield();
      }
    }
    return result;
  }

  async readSketch(read: SeriesRead, component: number): Promise<readonly (readonly (Uint8Array | null)[])[]> {
    const count = checkSeriesRead(read);
    if (read.resolution === 60 || !isSketch(this.#layout.components[component])) {
      throw new TidemarkError('invalid', 'HOT_READ_SKETCH', `Component ${component} has no sketches at ${read.resolution} s.`);
    }
    const turns = new Turns(() => this.#clock.monotonic(), read.signal);
    await turns.yield();
    const result: (Uint8Array | null)[][] = [];
    for (const values of read.series) {
      const name = seriesName(read.tenant, read.grouping, values);
      result.push(this.#shards[shardOf(name, this.shards)].sketches.read(name, component, read.resolution, read.fromS, count));
      if (turns.due) {
        await turns.yield();
      }
    }
    return result;
  }

  cacheGet(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    return Promise.resolve(keys.map((key) => this.#shelf.get(key)));
  }

  cacheSet(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    this.#shelf.set(key, value, ttlMs);
    return Promise.resolve();
  }

  lease(name: string, owner: string, ttlMs: number): Promise<boolean> {
    return Promise.resolve(this.#shelf.lease(name, owner, ttlMs));
  }

  releaseLease(name: string, owner: string): Promise<void> {
    this.#shelf.releaseLease(name, owner);
    return Promise.resolve();
  }

  announce(message: string): void {
    for (const handler of this.#handlers) {
      // As over a network: the announcer does not run the handlers.
      setImmediate(handler, message);
    }
  }

  onAnnounce(handler: (message: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  health(): Promise<{ readonly ok: boolean; readonly detail: string; readonly memoryBytes: number }> {
    let memoryBytes = 0;
    let series = 0;
    for (const shard of this.#shards) {
      series += shard.series.size;
      memoryBytes += shard.sketches.bytes;
      for (const resolution of RESOLUTIONS) {
        for (const strings of shard.stretches[resolution].values()) {
          memoryBytes += strings.size * this.#layout.stretchBytes;
        }
      }
    }
    return Promise.resolve({ ok: true, detail: `in memory, ${series} series`, memoryBytes });
  }

  clear(): Promise<void> {
    for (let shard = 0; shard < this.shards; shard++) {
      this.#shards[shard] = this.#emptyShard();
    }
    this.#admissions.clear();
    this.#shelf.clear();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
