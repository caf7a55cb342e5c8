// Answers as the steps of a funnel: either a row per step (a text and a number), or a number field per step, in the order of queries
// and fields. Pure, given the theme.

import {
  FieldType,
  getDisplayProcessor,
  getFieldDisplayName,
  reduceField,
  type DataFrame,
  type DisplayProcessor,
  type Field,
  type GrafanaTheme2,
  type LinkModel,
} from '@grafana/data';
import { partialFromOf } from '../frames/frame-meta';

export interface Step {
  readonly name: string;
  readonly value: number;
  readonly display: DisplayProcessor;
  /** 0 to 1; null where the first step is 0. */
  readonly ofFirst: number | null;
  /** 0 and up; null for the first step and after a step with nobody. */
  readonly ofPrevious: number | null;
  /** Of all transitions the one that loses the largest share. */
  readonly worst: boolean;
  readonly links: () => LinkModel[];
}

export interface Funnel {
  readonly steps: readonly Step[];
  readonly drawable: boolean;
  readonly problem: string | null;
}

interface Raw {
  readonly name: string;
  readonly value: number;
  readonly field: Field;
  readonly row: number;
}

/** @param calculation how a column becomes one number where it is a time series: a reducer of Grafana's, e.g. `sum` */
export function funnelOf(frames: readonly DataFrame[], calculation: string, theme: GrafanaTheme2): Funnel {
  const filled = frames.filter((frame) => frame.length > 0);
  const raw = filled.flatMap((frame) => rowsAsSteps(frame) ?? fieldsAsSteps(frame, filled, calculation));
  if (raw.length === 0) {
    const problem =
      filled.length === 0 ? null : 'The answer has no numbers. A funnel takes a number per step, or a text and a number per row.';
    return { steps: [], drawable: false, problem };
  }
  const first = raw[0]?.value ?? 0;
  const shares = raw.map(({ value }, index) => {
    const previous = raw[index - 1]?.value;
    return previous === undefined || previous === 0 ? null : value / previous;
  });
  const least = Math.min(1, ...shares.filter((share) => share !== null));
  const worst = least < 1 && raw.length > 2 ? shares.indexOf(least) : -1;
  const steps = raw.map(({ name, value, field, row }, index): Step => ({
    name,
    value,
    display: field.display ?? getDisplayProcessor({ field, theme }),
    ofFirst: first === 0 ? null : value / first,
    ofPrevious: shares[index] ?? null,
    worst: index === worst,
    links: () => field.getLinks?.({ valueRowIndex: row }) ?? [],
  }));
  return { steps, drawable: true, problem: null };
}

/** Null: this is no frame with a row per step. */
function rowsAsSteps(frame: DataFrame): Raw[] | null {
  if (frame.fields.some((field) => field.type === FieldType.time)) return null;
  const names = frame.fields.find((field) => field.type === FieldType.string);
  const numbers = frame.fields.find((field) => field.type === FieldType.number);
  if (names === undefined || numbers === undefined) return null;
  return Array.from({ length: frame.length }, (_, row) => ({
    name: String(names.values[row] ?? ''),
    value: amount(numbers.values[row]),
    field: numbers,
    row,
  }));
}

/** A bucket that is still filling counts like every other: what it holds has happened. */
function fieldsAsSteps(frame: DataFrame, all: DataFrame[], calculation: string): Raw[] {
  return frame.fields
    .filter((field) => field.type === FieldType.number)
    .map((field) => {
      const reduced: unknown =
        frame.length === 1 ? field.values[0] : reduceField({ field: { ...field, state: null }, reducers: [calculation] })[calculation];
      return { name: getFieldDisplayName(field, frame, all), value: amount(reduced), field, row: frame.length - 1 };
    });
}

/** What is no number of people or things is nobody. */
function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

/** Whether the newest bucket still fills, so that late steps look worse than they are. */
export function stillFilling(frames: readonly DataFrame[]): boolean {
  return frames.some((frame) => partialFromOf(frame) !== null);
}

/** `42 %`, `0.31 %`; small shares keep two digits. */
export function percent(share: number): string {
  const value = share * 100;
  if (value >= 10 || value === 0) return `${Math.round(value)} %`;
  return `${Number(value.toPrecision(2))} %`;
}
