// What a heat map draws, without drawing it: rows by label, columns by time, and how strong each cell is. Frames are those of a query with
// the format heatmap (one number field per row), or of several series.

import { FieldType, getFieldDisplayName, type DataFrame, type Field } from '@grafana/data';

export interface HeatMap {
  /** Start of each column, epoch ms, ascending. */
  readonly times: readonly number[];
  readonly rows: readonly { readonly name: string; readonly values: readonly (number | null)[]; readonly field: Field }[];
  readonly max: number;
  /** Length of a column in ms. */
  readonly columnMs: number;
}

/** @returns null where there is nothing to draw */
export function heatMapOf(series: readonly DataFrame[]): HeatMap | null {
  const times = [...new Set(series.flatMap((frame) => timesOf(frame)))].sort((a, b) => a - b);
  const rows = series.flatMap((frame) => {
    const at = new Map(timesOf(frame).map((time, row) => [time, row]));
    return frame.fields
      .filter(({ type }) => type === FieldType.number)
      .map((field) => ({
        name: getFieldDisplayName(field, frame),
        field,
        values: times.map((time) => numberOrNull(field.values[at.get(time) ?? -1])),
      }));
  });
  if (times.length === 0 || rows.length === 0) return null;
  const max = Math.max(0, ...rows.flatMap(({ values }) => values.map((value) => value ?? 0)));
  return { times, rows, max, columnMs: shortestStep(times) };
}

/** @returns 0 to 1; the root keeps small values visible beside a large one */
export function strength(value: number | null, max: number): number {
  return value === null || value <= 0 || max <= 0 ? 0 : Math.sqrt(value / max);
}

function timesOf(frame: DataFrame): number[] {
  const times: readonly unknown[] = frame.fields.find(({ type }) => type === FieldType.time)?.values ?? [];
  return times.map(Number);
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function shortestStep(times: readonly number[]): number {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return steps.length === 0 ? 60_000 : Math.min(...steps);
}
