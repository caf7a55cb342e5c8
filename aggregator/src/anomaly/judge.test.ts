// The options that keep alerts quiet, and what flagged values and gaps may teach.

import { describe, expect, it } from 'vitest';
import { createDetector, detectSeries } from './detect.js';
import type { DetectorOptions } from './detector.js';
import { resolveOptions } from './options.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5, 14);
const times = (n: number): number[] => Array.from({ length: n }, (_, i) => START + i * MINUTE);
/** Around 100, between 98 and 102. */
const calm = (n: number): number[] => Array.from({ length: n }, (_, i) => 100 + 2 * Math.sin(i * 12.9898) * Math.sin(i * 4.1414));
const BASE: DetectorOptions = { detector: 'robust', windowMs: 60 * MINUTE };

function judge(values: readonly (number | null)[], options: DetectorOptions): number[] {
  const { anomalous } = detectSeries(times(values.length), values, { ...BASE, ...options }, { bucketMs: MINUTE });
  return [...anomalous.keys()].filter((i) => anomalous[i] === 1);
}

describe('options that keep alerts quiet', () => {
  const spikes = [...calm(60), 150, ...calm(20), 50, ...calm(20)];

  it('direction: only the wanted side is flagged, and the other side does not teach', () => {
    expect(judge(spikes, {})).toEqual([60, 81]);
    expect(judge(spikes, { direction: 'up' })).toEqual([60]);
    expect(judge(spikes, { direction: 'down' })).toEqual([81]);
    const after = (direction: 'up' | 'both'): number | undefined =>
      detectSeries(times(102), spikes, { ...BASE, detector: 'zscore', direction }).lower[101];
    expect(after('up')).toBe(after('both'));
  });

  it('minimal deviation, absolute and relative, and the floor for sparse counts', () => {
    expect(judge(spikes, { minDeviation: 49 })).toEqual([60, 81]);
    expect(judge(spikes, { minDeviation: 53 })).toEqual([]);
    expect(judge(spikes, { minRelative: 0.6 })).toEqual([]);
    expect(judge(spikes, { minCount: 151 })).toEqual([]);
    const { upper, lower } = detectSeries(times(70), spikes.slice(0, 70), { ...BASE, minDeviation: 53 });
    expect(upper[69]! - lower[69]!).toBeCloseTo(106, 6);
  });

  it('sensitivity in words widens and narrows the band', () => {
    const width = (sensitivity: 'low' | 'medium' | 'high'): number => {
      const { upper, lower } = detectSeries(times(60), calm(60), { ...BASE, sensitivity });
      return upper[59]! - lower[59]!;
    };
    expect(width('low') / width('medium')).toBeCloseTo(1.5, 9);
    expect(width('high') / width('medium')).toBeCloseTo(0.75, 9);
  });

  it('minimal samples', () => {
    const values = [...calm(30), 150, ...calm(5)];
    expect(judge(values, { minSamples: 30 })).toEqual([30]);
    expect(judge(values, { minSamples: 31 })).toEqual([]);
  });

  it('consecutive buckets: the third in a row is flagged, and a lone spike never', () => {
    const values = [...calm(60), 150, ...calm(10), 150, 151, 152, 153, ...calm(10)];
    expect(judge(values, { consecutive: 3 })).toEqual([73, 74]);
    const { score } = detectSeries(times(85), values, { ...BASE, consecutive: 3 });
    expect(score[71]).toBeLessThan(0.5);
    expect(score[72]).toBeGreaterThan(score[71]!);
  });

  it('recovery threshold: an episode ends below it, not at the band', () => {
    const { upper } = detectSeries(times(61), [...calm(60), 150], BASE);
    const half = upper[60]! - 100;
    const values = [...calm(60), 150, 100 + 0.9 * half, 100 + 0.5 * half, 100 + 0.9 * half];
    expect(judge(values, { recovery: 0.7 })).toEqual([60, 61]);
    expect(judge(values, { recovery: 1 })).toEqual([60]);
    const held = detectSeries(times(64), values, { ...BASE, recovery: 0.7 });
    expect(held.score[61]).toBeGreaterThan(0.5);
    expect(held.sinceMs[61]).toBe(START + 60 * MINUTE);
    expect(held.sinceMs[62]).toBeNaN();
  });

  it('maintenance: nothing is flagged and nothing is learnt', () => {
    const values = [...calm(60), 500, 500, 500, 500, 500, ...calm(5)];
    const maintenance = [{ fromMs: START + 60 * MINUTE, toMs: START + 65 * MINUTE }];
    expect(judge(values, { maintenance, detector: 'zscore' })).toEqual([]);
    const { expected, reason } = detectSeries(times(70), values, { ...BASE, detector: 'zscore', maintenance });
    expect(expected[69]).toBeCloseTo(100, 0);
    expect(reason[62]).toBe('maintenance');
  });
});

