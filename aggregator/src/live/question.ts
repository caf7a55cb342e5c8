// What a subscription asks, checked and brought into one form, so that equal questions are recognised as equal whoever asks them
// and however they are spelt. Pure. Refuses in words what cannot be answered live.

import type { Definition, Tenant } from '../definition/model.js';
import type { Ask, MetricAsk } from '../query/ask.js';
import { invalid } from '../query/problem.js';
import { checkQuery, type Query } from '../query/request.js';
import { resolveQuery } from '../query/resolve.js';
import { digest } from './cursor.js';
import { DEFAULT_ID } from './protocol.js';

/**
 * newest: a row hangs on its own bucket (and window), so that only the buckets that changed are read again. span: rows have times, but
 * which series there are or what stands in a row hangs on the whole span. whole: rows have no time of their own.
 */
export type Upkeep = 'newest' | 'span' | 'whole';

export interface LiveQuestion {
  readonly tenant: Tenant;
  readonly ask: Ask;
  readonly spanMs: number;
  readonly upkeep: Upkeep;
  /** Equal for equal questions of one tenant under one definition, on every process. */
  readonly digest: string;
}

const LIVE_KINDS: readonly Query['kind'][] = ['metric', 'anomaly', 'top', 'events', 'values', 'annotations'];
const DEFAULT_DATA_POINTS = 1_000;

/**
 * @param raw the query as the client sent it
 * @param definitionDigest see `definitionDigest`
 * @throws QueryProblem naming the field, what was found and what was expected
 */
export function readQuestion(def: Definition, definitionDigest: string, tenant: Tenant, raw: unknown, spanMs: number): LiveQuestion {
  const named = typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? { ...raw, refId: DEFAULT_ID } : raw;
  const checked = checkQuery(named, 'query', 0);
  if (checked.query === null) throw checked.problem;
  const { query } = checked;
  if (!LIVE_KINDS.includes(query.kind)) {
    throw invalid('LIVE_KIND', `query.kind: ${query.kind} cannot be pushed live.`, `Use one of ${LIVE_KINDS.join(', ')}, or refresh it.`, {
      path: 'query.kind',
    });
  }
  const ask = resolveQuery(def, query, 'query', DEFAULT_DATA_POINTS);
  return {
    tenant,
    ask,
    spanMs,
    upkeep: upkeepOf(ask),
    digest: digest([definitionDigest, tenant.name, spanMs, sortKeys(query)]),
  };
}

/** Differs when the same question may have another answer: what is measured, from which fields, in which groupings. */
export function definitionDigest(def: Definition): string {
  const { dimensions, fields, components, measures, groupings, latenessMs } = def;
  return digest(sortKeys({ dimensions, fields, components, measures, groupings, latenessMs }));
}

function upkeepOf(ask: Ask): Upkeep {
  // A verdict hangs on the buckets before it.
  if (ask.kind === 'anomaly') return ask.format === 'timeseries' ? 'span' : 'whole';
  if (ask.kind !== 'metric' || ask.items >= 0 || ask.format === 'total' || ask.format === 'table') return 'whole';
  const alone = ask.limit === 0 && ask.histogram < 0 && ask.fill !== 'previous' && ask.fill !== 'none';
  return alone ? 'newest' : 'span';
}

/** The same question with the bucket that was chosen for it. */
export function withBucket(ask: Ask, bucketMs: number): Ask {
  if (bucketMs <= 0) return ask;
  if (ask.kind === 'anomaly' && ask.metric.bucketMs === null) return { ...ask, metric: { ...ask.metric, bucketMs } };
  return ask.kind === 'metric' && ask.bucketMs === null ? { ...ask, bucketMs } : ask;
}

/** How far an event reaches beyond its own bucket, and which later times compare themselves with it. */
export function reachOf(ask: Ask): { readonly windowMs: number; readonly shiftMs: number | null } {
  const metric: MetricAsk | null = ask.kind === 'metric' ? ask : ask.kind === 'anomaly' ? ask.metric : null;
  return { windowMs: metric?.window?.sizeMs ?? 0, shiftMs: metric?.compare?.shiftMs ?? null };
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
