// From a query of the right form to one that this definition can answer: names become indices, a measure becomes the
// outputs that tiers are asked for. Pure. Every refusal names the field, what was found and the nearest valid name.

import { RE2JS } from 're2js';
import type { Definition, Measure } from '../definition/model.js';
import { resolveOptions } from '../anomaly/options.js';
import { TidemarkError } from '../errors.js';
import { detectorOptions } from '../anomaly/detector-schema.js';
import type {
  AnnotationsAsk,
  AnomalyAsk,
  Ask,
  ContributorsAsk,
  EventsAsk,
  Formula,
  MetricAsk,
  SlidingWindow,
  Stat,
  ValuesAsk,
} from './ask.js';
import { invalid, quote, suggestion, type QueryProblem } from './problem.js';
import type {
  AnnotationsQuery,
  AnomalyQuery,
  ContributorsQuery,
  EventsQuery,
  FilterInput,
  MetricQuery,
  Query,
  TopQuery,
  ValuesQuery,
} from './request.js';
import type { Filter, Output } from './tier-read.js';
import { DAY_MS, formatDuration, parseDuration, SECOND_MS } from './time-expression.js';

const DEFAULT_TOP = 10;
const DEFAULT_ROWS = 100;
const DEFAULT_CONTRIBUTORS = 3;
/** Values of a dimension that are compared: the heaviest. */
const COMPARED_VALUES = 200;

/** @throws QueryProblem when a name is unknown or the parts do not go together */
export function resolveQuery(def: Definition, query: Query, at: string, maxDataPoints: number): Ask {
  const names = new Names(def, query.refId, at);
  switch (query.kind) {
    case 'metric':
      return metricAsk(names, query, maxDataPoints);
    case 'anomaly':
      return anomalyAsk(names, query, maxDataPoints);
    case 'top':
      return topAsk(names, query, maxDataPoints);
    case 'events':
      return eventsAsk(names, query);
    case 'values':
      return valuesAsk(names, query);
    case 'annotations':
      return annotationsAsk(names, query);
    case 'contributors':
      return contributorsAsk(names, query, maxDataPoints);
  }
}

function metricAsk(names: Names, query: MetricQuery, maxDataPoints: number): MetricAsk {
  const measure = names.measure(query.measure);
  const groupBy = names.dimensions(query.groupBy, 'groupBy');
  if (measure.kind === 'top') {
    throw names.problem('NOT_A_NUMBER', 'measure', `${quote(measure.name)} is a ranking, not a number.`, "Ask for it with kind: 'top'.");
  }
  const outputs = new Outputs();
  const heatmapOfQuantiles = query.format === 'heatmap' && measure.kind === 'quantiles';
  if (heatmapOfQuantiles && groupBy.length > 0) {
    throw names.problem(
      'HEATMAP_GROUPED',
      'groupBy',
      'a heat map of quantiles shows one distribution.',
      'Leave groupBy out, or use filters.',
    );
  }
  if (query.format === 'heatmap' && !heatmapOfQuantiles && groupBy.length === 0) {
    throw names.problem(
      'HEATMAP_UNGROUPED',
      'groupBy',
      'a heat map needs a dimension for its rows.',
      'Name a dimension in groupBy, or use a measure of kind quantiles.',
    );
  }
  const histogram = heatmapOfQuantiles ? outputs.add({ component: measure.components[0], stat: 'histogram' }) : -1;
  const stats = heatmapOfQuantiles ? [] : statsOf(names, measure, query.stat, outputs);
  if (query.format === 'heatmap' && stats.length > 1) stats.length = 1;
  const compare =
    query.compareWith === undefined ? null : { shiftMs: names.duration(query.compareWith, 'compareWith'), text: query.compareWith };
  if (compare !== null && query.format === 'heatmap') {
    throw names.problem('HEATMAP_COMPARED', 'compareWith', 'a heat map cannot be compared.', 'Leave compareWith out.');
  }
  const orderBy = query.orderBy ?? (query.limit !== undefined || query.format === 'table' ? 'value' : 'name');
  return {
    kind: 'metric',
    refId: query.refId,
    at: names.at,
    measure,
    stats,
    outputs: outputs.list,
    histogram,
    items: -1,
    groupBy,
    filters: names.filters(query.filters),
    format: query.format,
    bucketMs: query.bucket === 'auto' ? null : names.duration(query.bucket, 'bucket'),
    window: windowOf(names, measure, query.window),
    limit: query.limit ?? 0,
    orderBy,
    order: query.order,
    compare,
    fill: query.fill,
    legend: query.legend,
    maxDataPoints: query.maxDataPoints ?? maxDataPoints,
  };
}

