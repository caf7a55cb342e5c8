// Frames of any time series shape → one time axis and, per series, what to draw and what the detector says. Everything the panels
// draw comes from here. Pure; arrays are shared with the frames where that is possible and must not be changed by anyone.
//
// On the axis a `null` is a bucket that the source knows to be empty (a gap in the line), `undefined` a time that only other series
// have (no gap).

import { FieldType, getFieldDisplayName, type DataFrame, type Field } from '@grafana/data';
import { splitLong } from './long-frames';
import { partialFromOf, stepOf } from './frame-meta';
import { seriesOf, type VerdictRole } from './roles';

export type Cell = number | null | undefined;
/** Mutable for uPlot's sake alone. */
export type Column = Cell[];

export interface Series {
  /** Where it stands among the series of the set. */
  readonly index: number;
  readonly name: string;
  readonly field: Field;
  readonly values: Column;
  readonly expected: Column | null;
  readonly lower: Column | null;
  readonly upper: Column | null;
  readonly score: Column | null;
  /** 1 or above: anomalous; 0: judged and fine; null: not judged. */
  readonly anomalous: Column | null;
  readonly reason: readonly unknown[] | null;
  /** Row of the field's own frame for an index of the axis, for data links; -1: none. */
  rowAt(index: number): number;
  /** Start of the first bucket that is not finished; null: all are. Epoch ms. */
  readonly partialFromMs: number | null;
  /** Distance of neighbouring buckets. */
  readonly stepMs: number;
}

export interface SeriesSet {
  /** Ascending, without duplicates. Epoch ms. */
  readonly timesMs: number[];
  readonly series: readonly Series[];
  /** At least one value is there. */
  readonly drawable: boolean;
  /** Why frames that were there gave no series, in words; null: nothing is wrong. */
  readonly problem: string | null;
}

interface Source {
  readonly frame: DataFrame;
  readonly timesMs: number[];
  /** Row of the frame per time; null: the same index. */
  readonly rows: readonly number[] | null;
}

export function seriesSetOf(frames: readonly DataFrame[]): SeriesSet {
  const split = frames.filter((frame) => frame.length > 0 && frame.fields.length > 0).flatMap(splitLong);
  const sources = split.map(sourceOf).filter((source) => source !== null);
  if (sources.length === 0) return { timesMs: [], series: [], drawable: false, problem: problemOf(split) };
  const timesMs = axisOf(sources);
  const series: Series[] = [];
  for (const source of sources) {
    const rows = rowsOn(timesMs, source);
    const partialFromMs = partialFromOf(source.frame);
    const stepMs = stepOf(source.frame, source.timesMs);
    for (const { value, verdict } of seriesOf(source.frame)) {
      const column = (role: VerdictRole): Column | null => {
        const field = verdict.get(role);
        return field === undefined ? null : numbersOf(field, rows);
      };
      const reason = verdict.get('reason');
      series.push({
        index: series.length,
        name: getFieldDisplayName(value, source.frame, [...split]),
        field: value,
        values: numbersOf(value, rows),
        expected: column('expected'),
        lower: column('lower'),
        upper: column('upper'),
        score: column('score'),
        anomalous: column('anomalous'),
        reason: reason === undefined ? null : rows === null ? reason.values : rows.map((row) => (row < 0 ? null : reason.values[row])),
        rowAt: (index) => (rows === null ? index : (rows[index] ?? -1)),
        partialFromMs,
        stepMs,
      });
    }
  }
  const drawable = series.some((one) => one.values.some((value) => typeof value === 'number'));
  return { timesMs, series, drawable, problem: series.length === 0 ? problemOf(split) : null };
}

function problemOf(frames: readonly DataFrame[]): string | null {
  if (frames.length === 0) return null;
  const timed = frames.some((frame) => frame.fields.some((field) => field.type === FieldType.time));
  return timed
    ? 'The answer has times but no numbers. Choose a measure, or turn text into numbers with the transformation “Convert field type”.'
    : 'The answer has no time field. Choose the format “Time series” in the query.';
}

/** Times of a frame, ascending and each once; of rows with the same time the last counts. */
function sourceOf(frame: DataFrame): Source | null {
  const time = frame.fields.find((field) => field.type === FieldType.time);
  if (time === undefined) return null;
  const raw: readonly unknown[] = time.values;
  let tidy = true;
  let last = -Infinity;
  for (const value of raw) {
    if (typeof value !== 'number' || !(value > last)) {
      tidy = false;
      break;
    }
    last = value;
  }
  if (tidy) return { frame, timesMs: time.values, rows: null };
  const rowOf = new Map<number, number>();
  raw.forEach((value, row) => {
    if (typeof value === 'number' && Number.isFinite(value)) rowOf.set(value, row);
  });
  const sorted = [...rowOf].sort(([a], [b]) => a - b);
  return { frame, timesMs: sorted.map(([timeMs]) => timeMs), rows: sorted.map(([, row]) => row) };
}

function axisOf(sources: readonly Source[]): number[] {
  const first = sources[0]?.timesMs ?? [];
  if (sources.every((source) => sameTimes(source.timesMs, first))) return first;
  const all = new Set<number>();
  for (const source of sources) for (const timeMs of source.timesMs) all.add(timeMs);
  return Float64Array.from(all)
    .sort()
    .reduce<number[]>((list, timeMs) => (list.push(timeMs), list), []);
}

function sameTimes(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((timeMs, index) => timeMs === b[index]));
}

/** Row of the source per time of the axis, -1 where it has none; null: the axis is the source's own. */
function rowsOn(timesMs: readonly number[], source: Source): readonly number[] | null {
  if (sameTimes(timesMs, source.timesMs)) return source.rows;
  const rows: number[] = [];
  let at = 0;
  for (const timeMs of timesMs) {
    if (source.timesMs[at] === timeMs) {
      rows.push(source.rows?.[at] ?? at);
      at++;
    } else rows.push(-1);
  }
  return rows;
}

function numbersOf(field: Field, rows: readonly number[] | null): Column {
  const values: readonly unknown[] = field.values;
  if (rows !== null) return rows.map((row) => (row < 0 ? undefined : numberOf(values[row])));
  return values.every(isPlain) ? field.values : values.map(numberOf);
}

function isPlain(value: unknown): boolean {
  return value === null || (typeof value === 'number' && Number.isFinite(value));
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return typeof value === 'boolean' ? Number(value) : null;
}
