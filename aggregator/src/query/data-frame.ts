// Grafana's data frame in its JSON form: only the shape, and the few rules that every frame must keep.
// A null in a field that is not `nullable` silently becomes 0 in Grafana's reader, so value fields are always nullable;
// the time field of a series must not be, or it is not taken for one.

export type FrameType = 'timeseries-wide' | 'numeric-wide' | 'table' | 'heatmap-rows';

export interface FieldSchema {
  readonly name: string;
  readonly type: 'time' | 'number' | 'string';
  readonly typeInfo: { readonly frame: 'time.Time' | 'float64' | 'string'; readonly nullable: boolean };
  readonly labels?: Readonly<Record<string, string>>;
  readonly config?: FieldConfig;
}

export interface FieldConfig {
  readonly unit?: string;
  readonly displayNameFromDS?: string;
  /** `role`: what the field says of the value field with the same labels, e.g. `expected`. */
  readonly custom?: { readonly role: string };
}

export interface FrameNotice {
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
}

export interface FrameMeta {
  readonly type?: FrameType;
  readonly typeVersion?: readonly [number, number];
  readonly custom?: Readonly<Record<string, unknown>>;
  readonly notices?: readonly FrameNotice[];
  /** Shown by Grafana's query inspector: here the plan, in words. */
  readonly executedQueryString?: string;
}

export type FieldValues = readonly (number | string | null)[];

export interface DataFrame {
  readonly schema: { readonly refId: string; readonly meta: FrameMeta; readonly fields: readonly FieldSchema[] };
  /** By field, all of one length. */
  readonly data: { readonly values: readonly FieldValues[] };
}

export interface Column {
  readonly field: FieldSchema;
  readonly values: FieldValues;
}

/** @param columns none: 'no data', a frame without fields */
export function frame(refId: string, meta: FrameMeta, columns: readonly Column[]): DataFrame {
  return {
    schema: { refId, meta, fields: columns.map((column) => column.field) },
    data: { values: columns.map((column) => column.values) },
  };
}

/** The time field of a series: never null. */
export function timeColumn(values: readonly number[]): Column {
  return { field: { name: 'time', type: 'time', typeInfo: { frame: 'time.Time', nullable: false } }, values };
}

export interface ColumnOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly unit?: string;
  readonly displayName?: string;
  /** See FieldConfig. */
  readonly role?: string;
}

export function stringColumn(name: string, values: readonly (string | null)[], options: ColumnOptions = {}): Column {
  return { field: { name, type: 'string', typeInfo: { frame: 'string', nullable: true }, ...described(options) }, values };
}

/** @param values finite, or null: Infinity and NaN have no JSON form */
export function numberColumn(name: string, values: readonly (number | null)[], options: ColumnOptions = {}): Column {
  return { field: { name, type: 'number', typeInfo: { frame: 'float64', nullable: true }, ...described(options) }, values };
}

function described({ labels = {}, unit = '', displayName = '', role }: ColumnOptions): Pick<FieldSchema, 'labels' | 'config'> {
  const config: FieldConfig = {
    ...(unit === '' ? {} : { unit }),
    ...(displayName === '' ? {} : { displayNameFromDS: displayName }),
    ...(role === undefined ? {} : { custom: { role } }),
  };
  return {
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(config).length === 0 ? {} : { config }),
  };
}

/** A column of a table, where anything may be missing. */
export function tableColumn(name: string, type: 'time' | 'number' | 'string', values: FieldValues): Column {
  const goType = type === 'time' ? 'time.Time' : type === 'number' ? 'float64' : 'string';
  return { field: { name, type, typeInfo: { frame: goType, nullable: true } }, values };
}
