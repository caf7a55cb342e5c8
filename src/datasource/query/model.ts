// The query as Grafana stores it, and which of its fields the aggregator takes for each kind. Names and values are those of
// POST /api/v1/query; what is Grafana's or the editor's own is named here too, and never sent.

import type { DataQuery } from '@grafana/schema';
import type { DetectorFields } from './detector';

export const SCHEMA_VERSION = 1;

export const KINDS = ['metric', 'anomaly', 'top', 'events', 'values', 'annotations', 'contributors'] as const;
export type QueryKind = (typeof KINDS)[number];

export const FILTER_OPS = ['=', '!=', 'in', 'not in', '=~', '!~'] as const;
export type FilterOp = (typeof FILTER_OPS)[number];

export const FORMATS = ['timeseries', 'table', 'heatmap', 'total'] as const;
export type Format = (typeof FORMATS)[number];

export const FILLS = ['auto', 'null', 'zero', 'previous', 'none'] as const;
export type Fill = (typeof FILLS)[number];

export const ORDERS = ['desc', 'asc'] as const;
export const ORDER_BYS = ['value', 'name', 'score'] as const;

export const RETURNS = ['all', 'score', 'anomalous'] as const;
export type Returned = (typeof RETURNS)[number];

/** Kinds that have a format, and which they have. The first is the default. */
export const FORMATS_BY_KIND: Partial<Readonly<Record<QueryKind, readonly Format[]>>> = {
  metric: FORMATS,
  anomaly: ['timeseries', 'total', 'table'],
};
export const ORDER_BYS_BY_KIND: Partial<Readonly<Record<QueryKind, readonly (typeof ORDER_BYS)[number][]>>> = {
  metric: ['value', 'name'],
  anomaly: ORDER_BYS,
};

/** `value` for operators of one value, `values` for `in` and `not in`. Neither: not chosen yet, and not sent. */
export interface TidemarkFilter {
  dimension: string;
  op: FilterOp;
  value?: string;
  values?: string[];
}

export interface SlidingWindow {
  size: string;
  slide?: string;
}

/** What the aggregator is told, whatever the kind. A field that is absent has the aggregator's default. */
export interface QueryFields {
  measure?: string;
  stat?: string[];
  groupBy?: string[];
  filters?: TidemarkFilter[];
  /** `auto`, or a duration. */
  bucket?: string;
  format?: Format;
  /** Absent: the measure's own window; `none` switches it off. */
  window?: 'none' | SlidingWindow;
  limit?: number;
  orderBy?: (typeof ORDER_BYS)[number];
  order?: (typeof ORDERS)[number];
  compareWith?: string;
  fill?: Fill;
  legend?: string;
  /** Kind top: the dimension that is ranked. */
  by?: string;
  /** Kind values: whose values are listed. */
  dimension?: string;
  /** Kind values: only values that contain it. */
  search?: string;
  /** Kind anomaly: how each series is judged. Absent: auto. */
  detector?: DetectorFields;
  /** Kind anomaly: a duration; what the detector learns from before the range. */
  history?: string;
  /** Kind anomaly: the whole band with its reasons, or one number per series for an alert rule. */
  fields?: Returned;
  /** Kind contributors: which dimensions are looked into. Absent: all that no filter holds. */
  dimensions?: string[];
  /** Kind contributors: a duration; how much before the range it is compared with. */
  before?: string;
  /** Kind annotations: names of watches. Absent: all. */
  watch?: string[];
  /** Kind annotations: 0 to 1. */
  minScore?: number;
}

export interface TidemarkQuery extends DataQuery, QueryFields {
  schemaVersion: typeof SCHEMA_VERSION;
  kind: QueryKind;
  /** History, and then each change as it happens. */
  live?: boolean;
  editorMode?: 'builder' | 'json';
  /** The text of the JSON mode. Its fields stand in the query too, because alert rules never pass through a browser. */
  json?: string;
  /** How an annotation is worded; only in annotation queries. */
  annotation?: { text?: string; tags?: string[] };
}

/** The one query of a request, as the aggregator takes it. */
export type ApiQuery = QueryFields & { kind: QueryKind };

const SERIES_FIELDS = ['measure', 'stat', 'groupBy', 'filters', 'limit', 'order', 'legend'] as const;

