// For tests: two tiers over one plain list of events. They really aggregate it, bucket by bucket and event by event, and
// share no code with the tiers under the query room, so that a wrong plan gives a wrong number.

import { RE2JS } from 're2js';
import type { Clock } from '../clock.js';
import type { AnomaliesRead, AnomalyRecord } from '../cold/anomaly-store.js';
import type { CompactionState, EventsRead, EventsResult } from '../cold/cold-tier.js';
import type { Component, Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { PartitionState } from '../window/flush-batch.js';
import type { ColdSource, HotSource } from './execute.js';
import type { HistogramBins } from './frames.js';
import { freshnessOf, type Freshness, type FreshnessProvider } from './freshness.js';
import type { Coverage, Filter, GroupResult, Output, TierRead, TierResult } from './tier-read.js';

export interface TestEvent {
  readonly timeMs: number;
  readonly tenant: string;
  readonly country: string;
  readonly device: string;
  readonly type: string;
  readonly user: string;
  readonly page: string;
  /** In cents; NaN: the event has none. */
  readonly amount: number;
  readonly latency: number;
}

/** A clock that stands still until it is told otherwise. */
export class TestClock implements Clock {
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.nowMs;
  }
}

/** Bins of a factor of two. */
export const TEST_BINS: HistogramBins = { bounds: (bin) => ({ lower: 2 ** bin, upper: 2 ** (bin + 1) }) };

function matches(filter: Filter, event: TestEvent): boolean {
  const value = valueOf(event, filter.dimension);
  switch (filter.op) {
    case '=':
    case 'in':
      return filter.values.includes(value);
    case '!=':
    case 'not in':
      return !filter.values.includes(value);
    case '=~':
      return RE2JS.compile(filter.values[0]).matcher(value).find();
    case '!~':
      return !RE2JS.compile(filter.values[0]).matcher(value).find();
  }
}

function valueOf(event: TestEvent, dimension: number): string {
  return [event.country, event.device, event.type][dimension];
}

function numberOf(event: TestEvent, of: number): number {
  return of === 6 ? event.amount : of === 7 ? event.latency : 1;
}

/** Conditions of these definitions are on the type alone. */
function countsFor({ field: of, where }: Component, event: TestEvent): boolean {
  return where.every(({ values }) => event.type === values[0]) && !Number.isNaN(numberOf(event, of));
}

/** One output over the events of one group and bucket. */
function compute(
  def: Definition,
  output: Output,
  all: readonly TestEvent[],
): { number: number; items: { item: string; weight: number }[]; bins: Map<number, number> } {
  const component = def.components[output.component];
  const { kind, field: of, decimals } = component;
  const events = all.filter((event) => countsFor(component, event));
  const numbers = events.map((event) => numberOf(event, of));
  const none = { number: NaN, items: [], bins: new Map<number, number>() };
  if (all.length === 0) return none;
  if (kind === 'count') return { ...none, number: numbers.length };
  if (kind === 'sum') return { ...none, number: numbers.reduce((sum, value) => sum + value, 0) / 10 ** decimals };
  if (kind === 'unique') return { ...none, number: new Set(events.map((event) => event.user)).size };
  if (kind === 'top') {
    const weights = new Map<string, number>();
    for (const event of events) weights.set(event.page, (weights.get(event.page) ?? 0) + 1);
    const items = [...weights]
      .map(([item, weight]) => ({ item, weight }))
      .sort((a, b) => b.weight - a.weight || (a.item < b.item ? -1 : 1));
    return { ...none, items: output.stat === 'items' ? items.slice(0, output.limit) : items };
  }
  const sorted = [...numbers].sort((a, b) => a - b);
  if (sorted.length === 0) return none;
  if (kind === 'min') return { ...none, number: sorted[0] };
  if (kind === 'max') return { ...none, number: sorted[sorted.length - 1] };
  const bins = new Map<number, number>();
  for (const value of sorted) bins.set(Math.floor(Math.log2(value)), (bins.get(Math.floor(Math.log2(value))) ?? 0) + 1);
  return { ...none, number: output.stat === 'quantile' ? sorted[Math.floor(output.q * (sorted.length - 1))] : NaN, bins };
}

