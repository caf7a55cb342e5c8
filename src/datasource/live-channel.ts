// Which channel a live query has: the same for everybody who asks the same of the same data source, so that Grafana opens one stream for
// all of them. Time ranges are not in the path; the query itself travels as the subscription's data. Pure.

import { LiveChannelScope, type DataFrame, type LiveChannelAddress } from '@grafana/data';
import { apiQueryOf, type ApiQuery } from './query/model';
import { formatDuration } from './query/duration';
import { numberOf, recordOf } from './live-frame';
import { fieldKey } from './live-merge';

const SHORTEST_SPAN_MS = 1_000;
const LONGEST_SPAN_MS = 31 * 86_400_000;
/** Live rows reach back so far: enough for late events and for a short break; history has the rest. */
const DEFAULT_SPAN_MS = 5 * 60_000;
/** …and never over fewer buckets than this. */
const LEAST_BUCKETS = 10;

export interface LiveQuery {
  readonly query: ApiQuery;
  readonly spanMs: number;
  /** 0: rows have no time of their own, and each message is the whole answer. */
  readonly bucketMs: number;
  /** Keys of the series that history chose; null: all that come. Not part of the channel. */
  readonly series: ReadonlySet<string> | null;
}

export interface LiveOptions {
  readonly rangeMs: number;
  /** The data source's setting; undefined: the default. */
  readonly spanMs: number | undefined;
}

/**
 * The query that goes on where its history ended: in buckets of the same length, with the same series.
 * @param history its frame, as answered; undefined: there was none
 * @returns null where it cannot be told which buckets history has
 */
export function liveQueryOf(api: ApiQuery, history: DataFrame | undefined, { rangeMs, spanMs }: LiveOptions): LiveQuery | null {
  const inLine = api.kind === 'metric' && (api.format === undefined || api.format === 'timeseries' || api.format === 'heatmap');
  if (!inLine) return { query: apiQueryOf(api), spanMs: clampSpan(Math.ceil(rangeMs / 1_000) * 1_000), bucketMs: 0, series: null };
  const plan = recordOf(recordOf(history?.meta?.custom)['plan']);
  const bucketMs = numberOf(plan['bucketMs']);
  if (bucketMs === null || bucketMs <= 0) return null;
  const span = clampSpan(Math.max(spanMs ?? DEFAULT_SPAN_MS, LEAST_BUCKETS * bucketMs));
  const chosen = chosenSeries(api, history);
  const query = apiQueryOf({ ...chosen.api, bucket: formatDuration(bucketMs) });
  return { query, spanMs: span, bucketMs, series: chosen.series };
}

/**
 * The heaviest of the whole range are not those of the last minutes: the ones that history chose are asked for by name. Filters on several
 * dimensions also let through combinations that history did not choose, so the series are named too.
 */
function chosenSeries(api: ApiQuery, history: DataFrame | undefined): { api: ApiQuery; series: ReadonlySet<string> | null } {
  const { limit, orderBy: _orderBy, order: _order, ...rest } = api;
  if (limit === undefined || api.groupBy === undefined || history === undefined) return { api, series: null };
  const chosen = api.groupBy.map((dimension) => {
    const values = history.fields.map((field) => field.labels?.[dimension]).filter((value) => value !== undefined);
    return { dimension, op: 'in' as const, values: [...new Set(values)].sort() };
  });
  if (chosen.some(({ values }) => values.length === 0)) return { api, series: null };
  const series = new Set(history.fields.map(({ name, labels }) => fieldKey(name, labels)));
  return { api: { ...rest, filters: [...(api.filters ?? []), ...chosen] }, series };
}

function clampSpan(ms: number): number {
  return Math.min(LONGEST_SPAN_MS, Math.max(SHORTEST_SPAN_MS, ms));
}

/** Both names of the data source's uid are sent: Grafana before 12.4 reads `namespace`, later ones `stream`. */
export function channelAddress(uid: string, { query, spanMs }: Pick<LiveQuery, 'query' | 'spanMs'>): LiveChannelAddress {
  const address = {
    scope: LiveChannelScope.DataSource,
    stream: uid,
    namespace: uid,
    path: `q/${hash(stableJson({ query, spanMs }))}`,
    data: { query, spanMs },
  };
  return address;
}

/** JSON with keys in order, so that the same query has the same text. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** FNV-1a of 64 bits, forwards and backwards: 32 hex digits. Two queries of one hash would be refused, not mixed up, by the backend. */
export function hash(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return fnv(bytes) + fnv(bytes.reverse());
}

function fnv(bytes: Uint8Array): string {
  let sum = 0xcbf29ce484222325n;
  for (const byte of bytes) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
  return sum.toString(16).padStart(16, '0');
}
