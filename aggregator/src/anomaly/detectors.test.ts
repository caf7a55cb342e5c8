// Hand-calculated cases: small series whose mean, median or weights can be checked on paper.

import { describe, expect, it } from 'vitest';
import { createDetector, detectSeries } from './detect.js';
import type { DetectorOptions, Verdict } from './detector.js';

const MINUTE = 60_000;
const times = (n: number, step = MINUTE): number[] => Array.from({ length: n }, (_, i) => 1_700_000_040_000 + i * step);

/** The verdict on the last value after all the others. */
function lastVerdict(values: readonly (number | null)[], options: DetectorOptions): Verdict {
  const detector = createDetector(options, { bucketMs: MINUTE });
  const at = times(values.length);
  let verdict = detector.push(at[0]!, values[0]!);
  for (let i = 1; i < values.length; i++) verdict = detector.push(at[i]!, values[i]!);
  return verdict;
}

const ONE_TO_TWELVE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

describe('zscore', () => {
  it('is the mean ± k standard deviations of the window', () => {
    // mean 6.5, sum of squares 143, standard deviation √(143 / 11) = 3.605551
    const higher = [...ONE_TO_TWELVE, 20].map((value) => value + 10);
    const verdict = lastVerdict(higher, { detector: 'zscore', k: 3 });
    expect(verdict.expected).toBeCloseTo(16.5, 9);
    expect(verdict.upper).toBeCloseTo(16.5 + 3 * 3.605551, 5);
    expect(verdict.lower).toBeCloseTo(16.5 - 3 * 3.605551, 5);
    expect(verdict.anomalous).toBe(true);
    // ratio 13.5 / 10.816654 = 1.248076; ln 2.248076 / (ln 2.248076 + ln 2)
    expect(verdict.score).toBeCloseTo(0.53891, 4);
    expect(verdict.reason).toBe('30, expected 16.5 ± 10.82 for Tuesday 22:26, +3.7σ');
  });

  it('expects nothing below zero of a series that has never been there', () => {
    const options: DetectorOptions = { detector: 'zscore', k: 3 };
    const verdict = lastVerdict([...ONE_TO_TWELVE, 20], options);
    expect(verdict.lower).toBe(0);
    expect(verdict.score).toBeCloseTo(0.53891, 4);
    expect(verdict.reason).toBe('20, expected 6.5 (0 to 17.32) for Tuesday 22:26, +3.7σ');
    expect(lastVerdict([...ONE_TO_TWELVE, -3], options).lower).toBeCloseTo(6.5 - 3 * 3.605551, 5);
  });

  it('drops what is older than the window, but never below twelve values', () => {
    // 12 values of 100 would pull the mean up, had they not left the 20 minutes before the last value
    const values = [...Array.from({ length: 20 }, () => 100), ...ONE_TO_TWELVE, ...ONE_TO_TWELVE, 5];
    const verdict = lastVerdict(values, { detector: 'zscore', windowMs: 10 * MINUTE, relearnAfter: 2 });
    expect(verdict.expected).toBeCloseTo(6.5, 9);
  });

  it('keeps its precision at 1e15', () => {
    const verdict = lastVerdict(
      [...ONE_TO_TWELVE, 20].map((v) => v + 1e15),
      { detector: 'zscore', minDeviation: 1 },
    );
    expect(verdict.expected).toBeCloseTo(1e15 + 6.5, 0);
  });
});

describe('robust', () => {
  it('is the median ± k × 1.4826 × the median absolute deviation', () => {
    // median 6.5; deviations 0.5 0.5 1.5 1.5 2.5 2.5 3.5 …: their median is 3
    const verdict = lastVerdict([...ONE_TO_TWELVE, 20], { detector: 'robust', k: 2 });
    expect(verdict.expected).toBe(6.5);
    expect(verdict.upper).toBeCloseTo(6.5 + 2 * 1.4826 * 3, 9);
  });

  it('hardly moves for a third of wild values', () => {
    const verdict = lastVerdict([1, 2, 3, 4, 5, 6, 7, 8, 900, 901, 902, 903, 20], { detector: 'robust', k: 2 });
    // median 6.5; deviations 0.5 0.5 1.5 1.5 2.5 3.5 4.5 5.5 …: (3.5 + 4.5) / 2 = 4
    expect(verdict.expected).toBe(6.5);
    expect(verdict.upper).toBeCloseTo(6.5 + 2 * 1.4826 * 4, 9);
  });

  it('takes the mean deviation where more than half of the values are equal', () => {
    // deviations: ten 0, two 6: mean 1
    const verdict = lastVerdict([5, 5, 5, 5, 5, 11, 5, 5, 5, 5, 11, 5, 8], { detector: 'robust', k: 2 });
    expect(verdict.upper).toBeCloseTo(5 + 2 * 1.2533, 9);
  });
});

