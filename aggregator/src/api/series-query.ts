// The curl-friendly form of a query: its parameters as a query of the API, and the answer's frame as plain series or CSV.
// Pure, but for the checks that refuse.

import { z } from 'zod';
import type { DataFrame, FieldSchema } from '../query/data-frame.js';
import { invalid, type Problem } from '../query/problem.js';
import { csvLine, type Cell } from './csv.js';

const list = z.string().max(2_000);

export const seriesParams = z.object({ measure: z.string().min(1).max(128).describe('Name of a measure.') });

export const seriesQuery = z.strictObject({
  start: z.string().min(1).max(64).default('now-1h').describe('Epoch milliseconds, ISO 8601, or relative such as now-6h.'),
  end: z.string().min(1).max(64).default('now'),
  granularity: z.string().max(16).default('auto').describe('auto, or a bucket such as 1m.'),
  dimensions: list.default('').describe('Dimensions to group by, comma-separated.'),
  filter: z
    .union([list, z.array(list).max(32)])
    .default([])
    .describe(
      'country:DE,FR (any of), country!:DE (none of), country~:^D (RE2 pattern), country!~:^D; may be repeated. A comma in a value is written \\,',
    ),
  stat: z.string().max(100).optional().describe('Of quantiles: p50, p95 …, comma-separated.'),
  fill: z.enum(['auto', 'null', 'zero', 'previous', 'none']).default('auto'),
  limit: z.coerce.number().int().min(1).max(10_000).optional().describe('Most series.'),
  compareWith: z.string().max(16).optional().describe('The same series from this much earlier, e.g. 1d.'),
  timezone: z.string().max(64).default('UTC'),
  maxDataPoints: z.coerce.number().int().min(1).max(100_000).default(1_000),
  format: z.enum(['json', 'csv']).optional().describe('Instead of the Accept header.'),
});
export type SeriesQuery = z.infer<typeof seriesQuery>;

/** The body of POST /api/v1/query that asks the same. @throws QueryProblem when a filter cannot be read */
export function queryBodyOf(measure: string, query: SeriesQuery): object {
  const filters = (typeof query.filter === 'string' ? [query.filter] : query.filter).filter((text) => text !== '').map(parseFilter);
  const names = (text: string): string[] =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  return {
    from: query.start,
    to: query.end,
    timezone: query.timezone,
    maxDataPoints: query.maxDataPoints,
    queries: [
      {
        refId: 'series',
        measure,
        bucket: query.granularity,
        groupBy: names(query.dimensions),
        filters,
        fill: query.fill,
        ...(query.stat === undefined ? {} : { stat: names(query.stat) }),
        ...(query.limit === undefined ? {} : { limit: query.limit }),
        ...(query.compareWith === undefined ? {} : { compareWith: query.compareWith }),
      },
    ],
  };
}

const FILTER_OPS: Readonly<Record<string, string>> = { ':': 'in', '!:': 'not in', '~:': '=~', '!~:': '!~' };

function parseFilter(text: string, index: number): object {
  const match = /^([\p{L}\p{N}_.-]{1,128})(!~:|~:|!:|:)(.*)$/su.exec(text);
  if (match === null) {
    throw invalid(
      'INVALID_PARAMETER',
      `filter: found ${JSON.stringify(text.slice(0, 80))}, expected dimension:value.`,
      'For example filter=country:DE,FR or filter=country!:DE.',
      { path: index === 0 ? 'filter' : `filter[${index}]` },
    );
  }
  const [, dimension, sign, value] = match;
  const op = FILTER_OPS[sign];
  if (op === '=~' || op === '!~') return { dimension, op, value };
  return { dimension, op, values: splitValues(value) };
}

/** At commas that no backslash stands before. */
function splitValues(text: string): string[] {
  const values = [''];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\' && (text[at + 1] === ',' || text[at + 1] === '\\')) values[values.length - 1] += text[++at];
    else if (text[at] === ',') values.push('');
    else values[values.length - 1] += text[at];
  }
  return values;
}

