// From a query of the right form to one that this definition can answer: names become indices, a measure becomes the
// outputs that tiers are asked for. Pure. Every refusal names the field, what was found and the nearest valid name.

import type { Definition, Measure } from '../definition/model.js';
import { resolveOptions } from '../anomaly/options.js';
import { TidemarkError } from '../errors.js';
import { detectorOptions } from '../anomaly/detector-schema.js';
import type { AnnotationsAsk, AnomalyAsk, Ask, ContributorsAsk, EventsAsk, MetricAsk, SlidingWindow, ValuesAsk } from './ask.js';
import { Names } from './names.js';
import { Outputs, statsOf } from './outputs.js';
import { quote, suggestion } from './problem.js';
import type {
  AnnotationsQuery,
  AnomalyQuery,
  ContributorsQuery,
  EventsQuery,
  MetricQuery,
  Query,
  TopQuery,
  ValuesQuery,
} from './request.js';
import { DAY_MS, SECOND_MS } from './time-expression.js';

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
