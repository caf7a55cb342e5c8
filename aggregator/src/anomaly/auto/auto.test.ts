// What `auto` promises: finds what people would point at, soon, stays quiet otherwise, and says what it chose.

import { describe, expect, it } from 'vitest';
import { createDetector, detectSeries } from '../detect.js';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const START = Date.UTC(2026, 0, 5);

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Roughly normal. */
function normal(next: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += next();
  return sum;
}

function poisson(next: () => number, mean: number): number {
  const limit = Math.exp(-mean);
  let n = 0;
  for (let p = next(); p > limit; p *= next()) n++;
  return n;
}

function times(n: number, stepMs: number): number[] {
  return Array.from({ length: n }, (_, i) => START + i * stepMs);
}

const daily = (t: number): number => 0.5 - 0.5 * Math.cos((((t - START) % DAY) / DAY) * 2 * Math.PI);
const flagged = (anomalous: Uint8Array, from = 0, to = anomalous.length): number[] =>
  [...anomalous.keys()].filter((i) => i >= from && i < to && anomalous[i] === 1);

/** Ten days of five minutes, a daily rhythm, noise. */
function shop(seed: number): { at: number[]; values: number[] } {
  const next = random(seed);
  const at = times(2880, 5 * MINUTE);
  return { at, values: at.map((t) => 200 + 600 * daily(t) + 20 * normal(next)) };
}

