// Fills template variables into a query. A variable with several values turns `=` into `in`, `!=` into `not in`, and a pattern into an
// alternative of its escaped values. A filter whose variable is empty says nothing and is left out. Pure: Grafana's own replacing comes in.

import type { ScopedVars } from '@grafana/data';
import { apiQueryOf, takesSeveral, type ApiQuery, type QueryFields, type QueryKind, type TidemarkFilter } from './model';
import { formatDuration } from './duration';

/** Grafana's `TemplateSrv.replace`. A format that is a function is given the variable's values. */
export type Replace = (text: string, scopedVars: ScopedVars, format?: string | ((value: unknown) => string)) => string;

/** One reference to a variable and nothing else; with an own format (`${x:csv}`) Grafana's words are taken as they are. */
const ONE_VARIABLE = /^(?:\$[A-Za-z_]\w*|\$\{[A-Za-z_][\w.]*\}|\[\[[A-Za-z_]\w*\]\])$/;

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** `$__interval` and `$__range` in the aggregator's spelling of durations, with their `_ms` and `_s` forms. */
export function macroVars(intervalMs: number, range: Range): ScopedVars {
  const rangeMs = Math.max(1_000, range.toMs - range.fromMs);
  const all = {
    __interval: formatDuration(intervalMs),
    __interval_ms: String(intervalMs),
    __range: formatDuration(rangeMs),
    __range_s: String(Math.round(rangeMs / 1_000)),
    __range_ms: String(rangeMs),
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, { text: value, value }]));
}

/** @returns the query as the aggregator takes it, without any variable that Grafana knows */
export function interpolate(query: QueryFields & { kind: QueryKind }, scopedVars: ScopedVars, replace: Replace): ApiQuery {
  const one = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : (valuesOf(text, scopedVars, replace)[0] ?? '');
  const many = (list: string[] | undefined): string[] | undefined => {
    const all = list?.flatMap((text) => valuesOf(text, scopedVars, replace)).filter((text) => text !== '');
    return all === undefined ? undefined : [...new Set(all)];
  };
  const window = query.window;
  return apiQueryOf({
    ...query,
    measure: one(query.measure),
    stat: many(query.stat),
    groupBy: many(query.groupBy),
    filters: query.filters?.flatMap((filter) => interpolateFilter(filter, scopedVars, replace)),
    bucket: one(query.bucket),
    window:
      typeof window === 'object'
        ? { size: one(window.size) ?? window.size, ...(window.slide === undefined ? {} : { slide: one(window.slide) }) }
        : window,
    compareWith: one(query.compareWith),
    legend: query.legend === undefined ? undefined : replace(query.legend, scopedVars),
    by: one(query.by),
    dimension: one(query.dimension),
    search: query.search === undefined ? undefined : replace(query.search, scopedVars),
    history: one(query.history),
    watch: many(query.watch),
    dimensions: many(query.dimensions),
    before: one(query.before),
    detector:
      query.detector?.window === undefined
        ? query.detector
        : { ...query.detector, window: one(query.detector.window) ?? query.detector.window },
  });
}

/** None, one, or the filter as it was. */
function interpolateFilter(filter: TidemarkFilter, scopedVars: ScopedVars, replace: Replace): TidemarkFilter[] {
  const dimension = valuesOf(filter.dimension, scopedVars, replace)[0] ?? '';
  const { op } = filter;
  if (op === '=~' || op === '!~') {
    if (filter.value === undefined) return [];
    const pattern = replace(filter.value, scopedVars, 'regex');
    return pattern === '' && filter.value !== '' ? [] : [{ dimension, op, value: pattern }];
  }
  if (takesSeveral(op)) {
    const given = filter.values ?? [];
    const values = given.flatMap((text) => keepUnlessEmptied(text, valuesOf(text, scopedVars, replace)));
    return values.length === 0 ? [] : [{ dimension, op, values: [...new Set(values)] }];
  }
  if (filter.value === undefined) return [];
  const values = keepUnlessEmptied(filter.value, valuesOf(filter.value, scopedVars, replace));
  if (values.length === 0) return [];
  if (values.length === 1) return [{ dimension, op, value: values[0] }];
  return [{ dimension, op: op === '=' ? 'in' : 'not in', values }];
}

/** An empty text that was written means events without the dimension; one that a variable gave means nothing was chosen. */
function keepUnlessEmptied(written: string, values: readonly string[]): string[] {
  return written === '' ? [...values] : values.filter((value) => value !== '');
}

/** The values of a text: several where it is one variable with several. */
function valuesOf(text: string, scopedVars: ScopedVars, replace: Replace): string[] {
  if (!ONE_VARIABLE.test(text.trim())) return [replace(text, scopedVars)];
  const found: string[] = [];
  const collect = (value: unknown): string => {
    if (Array.isArray(value)) found.push(...value.map(String));
    else found.push(String(value));
    return found.join(',');
  };
  const plain = replace(text.trim(), scopedVars, collect);
  // A name that Grafana does not know is left as it stands, and the aggregator says so.
  return found.length > 0 ? found : [plain];
}
