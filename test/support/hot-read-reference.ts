// A naive reference for reads of the hot tier: events kept as they are, every answer computed by walking all of them.

import type { Definition } from '../../aggregator/src/definition/model.js';
import { delta, flushOf, advance, type DeltaSpec } from '../../aggregator/src/hot/contract-stage.js';
import type { Flush, Resolution } from '../../aggregator/src/window/flush-batch.js';
import type { Filter, Output, TierRead } from '../../aggregator/src/query/tier-read.js';
import type { ExactEntry } from './exact-sketches.js';
import { C } from './hot-definition.js';

export interface ReferenceEvent {
  readonly timeS: number;
  readonly tenant: string;
  readonly country: string;
  readonly device: string;
  /** Fixed point, two decimals. */
  readonly value: number;
  readonly failed: boolean;
  readonly user: string;
  readonly page: string;
}

export interface Random {
  /** An integer in [0, below). */
  int(below: number): number;
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const int = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
  return { int, pick: (from) => from[int(from.length)] };
}

const COUNTRIES = ['de', 'fr', 'it', '', 'a,b', "o'x"];
const DEVICES = ['phone', 'desk', '__other__'];

/** Events in [fromS, toS), few enough to leave empty buckets. */
export function randomEvents(r: Random, count: number, fromS: number, toS: number): ReferenceEvent[] {
  return Array.from({ length: count }, () => ({
    timeS: fromS + r.int(toS - fromS),
    tenant: r.int(6) === 0 ? 'b' : 'a',
    country: r.pick(COUNTRIES),
    device: r.pick(DEVICES),
    value: r.int(20_000) - 8_000,
    failed: r.int(5) === 0,
    user: `u${r.int(40)}`,
    page: `/p${r.int(8)}`,
  }));
}

function dimensionsOf(event: ReferenceEvent): readonly string[] {
  return [event.country, event.device];
}

/** The flushes that a window room would make of the events, `perFlush` at a time. */
export function flushesOf(definition: Definition, events: readonly ReferenceEvent[], perFlush: number): Flush[] {
  const flushes: Flush[] = [];
  for (let i = 0; i < events.length; i += perFlush) {
    const part = events.slice(i, i + perFlush);
    flushes.push(flushOf([advance(i, i + part.length, i === 0 ? 0 : null)], deltasOf(definition, part)));
  }
  return flushes;
}

function deltasOf(definition: Definition, events: readonly ReferenceEvent[]): Flush['deltas'] {
  const panes = new Map<string, { spec: Omit<DeltaSpec, 'numbers' | 'sketches'>; events: ReferenceEvent[] }>();
  for (const event of events) {
    for (const grouping of definition.groupings) {
      for (const resolution of [1, 10, 60] as const satisfies readonly Resolution[]) {
        const values = grouping.dimensions.map((d) => dimensionsOf(event)[d]);
        const bucketS = Math.floor(event.timeS / resolution) * resolution;
        const spec = { tenant: event.tenant, grouping: grouping.index, values, resolution, bucketS };
        const key = JSON.stringify(spec);
        const pane = panes.get(key) ?? { spec, events: [] };
        panes.set(key, pane);
        pane.events.push(event);
      }
    }
  }
  return [...panes.values()].map(({ spec, events: inPane }) => {
    const values = inPane.map((e) => e.value);
    const list = (entryOf: (e: ReferenceEvent) => ExactEntry): ExactEntry[] => inPane.map(entryOf);
    return delta(definition, {
      ...spec,
      numbers: {
        [C.events]: inPane.length,
        [C.revenue]: values.reduce((a, b) => a + b, 0),
        [C.min]: Math.min(...values),
        [C.max]: Math.max(...values),
        [C.errors]: inPane.filter((e) => e.failed).length,
      },
      ...(spec.resolution === 60
        ? {}
        : {
            sketches: { [C.users]: list((e) => [e.user, 1]), [C.latency]: list((e) => [e.value, 1]), [C.pages]: list((e) => [e.page, 1]) },
          }),
    });
  });
}

/** A read that the hot tier is asked for, within [fromS, toS). */
export function randomRead(
  r: Random,
  definition: Definition,
  fromS: number,
  toS: number,
  sketches: boolean,
  bucketsS: readonly number[],
): TierRead {
  const grouping = r.pick(definition.groupings);
  const groupBy = grouping.dimensions.filter(() => r.int(2) === 0);
  if (r.int(2) === 0) groupBy.reverse();
  const filters = grouping.dimensions.flatMap((dimension): Filter[] => (r.int(3) === 0 ? [randomFilter(r, dimension)] : []));
  const bucketMs = r.pick(bucketsS) * 1000;
  const windowSizeMs =
    bucketMs === 0 || r.int(2) === 0
      ? null
      : r.pick([1, 2, 3, 5, 12, 20, 30]) * r.pick([bucketMs, Math.min(...bucketsS.filter((b) => b > 0)) * 1000]);
  const leadMs = windowSizeMs === null ? 0 : Math.max(0, windowSizeMs - bucketMs);
  const alignMs = bucketMs === 0 ? 1000 : bucketMs;
  const firstMs = Math.ceil((fromS * 1000 + leadMs) / alignMs) * alignMs;
  const buckets = Math.max(1, Math.floor((toS * 1000 - firstMs) / alignMs));
  const start = r.int(buckets);
  const length = 1 + r.int(Math.min(400, buckets - start));
  return {
    tenant: r.pick(['a', 'a', 'b', 'nobody']),
    grouping: grouping.index,
    groupBy,
    filters,
    outputs: Array.from({ length: 1 + r.int(4) }, () => randomOutput(r, sketches)),
    fromMs: firstMs + start * alignMs,
    toMs: firstMs + (start + length) * alignMs,
    bucketMs,
    windowSizeMs,
    maxRows: 1_000_000,
    signal: new AbortController().signal,
  };
}

