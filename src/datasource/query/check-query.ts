// What is wrong with a query, field by field, in words, while it is typed: against the catalogue where it is known. The aggregator has the
// last word; this only saves a round trip. Names with template variables in them are not judged. Pure.

import { DETECTOR_FORMS, type DetectorFields } from './detector';
import { parseDuration } from './duration';
import { takesSeveral, type QueryFields, type QueryKind, type TidemarkFilter } from './model';
import { nearest } from './nearest';
import type { Catalog, CatalogMeasure } from '../catalog';

/** The field that the words belong to; filters by their place: `filters.0`, a detector's options by name: `detector.k`. */
export type ProblemField = keyof QueryFields | `filters.${number}` | `detector.${keyof DetectorFields}`;
export type Problems = ReadonlyMap<ProblemField, string>;

const MAX_LIMIT = 10_000;

/** @param catalog null: not known (yet), so that names are not checked */
export function checkQuery(query: QueryFields & { kind: QueryKind }, catalog: Catalog | null): Problems {
  const problems = new Map<ProblemField, string>();
  const { kind } = query;
  if (query.limit !== undefined && !(Number.isInteger(query.limit) && query.limit >= 1 && query.limit <= MAX_LIMIT)) {
    problems.set('limit', `A whole number from 1 to ${MAX_LIMIT.toLocaleString('en-US')}.`);
  }
  if (kind === 'values') {
    setIf(problems, 'dimension', query.dimension ? dimensionProblem(query.dimension, catalog) : 'Choose a dimension.');
    return problems;
  }
  if (kind === 'annotations') {
    setIf(problems, 'watch', watchProblem(query.watch, catalog));
    if (query.minScore !== undefined && !(query.minScore >= 0 && query.minScore <= 1)) problems.set('minScore', 'A number from 0 to 1.');
    return problems;
  }
  query.filters?.forEach((filter, index) => setIf(problems, `filters.${index}`, filterProblem(filter, catalog)));
  if (kind === 'events' && !query.measure) return problems;

  const measure = catalog?.measures.find(({ name }) => name === query.measure);
  setIf(problems, 'measure', measureProblem(query, measure, catalog));
  if (kind === 'events') return problems;
  setIf(problems, 'stat', statProblem(query, measure));
  setIf(problems, 'groupBy', groupByProblem(query, measure, catalog));
  if (kind === 'contributors') {
    if (query.before) setIf(problems, 'before', durationProblem(query.before));
    return problems;
  }
  if (kind === 'top') {
    setIf(problems, 'by', byProblem(query, measure, catalog));
    if (measure?.kind === 'top' && query.order === 'asc') problems.set('order', 'A ranking keeps only its heaviest items.');
    return problems;
  }
  if (query.bucket !== undefined && query.bucket !== 'auto') setIf(problems, 'bucket', durationProblem(query.bucket, 'auto, or '));
  if (query.compareWith) setIf(problems, 'compareWith', compareProblem(query));
  if (typeof query.window === 'object') setIf(problems, 'window', windowProblem(query.window.size, query.window.slide));
  if (kind === 'anomaly') checkDetector(query, problems);
  return problems;
}

function setIf(problems: Map<ProblemField, string>, field: ProblemField, words: string | null): void {
  if (words !== null) problems.set(field, words);
}

