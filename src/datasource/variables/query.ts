// What a dashboard variable of this data source lists: measures, dimensions, or the values of a dimension. Pure.

import type { MetricFindValue } from '@grafana/data';
import type { DataQuery } from '@grafana/schema';
import type { Catalog } from '../catalog';

export const VARIABLE_LISTS = ['values', 'measures', 'dimensions'] as const;
export type VariableList = (typeof VARIABLE_LISTS)[number];

export interface VariableQuery extends DataQuery {
  list: VariableList;
  /** List values: whose. May have variables in it. */
  dimension?: string;
  /** Values that contain it; measures and dimensions by name. May have variables in it. */
  search?: string;
  limit?: number;
}

export const DEFAULT_VARIABLE_QUERY: VariableQuery = { refId: 'TidemarkVariable', list: 'values' };

/** Provisioned dashboards may say it in one word: `measures()`, `dimensions()`, `values(country)`, `values(country, DE)`. */
export function readVariableQuery(stored: unknown): VariableQuery {
  if (typeof stored === 'string') return fromText(stored);
  if (typeof stored !== 'object' || stored === null) return DEFAULT_VARIABLE_QUERY;
  const raw: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(stored));
  if (typeof raw['query'] === 'string' && raw['list'] === undefined) return fromText(raw['query']);
  const list = VARIABLE_LISTS.find((candidate) => candidate === raw['list']) ?? 'values';
  return {
    refId: typeof raw['refId'] === 'string' ? raw['refId'] : DEFAULT_VARIABLE_QUERY.refId,
    list,
    ...(typeof raw['dimension'] === 'string' ? { dimension: raw['dimension'] } : {}),
    ...(typeof raw['search'] === 'string' ? { search: raw['search'] } : {}),
    ...(typeof raw['limit'] === 'number' ? { limit: raw['limit'] } : {}),
  };
}

function fromText(text: string): VariableQuery {
  const match = /^\s*(values|measures|dimensions)\s*\(\s*([^,()]*?)\s*(?:,\s*([^()]*?)\s*)?\)\s*$/.exec(text);
  const list = VARIABLE_LISTS.find((candidate) => candidate === match?.[1]);
  const { refId } = DEFAULT_VARIABLE_QUERY;
  if (match === null || list === undefined) return { refId, list: 'values', ...(text.trim() === '' ? {} : { dimension: text.trim() }) };
  const [, , first = '', second = ''] = match;
  if (list === 'values')
    return { refId, list, ...(first === '' ? {} : { dimension: first }), ...(second === '' ? {} : { search: second }) };
  return { refId, list, ...(first === '' ? {} : { search: first }) };
}

/** In words, for the list of variables. */
export function variableText({ list, dimension = '', search = '' }: VariableQuery): string {
  const containing = search === '' ? '' : ` containing “${search}”`;
  return list === 'values' ? `values of ${dimension === '' ? '…' : dimension}${containing}` : `${list}${containing}`;
}

/** An empty value means events without the dimension, and needs words to be chosen. */
export function valueOption(value: string): MetricFindValue {
  return { text: value === '' ? '(none)' : value, value, expandable: true };
}

export function namesOf(catalog: Catalog, list: 'measures' | 'dimensions', search: string): MetricFindValue[] {
  const lower = search.toLowerCase();
  return catalog[list]
    .map(({ name }) => name)
    .filter((name) => name.toLowerCase().includes(lower))
    .map(valueOption);
}