function randomFilter(r: Random, dimension: number): Filter {
  const values = dimension === 0 ? COUNTRIES : DEVICES;
  const op = r.pick(['=', '!=', 'in', 'not in', '=~', '!~'] as const);
  if (op === '=~' || op === '!~') return { dimension, op, values: [r.pick(['^d', 'e', '^$', 'o.x|it', '[a-f]+', '(?i)PHONE'])] };
  return { dimension, op, values: op === '=' || op === '!=' ? [r.pick(values)] : values.filter(() => r.int(2) === 0) };
}

function randomOutput(r: Random, sketches: boolean): Output {
  const numeric = [C.events, C.revenue, C.min, C.max, C.errors];
  if (!sketches || r.int(2) === 0) return { component: r.pick(numeric), stat: 'value' };
  return r.pick<Output>([
    { component: C.users, stat: 'estimate' },
    { component: C.latency, stat: 'quantile', q: r.pick([0, 0.5, 0.95, 1]) },
    { component: C.latency, stat: 'histogram' },
    { component: C.pages, stat: 'items', limit: 3 },
  ]);
}

export interface ReferenceGroup {
  readonly values: readonly string[];
  /** By output, by bucket: a number (NaN for none), a list of items or a histogram. */
  readonly outputs: readonly (readonly unknown[])[];
}

export interface ReferenceAnswer {
  readonly timesMs: readonly number[];
  readonly groups: readonly ReferenceGroup[];
}

function matches(filter: Filter, value: string): boolean {
  switch (filter.op) {
    case '=':
    case 'in':
      return filter.values.includes(value);
    case '!=':
    case 'not in':
      return !filter.values.includes(value);
    case '=~':
    case '!~': {
      const ignoreCase = filter.values[0].startsWith('(?i)');
      return new RegExp(filter.values[0].replace('(?i)', ''), ignoreCase ? 'i' : '').test(value) === (filter.op === '=~');
    }
  }
}

/** The answer by definition. Groups without an event in any bucket are left out; sorted by values. */
export function referenceAnswer(events: readonly ReferenceEvent[], read: TierRead): ReferenceAnswer {
  const mine = events.filter((e) => e.tenant === read.tenant && read.filters.every((f) => matches(f, dimensionsOf(e)[f.dimension])));
  const bucketMs = read.bucketMs === 0 ? read.toMs - read.fromMs : read.bucketMs;
  const timesMs: number[] = [];
  for (let t = read.fromMs; t < read.toMs; t += bucketMs) timesMs.push(t);
  const spans = timesMs.map((t) => ({ from: t + bucketMs - (read.windowSizeMs ?? bucketMs), to: t + bucketMs }));
  const keys = [...new Set(mine.map((e) => JSON.stringify(read.groupBy.map((d) => dimensionsOf(e)[d]))))].sort();
  const groups = keys.flatMap((key): ReferenceGroup[] => {
    const ofGroup = mine.filter((e) => JSON.stringify(read.groupBy.map((d) => dimensionsOf(e)[d])) === key);
    const inBuckets = spans.map(({ from, to }) => ofGroup.filter((e) => e.timeS * 1000 >= from && e.timeS * 1000 < to));
    if (inBuckets.every((bucket) => bucket.length === 0)) return [];
    return [
      {
        values: JSON.parse(key) as string[],
        outputs: read.outputs.map((output) => inBuckets.map((bucket) => referenceValue(bucket, output))),
      },
    ];
  });
  return { timesMs, groups };
}

function referenceValue(events: readonly ReferenceEvent[], output: Output): unknown {
  const values = events.map((e) => e.value).sort((a, b) => a - b);
  if (output.stat === 'histogram') {
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  }
  if (output.stat === 'items') {
    const weights = new Map<string, number>();
    for (const { page } of events) weights.set(page, (weights.get(page) ?? 0) + 1);
    return [...weights]
      .map(([item, weight]) => ({ item, weight }))
      .sort((a, b) => b.weight - a.weight || (a.item < b.item ? -1 : 1))
      .slice(0, output.limit);
  }
  if (events.length === 0) return Number.NaN;
  if (output.stat === 'estimate') return new Set(events.map((e) => e.user)).size;
  if (output.stat === 'quantile') return values[Math.floor(output.q * (values.length - 1))] / 100;
  switch (output.component) {
    case C.events:
      return events.length;
    case C.revenue:
      return values.reduce((a, b) => a + b, 0) / 100;
    case C.min:
      return values[0] / 100;
    case C.max:
      return values[values.length - 1] / 100;
    default:
      return events.filter((e) => e.failed).length;
  }
}