function anomalyAsk(names: Names, query: AnomalyQuery, maxDataPoints: number): AnomalyAsk {
  const { detector, history, fields, format, orderBy, order, limit, ...rest } = query;
  const metric = metricAsk(names, { ...rest, kind: 'metric', format: 'timeseries', orderBy: 'name', order: 'desc' }, maxDataPoints);
  if (metric.stats.length !== 1) {
    const all = metric.stats.map((stat) => stat.name);
    throw names.problem(
      'STAT_MANY',
      'stat',
      `one number per series is judged, but ${quote(metric.measure.name)} has ${all.join(', ')}.`,
      `Name one, such as stat: '${all[all.length - 1]}'.`,
    );
  }
  const options = detectorOptions(detector, (text, field) => names.duration(text, `detector.${field}`));
  try {
    resolveOptions(options);
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    throw names.problem('ANOMALY_OPTION', 'detector', error.message, error.remedy);
  }
  return {
    kind: 'anomaly',
    refId: query.refId,
    at: names.at,
    // A gap is a null or a zero to be judged; rows must not be left out.
    metric: { ...metric, fill: metric.fill === 'none' ? 'auto' : metric.fill },
    detector: options,
    historyMs: history === undefined ? null : names.duration(history, 'history'),
    fields,
    format,
    orderBy: orderBy ?? (limit === undefined ? 'name' : 'score'),
    order,
    limit: limit ?? 0,
  };
}

function contributorsAsk(names: Names, query: ContributorsQuery, maxDataPoints: number): ContributorsAsk {
  const held = new Set(query.filters.flatMap(({ dimension, op }) => (op === '=' ? [dimension] : [])));
  const all = names.def.dimensions.map(({ name }) => name).filter((name) => !held.has(name));
  const dimensions = names.dimensions(query.dimensions ?? all, 'dimensions').map((index) => names.def.dimensions[index].name);
  const total = {
    format: 'total',
    bucket: 'auto',
    window: 'none',
    limit: COMPARED_VALUES,
    order: 'desc',
    fill: 'auto',
    legend: '',
  } as const;
  const { refId, measure, stat, filters } = query;
  const metrics = dimensions.map((dimension) =>
    metricAsk(names, { ...total, kind: 'metric', refId, measure, stat, filters, groupBy: [dimension] }, maxDataPoints),
  );
  if (metrics.length === 0)
    throw names.problem('NOTHING_TO_LOOK_INTO', 'dimensions', 'every dimension is held at one value.', 'Leave a filter out.');
  if (metrics[0].stats.length !== 1) throw names.problem('STAT_MANY', 'stat', 'one number is compared.', "Name one, such as stat: 'p95'.");
  return {
    kind: 'contributors',
    refId,
    at: names.at,
    measure: metrics[0].measure,
    metrics,
    beforeMs: query.before === undefined ? null : names.duration(query.before, 'before'),
    limit: query.limit ?? DEFAULT_CONTRIBUTORS,
  };
}

function topAsk(names: Names, query: TopQuery, maxDataPoints: number): MetricAsk {
  const measure = names.measure(query.measure);
  const outputs = new Outputs();
  const limit = query.limit ?? (measure.limit > 0 ? measure.limit : DEFAULT_TOP);
  const shared = {
    kind: 'metric' as const,
    refId: query.refId,
    at: names.at,
    measure,
    histogram: -1,
    filters: names.filters(query.filters),
    format: 'table' as const,
    bucketMs: null,
    window: null,
    limit,
    orderBy: 'value' as const,
    order: query.order,
    compare: null,
    fill: 'auto' as const,
    legend: query.legend,
    maxDataPoints,
  };
  if (query.by !== undefined) {
    if (measure.kind === 'top') {
      throw names.problem(
        'RANKED_TWICE',
        'by',
        `${quote(measure.name)} ranks its own items.`,
        'Leave by out, or rank the dimension by a count, sum or unique measure.',
      );
    }
    if (query.groupBy.length > 0) {
      throw names.problem(
        'TOP_GROUPED',
        'groupBy',
        'a ranking of a dimension has no further groups.',
        "Leave groupBy out, or use kind: 'metric' with format: 'table'.",
      );
    }
    const stats = statsOf(names, measure, query.stat, outputs);
    return { ...shared, stats, outputs: outputs.list, items: -1, groupBy: names.dimensions([query.by], 'by') };
  }
  if (measure.kind !== 'top') {
    throw names.problem(
      'NOTHING_TO_RANK',
      'by',
      `${quote(measure.name)} has no items of its own.`,
      'Name a dimension in by, or use a measure of kind top.',
    );
  }
  const component = names.def.components[measure.components[0]];
  if (query.order === 'asc') {
    throw names.problem('NO_LIGHTEST', 'order', 'a measure of kind top keeps only its heaviest items.', "Use order: 'desc'.");
  }
  if (limit > component.keep) {
    throw names.problem(
      'TOP_LIMIT',
      'limit',
      `found ${limit}, but ${quote(measure.name)} keeps ${component.keep} items.`,
      `Ask for at most ${component.keep}, or raise the measure's limit in the definition.`,
    );
  }
  const items = outputs.add({ component: component.index, stat: 'items', limit });
  return { ...shared, stats: [], outputs: outputs.list, items, groupBy: names.dimensions(query.groupBy, 'groupBy') };
}