describe('what teaches the baseline', () => {
  for (const detector of ['zscore', 'robust', 'ewma', 'seasonal', 'auto'] as const) {
    it(`${detector}: an outage is flagged, does not move the band, and the return to normal is normal`, () => {
      const values = [...calm(1500), ...Array.from({ length: 15 }, () => 0), ...calm(30)];
      const { expected, anomalous } = detectSeries(times(values.length), values, { detector, windowMs: 60 * MINUTE }, { bucketMs: MINUTE });
      expect(anomalous[1500]! + anomalous[1501]!).toBeGreaterThan(0);
      for (let i = 1500; i < 1516; i++) expect(Math.abs(expected[i]! - 100)).toBeLessThan(4);
      expect(anomalous.slice(1515).reduce((sum, one) => sum + one, 0)).toBe(0);
    });

    it(`${detector}: a gap does not teach either`, () => {
      const values = [...calm(1500), ...Array.from({ length: 4 }, () => null), ...calm(5)];
      const { expected, score, anomalous } = detectSeries(
        times(values.length),
        values,
        { detector, windowMs: 60 * MINUTE },
        { bucketMs: MINUTE },
      );
      for (let i = 1500; i < 1504; i++) expect(Math.abs(expected[i]! - 100)).toBeLessThan(4);
      expect(Math.max(...score.slice(1500))).toBeLessThan(0.5);
      expect(Math.max(...anomalous.slice(1500))).toBe(0);
    });

    it(`${detector}: a level that stays is learnt in the end`, () => {
      const values = [...calm(1500), ...calm(200).map((v) => v + 100)];
      const { expected, anomalous, sinceMs } = detectSeries(
        times(values.length),
        values,
        { detector, windowMs: 60 * MINUTE },
        { bucketMs: MINUTE },
      );
      expect(anomalous[1500]).toBe(1);
      expect(Math.abs(expected[1590]! - 200)).toBeLessThan(5);
      expect(anomalous.slice(1590).reduce((sum, one) => sum + one, 0)).toBe(0);
      expect(sinceMs[1699]).toBeNaN();
    });
  }

  it('with hold episode the whole outage is flagged, with hold fade its onset; both know when it began', () => {
    const values = [...calm(300), ...Array.from({ length: 20 }, () => 0), ...calm(30)];
    const run = (hold: 'episode' | 'fade'): ReturnType<typeof detectSeries> =>
      detectSeries(times(values.length), values, { detector: 'auto', hold, relearnAfter: 60 }, { bucketMs: MINUTE });
    const sum = (flags: Uint8Array): number => flags.reduce((total, one) => total + one, 0);
    expect(sum(run('episode').anomalous)).toBe(20);
    expect(sum(run('fade').anomalous)).toBeLessThan(4);
    expect(run('fade').sinceMs[319]).toBe(START + 300 * MINUTE);
    expect(run('fade').sinceMs[325]).toBeNaN();
  });

  it('what must last several buckets is flagged as long as it lasts, and does not fade before', () => {
    const values = [...calm(300), ...Array.from({ length: 10 }, () => 0), ...calm(30)];
    const { anomalous } = detectSeries(times(values.length), values, { detector: 'auto', consecutive: 3 }, { bucketMs: MINUTE });
    expect([...anomalous.slice(298, 312)]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
  });
});

describe('wrong options', () => {
  it('are refused with the option and what it may be', () => {
    expect(() => createDetector({ consecutive: 0 })).toThrow('anomaly option consecutive: expected a whole number from 1 to 10000, got 0');
    expect(() => createDetector({ timeZone: 'Mars/Base' })).toThrow('"Mars/Base" is not a time zone');
    expect(() => createDetector({ holidays: ['24.12.2026'] })).toThrow('expected dates as YYYY-MM-DD');
    expect(() => createDetector({ recovery: 2 })).toThrow('recovery');
    expect(() => resolveOptions({ maintenance: [{ fromMs: 2, toMs: 1 }] })).toThrow('fromMs before toMs');
  });
});
