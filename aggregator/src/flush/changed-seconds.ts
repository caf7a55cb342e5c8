// Which seconds of event time a flush changed, as few ranges: goes out with the flush's announcement, so that whoever shows its
// numbers reads only what may differ. Pure. Invariant: every row's second lies in one of the ranges.

import type { RawRows } from '../window/flush-batch.js';

/** Epoch seconds, half open. */
export type SecondRange = readonly [fromS: number, toS: number];

/** Scattered late events beyond this many places are told as wider ranges. */
const MOST_RANGES = 16;

/** Ascending, disjoint; no two of them touch. */
export function changedSeconds(raw: RawRows): SecondRange[] {
  const times = raw.columns.find((column) => column.name === 'time');
  if (times === undefined || times.type !== 'DateTime64(3)') return [];
  const seconds = new Set<number>();
  let last = Number.NaN;
  for (let row = 0; row < raw.rows; row++) {
    const second = Math.floor(times.data[row] / 1_000);
    if (second !== last) seconds.add(second);
    last = second;
  }
  return joinRanges(
    [...seconds].map((second) => [second, second + 1]),
    MOST_RANGES,
  );
}

/** Joins what touches, then the nearest neighbours until there are at most `most`. */
export function joinRanges(ranges: readonly SecondRange[], most: number): SecondRange[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [fromS, toS] of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && fromS <= last[1]) last[1] = Math.max(last[1], toS);
    else joined.push([fromS, toS]);
  }
  if (joined.length <= most) return joined;
  const gaps = joined.slice(1).map((range, index) => ({ index: index + 1, gapS: range[0] - joined[index][1] }));
  const kept = new Set(
    gaps
      .sort((a, b) => b.gapS - a.gapS)
      .slice(0, most - 1)
      .map(({ index }) => index),
  );
  const fewer: [number, number][] = [];
  joined.forEach((range, index) => {
    const last = fewer.at(-1);
    if (last === undefined || kept.has(index)) fewer.push(range);
    else last[1] = range[1];
  });
  return fewer;
}