function eventsAsk(names: Names, query: EventsQuery): EventsAsk {
  const components = query.measure === undefined ? [] : componentsOf(names.def, names.measure(query.measure));
  const { refId, limit = DEFAULT_ROWS } = query;
  return { kind: 'events', refId, at: names.at, components, filters: names.filters(query.filters), limit };
}

/** A ratio is made of the events of both its measures. */
function componentsOf(def: Definition, measure: Measure): readonly number[] {
  if (measure.kind !== 'ratio') return measure.components;
  return [measure.numerator, measure.denominator].flatMap((index) => componentsOf(def, def.measures[index]));
}

function valuesAsk(names: Names, query: ValuesQuery): ValuesAsk {
  const [dimension] = names.dimensions([query.dimension], 'dimension');
  return { kind: 'values', refId: query.refId, at: names.at, dimension, search: query.search, limit: query.limit ?? DEFAULT_ROWS };
}

function annotationsAsk(names: Names, query: AnnotationsQuery): AnnotationsAsk {
  const wanted = query.watch === undefined ? [] : typeof query.watch === 'string' ? [query.watch] : query.watch;
  const known = names.def.watches.map((watch) => watch.name);
  const strange = wanted.find((name) => !known.includes(name));
  if (strange !== undefined) {
    const remedy = known.length === 0 ? 'The definition has no watches.' : suggestion(strange, known, 'watch');
    throw names.problem('UNKNOWN_WATCH', 'watch', `there is no watch ${quote(strange)}.`, remedy);
  }
  return {
    kind: 'annotations',
    refId: query.refId,
    at: names.at,
    watches: wanted,
    minScore: query.minScore,
    limit: query.limit ?? DEFAULT_ROWS,
  };
}

/** Collects what tiers are asked; equal outputs are asked once. Output 0 counts events. */
class Outputs {
  readonly list: Output[] = [{ component: 0, stat: 'value' }];

  add(output: Output): number {
    const key = JSON.stringify(output);
    const known = this.list.findIndex((candidate) => JSON.stringify(candidate) === key);
    return known >= 0 ? known : this.list.push(output) - 1;
  }
}

function statsOf(names: Names, measure: Measure, asked: string | string[] | undefined, outputs: Outputs): Stat[] {
  const list = asked === undefined ? [] : typeof asked === 'string' ? [asked] : asked;
  if (measure.kind === 'quantiles') {
    const ready = measure.quantiles.map(quantileName);
    const wanted = list.length > 0 ? [...new Set(list)] : ready;
    return wanted.map((stat) => {
      const q = parseQuantile(stat);
      if (q === null) {
        throw names.problem(
          'UNKNOWN_STAT',
          'stat',
          `found ${quote(stat)}, expected a quantile of ${quote(measure.name)} such as p50 or p99.9.`,
          suggestion(stat, ready, 'quantile'),
        );
      }
      const output = outputs.add({ component: measure.components[0], stat: 'quantile', q });
      return { name: quantileName(q), formula: { op: 'output', output }, zeroWhenEmpty: false, additive: false };
    });
  }
  const other = list.find((stat) => stat !== 'value' && stat !== measure.kind);
  if (other !== undefined) {
    throw names.problem(
      'UNKNOWN_STAT',
      'stat',
      `found ${quote(other)}, but ${quote(measure.name)} is a ${measure.kind}.`,
      `Leave stat out, or use ${measure.kind}.`,
    );
  }
  const additive = measure.kind === 'count' || measure.kind === 'sum';
  return [
    { name: 'value', formula: formulaOf(names.def, measure, outputs), zeroWhenEmpty: additive || measure.kind === 'unique', additive },
  ];
}

function formulaOf(def: Definition, measure: Measure, outputs: Outputs): Formula {
  const value = (component: number): Formula => ({ op: 'output', output: outputs.add({ component, stat: 'value' }) });
  switch (measure.kind) {
    case 'unique':
      return { op: 'output', output: outputs.add({ component: measure.components[0], stat: 'estimate' }) };
    case 'avg':
      return { op: 'divide', numerator: value(measure.components[0]), denominator: value(measure.components[1]) };
    case 'ratio':
      return {
        op: 'divide',
        numerator: formulaOf(def, def.measures[measure.numerator], outputs),
        denominator: formulaOf(def, def.measures[measure.denominator], outputs),
      };
    default:
      return value(measure.components[0]);
  }
}