describe('auto', () => {
  it('is quiet on a clean rhythm: fewer than one false alarm in three weeks', () => {
    let alarms = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const { at, values } = shop(seed);
      alarms += flagged(detectSeries(at, values).anomalous, 288).length;
    }
    // Twenty series of nine judged days are 26 weeks.
    expect(alarms).toBeLessThan(9);
  });

  it('is quiet on pure noise, skewed noise, bursts that are usual, a random walk and sparse counts', () => {
    const next = random(7);
    let walk = 0;
    let burst = 0;
    const kinds: Record<string, () => number> = {
      noise: () => normal(next),
      skewed: () => Math.exp(0.5 * normal(next)),
      bursts: () => {
        if (next() < 0.02) burst = 20 * next();
        burst *= 0.6;
        return 5 + 0.3 * normal(next) + burst;
      },
      walk: () => (walk += normal(next)),
      sparse: () => poisson(next, 0.3),
    };
    for (const [name, make] of Object.entries(kinds)) {
      const values = Array.from({ length: 4000 }, make);
      expect(flagged(detectSeries(times(4000, MINUTE), values).anomalous).length, name).toBeLessThanOrEqual(2);
    }
  });

  it.each([
    ['a spike', 1, (v: number) => v + 400],
    ['a dip', 1, (v: number) => v - 400],
    ['an outage', 30, () => 0],
    ['a burst', 20, (v: number) => v + 300],
    ['a level that moves', 900, (v: number) => v + 250],
  ])('finds %s within two buckets, by day and by night', (_name, length, change) => {
    for (const onset of [2000, 2160]) {
      const { at, values } = shop(3);
      for (let i = onset; i < Math.min(onset + length, values.length); i++) values[i] = change(values[i]!);
      const { anomalous } = detectSeries(at, values);
      const first = flagged(anomalous, 288)[0];
      expect(first).toBeGreaterThanOrEqual(onset);
      expect(first).toBeLessThanOrEqual(onset + 1);
    }
  });

  it('finds a rhythm that fails to come, a line that stands still, more noise and a small shift', () => {
    const night = shop(4);
    for (let i = 2016 + 60; i < 2016 + 240; i++) night.values[i] = 200 + 20 * Math.sin(i);
    expect(flagged(detectSeries(night.at, night.values).anomalous, 2016, 2016 + 240).length).toBeGreaterThan(0);

    const stuck = shop(5);
    for (let i = 2000; i < 2060; i++) stuck.values[i] = stuck.values[1999]!;
    const found = detectSeries(stuck.at, stuck.values);
    const first = flagged(found.anomalous, 2000, 2060)[0]!;
    expect(found.reason[first]).toMatch(/^stuck at \d+\.?\d* for 1\d buckets|expected/);

    const next = random(6);
    const values = Array.from({ length: 3000 }, (_, i) => 50 + (i >= 2000 && i < 2100 ? 4 : 1) * normal(next));
    expect(flagged(detectSeries(times(3000, MINUTE), values).anomalous, 2000, 2020).length).toBeGreaterThan(0);

    const shifted = Array.from({ length: 3000 }, (_, i) => 50 + normal(next) + (i >= 2000 ? 3 : 0));
    const { anomalous, reason } = detectSeries(times(3000, MINUTE), shifted);
    const at = flagged(anomalous, 2000, 2040)[0]!;
    expect(reason[at]).not.toBe('');
  });

  it('is useful in the first hour: a spike after half an hour of minutes is found', () => {
    const next = random(8);
    const values = Array.from({ length: 60 }, (_, i) => 50 + 2 * normal(next) + (i === 40 ? 100 : 0));
    expect(flagged(detectSeries(times(60, MINUTE), values).anomalous)).toEqual([40]);
  });

  it('does not cry for two errors where there are few, but for fifteen', () => {
    const next = random(9);
    const values = Array.from({ length: 3000 }, () => poisson(next, 0.2));
    values[2000] = 3;
    values[2500] = 15;
    expect(flagged(detectSeries(times(3000, MINUTE), values).anomalous)).toEqual([2500]);
  });

  it('takes what keeps coming back for normal, after a few times', () => {
    const next = random(10);
    const values = Array.from({ length: 8000 }, (_, i) => 50 + normal(next) + (i % 370 === 369 ? 40 : 0));
    const rows = flagged(detectSeries(times(8000, 5 * MINUTE), values, { season: 'none' }).anomalous);
    expect(rows.length).toBeGreaterThan(1);
    // Twenty-one came in all, eleven of them in the second half.
    expect(rows.filter((i) => i > 4000).length).toBeLessThanOrEqual(1);
  });

  it('takes a return to the usual for no alarm, and a burst that repeats at once for no news', () => {
    const next = random(15);
    const values = Array.from({ length: 3000 }, () => 50 + normal(next));
    // Ten minutes up a slope and back at once.
    for (let i = 0; i < 10; i++) values[2000 + i] = 50 + 8 * (i + 1);
    expect(flagged(detectSeries(times(3000, MINUTE), values).anomalous, 2010)).toEqual([]);

    const bursts = Array.from({ length: 3000 }, (_, i) => 50 + normal(next) + (i >= 2000 && i < 2012 && i % 8 < 2 ? 100 : 0));
    const rows = flagged(detectSeries(times(3000, MINUTE), bursts).anomalous, 1000);
    expect(rows).toEqual([2000]);
  });

  it('learns the rhythm of a series that begins with a constant and has no noise at all', () => {
    const at = times(14 * 288, 5 * MINUTE);
    const office = at.map((t) => {
      const hour = ((t - START) % DAY) / 3_600_000;
      return hour >= 9 && hour < 18 ? 80 : 20;
    });
    const { anomalous, detector } = detectSeries(at, office);
    expect(detector).toMatch(/^daily rhythm/);
    expect(flagged(anomalous, 2 * 288)).toEqual([]);
    // The day on which nobody comes is found.
    for (let i = 12 * 288; i < 13 * 288; i++) office[i] = 20;
    const missed = flagged(detectSeries(at, office).anomalous, 12 * 288, 13 * 288);
    expect(missed[0]).toBe(12 * 288 + 9 * 12);
  });

  it('tells of a line that stands still once, and again when it has stood twice as long', () => {
    const next = random(16);
    const values = Array.from({ length: 1200 }, (_, i) => (i < 1000 ? 50 + normal(next) : 51.5));
    const rows = flagged(detectSeries(times(1200, MINUTE), values, { relearnAfter: 500 }).anomalous, 1000);
    expect(rows.length).toBeGreaterThan(1);
    for (let i = 1; i < rows.length; i++) expect(rows[i]! - 999).toBeGreaterThanOrEqual(2 * (rows[i - 1]! - 999));
  });

  it('flags a missing feed, and not the usual gaps', () => {
    const next = random(11);
    const values: (number | null)[] = Array.from({ length: 1000 }, (_, i) =>
      i > 800 || (i > 100 && i % 50 < 3) ? null : 50 + normal(next),
    );
    const { anomalous, reason } = detectSeries(times(1000, MINUTE), values);
    expect(flagged(anomalous, 0, 800)).toEqual([]);
    expect(flagged(anomalous)[0]).toBeLessThan(812);
    expect(reason[flagged(anomalous)[0]!]).toMatch(/^no value for \d+ buckets, expected/);
  });

  it('says what it chose', () => {
    const { at, values } = shop(12);
    expect(detectSeries(at, values).detector).toMatch(/^daily rhythm.*buckets of 5 minutes$/);
    const next = random(13);
    const sparse = detectSeries(
      times(2000, MINUTE),
      Array.from({ length: 2000 }, () => poisson(next, 0.5)),
    );
    expect(sparse.detector).toMatch(/^no rhythm, .*, sparse counts, buckets of 1 minute$/);
    expect(createDetector().describe()).toBe('still learning: 0 of 16 values');
  });

  it('gives the reason with the usual value for the time', () => {
    const { at, values } = shop(14);
    values[2000] = 3000;
    const { reason } = detectSeries(at, values, { timeZone: 'Europe/Berlin' });
    expect(reason[2000]).toMatch(/^3000(,| is higher than this series goes,) expected \d+.* for Sunday 23:40, \+\d+σ$/);
  });
});