/** The aggregator refuses fields that a kind does not have. */
export const FIELDS_BY_KIND: Readonly<Record<QueryKind, readonly (keyof QueryFields)[]>> = {
  metric: [...SERIES_FIELDS, 'bucket', 'format', 'window', 'orderBy', 'compareWith', 'fill'],
  anomaly: [...SERIES_FIELDS, 'bucket', 'format', 'window', 'orderBy', 'fill', 'detector', 'history', 'fields'],
  top: [...SERIES_FIELDS, 'by'],
  events: ['measure', 'filters', 'limit'],
  values: ['dimension', 'search', 'limit'],
  annotations: ['watch', 'minScore', 'limit'],
  contributors: ['measure', 'stat', 'filters', 'dimensions', 'before', 'limit'],
};

export const DEFAULT_QUERY: Omit<TidemarkQuery, 'refId'> = {
  schemaVersion: SCHEMA_VERSION,
  kind: 'metric',
  format: 'timeseries',
  bucket: 'auto',
  editorMode: 'builder',
};

export function takesSeveral(op: FilterOp): boolean {
  return op === 'in' || op === 'not in';
}

/** A filter that can be sent: it has a dimension and says which values. */
export function isComplete(filter: TidemarkFilter): boolean {
  if (filter.dimension === '') return false;
  return takesSeveral(filter.op) ? (filter.values?.length ?? 0) > 0 : filter.value !== undefined;
}

/** Of all fields that the aggregator knows, only those of the kind stay: alert rules send a query as it is stored. */
export function withKind<Q extends QueryFields>(query: Q, kind: QueryKind): Q & { kind: QueryKind } {
  const others = new Set<string>(Object.values(FIELDS_BY_KIND).flat());
  for (const name of FIELDS_BY_KIND[kind]) others.delete(name);
  const kept: Q = { ...query };
  for (const name of others) Reflect.deleteProperty(kept, name);
  if (kept.format !== undefined && !hasFormat(kind, kept.format)) Reflect.deleteProperty(kept, 'format');
  if (kept.orderBy !== undefined && !hasOrderBy(kind, kept.orderBy)) Reflect.deleteProperty(kept, 'orderBy');
  return { ...kept, kind };
}

function hasFormat(kind: QueryKind, format: Format): boolean {
  return FORMATS_BY_KIND[kind]?.includes(format) === true;
}

function hasOrderBy(kind: QueryKind, orderBy: (typeof ORDER_BYS)[number]): boolean {
  return ORDER_BYS_BY_KIND[kind]?.includes(orderBy) === true;
}

/**
 * The fields of its kind, without those that say nothing: empty lists and texts, filters not filled in yet.
 * @returns a new object; `kind` comes first, so that its JSON reads well
 */
export function apiQueryOf(query: QueryFields & { kind: QueryKind }): ApiQuery {
  const has = new Set<string>(FIELDS_BY_KIND[query.kind]);
  const filters = query.filters?.filter(isComplete) ?? [];
  const api: ApiQuery = { kind: query.kind };
  if (has.has('measure') && query.measure) api.measure = query.measure;
  if (has.has('by') && query.by) api.by = query.by;
  if (has.has('dimension') && query.dimension) api.dimension = query.dimension;
  if (has.has('stat') && query.stat?.length) api.stat = query.stat;
  if (has.has('groupBy') && query.groupBy?.length) api.groupBy = query.groupBy;
  if (has.has('filters') && filters.length > 0) api.filters = filters;
  if (has.has('bucket') && query.bucket) api.bucket = query.bucket;
  if (query.format && hasFormat(query.kind, query.format)) api.format = query.format;
  if (has.has('window') && query.window) api.window = query.window;
  if (has.has('search') && query.search) api.search = query.search;
  if (has.has('limit') && query.limit !== undefined) api.limit = query.limit;
  if (query.orderBy && hasOrderBy(query.kind, query.orderBy)) api.orderBy = query.orderBy;
  if (has.has('order') && query.order) api.order = query.order;
  if (has.has('compareWith') && query.compareWith) api.compareWith = query.compareWith;
  if (has.has('fill') && query.fill) api.fill = query.fill;
  if (has.has('legend') && query.legend) api.legend = query.legend;
  if (has.has('detector') && query.detector && Object.keys(query.detector).length > 0) api.detector = query.detector;
  if (has.has('history') && query.history) api.history = query.history;
  if (has.has('fields') && query.fields) api.fields = query.fields;
  if (has.has('dimensions') && query.dimensions?.length) api.dimensions = query.dimensions;
  if (has.has('before') && query.before) api.before = query.before;
  if (has.has('watch') && query.watch?.length) api.watch = query.watch;
  if (has.has('minScore') && query.minScore !== undefined) api.minScore = query.minScore;
  return api;
}
