// For tests: a definition with every kind of component, seeded events, their raw rows, and the plain answer to any read, computed
// from the list of events alone. Shares no code with the tier but the sketch room's formula of a bin.

import { RE2JS } from 're2js';
import type { Clock } from '../clock.js';
import type { Component, Condition, Definition, Field, Grouping, Measure } from '../definition/model.js';
import type { Filter, Output, TierRead, TopItem } from '../query/tier-read.js';
import { binOf, coarseBin } from '../sketch/ddsketch-bins.js';
import type { RawColumn, RawRows } from '../window/flush-batch.js';
import { TextColumn } from '../window/text-column.js';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** A Monday in 2090: retention is decided by the engine's own clock, which must drop nothing while a test runs. */
export const START = Date.UTC(2090, 5, 5);

export interface TestEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timeMs: number;
  readonly tenant: string;
  /** By field name; missing: not there. Numbers in fixed point. */
  readonly values: Readonly<Record<string, string | number | undefined>>;
}

export class TestClock implements Clock {
  nowMs: number;
  #ticks = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  now(): number {
    return this.nowMs;
  }

  /** A second passes between any two looks, so that nothing cached is ever fresh. */
  monotonic(): number {
    return (this.#ticks += 1000);
  }
}

function field(index: number, name: string, type: Field['type'], interned: boolean, decimals = 0): Field {
  return { index, name, path: [name], type, decimals, interned };
}

const FIELDS: readonly Field[] = [
  field(0, 'time', 'time', false),
  field(1, 'tenant', 'string', true),
  field(2, 'country', 'string', true),
  field(3, 'device', 'string', true),
  field(4, 'type', 'string', true),
  field(5, 'user_id', 'string', false),
  field(6, 'page', 'string', false),
  field(7, 'amount', 'number', false, 2),
  field(8, 'latency', 'number', false),
  field(9, 'delta', 'number', false),
];

type ComponentDraft = Pick<Component, 'kind' | 'key' | 'field'> & Partial<Component>;

const when = (fieldIndex: number, op: Condition['op'], ...values: (string | number)[]): Condition => ({ field: fieldIndex, op, values });

const DRAFTS: readonly ComponentDraft[] = [
  { kind: 'count', key: 'events', field: -1 },
  { kind: 'count', key: 'buys', field: -1, where: [when(4, '=', 'buy')] },
  { kind: 'count', key: 'amount_count', field: 7 },
  { kind: 'count', key: 'odd', field: -1, where: [when(4, '!=', 'buy'), when(8, '>=', 100), when(6, 'not in', '/p1', "it's")] },
  { kind: 'count', key: 'no_amount', field: -1, where: [when(7, 'missing')] },
  { kind: 'count', key: 'has_user', field: -1, where: [when(5, 'exists'), when(8, 'in', 1, 2, 3, 50, 51, 52)] },
  { kind: 'sum', key: 'amount', field: 7, decimals: 2 },
  { kind: 'sum', key: 'amount_of_buys', field: 7, decimals: 2, where: [when(4, 'in', 'buy', "it's")] },
  { kind: 'min', key: 'amount_min', field: 7, decimals: 2 },
  { kind: 'max', key: 'delta_max', field: 9, where: [when(9, '<', 0)] },
  { kind: 'unique', key: 'users', field: 5 },
  { kind: 'unique', key: 'latencies', field: 8, where: [when(4, '=', 'view')] },
  { kind: 'quantiles', key: 'latency', field: 8, quantiles: [0.5, 0.95, 0.99] },
  { kind: 'quantiles', key: 'delta', field: 9, quantiles: [0.5], where: [when(8, '<=', 400)] },
  { kind: 'quantiles', key: 'amount_q', field: 7, decimals: 2, quantiles: [0.9] },
  { kind: 'top', key: 'pages', field: 6, keep: 1000 },
  { kind: 'top', key: 'pages_short', field: 6, keep: 3 },
  { kind: 'top', key: 'spenders', field: 5, weightField: 7, decimals: 2, keep: 1000 },
];

export function components(drafts: readonly ComponentDraft[]): readonly Component[] {
  return drafts.map((draft, index) => ({ index, where: [], decimals: 0, weightField: -1, keep: 0, quantiles: [], ...draft }));
}

function window(name: string, kind: 'unique' | 'quantiles', component: number, sizeMs: number): Measure {
  return {
    index: 0,
    name,
    kind,
    description: '',
    unit: '',
    components: [component],
    quantiles: [],
    limit: 0,
    numerator: -1,
    denominator: -1,
    window: { sizeMs, slideMs: 30_000 },
  };
}

