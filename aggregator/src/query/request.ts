// The query API's request as zod schemas: the one source for checking, for TypeScript's types and for OpenAPI.
// Only form is checked here; names of measures and dimensions are looked up in resolve.ts. One query that is wrong
// spoils its own refId alone; a body that is wrong as a whole is refused.

import { z } from 'zod';
import { detectorSchema } from '../anomaly/detector-schema.js';
import { invalid, problemOfSchema, suggestion, type QueryProblem } from './problem.js';
import { isTimeZone, parseTime } from './time-expression.js';

/** Most queries of one request: a dashboard panel has at most 26 letters; twice that for people with scripts. */
export const MAX_QUERIES = 52;

const name = z.string().min(1).max(128);
const text = z.string().max(1_000);

const filterSchema = z.strictObject({
  dimension: name.describe('Name of a dimension.'),
  op: z.enum(['=', '!=', 'in', 'not in', '=~', '!~']).default('=').describe('=~ and !~ take one RE2 pattern, unanchored.'),
  value: z.union([text, z.number(), z.boolean()]).optional().describe('One value; an empty string means events without this dimension.'),
  values: z
    .array(z.union([text, z.number(), z.boolean()]))
    .max(1_000)
    .optional()
    .describe('Several values, for in and not in.'),
});

const refId = z.string().min(1).max(64).describe('Names the query in the answer.');
const measure = name.describe('Name of a measure of the definition.');
const filters = z.array(filterSchema).max(32).default([]).describe('Joined by AND.');
const stat = z
  .union([name, z.array(name).min(1).max(8)])
  .optional()
  .describe('What is wanted of the measure: p50, p95, p99.9 … of quantiles; the measure itself otherwise (default).');
const limit = z.number().int().min(1).max(10_000).optional();
const order = z.enum(['desc', 'asc']).default('desc');
const legend = z.string().max(300).default('').describe('Display name with {{country}}, {{measure}}, {{stat}} and {{compare}} filled in.');
const maxDataPoints = z.number().int().min(1).max(100_000);

const metricSchema = z.strictObject({
  refId,
  kind: z.literal('metric').default('metric'),
  measure,
  stat,
  groupBy: z.array(name).max(8).default([]).describe('Dimensions; one series per combination of their values.'),
  filters,
  bucket: z.string().max(16).default('auto').describe('auto, or a duration such as 10s, 1m, 1h, 1d. Buckets are aligned to UTC.'),
  format: z
    .enum(['timeseries', 'table', 'heatmap', 'total'])
    .default('timeseries')
    .describe('table and total answer one number per series over the whole range (table: per bucket, where a bucket is given).'),
  window: z
    .union([z.literal('none'), z.strictObject({ size: z.string().max(16), slide: z.string().max(16).optional() })])
    .optional()
    .describe(
      "Sliding form: each value covers the `size` up to its bucket's end. Default: the measure's own window; none switches it off.",
    ),
  limit: limit.describe('Most series; the rest is left out, and the answer says so.'),
  orderBy: z
    .enum(['value', 'name'])
    .optional()
    .describe(
      'value: the total of additive measures, the mean of the others. Default: value for tables and where a limit is given, name otherwise.',
    ),
  order,
  compareWith: z.string().max(16).optional().describe('Adds the same series from this much earlier, e.g. 1d or 1w.'),
  fill: z
    .enum(['auto', 'null', 'zero', 'previous', 'none'])
    .default('auto')
    .describe(
      'Buckets without events. auto: 0 for count, sum and unique where data is complete, null otherwise. none: rows without any value are left out.',
    ),
  legend,
  maxDataPoints: maxDataPoints.optional().describe("Overrides the request's."),
});

const anomalySchema = metricSchema.omit({ kind: true, format: true, compareWith: true, orderBy: true }).extend({
  kind: z.literal('anomaly'),
  detector: detectorSchema.prefault({}).describe('How the series are judged, each by itself.'),
  history: z
    .string()
    .max(16)
    .optional()
    .describe('How much before the range a detector learns from, e.g. 7d. Default: by the bucket, 2d for 1m, 7d for 5m, 28d for 1h.'),
  fields: z
    .enum(['all', 'score', 'anomalous'])
    .default('all')
    .describe(
      'all: value, expected, lower, upper, score, anomalous, reason per series. score or anomalous: that alone, for an alert rule.',
    ),
  format: z
    .enum(['timeseries', 'total', 'table'])
    .default('timeseries')
    .describe('total: the newest finished bucket of each series. table: one row per episode.'),
  orderBy: z
    .enum(['score', 'value', 'name'])
    .optional()
    .describe('score: the highest in the range. Default: score where a limit is given, name otherwise.'),
});

