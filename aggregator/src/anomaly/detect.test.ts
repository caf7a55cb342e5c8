// What holds for every detector: one code for batch and stream, causality, order of scores, invariances, and odd input.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDetector, detectSeries } from './detect.js';
import type { DetectorName } from './detector.js';
import { DETECTORS } from './options.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5);
const VALUED: readonly DetectorName[] = DETECTORS.filter((name) => name !== 'missing');

/** A series with level, rhythm, noise, some gaps and wild values; never whole numbers, which are judged as counts. */
const series = fc
  .record({
    n: fc.integer({ min: 1, max: 400 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
    wild: fc.double({ min: 0, max: 0.1, noNaN: true }),
    gaps: fc.double({ min: 0, max: 0.2, noNaN: true }),
    step: fc.constantFrom(MINUTE, 5 * MINUTE, 60 * MINUTE),
  })
  .map(({ n, seed, wild, gaps, step }) => {
    let state = seed;
    const random = (): number => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const times: number[] = [];
    const values: (number | null)[] = [];
    let time = START;
    for (let i = 0; i < n; i++) {
      time += random() < 0.03 ? 3 * step : random() < 0.02 ? -step : step;
      times.push(time);
      const noise = random() + random() + random() - 1.5;
      values.push(random() < gaps ? null : 50.37 + 10 * Math.sin(i / 20) + 3 * noise + (random() < wild ? 80 * noise : 0));
    }
    return { times, values };
  });

describe.each(DETECTORS)('%s', (detector) => {
  it('gives the same verdicts as a stream and as a batch', () => {
    fc.assert(
      fc.property(series, ({ times, values }) => {
        const batch = detectSeries(times, values, { detector, windowMs: 30 * MINUTE });
        const stream = createDetector({ detector, windowMs: 30 * MINUTE });
        times.forEach((time, i) => {
          const verdict = stream.push(time, values[i]!);
          expect(verdict.expected ?? Number.NaN).toBe(batch.expected[i]);
          expect(verdict.lower ?? Number.NaN).toBe(batch.lower[i]);
          expect(verdict.upper ?? Number.NaN).toBe(batch.upper[i]);
          expect(verdict.score).toBe(batch.score[i]);
          expect(verdict.anomalous).toBe(batch.anomalous[i] === 1);
          expect(verdict.reason).toBe(batch.reason[i]);
          expect(verdict.since ?? Number.NaN).toBe(batch.sinceMs[i]);
        });
      }),
      { numRuns: 25 },
    );
  });

  it('never uses later rows: a prefix has the same verdicts', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 0, max: 1, noNaN: true }), ({ times, values }, part) => {
        const cut = Math.floor(part * times.length);
        const whole = detectSeries(times, values, { detector });
        const prefix = detectSeries(times.slice(0, cut), values.slice(0, cut), { detector });
        expect([...prefix.score]).toEqual([...whole.score.slice(0, cut)]);
        expect([...prefix.upper]).toEqual([...whole.upper.slice(0, cut)]);
        expect(prefix.reason).toEqual(whole.reason.slice(0, cut));
      }),
      { numRuns: 25 },
    );
  });

  it('scores are in [0, 1), at least one half exactly where anomalous, and a flagged row has a reason', () => {
    fc.assert(
      fc.property(series, ({ times, values }) => {
        const { score, anomalous, reason } = detectSeries(times, values, { detector });
        for (let i = 0; i < times.length; i++) {
          expect(score[i]! >= 0 && score[i]! < 1).toBe(true);
          expect(score[i]! >= 0.5).toBe(anomalous[i] === 1);
          expect(reason[i] !== '').toBe(anomalous[i] === 1);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('judges the same in another unit: scaled by a power of two every score is equal', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: -8, max: 20 }), ({ times, values }, exponent) => {
        const factor = 2 ** exponent;
        const plain = detectSeries(times, values, { detector });
        const scaled = detectSeries(
          times,
          values.map((v) => (v === null ? null : v * factor)),
          { detector },
        );
        expect([...scaled.score]).toEqual([...plain.score]);
      }),
      { numRuns: 25 },
    );
  });

  it('judges the same on another level', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: -200, max: 1000 }), ({ times, values }, offset) => {
        const plain = detectSeries(times, values, { detector });
        const moved = detectSeries(
          times,
          values.map((v) => (v === null ? null : v + offset)),
          { detector },
        );
        for (let i = 0; i < times.length; i++) expect(moved.score[i]!).toBeCloseTo(plain.score[i]!, 4);
      }),
      { numRuns: 25 },
    );
  });

  it('gives one verdict per row for odd input and stays finite', () => {
    const n = 200;
    const time = (i: number): number => START + i * MINUTE;
    const odd: Record<string, (i: number) => number | null> = {
      constant: () => 5,
      zero: () => 0,
      'all null': () => null,
      'all NaN': () => Number.NaN,
      negative: (i) => -100 - 3 * Math.sin(i * 1.3),
      '1e15': (i) => 1e15 + 3 * Math.sin(i * 1.3),
      tiny: (i) => 1e-15 * (3 + Math.sin(i * 1.3)),
      'counter with resets': (i) => (i % 90) * 7,
      'spike in the warm-up': (i) => (i === 3 ? 1e6 : 10 + Math.sin(i * 1.3)),
      infinite: (i) => (i % 50 === 49 ? Number.POSITIVE_INFINITY : 10 + Math.sin(i * 1.3)),
      'largest floats': (i) => (i % 2 === 0 ? 1e308 : -1e308),
    };
    for (const [name, value] of Object.entries(odd)) {
      const times = Array.from({ length: n }, (_, i) => time(i));
      const verdicts = detectSeries(
        times,
        times.map((_, i) => value(i)),
        { detector },
      );
      expect(verdicts.score.length, name).toBe(n);
      for (let i = 0; i < n; i++) expect(verdicts.score[i]! >= 0 && verdicts.score[i]! < 1, `${name} row ${i}`).toBe(true);
    }
    const same = Array.from({ length: n }, () => START);
    const values = same.map((_, i) => 10 + Math.sin(i * 1.3));
    expect(Math.max(...detectSeries(same, values, { detector }).anomalous)).toBe(0);
    const backwards = same.map((_, i) => START - i * MINUTE);
    expect(detectSeries(backwards, values, { detector }).score.length).toBe(n);
    expect(detectSeries([START], [5], { detector }).score).toEqual(new Float64Array([0]));
    expect(detectSeries([], [], { detector }).reason).toEqual([]);
  });
});

describe.each(VALUED.filter((name) => name !== 'shift'))('%s', (detector) => {
  it('a more extreme value always scores higher, however far out', () => {
    fc.assert(
      fc.property(series, fc.constantFrom(1, -1), ({ times, values }, side) => {
        fc.pre(times.length > 120);
        const history = values.map((v, i) => (i >= times.length - 30 ? 50 + 3 * Math.sin(i * 12.9) : v));
        const next = Math.max(...times) + MINUTE;
        const scoreOfNext = (distance: number): { score: number; expected: number | null } => {
          const stream = createDetector({ detector, minSamples: 12 });
          times.forEach((time, i) => stream.push(time, history[i]!));
          return stream.push(next, 50 + side * distance);
        };
        let last = -1;
        const { expected } = scoreOfNext(0);
        fc.pre(expected !== null && Math.abs(expected - 50) < 15);
        for (const distance of [20, 40, 50, 500, 1e4, 1e6, 1e9, 1e12, 1e15, 1e100, 1e300]) {
          const { score } = scoreOfNext(distance);
          expect(score).toBeGreaterThan(last);
          last = score;
        }
      }),
      { numRuns: 20 },
    );
  });
});