function groupings(...sets: number[][]): readonly Grouping[] {
  const names = ['country', 'device', 'type'];
  return sets.map((dimensions, index) => ({
    index,
    name: dimensions.length === 0 ? 'none' : dimensions.length === 3 ? 'all' : dimensions.map((d) => names[d]).join(','),
    dimensions,
    hot: dimensions.length < 3,
  }));
}

const NO_TLS = { enabled: false, ca: '', cert: '', key: '', serverName: '', insecureSkipVerify: false };

export function testDefinition(database: string, more: Partial<Definition> = {}): Definition {
  const quotas = {
    queriesInFlight: 0,
    queriesPerSecond: 0,
    seriesPerQuery: 0,
    ingestEventsPerSecond: 0,
    liveSubscriptions: 0,
    liveQueries: 0,
  };
  return {
    name: 'shop',
    layoutHash: 'layout-1',
    dataDir: '/nowhere',
    source: { kafka: null, demo: null, format: 'json' },
    fields: FIELDS,
    event: { id: -1, time: 0, timeFormat: 'ms', type: 4, user: 5, session: -1, tenant: 1 },
    dimensions: [
      { index: 0, name: 'country', field: 2, cap: 200 },
      { index: 1, name: 'device', field: 3, cap: 10 },
      { index: 2, name: 'type', field: 4, cap: 20 },
    ],
    components: components(DRAFTS),
    measures: [
      window('users_5m', 'unique', 10, 5 * MINUTE),
      window('users_15m', 'unique', 10, 15 * MINUTE),
      window('latency_5m', 'quantiles', 12, 5 * MINUTE),
    ],
    groupings: groupings([], [0], [1], [0, 1], [0, 1, 2]),
    watches: [],
    latenessMs: 5_000,
    maxFutureMs: MINUTE,
    duplicates: { windowMs: MINUTE, maxEvents: 1_000 },
    retention: {
      hot1sMs: 15 * MINUTE,
      hot10sMs: 2 * HOUR,
      hot1mMs: DAY,
      rawMs: 90 * DAY,
      rollup1mMs: 30 * DAY,
      rollup1hMs: 730 * DAY,
      rollup1dMs: 0,
    },
    tenants: [
      { name: 'shop', tokenSha256: [], quotas },
      { name: 'other', tokenSha256: [], quotas },
    ],
    authRequired: false,
    hot: {
      kind: 'memory',
      shards: 1,
      maxMemoryBytes: 0,
      redis: {
        mode: 'single',
        nodes: [],
        sentinelName: '',
        username: '',
        password: '',
        sentinelPassword: '',
        db: 0,
        tls: NO_TLS,
        keyPrefix: 't:',
      },
    },
    cold: { kind: 'chdb', url: '', username: '', password: '', database, tls: NO_TLS, cluster: '', requestTimeoutMs: 30_000 },
    server: { host: '127.0.0.1', port: 0, maxBodyBytes: 1_000_000 },
    query: { deadlineMs: 5_000, maxRows: 1_000_000, maxBuckets: 11_000, cacheTtlMs: 300_000 },
    flush: { intervalMs: 1_000, maxRows: 100_000 },
    roles: { ingest: true, query: true, compact: true },
    logLevel: 'silent',
    ...more,
  };
}

export type Random = () => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)];
}

export const COUNTRIES = ['DE', 'FR', '', "it's", 'a\\b', '"; DROP TABLE events; --', '\u0000nul', 'Île'];
const DEVICES = ['phone', 'desktop', ''];
const TYPES = ['view', 'buy', "it's", ''];

/** Events of two partitions of two topics, evenly random over [fromMs, toMs). Offsets go on from `firstOffset`. */
export function randomEvents(random: Random, count: number, fromMs: number, toMs: number, firstOffset = 0): TestEvent[] {
  const next = [firstOffset, firstOffset];
  return Array.from({ length: count }, () => {
    const partition = random() < 0.5 ? 0 : 1;
    return {
      topic: partition === 0 ? 'shop.events' : 'shop.more',
      partition,
      offset: next[partition]++,
      timeMs: Math.floor(fromMs + random() * (toMs - fromMs)),
      tenant: random() < 0.8 ? 'shop' : 'other',
      values: {
        country: pick(random, COUNTRIES),
        device: pick(random, DEVICES),
        type: pick(random, TYPES),
        user_id: random() < 0.1 ? '' : `u${Math.floor(random() * 300)}`,
        page: random() < 0.1 ? '' : pick(random, ['/p1', "it's", `/p${Math.floor(random() * random() * 40)}`]),
        amount: random() < 0.4 ? undefined : Math.floor(random() * 100_000),
        latency: random() < 0.1 ? undefined : Math.floor(random() * 500),
        delta: random() < 0.2 ? undefined : Math.floor((random() - 0.5) * 2_000 * (random() < 0.2 ? 0 : 1)),
      },
    };
  });
}

