// The JSON mode: the text of one query, as POST /api/v1/query takes it, checked for form while it is typed. Names are checked by
// check-query, like those of the builder. Pure.

import { detectorFormProblem } from './detector';
import {
  apiQueryOf,
  FIELDS_BY_KIND,
  FILLS,
  FILTER_OPS,
  FORMATS_BY_KIND,
  KINDS,
  ORDER_BYS_BY_KIND,
  ORDERS,
  RETURNS,
  type ApiQuery,
  type QueryKind,
} from './model';
import { filterOf } from './migrate';
import { nearest } from './nearest';

export type ParsedJson = { readonly ok: true; readonly query: ApiQuery } | { readonly ok: false; readonly message: string };

type Json = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => string | null;

/** What Grafana adds, and what would not be a query's own. */
const NOT_HERE: Readonly<Record<string, string>> = {
  refId: 'Leave refId out: Grafana gives it.',
  from: 'Leave from out: the time range is the dashboard’s.',
  to: 'Leave to out: the time range is the dashboard’s.',
  timezone: 'Leave timezone out: the time zone is the dashboard’s.',
  maxDataPoints: 'Leave maxDataPoints out: it is one of the panel’s query options.',
  queries: 'Give one query here, not a list of them.',
};

const isText: Check = (value) => (typeof value === 'string' ? null : 'a text');
const isTexts: Check = (value) =>
  typeof value === 'string' || (Array.isArray(value) && value.every((part) => typeof part === 'string')) ? null : 'a list of texts';
const isCount: Check = (value) => (typeof value === 'number' && Number.isInteger(value) && value > 0 ? null : 'a whole number above 0');
const isScore: Check = (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? null : 'a number from 0 to 1');
const isOneOf =
  (allowed: readonly string[]): Check =>
  (value) =>
    allowed.some((candidate) => candidate === value) ? null : `one of ${allowed.join(', ')}`;
const isWindow: Check = (value) =>
  value === 'none' || (isObject(value) && typeof value['size'] === 'string') ? null : '"none", or {"size": "5m", "slide": "30s"}';

const CHECKS: Readonly<Record<string, Check>> = {
  measure: isText,
  by: isText,
  dimension: isText,
  search: isText,
  bucket: isText,
  compareWith: isText,
  legend: isText,
  stat: isTexts,
  groupBy: isTexts,
  limit: isCount,
  fill: isOneOf(FILLS),
  order: isOneOf(ORDERS),
  window: isWindow,
  history: isText,
  fields: isOneOf(RETURNS),
  watch: isTexts,
  dimensions: isTexts,
  before: isText,
  minScore: isScore,
};

/** What a kind has of its own. */
function checkOf(name: string, kind: QueryKind): Check | undefined {
  if (name === 'format') return isOneOf(FORMATS_BY_KIND[kind] ?? []);
  return name === 'orderBy' ? isOneOf(ORDER_BYS_BY_KIND[kind] ?? []) : CHECKS[name];
}

/** @returns the query, or what is wrong and where, in words */
export function parseJsonQuery(text: string): ParsedJson {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return { ok: false, message: syntaxMessage(text, error) };
  }
  if (!isObject(raw)) return { ok: false, message: 'Expected one query: an object in curly brackets.' };
  const kind = raw['kind'] ?? 'metric';
  const known = KINDS.find((candidate) => candidate === kind);
  if (known === undefined) return { ok: false, message: `kind: found ${quoted(kind)}, expected one of ${KINDS.join(', ')}.` };
  const fields: readonly string[] = FIELDS_BY_KIND[known];
  for (const [name, value] of Object.entries(raw)) {
    if (name === 'kind') continue;
    const problem = fieldProblem(name, value, known, fields);
    if (problem !== null) return { ok: false, message: problem };
  }
  return { ok: true, query: fromJson(raw, known) };
}

/** The query's own fields, laid out for reading. */
export function jsonTextOf(query: ApiQuery): string {
  return JSON.stringify(apiQueryOf(query), null, 2);
}

function fieldProblem(name: string, value: unknown, kind: QueryKind, fields: readonly string[]): string | null {
  if (!fields.includes(name)) {
    const instead = NOT_HERE[name];
    if (instead !== undefined) return instead;
    const near = nearest(name, fields);
    return `${name}: a query of kind ${kind} has no such field.${near === null ? ` It has ${fields.join(', ')}.` : ` Did you mean ${near}?`}`;
  }
  if (name === 'filters') return filtersProblem(value);
  if (name === 'detector') return detectorFormProblem(value);
  const expected = checkOf(name, kind)?.(value) ?? null;
  return expected === null ? null : `${name}: found ${quoted(value)}, expected ${expected}.`;
}

function filtersProblem(value: unknown): string | null {
  if (!Array.isArray(value)) return `filters: found ${quoted(value)}, expected a list.`;
  for (const [index, filter] of value.entries()) {
    const at = `filters[${index}]`;
    if (!isObject(filter) || typeof filter['dimension'] !== 'string') return `${at}: expected {"dimension": …, "op": …, "value": …}.`;
    const op = filter['op'] ?? '=';
    if (!FILTER_OPS.some((candidate) => candidate === op)) {
      return `${at}.op: found ${quoted(op)}, expected one of ${FILTER_OPS.join(', ')}.`;
    }
    const many = op === 'in' || op === 'not in';
    if (many && !Array.isArray(filter['values'])) return `${at}.values: ${String(op)} takes a list of values.`;
    if (!many && filter['value'] === undefined) return `${at}.value: ${String(op)} takes one value.`;
  }
  return null;
}

function fromJson(raw: Json, kind: QueryKind): ApiQuery {
  const listed = Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      name,
      name === 'filters' && Array.isArray(value)
        ? value.map((filter) => filterOf({ op: '=', ...filter })).filter((filter) => filter !== null)
        : (name === 'stat' || name === 'groupBy' || name === 'watch') && typeof value === 'string'
          ? [value]
          : value,
    ]),
  );
  return apiQueryOf({ ...listed, kind });
}

/** V8 says `at position 12` or `(line 2 column 3)`; others say nothing. */
function syntaxMessage(text: string, error: unknown): string {
  if (text.trim() === '') return 'Nothing is written here yet. For example {"kind": "metric", "measure": "events"}.';
  const words = error instanceof Error ? error.message : 'it does not parse';
  const position = /position (\d+)/.exec(words);
  const at = position === null ? text.length : Number(position[1]);
  const before = text.slice(0, at).split('\n');
  const found = text[at] === undefined ? 'the text ends too early' : `${quoted(text[at])} was not expected`;
  return `Line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${found}.`;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}