const topSchema = z.strictObject({
  refId,
  kind: z.literal('top'),
  measure,
  by: name.optional().describe('A dimension to rank; left out: the items of a measure of kind top.'),
  stat,
  groupBy: z.array(name).max(8).default([]).describe('Items of a top measure: one ranking per combination.'),
  filters,
  limit: limit.describe("Default: the measure's own limit, or 10."),
  order,
  legend,
});

const eventsSchema = z.strictObject({
  refId,
  kind: z.literal('events'),
  measure: name.optional().describe('Only events that this measure is made of. Default: all.'),
  filters,
  limit: limit.describe('Default 100; newest first.'),
});

const valuesSchema = z.strictObject({
  refId,
  kind: z.literal('values'),
  dimension: name.describe('Whose values are listed, most frequent first.'),
  search: z.string().max(200).default('').describe('Only values that contain this text.'),
  limit: limit.describe('Default 100.'),
});

const contributorsSchema = z.strictObject({
  refId,
  kind: z.literal('contributors'),
  measure,
  stat,
  filters,
  dimensions: z.array(name).min(1).max(16).optional().describe('Looked into. Default: all that no filter holds at one value.'),
  before: z
    .string()
    .max(16)
    .optional()
    .describe('How much time before the range it is compared with. Default: as much as the range has, at least 10m.'),
  limit: limit.describe('Most values of each dimension. Default 3.'),
});

const annotationsSchema = z.strictObject({
  refId,
  kind: z.literal('annotations'),
  watch: z
    .union([name, z.array(name).max(200)])
    .optional()
    .describe("Names of watches. Default: all of the definition's."),
  minScore: z.number().min(0).max(1).default(0).describe('Only anomalies whose worst bucket scored at least this.'),
  limit: limit.describe('Default 100; newest first.'),
});

export const QUERY_SCHEMAS = {
  metric: metricSchema,
  anomaly: anomalySchema,
  top: topSchema,
  events: eventsSchema,
  values: valuesSchema,
  annotations: annotationsSchema,
  contributors: contributorsSchema,
};
const LATER_KINDS: readonly string[] = ['funnel'];

const time = z
  .union([z.number(), z.string().min(1).max(64)])
  .describe('Epoch milliseconds, ISO 8601, or relative such as now-6h or now/d.');

const envelope = {
  from: time,
  to: time.default('now'),
  timezone: z
    .string()
    .max(64)
    .default('UTC')
    .describe('IANA name, for times without an offset and for rounding such as now/d. Buckets stay aligned to UTC.'),
  maxDataPoints: maxDataPoints.default(1_000).describe('Chooses the bucket where it is auto.'),
};

/** The whole request, as OpenAPI shows it. */
export const queryRequestSchema = z.strictObject({
  ...envelope,
  queries: z
    .array(z.union([metricSchema, anomalySchema, topSchema, eventsSchema, valuesSchema, annotationsSchema, contributorsSchema]))
    .min(1)
    .max(MAX_QUERIES),
});
const envelopeSchema = z.strictObject({ ...envelope, queries: z.array(z.unknown()).min(1).max(MAX_QUERIES) });

export type MetricQuery = z.infer<typeof metricSchema>;
export type AnomalyQuery = z.infer<typeof anomalySchema>;
export type TopQuery = z.infer<typeof topSchema>;
export type EventsQuery = z.infer<typeof eventsSchema>;
export type ValuesQuery = z.infer<typeof valuesSchema>;
export type AnnotationsQuery = z.infer<typeof annotationsSchema>;
export type ContributorsQuery = z.infer<typeof contributorsSchema>;
export type Query = MetricQuery | AnomalyQuery | TopQuery | EventsQuery | ValuesQuery | AnnotationsQuery | ContributorsQuery;
export type FilterInput = z.infer<typeof filterSchema>;

/** A query that has the right form, or what is wrong with it. `at` is its place, e.g. `queries[0]`. */
export type CheckedQuery =
  | { readonly refId: string; readonly at: string; readonly query: Query; readonly problem: null }
  | { readonly refId: string; readonly at: string; readonly query: null; readonly problem: QueryProblem };

export interface CheckedRequest {
  readonly fromMs: number;
  readonly toMs: number;
  readonly maxDataPoints: number;
  /** refIds are distinct. */
  readonly queries: readonly CheckedQuery[];
}

/**
 * @param input the parsed JSON body
 * @throws QueryProblem when the body as a whole cannot be used (range, queries missing, a refId twice)
 */
