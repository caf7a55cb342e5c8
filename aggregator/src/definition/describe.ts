// What can be asked, as JSON for GET /api/v1/catalog: made from the compiled definition once, without secrets, addresses or tokens.

import { quantileName } from '../query/outputs.js';
import { estimateHotMemory } from './memory-estimate.js';
import { MISSING_VALUE, OTHER_VALUE, type Definition, type Measure, type MeasureKind } from './model.js';
import { formatDuration } from './quantities.js';

export interface CatalogMeasure {
  readonly name: string;
  readonly kind: MeasureKind;
  readonly description: string;
  readonly unit: string;
  /** What may be given as `stat`: quantiles by name (any p0 to p100 is answered), `items` of tops, `value` otherwise. */
  readonly stats: readonly string[];
  readonly window: { readonly size: string; readonly slide: string } | null;
  /** Ratios: the measures they are made of. */
  readonly of: string | null;
  readonly to: string | null;
  /** How exact answers are. */
  readonly accuracy: string;
}

/** A measure that is judged as its buckets close. */
export interface CatalogWatch {
  readonly name: string;
  readonly description: string;
  readonly measure: string;
  /** A duration. */
  readonly bucket: string;
}

export interface CatalogExample {
  readonly title: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON body of a POST. */
  readonly body: unknown;
}

export interface Catalog {
  readonly name: string;
  readonly measures: readonly CatalogMeasure[];
  readonly dimensions: readonly { readonly name: string; readonly path: string; readonly cap: number }[];
  readonly watches: readonly CatalogWatch[];
  readonly otherValue: string;
  readonly missingValue: string;
  readonly groupings: readonly { readonly name: string; readonly dimensions: readonly string[]; readonly hot: boolean }[];
  readonly resolutions: { readonly hot: readonly string[]; readonly cold: readonly string[] };
  /** Durations; `forever` where nothing expires. */
  readonly retention: Readonly<Record<'hot1s' | 'hot10s' | 'hot1m' | 'raw' | 'rollup1m' | 'rollup1h' | 'rollup1d', string>>;
  readonly lateness: string;
  /** Whose data is answered where no token says so. */
  readonly defaultTenant: string;
  readonly authRequired: boolean;
  readonly limits: { readonly deadline: string; readonly maxRows: number; readonly maxBuckets: number };
  readonly hotMemory: { readonly estimateBytes: number; readonly limitBytes: number; readonly eventsPerSecond: number };
  readonly examples: readonly CatalogExample[];
}

export function catalogOf(definition: Definition): Catalog {
  const { retention, dimensions } = definition;
  const memory = estimateHotMemory(definition);
  return {
    name: definition.name,
    measures: definition.measures.map((measure) => describeMeasure(definition, measure)),
    dimensions: dimensions.map(({ name, field, cap }) => ({ name, path: definition.fields[field].path.join('.'), cap })),
    watches: definition.watches.map(({ name, description, bucketMs, query }) => ({
      name,
      description,
      measure: String(query['measure']),
      bucket: formatDuration(bucketMs),
    })),
    otherValue: OTHER_VALUE,
    missingValue: MISSING_VALUE,
    groupings: definition.groupings.map(({ name, dimensions: subset, hot }) => ({
      name,
      dimensions: subset.map((at) => dimensions[at].name),
      hot,
    })),
    resolutions: { hot: ['1s', '10s', '1m'], cold: ['1s', '1m', '1h', '1d'] },
    retention: {
      hot1s: formatDuration(retention.hot1sMs),
      hot10s: formatDuration(retention.hot10sMs),
      hot1m: formatDuration(retention.hot1mMs),
      raw: formatDuration(retention.rawMs),
      rollup1m: formatDuration(retention.rollup1mMs),
      rollup1h: formatDuration(retention.rollup1hMs),
      rollup1d: retention.rollup1dMs === 0 ? 'forever' : formatDuration(retention.rollup1dMs),
    },
    lateness: formatDuration(definition.latenessMs),
    defaultTenant: definition.tenants[0].name,
    authRequired: definition.authRequired,
    limits: {
      deadline: formatDuration(definition.query.deadlineMs),
      maxRows: definition.query.maxRows,
      maxBuckets: definition.query.maxBuckets,
    },
    hotMemory: { estimateBytes: memory.totalBytes, limitBytes: definition.hot.maxMemoryBytes, eventsPerSecond: memory.eventsPerSecond },
    examples: examplesOf(definition),
  };
}