/** What the window room would hand over for these events. */
export function toRawRows(definition: Definition, events: readonly TestEvent[]): RawRows {
  const low = (name: string, value: (event: TestEvent) => string): RawColumn => {
    const dictionary = ['never used', ...new Set(events.map(value))];
    return { name, type: 'LowCardinality(String)', ids: Uint32Array.from(events, (event) => dictionary.indexOf(value(event))), dictionary };
  };
  const columns: RawColumn[] = [
    low('tenant', (event) => event.tenant),
    low('topic', (event) => event.topic),
    { name: 'partition', type: 'UInt32', data: Float64Array.from(events, (event) => event.partition) },
    { name: 'offset', type: 'UInt64', data: Float64Array.from(events, (event) => event.offset) },
    { name: 'time', type: 'DateTime64(3)', data: Float64Array.from(events, (event) => event.timeMs) },
    { name: 'log_time', type: 'DateTime64(3)', data: Float64Array.from(events, (event) => event.timeMs + 7) },
  ];
  for (const { index, name, type, interned } of definition.fields) {
    if (index === definition.event.time || index === definition.event.tenant) continue;
    if (type === 'number') {
      columns.push({ name, type: 'Nullable(Int64)', data: Float64Array.from(events, (event) => numberOf(event, name)) });
    } else if (interned) {
      columns.push(low(name, (event) => textOf(event, name)));
    } else {
      const text = new TextColumn();
      for (const bytes of events.map((event) => Buffer.from(textOf(event, name)))) {
        text.append(bytes, 0, bytes.length);
      }
      columns.push({ name, type: 'String', encoded: text.encoded });
    }
  }
  const minutes = [...new Set(events.map((event) => Math.floor(event.timeMs / MINUTE)))].sort((a, b) => a - b);
  return { rows: events.length, columns, minutes };
}

function textOf(event: TestEvent, name: string): string {
  return String(event.values[name] ?? '');
}

function numberOf(event: TestEvent, name: string): number {
  const value = event.values[name];
  return typeof value === 'number' ? value : Number.NaN;
}

function holds(definition: Definition, condition: Condition, event: TestEvent): boolean {
  const { name, type } = definition.fields[condition.field];
  const value = type === 'number' ? numberOf(event, name) : textOf(event, name);
  const missing = value === '' || Number.isNaN(value);
  const first = condition.values[0];
  switch (condition.op) {
    case 'missing':
      return missing;
    case 'exists':
      return !missing;
    case '=':
      return !missing && value === first;
    case '!=':
      return !missing && value !== first;
    case 'in':
      return !missing && condition.values.includes(value);
    case 'not in':
      return !missing && !condition.values.includes(value);
    case '<':
      return !missing && value < first;
    case '<=':
      return !missing && value <= first;
    case '>':
      return !missing && value > first;
    case '>=':
      return !missing && value >= first;
  }
}