export function checkRequest(input: unknown, nowMs: number): CheckedRequest {
  const parsed = envelopeSchema.safeParse(input);
  if (!parsed.success)
    throw problemOfSchema(parsed.error, input, '', (path) => (path.length === 0 ? Object.keys(envelopeSchema.shape) : []));
  const { from, to, timezone, maxDataPoints: points, queries } = parsed.data;
  if (!isTimeZone(timezone)) {
    throw invalid(
      'UNKNOWN_TIMEZONE',
      `timezone: found ${JSON.stringify(timezone)}, expected an IANA time zone.`,
      'Use a name such as UTC or Europe/Berlin.',
      { path: 'timezone' },
    );
  }
  const range = checkRange(from, to, nowMs, timezone);
  const checked = queries.map((raw, index) => checkQuery(raw, `queries[${index}]`, index));
  const seen = new Set<string>();
  for (const { refId: id, at } of checked) {
    if (seen.has(id)) {
      throw invalid(
        'DUPLICATE_REF_ID',
        `${at}.refId: ${JSON.stringify(id)} is used twice.`,
        'Give each query of a request a refId of its own.',
        { refId: id, path: `${at}.refId` },
      );
    }
    seen.add(id);
  }
  return { ...range, maxDataPoints: points, queries: checked };
}

/** @throws QueryProblem naming `from` or `to`, with what was found */
export function checkRange(
  from: number | string,
  to: number | string,
  nowMs: number,
  timeZone: string,
  names: readonly [string, string] = ['from', 'to'],
): { fromMs: number; toMs: number } {
  const [fromName, toName] = names;
  const start = parseTime(from, { nowMs, timeZone, roundUp: false });
  if (!start.ok)
    throw invalid(
      'INVALID_TIME',
      `${fromName}: found ${JSON.stringify(from)}, expected ${start.expected}.`,
      'Correct the time and ask again.',
      { path: fromName },
    );
  const end = parseTime(to, { nowMs, timeZone, roundUp: true });
  if (!end.ok)
    throw invalid('INVALID_TIME', `${toName}: found ${JSON.stringify(to)}, expected ${end.expected}.`, 'Correct the time and ask again.', {
      path: toName,
    });
  if (start.value >= end.value) {
    throw invalid(
      'EMPTY_RANGE',
      `${fromName} (${new Date(start.value).toISOString()}) is not before ${toName} (${new Date(end.value).toISOString()}).`,
      `Swap ${fromName} and ${toName}, or give ${toName} a later time.`,
      { path: fromName },
    );
  }
  return { fromMs: start.value, toMs: end.value };
}

/** @param index names a query without a refId */
export function checkQuery(raw: unknown, at: string, index: number): CheckedQuery {
  const given = typeof raw === 'object' && raw !== null ? Reflect.get(raw, 'refId') : undefined;
  const id = typeof given === 'string' && given.length > 0 && given.length <= 64 ? given : `#${index}`;
  const kind: unknown = typeof raw === 'object' && raw !== null ? (Reflect.get(raw, 'kind') ?? 'metric') : 'metric';
  const schema = typeof kind === 'string' && isKind(kind) ? QUERY_SCHEMAS[kind] : null;
  if (schema === null) return { refId: id, at, query: null, problem: unknownKind(kind, at, id) };
  const parsed = schema.safeParse(raw);
  if (!parsed.success)
    return { refId: id, at, query: null, problem: problemOfSchema(parsed.error, raw, at, (path) => fieldsAt(schema, path), id) };
  return { refId: parsed.data.refId, at, query: parsed.data, problem: null };
}

type Kind = keyof typeof QUERY_SCHEMAS;

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(QUERY_SCHEMAS, kind);
}

/** Names of the fields of a query, or of one of its filters. */
function fieldsAt(schema: { readonly shape: object }, path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(schema.shape);
  if (path[0] === 'detector' && path.length === 1) return Object.keys(detectorSchema.shape);
  return path[0] === 'filters' && path.length === 2 ? Object.keys(filterSchema.shape) : [];
}

function unknownKind(kind: unknown, at: string, id: string): QueryProblem {
  const path = `${at}.kind`;
  const kinds = Object.keys(QUERY_SCHEMAS);
  if (typeof kind === 'string' && LATER_KINDS.includes(kind)) {
    return invalid('NOT_SUPPORTED_YET', `${path}: queries of kind ${kind} are not supported yet.`, `Use one of ${kinds.join(', ')}.`, {
      refId: id,
      path,
    });
  }
  const found = typeof kind === 'string' ? kind : '';
  return invalid(
    'UNKNOWN_KIND',
    `${path}: found ${JSON.stringify(kind)?.slice(0, 80) ?? 'nothing'}, expected one of ${kinds.join(', ')}.`,
    suggestion(found, kinds, 'kind'),
    { refId: id, path },
  );
}