function isVariable(text: string): boolean {
  return /\$[A-Za-z_{]|\[\[/.test(text);
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `There is no ${what} “${name}”.${near === null ? '' : ` Did you mean ${near}?`}`;
}

function dimensionProblem(name: string, catalog: Catalog | null): string | null {
  if (catalog === null || isVariable(name)) return null;
  const known = catalog.dimensions.map((dimension) => dimension.name);
  return known.includes(name) ? null : unknown('dimension', name, known);
}

function measureProblem(
  { kind, measure: name }: QueryFields & { kind: QueryKind },
  found: CatalogMeasure | undefined,
  catalog: Catalog | null,
): string | null {
  if (!name) return 'Choose a measure.';
  if (catalog === null || isVariable(name)) return null;
  if (found === undefined) {
    return unknown(
      'measure',
      name,
      catalog.measures.map((measure) => measure.name),
    );
  }
  if (kind !== 'top' && kind !== 'events' && found.kind === 'top') return `“${name}” is a ranking, not a number. Ask for it as Top list.`;
  return null;
}

function statProblem({ kind, stat: stats = [] }: QueryFields & { kind: QueryKind }, measure: CatalogMeasure | undefined): string | null {
  const one = kind === 'anomaly' || kind === 'contributors';
  if (one && stats.length > 1)
    return kind === 'anomaly' ? 'One number per series is judged: choose one.' : 'One number is compared: choose one.';
  if (measure === undefined) return null;
  const several = measure.kind === 'quantiles' && measure.stats.length > 1;
  if (one && stats.length === 0) return several ? `Choose one, such as ${measure.stats.at(-1) ?? 'p95'}.` : null;
  const asked = stats.filter((stat) => !isVariable(stat));
  if (measure.kind === 'quantiles') {
    const wrong = asked.find((stat) => !/^p\d{1,3}(\.\d{1,4})?$/.test(stat) || Number(stat.slice(1)) > 100);
    return wrong === undefined ? null : `“${wrong}” is no quantile. Write p50, p95 or p99.9.`;
  }
  const wrong = asked.find((stat) => stat !== 'value' && stat !== measure.kind);
  return wrong === undefined ? null : `“${measure.name}” is a ${measure.kind} and has no ${wrong}. Leave the statistic empty.`;
}

function groupByProblem(
  query: QueryFields & { kind: QueryKind },
  measure: CatalogMeasure | undefined,
  catalog: Catalog | null,
): string | null {
  const names = query.groupBy ?? [];
  const wrong = names.map((name) => dimensionProblem(name, catalog)).find((words) => words !== null);
  if (wrong !== undefined) return wrong;
  if (new Set(names).size < names.length) return 'Name each dimension once.';
  if (query.kind === 'top') return query.by && names.length > 0 ? 'A ranking of a dimension has no further groups.' : null;
  if (query.format !== 'heatmap' || measure === undefined) return null;
  if (measure.kind === 'quantiles') return names.length > 0 ? 'A heat map of quantiles shows one distribution: leave this empty.' : null;
  return names.length === 0 ? 'A heat map needs a dimension for its rows.' : null;
}

function byProblem(query: QueryFields, measure: CatalogMeasure | undefined, catalog: Catalog | null): string | null {
  if (query.by) {
    if (measure?.kind === 'top') return `“${measure.name}” ranks its own items: leave this empty.`;
    return dimensionProblem(query.by, catalog);
  }
  return measure !== undefined && measure.kind !== 'top' ? 'Choose the dimension to rank.' : null;
}

/** What the detector is told; each option by itself. */
function checkDetector({ detector = {}, history }: QueryFields, problems: Map<ProblemField, string>): void {
  if (history) setIf(problems, 'history', durationProblem(history));
  if (detector.window !== undefined) setIf(problems, 'detector.window', durationProblem(detector.window));
  for (const name of ['k', 'minDeviation', 'minRelative', 'minCount', 'consecutive'] as const) {
    const expected = detector[name] === undefined ? null : DETECTOR_FORMS[name](detector[name]);
    if (expected !== null) problems.set(`detector.${name}`, `Write ${expected}.`);
  }
}

function watchProblem(names: readonly string[] | undefined, catalog: Catalog | null): string | null {
  const known = catalog?.watches.map((watch) => watch.name);
  if (known === undefined || names === undefined) return null;
  const strange = names.find((name) => !isVariable(name) && !known.includes(name));
  if (strange === undefined) return null;
  return known.length === 0 ? 'The definition has no watches.' : unknown('watch', strange, known);
}

function durationProblem(text: string, also = ''): string | null {
  return isVariable(text) || parseDuration(text) !== null ? null : `Write ${also}a duration such as 30s, 5m, 1h or 1d.`;
}

function compareProblem({ compareWith = '', format, bucket = 'auto' }: QueryFields): string | null {
  if (format === 'heatmap') return 'A heat map cannot be compared.';
  const words = durationProblem(compareWith);
  if (words !== null) return words;
  const [shift, step] = [parseDuration(compareWith), parseDuration(bucket)];
  return shift !== null && step !== null && shift % step !== 0 ? `A shift of ${compareWith} does not fit buckets of ${bucket}.` : null;
}

function windowProblem(size: string, slide: string | undefined): string | null {
  const words = durationProblem(size) ?? (slide === undefined ? null : durationProblem(slide));
  if (words !== null) return words;
  const [sizeMs, slideMs] = [parseDuration(size), slide === undefined ? 1_000 : parseDuration(slide)];
  if (sizeMs === null || slideMs === null) return null;
  return sizeMs % slideMs === 0 ? null : `The slide must divide the size: 30s divides 5m, ${slide} does not divide ${size}.`;
}

function filterProblem({ dimension, op, value, values }: TidemarkFilter, catalog: Catalog | null): string | null {
  if (dimension === '') return 'Choose a dimension.';
  const wrong = dimensionProblem(dimension, catalog);
  if (wrong !== null) return wrong;
  if (takesSeveral(op)) return (values?.length ?? 0) > 0 ? null : 'Choose at least one value.';
  if (value === undefined) return 'Choose a value.';
  return op === '=~' || op === '!~' ? patternProblem(value) : null;
}

/** RE2 has no look-around and no back-references; the browser's own reader finds the rest. */
function patternProblem(pattern: string): string | null {
  if (isVariable(pattern)) return null;
  if (/\(\?<?[=!]|\\[1-9]/.test(pattern)) return 'Patterns are RE2: no look-around and no back-references.';
  // What RE2 writes and browsers do not: flags in the middle, and Python's named groups.
  const browsers = pattern
    .replace(/\(\?[a-zA-Z-]+\)/g, '')
    .replace(/\(\?[a-zA-Z-]+:/g, '(?:')
    .replaceAll('(?P<', '(?<');
  try {
    new RegExp(browsers);
    return null;
  } catch (error) {
    return error instanceof SyntaxError ? `Not a pattern: ${error.message.split(': ').at(-1)}.` : 'Not a pattern.';
  }
}
