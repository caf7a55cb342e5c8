// For tests of the query room and the API: a small shop's definition with every kind of measure, and groupings hot and cold.

import type { Component, Definition, Dimension, Field, Grouping, Measure, Tenant } from '../definition/model.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

function field(index: number, name: string, type: Field['type'], decimals = 0): Field {
  return { index, name, path: [name], type, decimals, interned: type === 'string' };
}

const FIELDS: readonly Field[] = [
  field(0, 'time', 'time'),
  field(1, 'country', 'string'),
  field(2, 'device', 'string'),
  field(3, 'type', 'string'),
  field(4, 'user', 'string'),
  field(5, 'page', 'string'),
  field(6, 'amount', 'number', 2),
  field(7, 'latency', 'number'),
];

function component(index: number, kind: Component['kind'], key: string, of: number, more: Partial<Component> = {}): Component {
  return { index, kind, key, field: of, where: [], decimals: 0, weightField: -1, keep: 0, quantiles: [], ...more };
}

const BUY: Component['where'] = [{ field: 3, op: '=', values: ['buy'] }];
const COMPONENTS: readonly Component[] = [
  component(0, 'count', 'count', -1),
  component(1, 'count', 'buys', -1, { where: BUY }),
  component(2, 'sum', 'amount', 6, { decimals: 2 }),
  component(3, 'min', 'latency_min', 7),
  component(4, 'max', 'latency_max', 7),
  component(5, 'sum', 'latency_sum', 7),
  component(6, 'count', 'latency_count', 7),
  component(7, 'unique', 'users', 4),
  component(8, 'quantiles', 'latency_q', 7, { quantiles: [0.5, 0.95] }),
  component(9, 'top', 'pages', 5, { keep: 50 }),
];

function measure(index: number, name: string, kind: Measure['kind'], components: number[], more: Partial<Measure> = {}): Measure {
  return {
    index,
    name,
    kind,
    description: `${name} of the shop`,
    unit: '',
    components,
    quantiles: [],
    limit: 0,
    numerator: -1,
    denominator: -1,
    window: null,
    ...more,
  };
}

const MEASURES: readonly Measure[] = [
  measure(0, 'views', 'count', [0]),
  measure(1, 'buys', 'count', [1]),
  measure(2, 'revenue', 'sum', [2], { unit: 'currencyEUR' }),
  measure(3, 'fastest', 'min', [3], { unit: 'ms' }),
  measure(4, 'slowest', 'max', [4], { unit: 'ms' }),
  measure(5, 'mean_latency', 'avg', [5, 6], { unit: 'ms' }),
  measure(6, 'users', 'unique', [7]),
  measure(7, 'latency', 'quantiles', [8], { unit: 'ms', quantiles: [0.5, 0.95] }),
  measure(8, 'pages', 'top', [9], { limit: 5 }),
  measure(9, 'conversion', 'ratio', [], { unit: 'percentunit', numerator: 1, denominator: 0 }),
  measure(10, 'active_users', 'unique', [7], { window: { sizeMs: 5 * MINUTE, slideMs: 30_000 } }),
];

const DIMENSIONS: readonly Dimension[] = [
  { index: 0, name: 'country', field: 1, cap: 200 },
  { index: 1, name: 'device', field: 2, cap: 10 },
  { index: 2, name: 'type', field: 3, cap: 20 },
];

function grouping(index: number, name: string, dimensions: number[], hot: boolean): Grouping {
  return { index, name, dimensions, hot };
}

const GROUPINGS: readonly Grouping[] = [
  grouping(0, 'none', [], true),
  grouping(1, 'country', [0], true),
  grouping(2, 'device', [1], true),
  grouping(3, 'country,device', [0, 1], true),
  grouping(4, 'type', [2], false),
];

export function testTenant(name = 'shop', more: Partial<Tenant> = {}): Tenant {
  return {
    name,
    tokenSha256: [],
    quotas: { queriesInFlight: 0, queriesPerSecond: 0, seriesPerQuery: 0, ingestEventsPerSecond: 0, liveSubscriptions: 0, liveQueries: 0 },
    ...more,
  };
}

const NO_TLS = { enabled: false, ca: '', cert: '', key: '', serverName: '', insecureSkipVerify: false };

export function testDefinition(more: Partial<Definition> = {}): Definition {
  return {
    name: 'shop',
    layoutHash: 'layout-1',
    dataDir: '/nowhere',
    source: { kafka: null, demo: null, format: 'json' },
    fields: FIELDS,
    event: { id: -1, time: 0, timeFormat: 'ms', type: 3, user: 4, session: -1, tenant: -1 },
    dimensions: DIMENSIONS,
    components: COMPONENTS,
    measures: MEASURES,
    groupings: GROUPINGS,
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
    tenants: [testTenant('shop'), testTenant('other')],
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
    cold: { kind: 'chdb', url: '', username: '', password: '', database: 'tidemark', tls: NO_TLS, cluster: '', requestTimeoutMs: 10_000 },
    server: { host: '127.0.0.1', port: 0, maxBodyBytes: 1_000_000 },
    query: { deadlineMs: 5_000, maxRows: 1_000_000, maxBuckets: 11_000, cacheTtlMs: 300_000 },
    flush: { intervalMs: 1_000, maxRows: 100_000 },
    roles: { ingest: true, query: true, compact: true },
    logLevel: 'silent',
    ...more,
  };
}