const PARAMETER_OF: readonly (readonly [RegExp, string])[] = [
  [/^queries\[0\]\.bucket/, 'granularity'],
  [/^queries\[0\]\.groupBy/, 'dimensions'],
  [/^queries\[0\]\.filters/, 'filter'],
  [/^queries\[0\]\./, ''],
  [/^from$/, 'start'],
  [/^to$/, 'end'],
];

/** The same problem in the words of the parameters. */
export function problemInParameters(problem: Problem): Problem {
  const { path, refId: _, ...rest } = problem;
  if (path === undefined) return rest;
  if (rest.code === 'EMPTY_RANGE') {
    // Both ends are named, in the message and in the remedy.
    const message = rest.message.replace(/^from /, 'start ').replace(' before to ', ' before end ');
    return { ...rest, message, remedy: 'Swap start and end, or give end a later time.', path: 'start' };
  }
  if (rest.code === 'NOT_A_NUMBER') rest.remedy = "Ask for it by POST /api/v1/query with kind: 'top'.";
  const rule = PARAMETER_OF.find(([pattern]) => pattern.test(path));
  const parameter = rule === undefined ? path : path.replace(rule[0], rule[1]);
  const message = rest.message.startsWith(path)
    ? `${parameter}${rest.message.slice(path.length)}`
    : rest.message.replace(/^(from|to)\b/, (word) => (word === 'from' ? 'start' : 'end'));
  return { ...rest, message, path: parameter };
}

export interface SeriesAnswer {
  readonly measure: string;
  readonly unit: string;
  /** Of buckets, ms. */
  readonly bucketMs: unknown;
  readonly effectiveRange: unknown;
  /** Epoch ms of the first bucket that is not finished; null when all are. */
  readonly partialFrom: unknown;
  readonly notices: readonly string[];
  readonly series: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly points: readonly (readonly [number, number | null])[];
  }[];
}

export function seriesJson(measure: string, frame: DataFrame): SeriesAnswer {
  const { fields, meta } = frame.schema;
  const [times = [], ...columns] = frame.data.values;
  const custom = meta.custom ?? {};
  const plan = custom['plan'];
  return {
    measure,
    unit: fields[1]?.config?.unit ?? '',
    bucketMs: typeof plan === 'object' && plan !== null && 'bucketMs' in plan ? plan.bucketMs : null,
    effectiveRange: custom['effectiveRange'] ?? null,
    partialFrom: custom['partialFrom'] ?? null,
    notices: (meta.notices ?? []).map((notice) => notice.text),
    series: columns.map((values, index) => {
      const field = fields[index + 1];
      return {
        name: field.name,
        labels: field.labels ?? {},
        points: values.map((value, row) => [Number(times[row]), typeof value === 'number' ? value : null] as const),
      };
    }),
  };
}

/** Columns: time (ISO 8601), the dimensions, then the numbers; a row per bucket and combination of values. */
export function seriesCsv(dimensions: readonly string[], compared: boolean, frame: DataFrame): string {
  const fields = frame.schema.fields.slice(1);
  const labels = compared ? [...dimensions, 'compareWith'] : dimensions;
  const names = [...new Set(fields.map((field) => field.name))];
  const groups = new Map<string, (FieldSchema | null)[]>();
  const columnOf = new Map(fields.map((field, index) => [field, index + 1]));
  for (const field of fields) {
    const key = JSON.stringify(labels.map((label) => field.labels?.[label] ?? ''));
    const group = groups.get(key) ?? names.map(() => null);
    groups.set(key, group);
    group[names.indexOf(field.name)] = field;
  }
  let text = csvLine(['time', ...labels, ...names]);
  const times = frame.data.values[0] ?? [];
  for (let row = 0; row < times.length; row++) {
    const time = new Date(Number(times[row])).toISOString();
    for (const [key, group] of groups) {
      const cells = group.map((field): Cell => (field === null ? null : (frame.data.values[columnOf.get(field) ?? 0][row] ?? null)));
      const values: string[] = JSON.parse(key);
      text += csvLine([time, ...values, ...cells]);
    }
  }
  return text;
}
