// Data frames and lines: what of a frame goes into the live merge, and how a merged line becomes a frame again. Pure.

import { FieldType, type DataFrame, type DataFrameJSON, type Field, type FieldConfig, type QueryResultMetaNotice } from '@grafana/data';
import { fieldKey, type Cell, type Line, type LineField, type Patch } from './live-merge';

export interface FrameField extends LineField {
  readonly type: FieldType;
  readonly config: FieldConfig;
}

/** Described by a message's schema; the rows of later messages have none of their own. */
export interface LiveSchema {
  /** Place of the time field, or -1. */
  readonly time: number;
  readonly fields: readonly FrameField[];
  /** Their places in the message's columns. */
  readonly places: readonly number[];
  readonly partialFrom: number | null;
  readonly custom: Readonly<Record<string, unknown>>;
  readonly notices: readonly QueryResultMetaNotice[];
}

type Schema = NonNullable<DataFrameJSON['schema']>;

export function readSchema(schema: Schema): LiveSchema {
  const time = schema.fields.findIndex((field) => field.type === FieldType.time);
  const places = schema.fields.map((_, place) => place).filter((place) => place !== time);
  const custom = recordOf(schema.meta?.custom);
  return {
    time,
    places,
    fields: places.map((place) => {
      const { name, type, labels = {}, config = {} } = schema.fields[place];
      return { key: fieldKey(name, labels), name, labels, type: type ?? FieldType.other, config };
    }),
    partialFrom: numberOf(custom['partialFrom']),
    custom,
    notices: schema.meta?.notices ?? [],
  };
}

/** @param values columns as the message has them */
export function patchOfMessage(schema: LiveSchema, values: readonly (readonly unknown[])[], order: number): Patch<FrameField> {
  return {
    order,
    fields: schema.fields,
    timesMs: (values[schema.time] ?? []).map(Number),
    columns: schema.places.map((place) => (values[place] ?? []).map(cellOf)),
  };
}

/** A frame without a time field says nothing about a line. */
export function patchOfFrame(frame: DataFrame | undefined, order: number): Patch<FrameField> {
  const time = frame?.fields.find((field) => field.type === FieldType.time);
  const others = frame?.fields.filter((field) => field !== time) ?? [];
  if (time === undefined) return { order, fields: [], timesMs: [], columns: [] };
  return {
    order,
    fields: others.map(({ name, labels = {}, type, config }) => ({ key: fieldKey(name, labels), name, labels, type, config })),
    timesMs: [...time.values].map(Number),
    columns: others.map((field) => [...field.values].map(cellOf)),
  };
}

/** What Grafana made of a frame and is worth keeping: name, refId, meta, the time field's own settings. */
export function frameOfLine(line: Line<FrameField>, like: DataFrame | undefined, refId: string, meta: DataFrame['meta']): DataFrame {
  const time = like?.fields.find((field) => field.type === FieldType.time);
  const timeField: Field = { name: time?.name ?? 'time', type: FieldType.time, config: time?.config ?? {}, values: [...line.timesMs] };
  const fields = line.fields.map(({ name, labels, type, config }, at): Field => {
    const labelled = Object.keys(labels).length === 0 ? {} : { labels: { ...labels } };
    return { name, type, config: { ...config }, values: [...line.columns[at]], ...labelled };
  });
  return {
    refId,
    ...(like?.name === undefined ? {} : { name: like.name }),
    meta,
    fields: line.fields.length === 0 ? [] : [timeField, ...fields],
    length: line.timesMs.length,
  };
}

/** Rows without a time of their own: the message is the whole frame. */
export function frameOfMessage(
  schema: LiveSchema,
  message: Schema,
  values: readonly (readonly unknown[])[],
  refId: string,
  meta: DataFrame['meta'],
): DataFrame {
  const fields = message.fields.map(({ name, type, labels, config = {} }, place): Field => {
    const labelled = labels === undefined ? {} : { labels };
    return { name, type: type ?? FieldType.other, config, values: [...(values[place] ?? [])], ...labelled };
  });
  return { refId, meta: { ...meta, custom: { ...recordOf(meta?.custom), ...schema.custom } }, fields, length: values[0]?.length ?? 0 };
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

export function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function cellOf(value: unknown): Cell {
  return typeof value === 'number' || typeof value === 'string' ? value : null;
}