describe('ewma', () => {
  it('weighs the near past more', () => {
    // span 12: α = 2 / 13 from the 7th value on, plain averages before
    let mean = 0;
    let variance = 0;
    ONE_TO_TWELVE.forEach((v, i) => {
      const alpha = Math.max(2 / 13, 1 / (i + 1));
      const d = v - mean;
      mean += alpha * d;
      variance = (1 - alpha) * (variance + alpha * d * d);
    });
    const verdict = lastVerdict([...ONE_TO_TWELVE, 30], { detector: 'ewma', k: 3 });
    expect(verdict.expected).toBeCloseTo(mean, 9);
    expect(verdict.expected).toBeGreaterThan(6.5);
    expect(verdict.upper).toBeCloseTo(mean + 3 * Math.sqrt(variance), 9);
  });
});

describe('shift', () => {
  it('compares the mean of the last stretch with the one before', () => {
    // windows of 6 minutes: 30 values alternating 9 and 11 (mean 10, sd √(30/29)), then 14 for six
    const values = [...Array.from({ length: 36 }, (_, i) => (i % 2 === 0 ? 9 : 11)), 14, 14, 14, 14, 14, 14];
    const detector = createDetector({ detector: 'shift', windowMs: 6 * MINUTE, k: 4 }, { bucketMs: MINUTE });
    const at = times(values.length);
    const verdicts = values.map((v, i) => detector.push(at[i]!, v));
    expect(verdicts.slice(0, 36).some((v) => v.anomalous)).toBe(false);
    // After two 14s the short mean is (9 + 11 + 9 + 11 + 14 + 14) / 6 = 11.33, standard error 1.017 × √(1/6 + 1/30) = 0.455
    expect(verdicts[37]!.upper).toBeCloseTo(10 + 4 * Math.sqrt(30 / 29) * Math.sqrt(1 / 6 + 1 / 30), 6);
    expect(verdicts[36]!.anomalous).toBe(false);
    expect(verdicts[38]!.anomalous).toBe(true);
    expect(verdicts[38]!.reason).toMatch(/^the level moved up and stays there: 14/);
  });

  it('finds a line that stands still', () => {
    const values = Array.from({ length: 300 }, (_, i) => (i < 250 ? 10 + Math.sin(i * 1.7) : 10.5));
    const { anomalous, reason } = detectSeries(times(300), values, { detector: 'shift', k: 50 });
    const first = anomalous.indexOf(1);
    expect(first).toBe(261);
    expect(reason[first]).toBe('stuck at 10.5 for 12 buckets, unusually long for this series');
  });
});

describe('missing', () => {
  it('flags the second bucket without a value, and a row after missing rows', () => {
    const detector = createDetector({ detector: 'missing' }, { bucketMs: MINUTE });
    const at = times(40);
    for (let i = 0; i < 20; i++) expect(detector.push(at[i]!, i).anomalous).toBe(false);
    expect(detector.push(at[20]!, null).anomalous).toBe(false);
    const second = detector.push(at[21]!, null);
    expect(second.anomalous).toBe(true);
    expect(second.reason).toMatch(/^no value for 2 buckets/);
    expect(detector.push(at[22]!, 5).anomalous).toBe(false);
    expect(detector.push(at[24]!, 5).anomalous).toBe(false);
    expect(detector.push(at[30]!, 5).anomalous).toBe(true);
  });
});

describe('seasonal', () => {
  const HOUR = 60 * MINUTE;
  const daily = (t: number): number => 100 + 50 * Math.sin((t / (24 * HOUR)) * 2 * Math.PI);
  const wobble = (i: number): number => 2 * Math.sin(i * 12.9898) * Math.sin(i * 4.1414);

  it('expects the usual value of the hour, and flags the usual value of another hour', () => {
    const at = Array.from({ length: 24 * 10 }, (_, i) => Date.UTC(2026, 0, 5) + i * HOUR);
    const values = at.map((t, i) => daily(t) + wobble(i));
    const detector = createDetector({ detector: 'seasonal' }, { bucketMs: HOUR });
    at.forEach((t, i) => detector.push(t, values[i]!));
    const six = Date.UTC(2026, 0, 15, 6);
    const verdict = detector.push(six, daily(six));
    expect(verdict.expected).toBeGreaterThan(143);
    expect(verdict.expected).toBeLessThan(157);
    expect(verdict.anomalous).toBe(false);
    expect(detector.push(six + HOUR, 52).anomalous).toBe(true);
    expect(detector.describe()).toMatch(/^daily rhythm.* ± 4 standard deviations$/);
  });

  it('follows local time when daylight saving begins', () => {
    // A rush hour at 9 local time; on 29 March 2026 Berlin moves from 08:00 to 07:00 UTC.
    const start = Date.UTC(2026, 2, 16);
    const rush = (t: number): number => {
      const local = t + (t >= Date.UTC(2026, 2, 29, 1) ? 2 : 1) * HOUR;
      return (local / HOUR) % 24 === 9 ? 500 : 100;
    };
    const at = Array.from({ length: 24 * 20 }, (_, i) => start + i * HOUR);
    const values = at.map((t, i) => rush(t) + wobble(i));
    const flaggedAfter = (timeZone: string): number => {
      const { anomalous } = detectSeries(at, values, { detector: 'seasonal', season: 'day', timeZone }, { bucketMs: HOUR });
      return anomalous.slice(24 * 13 + 1).reduce((sum, one) => sum + one, 0);
    };
    expect(flaggedAfter('Europe/Berlin')).toBe(0);
    expect(flaggedAfter('UTC')).toBeGreaterThan(0);
  });
});
