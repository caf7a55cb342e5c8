// A small web shop's definition as the compiler would make it, for this room's tests and benchmark.

import type { Component, Condition, Definition, Field, TimeFormat } from '../definition/model.js';
import type { RecordBatch } from '../source/log.js';

export interface FieldSpec {
  readonly name: string;
  readonly path?: readonly string[];
  readonly type?: Field['type'];
  readonly decimals?: number;
  readonly interned?: boolean;
}

export interface ComponentSpec {
  readonly kind: Component['kind'];
  readonly field?: string;
  readonly where?: readonly { readonly field: string; readonly op: Condition['op']; readonly values?: readonly (string | number)[] }[];
  readonly weightField?: string;
}

export interface DefinitionSpec {
  readonly fields: readonly FieldSpec[];
  readonly id?: string;
  readonly time?: string;
  readonly timeFormat?: TimeFormat;
  readonly tenant?: string;
  readonly tenants?: readonly string[];
  readonly components?: readonly ComponentSpec[];
  readonly maxRecordBytes?: number;
  readonly rawMs?: number;
  readonly maxFutureMs?: number;
}

export const SHOP_FIELDS: readonly FieldSpec[] = [
  { name: 'id' },
  { name: 'ts', type: 'time' },
  { name: 'type', interned: true },
  { name: 'user' },
  { name: 'session' },
  { name: 'country', path: ['geo', 'country'], interned: true },
  { name: 'device', interned: true },
  { name: 'category', path: ['product', 'category'], interned: true },
  { name: 'product', path: ['product', 'id'], interned: true },
  { name: 'url' },
  { name: 'amount', type: 'number', decimals: 2 },
  { name: 'latency_ms', type: 'number', decimals: 1 },
];

export function definitionOf(spec: DefinitionSpec): Definition {
  const fields: Field[] = spec.fields.map((field, index) => ({
    index,
    name: field.name,
    path: field.path ?? [field.name],
    type: field.type ?? 'string',
    decimals: field.decimals ?? 0,
    interned: field.interned ?? false,
  }));
  const indexOf = (name: string | undefined): number => fields.findIndex((field) => field.name === name);
  const components: Component[] = (spec.components ?? [{ kind: 'count' }]).map((component, index) => ({
    index,
    kind: component.kind,
    key: `c${index}`,
    field: indexOf(component.field),
    where: (component.where ?? []).map((c) => ({ field: indexOf(c.field), op: c.op, values: c.values ?? [] })),
    decimals: 0,
    weightField: indexOf(component.weightField),
    keep: 100,
    quantiles: [],
  }));
  const tls = { enabled: false, ca: '', cert: '', key: '', serverName: '', insecureSkipVerify: false };
  return {
    name: 'shop',
    layoutHash: '0',
    dataDir: '',
    source: {
      format: 'json',
      demo: null,
      kafka: {
        brokers: [],
        topics: ['shop'],
        group: 'g',
        clientId: 'c',
        start: { from: 'earliest' },
        tls,
        sasl: null,
        maxRecordBytes: spec.maxRecordBytes ?? 1_000_000,
        sessionTimeoutMs: 30_000,
        deadLetterTopic: '',
      },
    },
    fields,
    event: {
      id: indexOf(spec.id ?? 'id'),
      time: indexOf(spec.time ?? 'ts'),
      timeFormat: spec.timeFormat ?? 'auto',
      type: -1,
      user: indexOf('user'),
      session: indexOf('session'),
      tenant: indexOf(spec.tenant),
    },
    dimensions: [],
    components,
    measures: [],
    groupings: [],
    watches: [],
    latenessMs: 10_000,
    maxFutureMs: spec.maxFutureMs ?? 1e15,
    duplicates: { windowMs: 0, maxEvents: 0 },
    retention: { hot1sMs: 0, hot10sMs: 0, hot1mMs: 0, rawMs: spec.rawMs ?? 1e15, rollup1mMs: 0, rollup1hMs: 0, rollup1dMs: 0 },
    tenants: (spec.tenants ?? ['default']).map((name) => ({
      name,
      tokenSha256: [],
      quotas: {
        queriesInFlight: 0,
        queriesPerSecond: 0,
        seriesPerQuery: 0,
        ingestEventsPerSecond: 0,
        liveSubscriptions: 0,
        liveQueries: 0,
      },
    })),
    authRequired: false,
    hot: {
      kind: 'memory',
      redis: { mode: 'single', nodes: [], sentinelName: '', username: '', password: '', sentinelPassword: '', db: 0, tls, keyPrefix: '' },
      shards: 1,
      maxMemoryBytes: 0,
    },
    cold: { kind: 'chdb', url: '', username: '', password: '', database: '', tls, cluster: '', requestTimeoutMs: 0 },
    server: { host: '', port: 0, maxBodyBytes: 1_000_000 },
    query: { deadlineMs: 0, maxRows: 0, maxBuckets: 0, cacheTtlMs: 0 },
    flush: { intervalMs: 1000, maxRows: 0 },
    roles: { ingest: true, query: true, compact: true },
    logLevel: 'info',
  };
}

