// The parts of `auto`, each against what is known of it on paper.

import { describe, expect, it } from 'vitest';
import { FlatLine } from '../flat-line.js';
import { SeasonProfile } from '../season-profile.js';
import { firstLook } from './first-values.js';
import { Gaps } from './gaps.js';
import { ShortTerm } from './short-term.js';
import { Tails } from './tails.js';

describe('Tails', () => {
  /** Values of a known distribution, evenly over its probabilities, in a scrambled order. */
  const fill = (tails: Tails, n: number, quantile: (p: number) => number): void => {
    for (let i = 0; i < n; i++) tails.learn(0, quantile((((i * 7919) % n) + 0.5) / n));
  };

  it('puts the line of an exponential tail near its true quantile', () => {
    const tails = new Tails(0, [1e-5]);
    fill(tails, 10_000, (p) => -Math.log(1 - p));
    // P(z > line) = 1e-5 at 11.5
    expect(tails.lines[0]).toBeGreaterThan(10);
    expect(tails.lines[0]).toBeLessThan(16);
  });

  it('puts it further out for a heavy tail than for a light one, and not far beyond a bounded one', () => {
    const heavy = new Tails(0, [1e-5]);
    fill(heavy, 10_000, (p) => (1 - p) ** -0.4 - 1);
    const bounded = new Tails(0, [1e-5]);
    fill(bounded, 10_000, (p) => p);
    expect(heavy.shape(0)).toBeGreaterThan(0.15);
    expect(heavy.lines[0]).toBeGreaterThan(20);
    expect(bounded.lines[0]).toBeGreaterThan(1);
    expect(bounded.lines[0]).toBeLessThan(2.5);
  });

  it('is careful at the beginning and is not moved far by one wild value', () => {
    const tails = new Tails(0, [1e-5]);
    const first = tails.lines[0];
    fill(tails, 2000, (p) => -Math.log(1 - p));
    const before = tails.lines[0];
    expect(first).toBeGreaterThan(before);
    tails.learn(0, 1e9);
    for (let i = 0; i < 256; i++) tails.learn(0, 0.5);
    expect(tails.lines[0]).toBeLessThan(1.7 * before);
  });
});

describe('ShortTerm', () => {
  it('learns a wave exactly and a level shift at once', () => {
    const short = new ShortTerm(1);
    let worst = 0;
    for (let i = 0; i < 600; i++) {
      const y = Math.sin(i / 15);
      const error = Math.abs(short.predict() - y);
      if (i > 400) worst = Math.max(worst, error);
      short.learn(y, 1);
    }
    expect(worst).toBeLessThan(0.01);
    expect(short.choice).toBe('regression');
  });

  it('stays bounded while it coasts, whatever it has learnt', () => {
    const short = new ShortTerm(1);
    for (let i = 0; i < 200; i++) {
      short.predict();
      short.learn(1.02 ** i, 1e9);
    }
    const last = 1.02 ** 199;
    for (let i = 0; i < 100; i++) {
      const forecast = short.predict();
      expect(Math.abs(forecast)).toBeLessThanOrEqual(1.5 * last);
      short.coast(forecast);
    }
    expect(Math.abs(short.predict())).toBeLessThan(0.1 * last);
  });
});

describe('SeasonProfile', () => {
  const HOUR = 3_600_000;

  it('keeps the trimmed mean of the last five visits: one odd visit hardly counts', () => {
    const profile = new SeasonProfile(24, HOUR, HOUR);
    expect(profile.at(5 * HOUR)).toBeNaN();
    for (const value of [10, 12, 11, 500, 13]) {
      profile.learn(5 * HOUR, value, true);
      profile.learn(6 * HOUR, 0, true);
    }
    // 10 and 500 are left out: (12 + 11 + 13) / 3
    expect(profile.at(5 * HOUR)).toBe(12);
  });

  it('leaves a flagged visit out, unless it comes again', () => {
    const profile = new SeasonProfile(24, HOUR, HOUR);
    const visit = (value: number, teach: boolean): void => {
      profile.learn(5 * HOUR, value, teach);
      profile.learn(6 * HOUR, 0, true);
    };
    visit(10, true);
    visit(90, false);
    expect(profile.at(5 * HOUR)).toBe(10);
    visit(90, false);
    expect(profile.at(5 * HOUR)).toBe(50);
  });

  it('knows between what the visits lay: all, without the outermost of four or five, and from nothing to a single one', () => {
    const profile = new SeasonProfile(24, HOUR, HOUR);
    const visit = (value: number): readonly number[] => {
      profile.learn(5 * HOUR, value, true);
      profile.learn(12 * HOUR, 0, true);
      profile.at(5 * HOUR);
      return [profile.low, profile.high];
    };
    expect(visit(10)).toEqual([0, 10]);
    expect(visit(14)).toEqual([10, 14]);
    expect(visit(90)).toEqual([10, 90]);
    expect(visit(12)).toEqual([12, 14]);
    expect(visit(11)).toEqual([11, 14]);
  });

  it('interpolates where buckets are shorter than bins', () => {
    const profile = new SeasonProfile(24, HOUR, HOUR / 60);
    for (let minute = 0; minute < 1440; minute++) profile.learn((minute * HOUR) / 60, Math.floor(minute / 60) * 10, true);
    profile.learn(0, 0, true);
    expect(profile.at(5.5 * HOUR)).toBe(50);
    expect(profile.at(6 * HOUR)).toBe(55);
  });
});

describe('FlatLine', () => {
  it('asks for three times the longest run so far, at least twelve', () => {
    const flat = new FlatLine(1e-5);
    for (let i = 0; i < 300; i++) flat.learn(Math.floor(i / 1.2) % 7);
    expect(flat.ratio(99)).toBe(0);
    for (let i = 0; i < 10; i++) flat.learn(99);
    expect(flat.ratio(99)).toBeLessThan(1);
    for (let i = 0; i < 40; i++) flat.learn(99);
    expect(flat.ratio(99)).toBeGreaterThan(1);
  });

  it('says nothing about a series whose way is to stand still', () => {
    const flat = new FlatLine(1e-5);
    for (let i = 0; i < 1000; i++) flat.learn(i % 100 < 95 ? 0 : i);
    for (let i = 0; i < 500; i++) flat.learn(0);
    expect(flat.ratio(0)).toBe(0);
  });
});

describe('Gaps', () => {
  it('are unusual from three buckets beyond the limit, or from three times the longest so far', () => {
    const gaps = new Gaps(2);
    for (let i = 0; i < 5; i++) gaps.miss();
    expect(gaps.ratio).toBe(1);
    gaps.end();
    expect(gaps.ratio).toBe(0);
    for (let i = 0; i < 5; i++) gaps.miss();
    expect(gaps.ratio).toBeCloseTo(5 / 15, 12);
  });
});

describe('firstLook', () => {
  it('is the median, and means of deviation and step without the largest eighth', () => {
    // Deviations from 10: seven 1, nine 0 … the two largest of sixteen, 1 and 90, are left out: 6 / 14.
    const values = [10, 11, 10, 9, 10, 11, 10, 100, 10, 9, 10, 11, 10, 9, 10, 11];
    const { median, spread, step } = firstLook(values);
    expect(median).toBe(10);
    expect(spread).toBeCloseTo(6 / 14, 12);
    // Fifteen steps: thirteen of 1 and two of 90, of which the largest one (an eighth, rounded down) is left out.
    expect(step).toBeCloseTo((13 + 90) / 14, 12);
  });
});
