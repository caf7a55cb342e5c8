// Series as lanes: how anomalous each bucket is, from 0 to 1, the lanes' order, and where a point of the panel lies. Pure.
//
// With a detector the heat is its score (0 to 1, 0.5 is where anomalies begin). Without one it is the value's place within the
// series' own range, so that series of any size can be compared: then nothing is called an anomaly.

import { isAnomalous, regionsOf } from '../frames/regions';
import type { Cell, Column, Series, SeriesSet } from '../frames/series-set';
import type { Ranking, SwimlaneOptions } from './options';

export interface Lane {
  readonly series: Series;
  /** Per index of the axis, 0 to 1; null: nothing there; undefined: a time of other series. */
  readonly heat: Column;
  readonly judged: boolean;
  readonly peak: number;
  readonly current: number;
  /** Runs of anomalous buckets. */
  readonly anomalies: number;
}

export function lanesOf(set: SeriesSet, options: Pick<SwimlaneOptions, 'ranking' | 'onlyAnomalous'>): Lane[] {
  const lanes = set.series.map((series) => laneOf(series, set.timesMs));
  const kept = options.onlyAnomalous && lanes.some((lane) => lane.judged) ? lanes.filter((lane) => lane.anomalies > 0) : lanes;
  return kept.sort((a, b) => compare(a, b, options.ranking));
}

function laneOf(series: Series, timesMs: readonly number[]): Lane {
  const judged = series.score !== null || series.anomalous !== null;
  const heat = judged ? scoreHeat(series) : rangeHeat(series.values);
  let peak = 0;
  let current = 0;
  heat.forEach((value, index) => {
    if (typeof value !== 'number') return;
    // What is still filling says nothing yet.
    if (series.partialFromMs !== null && (timesMs[index] ?? 0) >= series.partialFromMs) return;
    if (value > peak) peak = value;
    current = value;
  });
  return { series, heat, judged, peak, current, anomalies: regionsOf(series).length };
}

function scoreHeat({ score, anomalous }: Series): Column {
  if (score !== null)
    return score.map((value, index) =>
      typeof value === 'number' ? clamp(isAnomalous(anomalous?.[index]) ? Math.max(value, 0.5) : value) : value,
    );
  return (anomalous ?? []).map((flag) => (typeof flag === 'number' ? (isAnomalous(flag) ? 1 : 0) : flag));
}

function rangeHeat(values: Column): Column {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (typeof value !== 'number') continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const span = high - low;
  return values.map((value) => (typeof value === 'number' ? (span === 0 ? 0 : (value - low) / span) : value));
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function compare(a: Lane, b: Lane, ranking: Ranking): number {
  const byName = a.series.name.localeCompare(b.series.name, 'en', { numeric: true });
  if (ranking === 'name') return byName;
  const heat = ranking === 'peak' ? b.peak - a.peak : b.current - a.current;
  return heat || b.anomalies - a.anomalies || byName;
}

export interface LaneGeometry {
  readonly left: number;
  readonly width: number;
  readonly laneHeight: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export function xOf(timeMs: number, { left, width, fromMs, toMs }: LaneGeometry): number {
  return left + ((timeMs - fromMs) / (toMs - fromMs)) * width;
}

export interface Hit {
  readonly laneIndex: number;
  /** Of the axis. */
  readonly index: number;
}

/** What lies under a point: `y` from the top of the first lane, `x` from the panel's left edge. Null: nothing. */
export function hitAt(lanes: readonly Lane[], timesMs: readonly number[], geometry: LaneGeometry, x: number, y: number): Hit | null {
  const laneIndex = Math.floor(y / geometry.laneHeight);
  const lane = lanes[laneIndex];
  if (lane === undefined || x < geometry.left || x > geometry.left + geometry.width) return null;
  const timeMs = geometry.fromMs + ((x - geometry.left) / geometry.width) * (geometry.toMs - geometry.fromMs);
  let index = lastAtOrBefore(timesMs, timeMs);
  while (index >= 0 && lane.heat[index] === undefined) index--;
  const start = timesMs[index];
  return index < 0 || start === undefined || timeMs >= start + lane.series.stepMs ? null : { laneIndex, index };
}

/** Index of the last time not after `timeMs`, -1: none. */
export function lastAtOrBefore(timesMs: readonly number[], timeMs: number): number {
  let [low, high] = [0, timesMs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((timesMs[middle] ?? Infinity) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The nearest bucket of a lane in a direction that has something to say, for the keyboard; the same where there is none. */
export function neighbour(lane: Lane, index: number, direction: 1 | -1): number {
  for (let at = index + direction; at >= 0 && at < lane.heat.length; at += direction) {
    if (typeof lane.heat[at] === 'number') return at;
  }
  return index;
}

/** The hottest of the buckets that share a pixel: an anomaly of one bucket must not vanish between neighbours. */
export function hottest(a: Cell, b: Cell): Cell {
  if (typeof a !== 'number') return typeof b === 'number' ? b : (a ?? b);
  return typeof b === 'number' ? Math.max(a, b) : a;
}
