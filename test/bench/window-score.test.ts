// The benchmark's score against what its description says of it.

import { describe, expect, it } from 'vitest';
import { corpusScore, type LabelledSeries, probationRows, scoreSeries } from '../../bench/anomaly/window-score.js';

const rows = 1000;
const series: LabelledSeries = {
  name: 'one',
  timesMs: Array.from({ length: rows }, (_, i) => i * 60_000),
  values: Array.from({ length: rows }, () => 0),
  windows: [
    [400, 449],
    [700, 749],
  ],
};
const flags = (...at: number[]): Uint8Array => Uint8Array.from({ length: rows }, (_, i) => (at.includes(i) ? 1 : 0));
const score = (...at: number[]): number => corpusScore([scoreSeries(series, flags(...at))]);

describe('the window score', () => {
  it('is 0 for silence and 100 for each window found at its begin', () => {
    expect(score()).toBe(0);
    expect(score(400, 700)).toBeCloseTo(100, 1);
    expect(score(400, 401, 402, 700, 745)).toBeCloseTo(100, 1);
  });

  it('gives less for a late find, and nothing more for a second one', () => {
    // A window's last row is worth 2 / (1 + e^-0.1) - 1 = 0.05 of a point instead of 1, and a miss costs 1: (0.05 + 1 + 2) / 4.
    expect(score(449, 700)).toBeCloseTo(76.3, 0);
    expect(score(400)).toBeCloseTo(50, 1);
  });

  it('takes 0.11 for a false row, less right after a window, and nothing in the first 15 %', () => {
    expect(probationRows(rows)).toBe(150);
    expect(probationRows(20_000)).toBe(750);
    expect(scoreSeries(series, flags(200)).raw).toBeCloseTo(-2 - 0.11, 9);
    expect(scoreSeries(series, flags(149)).raw).toBe(-2);
    const near = scoreSeries(series, flags(451)).raw;
    expect(near).toBeLessThan(-2);
    expect(near).toBeGreaterThan(-2 - 0.03);
    expect(scoreSeries(series, flags(690)).raw).toBeCloseTo(-2 - 0.11, 3);
    expect(scoreSeries(series, flags(200, 205, 300))).toMatchObject({ falseRows: 3, falseEpisodes: 2, found: 0, windows: 2 });
  });
});