/** The answer to a read, from the events alone: one pass, no plan, no tiers. */
export function aggregate(def: Definition, events: readonly TestEvent[], read: Omit<TierRead, 'signal'>, source = 'list'): TierResult {
  const { fromMs, toMs, bucketMs, windowSizeMs } = read;
  const buckets = bucketMs === 0 ? 1 : (toMs - fromMs) / bucketMs;
  if (!Number.isInteger(buckets) || buckets < 1) throw new Error(`a read of ${buckets} buckets`);
  const kept = def.groupings[read.grouping].dimensions;
  for (const dimension of [...read.groupBy, ...read.filters.map((filter) => filter.dimension)]) {
    if (!kept.includes(dimension)) throw new Error(`grouping ${read.grouping} does not hold dimension ${dimension}`);
  }
  const mine = events.filter((event) => event.tenant === read.tenant && read.filters.every((filter) => matches(filter, event)));
  const groups = new Map<string, { values: string[]; events: TestEvent[] }>();
  for (const event of mine) {
    const values = read.groupBy.map((dimension) => valueOf(event, dimension));
    const key = JSON.stringify(values);
    const group = groups.get(key) ?? { values, events: [] };
    groups.set(key, group);
    group.events.push(event);
  }
  const timesMs = Float64Array.from({ length: buckets }, (_, index) => fromMs + index * bucketMs);
  const results: GroupResult[] = [];
  for (const { values, events: list } of groups.values()) {
    const parts = [...timesMs].map((start) => {
      const end = bucketMs === 0 ? toMs : start + bucketMs;
      const first = windowSizeMs === null || bucketMs === 0 ? start : end - windowSizeMs;
      return list.filter((event) => event.timeMs >= first && event.timeMs < end);
    });
    if (parts.every((part) => part.length === 0)) continue;
    const columns = read.outputs.map((output) => parts.map((part) => compute(def, output, part)));
    results.push({
      values,
      numbers: columns.map((column, index) =>
        ['items', 'histogram'].includes(read.outputs[index].stat) ? new Float64Array(0) : Float64Array.from(column, (cell) => cell.number),
      ),
      items: columns.map((column, index) => (read.outputs[index].stat === 'items' ? column.map((cell) => cell.items) : null)),
      histograms: columns.map((column, index) => (read.outputs[index].stat === 'histogram' ? column.map((cell) => cell.bins) : null)),
    });
  }
  return { timesMs, groups: results, topError: 0, detail: { source, rows: results.length * buckets, durationMs: 0.5 } };
}

const IDLE: PartitionState = {
  offset: 10,
  maxEventTimeMs: 0,
  warmFrom: 0,
  consumed: 10,
  applied: 10,
  duplicates: 0,
  deadLettered: 0,
  late: 0,
  lost: 0,
};

/** The hot tier: holds what its coverage says, forgets by retention, refuses to be asked for more. */
export class ListHot implements HotSource {
  readonly reads: Omit<TierRead, 'signal'>[] = [];
  readonly cache = new Map<string, { bytes: Uint8Array; untilMs: number }>();
  coverageFromMs: number;
  reason = '';
  /** Set to make every call fail, hang, or to intervene while a read runs. */
  failure: Error | null = null;
  beforeAnswer: ((signal: AbortSignal) => Promise<void>) | null = null;

  constructor(
    readonly def: Definition,
    readonly events: readonly TestEvent[],
    readonly clock: Clock,
    coverageFromMs: number,
  ) {
    this.coverageFromMs = coverageFromMs;
  }

  async coverage(): Promise<Coverage> {
    if (this.failure !== null) throw this.failure;
    const newest = Math.max(0, ...this.events.map((event) => event.timeMs).filter((time) => time <= this.clock.now()));
    return {
      fromMs: this.coverageFromMs,
      partitions: new Map([['shop/0', { ...IDLE, maxEventTimeMs: newest }]]),
      missing: [],
      reason: this.reason,
    };
  }

  /** The first moment of which panes of some resolution that divides all the steps are still there. */
  #earliest(steps: readonly number[], sketches: boolean): number {
    const { hot1sMs, hot10sMs, hot1mMs } = this.def.retention;
    let best = Infinity;
    for (const [resolution, kept] of [
      [1_000, hot1sMs],
      [10_000, hot10sMs],
      [60_000, hot1mMs],
    ]) {
      if (steps.some((step) => step % resolution !== 0) || (sketches && resolution === 60_000)) continue;
      best = Math.min(best, Math.max(this.coverageFromMs, this.clock.now() - kept));
    }
    return best;
  }

  async read(read: TierRead, coverage: Coverage): Promise<TierResult> {
    const { signal, ...spec } = read;
    this.reads.push(spec);
    if (this.failure !== null) throw this.failure;
    if (!this.def.groupings[read.grouping].hot) throw new Error('a grouping that is not hot');
    const first = read.windowSizeMs === null ? read.fromMs : read.fromMs + read.bucketMs - read.windowSizeMs;
    const sketches = read.outputs.some((output) => output.stat !== 'value');
    const steps = read.bucketMs === 0 ? [read.fromMs] : [read.bucketMs, read.windowSizeMs ?? 0];
    if (first < this.#earliest(steps, sketches)) throw new Error(`hot was asked for ${first}, which it does not hold`);
    const result = aggregate(this.def, this.events, spec, 'memory');
    await this.beforeAnswer?.(signal);
    if (this.coverageFromMs > coverage.fromMs)
      throw new TidemarkError('retryable', 'HOT_CHANGED', 'it lost data while it was read', 'Plan again.');
    return result;
  }

  async cacheGet(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    if (this.failure !== null) throw this.failure;
    return keys.map((key) => {
      const entry = this.cache.get(key);
      return entry !== undefined && entry.untilMs > this.clock.now() ? entry.bytes : null;
    });
  }

  async cacheSet(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.cache.set(key, { bytes: value, untilMs: this.clock.now() + ttlMs });
  }
}

