// Rows of live frames: which fields there are, which rows lie in a range, how parts become one. Pure.
// Invariant: rows are only ever given in the field order of the schema that the subscriber holds.

import type { Definition } from '../definition/model.js';
import type { Ask } from '../query/ask.js';
import type { DataFrame, FieldSchema, FieldValues } from '../query/data-frame.js';

/** Epoch ms, half open. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One name per field, unique in its frame, that changes with whatever a client's schema holds. */
export type SchemaKeys = readonly string[];

export function schemaKeys(frame: DataFrame): SchemaKeys {
  return frame.schema.fields.map(fieldKey);
}

function fieldKey({ name, type, labels, config }: FieldSchema): string {
  return JSON.stringify([name, type, Object.entries(labels ?? {}), config ?? null]);
}

export function sameFields(a: SchemaKeys, b: SchemaKeys): boolean {
  if (a.length !== b.length) return false;
  const known = new Set(a);
  return b.every((key) => known.has(key));
}

/** The same frame with its fields in the order of `keys`, which name the same fields. */
export function inOrder(frame: DataFrame, keys: SchemaKeys): DataFrame {
  const places = new Map(schemaKeys(frame).map((key, index) => [key, index]));
  const order = keys.map((key) => places.get(key) ?? -1).filter((place) => place >= 0);
  return {
    schema: { ...frame.schema, fields: order.map((place) => frame.schema.fields[place]) },
    data: { values: order.map((place) => frame.data.values[place]) },
  };
}

/**
 * The rows whose time lies in one of the ranges.
 * @returns by field of `keys`; null when the frame has not exactly these fields
 */
export function rowsWithin(frame: DataFrame, keys: SchemaKeys, ranges: readonly TimeRange[]): FieldValues[] | null {
  const places = new Map(schemaKeys(frame).map((key, index) => [key, index]));
  if (places.size !== keys.length || keys.length === 0) return null;
  const { values } = frame.data;
  const times = values[0];
  const rows: number[] = [];
  for (let row = 0; row < times.length; row++) {
    const time = Number(times[row]);
    if (ranges.some(({ fromMs, toMs }) => time >= fromMs && time < toMs)) rows.push(row);
  }
  const picked: FieldValues[] = [];
  for (const key of keys) {
    const place = places.get(key);
    if (place === undefined) return null;
    const column = values[place];
    picked.push(rows.map((row) => column[row]));
  }
  return picked;
}

/** @param parts of the same fields, ascending in time */
export function joinRows(parts: readonly (readonly FieldValues[])[]): FieldValues[] {
  if (parts.length === 0) return [];
  return parts[0].map((_, field) => parts.flatMap((part) => part[field]));
}

/** Values of the groupBy dimensions of every series of a frame, each once. */
export function groupsOf(def: Definition, ask: Ask, frame: DataFrame): string[][] {
  if (ask.kind !== 'metric') return [];
  const groups = new Map<string, string[]>();
  for (const { type, labels } of frame.schema.fields) {
    if (type === 'time') continue;
    const group = ask.groupBy.map((dimension) => labels?.[def.dimensions[dimension].name] ?? '');
    groups.set(JSON.stringify(group), group);
  }
  return [...groups.values()];
}

/**
 * Cuts ranges to whole buckets within a span, joined where they touch, ascending. What lies outside is dropped.
 * @param span multiples of the bucket
 */
export function alignRanges(ranges: readonly TimeRange[], bucketMs: number, span: TimeRange): TimeRange[] {
  const aligned = ranges
    .map(({ fromMs, toMs }) => ({
      fromMs: Math.max(span.fromMs, Math.floor(fromMs / bucketMs) * bucketMs),
      toMs: Math.min(span.toMs, Math.ceil(toMs / bucketMs) * bucketMs),
    }))
    .filter(({ fromMs, toMs }) => fromMs < toMs)
    .sort((a, b) => a.fromMs - b.fromMs);
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const range of aligned) {
    const last = joined.at(-1);
    if (last !== undefined && range.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, range.toMs);
    else joined.push({ ...range });
  }
  return joined;
}