function describeMeasure(definition: Definition, measure: Measure): CatalogMeasure {
  const nameOf = (index: number): string | null => (index === -1 ? null : definition.measures[index].name);
  return {
    name: measure.name,
    kind: measure.kind,
    description: measure.description,
    unit: measure.unit,
    stats: measure.kind === 'quantiles' ? measure.quantiles.map(quantileName) : measure.kind === 'top' ? ['items'] : ['value'],
    window: measure.window === null ? null : { size: formatDuration(measure.window.sizeMs), slide: formatDuration(measure.window.slideMs) },
    of: nameOf(measure.numerator),
    to: nameOf(measure.denominator),
    accuracy: accuracyOf(definition, measure),
  };
}

function accuracyOf(definition: Definition, measure: Measure): string {
  switch (measure.kind) {
    case 'unique':
      return 'within 2 %';
    case 'quantiles':
      return 'within 1 % of the value';
    case 'top':
      return 'weights may be too low by the stated error, never too high';
    case 'ratio': {
      const parts = [measure.numerator, measure.denominator].map((index) => definition.measures[index].kind);
      return parts.includes('unique') ? 'within 2 % per unique count' : 'exact';
    }
    default:
      return 'exact';
  }
}

/** Queries to try, with this definition's own names; only kinds that it has measures for. */
function examplesOf(definition: Definition): readonly CatalogExample[] {
  const { measures, dimensions } = definition;
  const ofKind = (...kinds: MeasureKind[]): Measure | undefined => measures.find((measure) => kinds.includes(measure.kind));
  const post = (title: string, from: string, query: object): CatalogExample => ({
    title,
    method: 'POST',
    path: '/api/v1/query',
    body: { from, to: 'now', queries: [{ refId: 'A', ...query }] },
  });
  const examples: CatalogExample[] = [];
  const additive = ofKind('count', 'sum');
  const dimension = dimensions[0];
  if (additive !== undefined) {
    examples.push({
      title: `${additive.name} per minute of the last hour, as CSV`,
      method: 'GET',
      path: `/api/v1/series/${additive.name}?start=now-1h&end=now&granularity=1m&format=csv`,
      body: null,
    });
    examples.push(
      post(`${additive.name} of the last 5 minutes, per second`, 'now-5m', { kind: 'metric', measure: additive.name, bucket: '1s' }),
    );
  }
  if (additive !== undefined && dimension !== undefined) {
    const query = { kind: 'metric', measure: additive.name, groupBy: [dimension.name], bucket: '1m', limit: 10 };
    examples.push(post(`${additive.name} of the last day by ${dimension.name}`, 'now-1d', query));
    examples.push(post(`values of ${dimension.name}`, 'now-1h', { kind: 'values', dimension: dimension.name }));
  }
  const quantiles = ofKind('quantiles');
  if (quantiles !== undefined) {
    const stat = quantiles.quantiles.map(quantileName).slice(0, 8);
    examples.push(post(`${quantiles.name} of the last hour`, 'now-1h', { kind: 'metric', measure: quantiles.name, stat }));
  }
  const unique = ofKind('unique');
  if (unique !== undefined)
    examples.push(post(`${unique.name} of the last day`, 'now-1d', { kind: 'metric', measure: unique.name, bucket: '1h' }));
  const top = ofKind('top');
  if (top !== undefined)
    examples.push(post(`${top.name} of the last hour`, 'now-1h', { kind: 'top', measure: top.name, limit: top.limit }));
  examples.push(post('the newest raw events', 'now-15m', { kind: 'events', limit: 20 }));
  return examples;
}