/** The cold tier: answers anything, and remembers what it was asked. */
export class ListCold implements ColdSource {
  readonly reads: Omit<TierRead, 'signal'>[] = [];
  compaction: CompactionState = { closedUntilMs: 0, dirtyMinutes: [], revisionByDay: new Map(), dataFromMs: 0 };
  failure: Error | null = null;
  beforeAnswer: ((signal: AbortSignal) => Promise<void>) | null = null;

  constructor(
    readonly def: Definition,
    readonly events: TestEvent[],
  ) {}

  async state(): Promise<CompactionState> {
    if (this.failure !== null) throw this.failure;
    return this.compaction;
  }

  async read(read: TierRead): Promise<TierResult> {
    const { signal, ...spec } = read;
    this.reads.push(spec);
    if (this.failure !== null) throw this.failure;
    const result = aggregate(this.def, this.events, spec, 'rollup_1m');
    await this.beforeAnswer?.(signal);
    if (signal.aborted) throw new TidemarkError('cancelled', 'COLD_CANCELLED', 'aborted');
    return result;
  }

  async readEvents(read: EventsRead): Promise<EventsResult> {
    if (this.failure !== null) throw this.failure;
    const rows = this.events
      .filter(
        (event) =>
          event.tenant === read.tenant &&
          event.timeMs >= read.fromMs &&
          event.timeMs < read.toMs &&
          read.filters.every((filter) => matches(filter, event)) &&
          (read.components.length === 0 || read.components.some((index) => countsFor(this.def.components[index], event))),
      )
      .sort((a, b) => b.timeMs - a.timeMs)
      .slice(0, read.limit)
      .map((event) => [event.timeMs, event.country, Number.isNaN(event.amount) ? null : event.amount / 100]);
    return {
      columns: [
        { name: 'time', type: 'time' },
        { name: 'country', type: 'string' },
        { name: 'amount', type: 'number' },
      ],
      rows,
    };
  }

  anomalies: AnomalyRecord[] = [];

  async readAnomalies(read: AnomaliesRead): Promise<readonly AnomalyRecord[]> {
    if (this.failure !== null) throw this.failure;
    return this.anomalies
      .filter((one) => one.tenant === read.tenant && one.fromMs < read.toMs && one.toMs > read.fromMs && one.score >= read.minScore)
      .filter((one) => read.watches.length === 0 || read.watches.includes(one.watch))
      .sort((a, b) => b.fromMs - a.fromMs)
      .slice(0, read.limit);
  }

  async readValues(
    tenant: string,
    dimension: number,
    fromMs: number,
    toMs: number,
    search: string,
    limit: number,
  ): Promise<readonly string[]> {
    if (this.failure !== null) throw this.failure;
    const counts = new Map<string, number>();
    for (const event of this.events) {
      const value = valueOf(event, dimension);
      if (event.tenant === tenant && event.timeMs >= fromMs && event.timeMs < toMs && value.includes(search))
        counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([value]) => value)
      .slice(0, limit);
  }
}

/** One partition that has read everything. */
export class ListFreshness implements FreshnessProvider {
  /** Records not yet applied. */
  lag = 0;

  constructor(
    readonly def: Definition,
    readonly events: readonly TestEvent[],
    readonly clock: Clock,
  ) {}

  freshness(): Freshness {
    const newest = Math.max(0, ...this.events.map((event) => event.timeMs).filter((time) => time <= this.clock.now()));
    const state = { ...IDLE, maxEventTimeMs: newest };
    return freshnessOf([{ id: 'shop/0', state, logEnd: state.offset + this.lag }], [], this.def.latenessMs, this.clock.now());
  }
}

/** Seeded events, evenly random over [fromMs, toMs). */
export function randomEvents(count: number, fromMs: number, toMs: number, seed: number): TestEvent[] {
  let state = seed >>> 0;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)];
  return Array.from({ length: count }, () => ({
    timeMs: Math.floor(fromMs + random() * (toMs - fromMs)),
    tenant: random() < 0.9 ? 'shop' : 'other',
    country: pick(['DE', 'FR', 'IT', '', '=cmd()']),
    device: pick(['phone', 'desktop']),
    type: random() < 0.3 ? 'buy' : 'view',
    user: `u${Math.floor(random() * 200)}`,
    page: `/p${Math.floor(random() * random() * 20)}`,
    amount: random() < 0.5 ? Math.floor(random() * 10_000) : NaN,
    latency: 1 + Math.floor(random() * 500),
  }));
}