/** 0.95 → `p95`, 0.999 → `p99.9`. */
export function quantileName(q: number): string {
  return `p${Number((q * 100).toFixed(6))}`;
}

function parseQuantile(text: string): number | null {
  const match = /^p(\d{1,3}(?:\.\d{1,4})?)$/.exec(text);
  const percent = match === null ? NaN : Number(match[1]);
  return percent >= 0 && percent <= 100 ? Number((percent / 100).toFixed(8)) : null;
}

function windowOf(names: Names, measure: Measure, given: MetricQuery['window']): SlidingWindow | null {
  if (given === 'none') return null;
  if (given === undefined) return measure.window;
  const sizeMs = names.duration(given.size, 'window.size');
  const slideMs = given.slide === undefined ? SECOND_MS : names.duration(given.slide, 'window.slide');
  if (sizeMs % slideMs !== 0) {
    throw names.problem(
      'WINDOW_SLIDE',
      'window.slide',
      `the size ${given.size} is not a multiple of the slide ${given.slide ?? '1s'}.`,
      'Use a slide that divides the size, such as 30s for 5m.',
    );
  }
  if (sizeMs > 90 * DAY_MS) {
    throw names.problem(
      'WINDOW_SIZE',
      'window.size',
      `found ${given.size}, expected at most 90d.`,
      'Use a smaller window, or a total over the range.',
    );
  }
  return { sizeMs, slideMs };
}

/** Looks names up and makes the problems of one query. */
class Names {
  constructor(
    readonly def: Definition,
    readonly refId: string,
    readonly at: string,
  ) {}

  problem(code: string, field: string, message: string, remedy: string): QueryProblem {
    const path = `${this.at}.${field}`;
    return invalid(code, `${path}: ${message}`, remedy, { refId: this.refId, path });
  }

  measure(name: string): Measure {
    const measure = this.def.measures.find((candidate) => candidate.name === name);
    if (measure !== undefined) return measure;
    const known = this.def.measures.map((candidate) => candidate.name);
    throw this.problem('UNKNOWN_MEASURE', 'measure', `there is no measure ${quote(name)}.`, suggestion(name, known, 'measure'));
  }

  dimension(name: string, field: string): number {
    const dimension = this.def.dimensions.find((candidate) => candidate.name === name);
    if (dimension !== undefined) return dimension.index;
    const known = this.def.dimensions.map((candidate) => candidate.name);
    throw this.problem('UNKNOWN_DIMENSION', field, `there is no dimension ${quote(name)}.`, suggestion(name, known, 'dimension'));
  }

  dimensions(names: readonly string[], field: string): number[] {
    const found = names.map((name, index) =>
      this.dimension(name, names.length === 1 && field !== 'groupBy' ? field : `${field}[${index}]`),
    );
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw this.problem('DIMENSION_TWICE', field, `${quote(twice)} is named twice.`, 'Name each dimension once.');
    return found;
  }

  duration(text: string, field: string): number {
    const parsed = parseDuration(text);
    if (!parsed.ok)
      throw this.problem(
        'INVALID_DURATION',
        field,
        `found ${quote(text)}, expected ${parsed.expected}.`,
        `For example ${formatDuration(300_000)}.`,
      );
    return parsed.value;
  }

  filters(inputs: readonly FilterInput[]): Filter[] {
    return inputs.map((input, index) => {
      const field = `filters[${index}]`;
      const dimension = this.dimension(input.dimension, `${field}.dimension`);
      if (input.value !== undefined && input.values !== undefined) {
        throw this.problem('VALUE_TWICE', field, 'both value and values are given.', 'Give one of them.');
      }
      const values = (input.values ?? (input.value === undefined ? [] : [input.value])).map(String);
      const many = input.op === 'in' || input.op === 'not in';
      if (values.length === 0) {
        throw this.problem(
          'VALUE_MISSING',
          `${field}.${many ? 'values' : 'value'}`,
          'found nothing, expected a value.',
          'To match events without the dimension, give an empty string.',
        );
      }
      if (!many && values.length > 1) {
        throw this.problem(
          'VALUE_MANY',
          `${field}.values`,
          `found ${values.length} values, but ${input.op} takes one.`,
          `Use op: '${input.op.startsWith('!') ? 'not in' : 'in'}'.`,
        );
      }
      if (input.op === '=~' || input.op === '!~') this.#checkPattern(values[0], `${field}.value`);
      return { dimension, op: input.op, values: many ? [...new Set(values)].sort() : values };
    });
  }

  #checkPattern(pattern: string, field: string): void {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it does not parse';
      throw this.problem(
        'INVALID_PATTERN',
        field,
        `${quote(pattern)} is not an RE2 pattern: ${reason.slice(0, 160)}.`,
        'RE2 has no look-around and no back-references.',
      );
    }
  }
}