/** Records side by side in one array, as a source hands them over; null is a tombstone. */
export function batchOf(values: readonly (string | Uint8Array | null)[], timestampMs = 1_795_000_000_000): RecordBatch {
  const chunks = values.map((value) => (value === null ? new Uint8Array(0) : typeof value === 'string' ? Buffer.from(value) : value));
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  const start = new Int32Array(values.length);
  const end = new Int32Array(values.length);
  let at = 0;
  chunks.forEach((chunk, i) => {
    bytes.set(chunk, at);
    start[i] = at;
    end[i] = values[i] === null ? -1 : at + chunk.length;
    at += chunk.length;
  });
  return {
    partition: 'shop/0',
    generation: 1,
    count: values.length,
    bytes,
    start,
    end,
    offset: Float64Array.from(values, (_, i) => i),
    timestampMs: new Float64Array(values.length).fill(timestampMs),
    logEnd: values.length,
  };
}

/** Numbers in [0, 1) from a seed (mulberry32, T. Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** JSON events of a web shop, about 283 bytes each, of four layouts. */
export function shopEvents(count: number, seed: number): string[] {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  const countries = ['DE', 'US', 'FR', 'GB', 'IT', 'ES', 'NL', 'PL', 'SE', 'JP', 'BR', 'IN'];
  const devices = ['desktop', 'mobile', 'tablet'];
  const categories = ['shoes', 'shirts', 'outdoor', 'garden', 'books', 'toys', 'kitchen', 'audio'];
  const events: string[] = [];
  for (let i = 0; i < count; i++) {
    const type = pick(['page_view', 'page_view', 'page_view', 'cart_add', 'checkout_started', 'payment_completed']);
    const user = Math.floor(random() * 50_000);
    const product = Math.floor(random() * 2_000);
    events.push(
      JSON.stringify({
        id: `${Math.floor(random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0')}-${i.toString(16).padStart(12, '0')}`,
        ts: new Date(1_795_000_000_000 + i * 3).toISOString(),
        type,
        user: `u-${user}`,
        session: `s-${user}-${Math.floor(random() * 9)}`,
        geo: { country: pick(countries), city: 'Springfield' },
        device: pick(devices),
        product: { id: `p-${product}`, category: pick(categories), price: Math.round(random() * 20_000) / 100 },
        url: `/c/${pick(categories)}/p-${product}?ref=home`,
        ...(type === 'payment_completed' ? { amount: Math.round(random() * 50_000) / 100, currency: 'EUR' } : {}),
        ...(type === 'cart_add' ? { quantity: 1 + Math.floor(random() * 3) } : {}),
        latency_ms: Math.round(random() * 9_000) / 10,
      }),
    );
  }
  return events;
}