function passes(definition: Definition, filter: Filter, event: TestEvent): boolean {
  const value = dimensionOf(definition, event, filter.dimension);
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

function dimensionOf(definition: Definition, event: TestEvent, dimension: number): string {
  return textOf(event, definition.fields[definition.dimensions[dimension].field].name);
}

/** What one output should be for the events of one cell. */
export interface Expected {
  readonly number: number;
  readonly items: readonly TopItem[];
  readonly bins: ReadonlyMap<number, number>;
}

/** Whether an event is among those that a component is made of. */
export function countsFor(definition: Definition, component: Component, event: TestEvent): boolean {
  const isThere = (index: number): boolean => {
    const { name, type } = definition.fields[index];
    return type === 'number' ? !Number.isNaN(numberOf(event, name)) : textOf(event, name) !== '';
  };
  const fields = [component.field, component.weightField].filter((index) => index >= 0);
  return component.where.every((condition) => holds(definition, condition, event)) && fields.every(isThere);
}

function expectedOutput(definition: Definition, output: Output, all: readonly TestEvent[]): Expected {
  const component = definition.components[output.component];
  const name = component.field < 0 ? '' : definition.fields[component.field].name;
  const isNumber = component.field >= 0 && definition.fields[component.field].type === 'number';
  const value = (event: TestEvent): string | number => (isNumber ? numberOf(event, name) : textOf(event, name));
  const present = (event: TestEvent): boolean => component.field < 0 || (isNumber ? !Number.isNaN(value(event)) : value(event) !== '');
  const events = all.filter((event) => component.where.every((condition) => holds(definition, condition, event)) && present(event));
  const numbers = events.map((event) => numberOf(event, name)).sort((a, b) => a - b);
  const scale = 10 ** component.decimals;
  const none = { number: Number.NaN, items: [], bins: new Map<number, number>() };
  if (all.length === 0) return none;
  switch (component.kind) {
    case 'count':
      return { ...none, number: events.length };
    case 'sum':
      return { ...none, number: numbers.reduce((a, b) => a + b, 0) / scale };
    case 'min':
      return { ...none, number: numbers.length === 0 ? Number.NaN : numbers[0] / scale };
    case 'max':
      return { ...none, number: numbers.length === 0 ? Number.NaN : numbers[numbers.length - 1] / scale };
    case 'unique':
      return { ...none, number: new Set(events.map(value)).size };
    case 'quantiles': {
      const bins = new Map<number, number>();
      for (const number of numbers) bins.set(coarseBin(binOf(number)), (bins.get(coarseBin(binOf(number))) ?? 0) + 1);
      const rank = output.stat === 'quantile' && numbers.length > 0 ? Math.floor(output.q * (numbers.length - 1)) : -1;
      return { ...none, number: rank < 0 ? Number.NaN : numbers[rank] / scale, bins };
    }
    case 'top': {
      const weights = new Map<string, number>();
      const weightName = component.weightField < 0 ? '' : definition.fields[component.weightField].name;
      for (const event of events) {
        const weight = weightName === '' ? 1 : numberOf(event, weightName);
        if (!Number.isNaN(weight)) weights.set(textOf(event, name), (weights.get(textOf(event, name)) ?? 0) + weight);
      }
      const items = [...weights].map(([item, weight]) => ({ item, weight: weight / scale }));
      return { ...none, items: items.sort((a, b) => b.weight - a.weight || (a.item < b.item ? -1 : 1)) };
    }
  }
}

/** Cells by group (JSON of its values): by output, then by bucket. Repeated identities count once. */
export function expectedRead(
  definition: Definition,
  events: readonly TestEvent[],
  read: Omit<TierRead, 'signal'>,
): ReadonlyMap<string, readonly (readonly Expected[])[]> {
  const byIdentity = new Map(events.map((event) => [`${event.topic}/${event.partition}/${event.offset}`, event]));
  const mine = [...byIdentity.values()].filter(
    (event) => event.tenant === read.tenant && read.filters.every((filter) => passes(definition, filter, event)),
  );
  const groups = new Map<string, TestEvent[]>();
  for (const event of mine) {
    const key = JSON.stringify(read.groupBy.map((dimension) => dimensionOf(definition, event, dimension)));
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  const length = read.bucketMs === 0 ? read.toMs - read.fromMs : read.bucketMs;
  const buckets = (read.toMs - read.fromMs) / length;
  const answer = new Map<string, Expected[][]>();
  for (const [key, list] of groups) {
    const cells = Array.from({ length: buckets }, (_, i) => {
      const end = read.fromMs + (i + 1) * length;
      const begin = read.windowSizeMs === null ? end - length : end - read.windowSizeMs;
      return list.filter((event) => event.timeMs >= begin && event.timeMs < end);
    });
    if (cells.some((cell) => cell.length > 0)) {
      answer.set(
        key,
        read.outputs.map((output) => cells.map((cell) => expectedOutput(definition, output, cell))),
      );
    }
  }
  return answer;
}

export function allOutputs(definition: Definition): readonly Output[] {
  return definition.components.flatMap((component): Output[] => {
    switch (component.kind) {
      case 'unique':
        return [{ component: component.index, stat: 'estimate' }];
      case 'quantiles':
        return [
          { component: component.index, stat: 'quantile', q: 0.5 },
          { component: component.index, stat: 'quantile', q: 0.25 },
          { component: component.index, stat: 'quantile', q: 0.99 },
          { component: component.index, stat: 'histogram' },
        ];
      case 'top':
        return [{ component: component.index, stat: 'items', limit: 5 }];
      default:
        return [{ component: component.index, stat: 'value' }];
    }
  });
}
