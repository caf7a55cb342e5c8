// Runs of anomalous buckets of one series: what is highlighted, counted and spoken as one anomaly. Pure.

import type { Cell, Column, Series } from './series-set';

export interface Region {
  /** First and last index on the axis, both anomalous. */
  readonly fromIndex: number;
  readonly toIndex: number;
  /** Where the score is highest, or where the value is farthest from what was expected. */
  readonly peakIndex: number;
}

export function isAnomalous(cell: Cell): boolean {
  return cell !== null && cell !== undefined && cell >= 1;
}

/** In the order of time. A bucket that was not judged (null) ends a run, a time that only other series have (undefined) does not. */
export function regionsOf(series: Series): Region[] {
  const flags = series.anomalous;
  if (flags === null) return [];
  const regions: Region[] = [];
  let from = -1;
  let to = -1;
  const close = (): void => {
    if (from >= 0) regions.push({ fromIndex: from, toIndex: to, peakIndex: peakOf(series, from, to) });
    from = -1;
  };
  for (let index = 0; index < flags.length; index++) {
    const flag = flags[index];
    if (isAnomalous(flag)) {
      if (from < 0) from = index;
      to = index;
    } else if (flag !== undefined) close();
  }
  close();
  return regions;
}

function peakOf(series: Series, from: number, to: number): number {
  let peak = from;
  let best = -Infinity;
  for (let index = from; index <= to; index++) {
    const weight = series.score?.[index] ?? distance(series.values, series.expected, index);
    if (weight > best) {
      best = weight;
      peak = index;
    }
  }
  return peak;
}

function distance(values: Column, expected: Column | null, index: number): number {
  const value = values[index];
  const usual = expected?.[index];
  return value === null || value === undefined || usual === null || usual === undefined ? -1 : Math.abs(value - usual);
}
