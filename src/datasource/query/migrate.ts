// Brings stored queries of older versions, and those that people wrote by hand in provisioned dashboards, to today's form.
// What cannot be understood is left out, so that a dashboard always opens; the editor then shows what is missing. Pure.

import type { DataQuery } from '@grafana/schema';
import { readDetector } from './detector';
import {
  FILLS,
  FILTER_OPS,
  FORMATS,
  KINDS,
  ORDER_BYS,
  ORDERS,
  RETURNS,
  SCHEMA_VERSION,
  takesSeveral,
  withKind,
  type FilterOp,
  type QueryFields,
  type TidemarkFilter,
  type TidemarkQuery,
} from './model';

type Stored = Readonly<Record<string, unknown>>;

/** Today's name first: the older ones are those of GET /api/v1/series, which the first dashboards were written in. */
const NAMES = {
  groupBy: ['groupBy', 'dimensions'],
  bucket: ['bucket', 'granularity'],
  filters: ['filters', 'filter'],
  compareWith: ['compareWith', 'timeShift'],
  legend: ['legend', 'legendFormat', 'alias'],
} as const;

/** @param stored any version */
export function migrateQuery(stored: DataQuery): TidemarkQuery {
  const raw: Stored = Object.fromEntries(Object.entries(stored));
  if (raw['schemaVersion'] === SCHEMA_VERSION && isKind(raw['kind'])) {
    return { ...stored, kind: raw['kind'], schemaVersion: SCHEMA_VERSION };
  }
  const kind = isKind(raw['kind']) ? raw['kind'] : isKind(raw['queryType']) ? raw['queryType'] : 'metric';
  const { refId, datasource, hide, key } = stored;
  const fields: QueryFields = {
    measure: text(raw['measure'] ?? raw['metric']),
    stat: texts(raw['stat']),
    groupBy: texts(first(raw, NAMES.groupBy)),
    filters: filtersOf(first(raw, NAMES.filters)),
    bucket: text(first(raw, NAMES.bucket)) ?? 'auto',
    format: oneOf(FORMATS, raw['format'] === 'time_series' ? 'timeseries' : raw['format']) ?? 'timeseries',
    window: windowOf(raw['window']),
    limit: wholeNumber(raw['limit']),
    orderBy: oneOf(ORDER_BYS, raw['orderBy']),
    order: oneOf(ORDERS, raw['order']),
    compareWith: text(first(raw, NAMES.compareWith)),
    fill: oneOf(FILLS, raw['fill']),
    legend: text(first(raw, NAMES.legend)),
    by: text(raw['by']),
    dimension: text(raw['dimension']),
    search: text(raw['search']),
    detector: readDetector(raw['detector']),
    history: text(raw['history']),
    fields: oneOf(RETURNS, raw['fields']),
    watch: texts(raw['watch']),
    dimensions: texts(raw['dimensions']),
    before: text(raw['before']),
    minScore: typeof raw['minScore'] === 'number' && raw['minScore'] >= 0 && raw['minScore'] <= 1 ? raw['minScore'] : undefined,
  };
  const query: TidemarkQuery = {
    refId,
    ...(datasource ? { datasource } : {}),
    ...(hide === undefined ? {} : { hide }),
    ...(key === undefined ? {} : { key }),
    schemaVersion: SCHEMA_VERSION,
    kind,
    ...withoutUndefined(withKind(fields, kind)),
    editorMode: raw['editorMode'] === 'json' ? 'json' : 'builder',
  };
  if (raw['live'] === true) query.live = true;
  if (typeof raw['json'] === 'string') query.json = raw['json'];
  const annotation = wordingOf(raw['annotation']);
  if (annotation !== undefined) query.annotation = annotation;
  return query;
}

/** True where Grafana should save the migrated form. */
export function isCurrent(stored: DataQuery): boolean {
  const raw: Stored = Object.fromEntries(Object.entries(stored));
  return raw['schemaVersion'] === SCHEMA_VERSION && isKind(raw['kind']);
}

function isKind(value: unknown): value is TidemarkQuery['kind'] {
  return oneOf(KINDS, value) !== undefined;
}

function first(raw: Stored, names: readonly string[]): unknown {
  return names.map((name) => raw[name]).find((value) => value !== undefined && value !== null);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A list, or one text with commas between. */
function texts(value: unknown): string[] | undefined {
  const list = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : Array.isArray(value) ? value : [];
  const found = list.filter((part): part is string => typeof part === 'string' && part !== '');
  return found.length > 0 ? found : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number > 0 ? number : undefined;
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((candidate) => candidate === value);
}

function windowOf(value: unknown): QueryFields['window'] {
  if (value === 'none') return 'none';
  if (typeof value === 'string' && value !== '') return { size: value };
  if (typeof value !== 'object' || value === null) return undefined;
  const size = text(Reflect.get(value, 'size'));
  const slide = text(Reflect.get(value, 'slide'));
  return size === undefined ? undefined : { size, ...(slide === undefined ? {} : { slide }) };
}

function wordingOf(value: unknown): TidemarkQuery['annotation'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const template = text(Reflect.get(value, 'text'));
  const tags = texts(Reflect.get(value, 'tags'));
  return { ...(template === undefined ? {} : { text: template }), ...(tags === undefined ? {} : { tags }) };
}

function filtersOf(value: unknown): TidemarkFilter[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const filters = value.map(filterOf).filter((filter) => filter !== null);
  return filters.length > 0 ? filters : undefined;
}

/** `key` and `operator` are how ad-hoc filters and older queries name the same. */
export function filterOf(value: unknown): TidemarkFilter | null {
  if (typeof value !== 'object' || value === null) return null;
  const raw: Stored = Object.fromEntries(Object.entries(value));
  const dimension = text(raw['dimension'] ?? raw['key']);
  if (dimension === undefined) return null;
  const op: FilterOp = oneOf(FILTER_OPS, raw['op'] ?? raw['operator']) ?? (Array.isArray(raw['values']) ? 'in' : '=');
  const many = Array.isArray(raw['values']) ? raw['values'].map(String) : undefined;
  const one = ['string', 'number', 'boolean'].includes(typeof raw['value']) ? String(raw['value']) : undefined;
  if (takesSeveral(op)) return { dimension, op, values: many ?? (one === undefined ? [] : [one]) };
  const value0 = one ?? many?.[0];
  return { dimension, op, ...(value0 === undefined ? {} : { value: value0 }) };
}

function withoutUndefined(fields: QueryFields): QueryFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
