// A small compiled definition with every component kind, for tests of the hot tier.

import type { Component, ComponentKind, Definition, TlsConfig } from '../../aggregator/src/definition/model.js';

export const NO_TLS: TlsConfig = { enabled: false, ca: '', cert: '', key: '', serverName: '', insecureSkipVerify: false };

/** Component indices of `hotDefinition`. */
export const C = { events: 0, revenue: 1, min: 2, max: 3, errors: 4, users: 5, latency: 6, pages: 7 } as const;

function component(index: number, kind: ComponentKind, key: string, decimals = 0): Component {
  return { index, kind, key, field: kind === 'count' ? -1 : 0, where: [], decimals, weightField: -1, keep: 50, quantiles: [0.5, 0.95] };
}

export interface HotDefinitionChanges {
  readonly hot?: Partial<Definition['hot']>;
  readonly redis?: Partial<Definition['hot']['redis']>;
  readonly layoutHash?: string;
  readonly caps?: readonly number[];
  readonly retention?: Partial<Definition['retention']>;
}

/** Dimensions country, device; groupings none, country, device, both. Two tenants, a and b. */
export function hotDefinition(changes: HotDefinitionChanges = {}): Definition {
  const caps = changes.caps ?? [100, 10];
  const quotas = {
    queriesInFlight: 0,
    queriesPerSecond: 0,
    seriesPerQuery: 0,
    ingestEventsPerSecond: 0,
    liveSubscriptions: 0,
    liveQueries: 0,
  };
  return {
    name: 'test',
    layoutHash: changes.layoutHash ?? 'abcdef0123456789',
    dataDir: '',
    source: { kafka: null, demo: null, format: 'json' },
    fields: [{ index: 0, name: 'value', path: ['value'], type: 'number', decimals: 2, interned: false }],
    event: { id: -1, time: 0, timeFormat: 'auto', type: -1, user: -1, session: -1, tenant: -1 },
    dimensions: [
      { index: 0, name: 'country', field: 0, cap: caps[0] },
      { index: 1, name: 'device', field: 0, cap: caps[1] },
    ],
    components: [
      component(C.events, 'count', 'events'),
      component(C.revenue, 'sum', 'revenue', 2),
      component(C.min, 'min', 'min_value', 2),
      component(C.max, 'max', 'max_value', 2),
      component(C.errors, 'count', 'errors'),
      component(C.users, 'unique', 'users'),
      component(C.latency, 'quantiles', 'latency', 2),
      component(C.pages, 'top', 'pages'),
    ],
    measures: [],
    groupings: [
      { index: 0, name: 'none', dimensions: [], hot: true },
      { index: 1, name: 'country', dimensions: [0], hot: true },
      { index: 2, name: 'device', dimensions: [1], hot: true },
      { index: 3, name: 'country,device', dimensions: [0, 1], hot: true },
    ],
    watches: [],
    latenessMs: 10_000,
    maxFutureMs: 60_000,
    duplicates: { windowMs: 60_000, maxEvents: 1000 },
    retention: {
      hot1sMs: 900_000,
      hot10sMs: 7_200_000,
      hot1mMs: 86_400_000,
      rawMs: 0,
      rollup1mMs: 0,
      rollup1hMs: 0,
      rollup1dMs: 0,
      ...changes.retention,
    },
    tenants: ['a', 'b'].map((name) => ({ name, tokenSha256: [], quotas })),
    authRequired: false,
    hot: {
      kind: 'memory',
      shards: 3,
      maxMemoryBytes: 0,
      ...changes.hot,
      redis: {
        mode: 'single',
        nodes: ['127.0.0.1:6379'],
        sentinelName: '',
        username: '',
        password: '',
        sentinelPassword: '',
        db: 0,
        tls: NO_TLS,
        keyPrefix: 'tidemark',
        ...changes.redis,
      },
    },
    cold: { kind: 'chdb', url: '', username: '', password: '', database: '', tls: NO_TLS, cluster: '', requestTimeoutMs: 1 },
    server: { host: '', port: 0, maxBodyBytes: 0 },
    query: { deadlineMs: 10_000, maxRows: 100_000, maxBuckets: 10_000, cacheTtlMs: 300_000 },
    flush: { intervalMs: 1000, maxRows: 100_000 },
    roles: { ingest: true, query: true, compact: true },
    logLevel: 'info',
  };
}
