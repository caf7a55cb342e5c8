// Series as they come from the field: what each detector says of them, and what it still finds behind them.

import { describe, expect, it } from 'vitest';
import { createDetector, detectSeries, type SeriesVerdicts } from './detect.js';
import type { DetectorName, DetectorOptions } from './detector.js';
import { DETECTORS } from './options.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const START = Date.UTC(2026, 0, 5);
/** Those that judge a value by itself; `shift` waits for a level that stays, `missing` looks at times alone. */
const VALUED: readonly DetectorName[] = DETECTORS.filter((name) => name !== 'missing' && name !== 'shift');

const minutes = (n: number): number[] => Array.from({ length: n }, (_, i) => START + i * MINUTE);
/** Between 7 and 13, each as likely, without an order that anything could learn. */
const calm = (i: number): number => 7 + 6 * (((Math.sin(i * 12.9898) * 43758.5453) % 1) + 1) * 0.5;
const flaggedRows = ({ anomalous }: SeriesVerdicts): number[] => [...anomalous.keys()].filter((row) => anomalous[row] === 1);

describe.each(DETECTORS)('%s', (detector) => {
  const judge = (values: readonly (number | null)[], options: DetectorOptions = {}, times = minutes(values.length)): SeriesVerdicts =>
    detectSeries(times, values, { detector, windowMs: HOUR, minSamples: 12, ...options }, { bucketMs: MINUTE });

  it('one point, or none at all: nothing is expected and nothing is flagged', () => {
    const one = judge([5]);
    expect([one.expected[0], one.lower[0], one.upper[0]]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect([one.score[0], one.anomalous[0], one.reason[0]]).toEqual([0, 0, '']);
    expect(judge([]).score.length).toBe(0);
    expect(createDetector({ detector }).push(START, null)).toMatchObject({ expected: null, score: 0, anomalous: false });
  });

  it('all null: nothing is expected', () => {
    const { expected, lower, upper } = judge(new Array<null>(300).fill(null));
    for (const column of [expected, lower, upper]) expect(column.every(Number.isNaN)).toBe(true);
  });

  it('a constant series is never out of line', () => {
    for (const constant of [0, 5, -3.25, 1e15]) expect(flaggedRows(judge(new Array<number>(500).fill(constant)))).toEqual([]);
  });

  it('repeated and earlier times are rows like others: as many verdicts, none of them an alarm', () => {
    const values = Array.from({ length: 400 }, (_, i) => calm(i));
    for (const times of [
      minutes(400).map((time, i) => (i % 7 === 3 ? time - MINUTE : time)),
      minutes(400).map((time, i) => (i % 11 === 5 ? time - 4 * MINUTE : time)),
    ])
      expect(flaggedRows(judge(values, {}, times))).toEqual([]);
  });

  it('rows at uneven distances: no alarm for the distance alone', () => {
    // Between 20 and 100 seconds, with a mean of a minute.
    const times: number[] = [];
    for (let i = 0, at = START; i < 600; i++) times.push((at += MINUTE + Math.round(40 * SECOND * Math.sin(i * 78.233))));
    const values = times.map((_, i) => calm(i));
    expect(flaggedRows(detectSeries(times, values, { detector, windowMs: HOUR, minSamples: 12 }))).toEqual([]);
  });
});

describe.each(VALUED)('%s', (detector) => {
  const judge = (values: readonly (number | null)[], options: DetectorOptions = {}, times = minutes(values.length)): SeriesVerdicts =>
    detectSeries(times, values, { detector, windowMs: HOUR, minSamples: 12, ...options }, { bucketMs: MINUTE });
  const with_ = (n: number, changes: Readonly<Record<number, number | null>>): (number | null)[] =>
    Array.from({ length: n }, (_, i) => (i in changes ? changes[i]! : calm(i)));

  it('a constant series: the first other value is flagged', () => {
    const values = new Array<number>(300).fill(5);
    values[280] = 6;
    expect(flaggedRows(judge(values, { minSamples: 12 }))).toContain(280);
  });

  it('one spike in the warm-up is not flagged, and hides no later one of the same size', () => {
    const rows = flaggedRows(judge(with_(400, { 5: 100, 350: 100 })));
    expect(rows).toEqual([350]);
  });

  it('a spike right before and right after a gap is found, and the gap is none', () => {
    const gap = Object.fromEntries(Array.from({ length: 3 }, (_, i) => [300 + i, null]));
    expect(flaggedRows(judge(with_(400, { ...gap, 299: 60 })))).toContain(299);
    expect(flaggedRows(judge(with_(400, { ...gap, 303: 60 })))).toContain(303);
    expect(flaggedRows(judge(with_(400, gap)))).toEqual([]);
  });

  it('rows that are left out are a gap too', () => {
    const kept = minutes(400).flatMap((time, i) => (i >= 300 && i < 330 ? [] : [{ time, value: i === 340 ? 60 : calm(i) }]));
    const times = kept.map(({ time }) => time);
    const rows = flaggedRows(
      judge(
        kept.map(({ value }) => value),
        {},
        times,
      ),
    ).map((row) => (times[row]! - START) / MINUTE);
    expect(rows).toContain(340);
    expect(rows.filter((row) => row < 340)).toEqual([]);
  });

  it('negative values are judged as their mirror image', () => {
    const values = with_(400, { 200: 60, 300: -40 });
    const mirrored = values.map((value) => (value === null ? null : -value));
    const [up, down] = [judge(values, { direction: 'up' }), judge(mirrored, { direction: 'down' })];
    expect(flaggedRows(up)).toEqual([200]);
    expect(flaggedRows(down)).toEqual([200]);
    // auto's estimates from sorted values take the lower of two middle ones, which in a mirror is the other one.
    if (detector !== 'auto') for (let row = 0; row < values.length; row++) expect(down.score[row]).toBeCloseTo(up.score[row]!, 9);
  });

  it('around 1e15 the verdicts are those of small values', () => {
    const small = with_(400, { 350: 60 });
    const [plain, large] = [judge(small), judge(small.map((value) => value! * 2 ** 46))];
    expect(flaggedRows(large)).toEqual([350]);
    expect([...large.score]).toEqual([...plain.score]);
    const counted = Array.from({ length: 400 }, (_, i) => 1e15 + Math.round(1e9 * calm(i)) + (i === 350 ? 1e12 : 0));
    expect(flaggedRows(judge(counted))).toEqual([350]);
  });

  it('rows at uneven distances: a spike is found all the same', () => {
    const times: number[] = [];
    for (let i = 0, at = START; i < 600; i++) times.push((at += MINUTE + Math.round(40 * SECOND * Math.sin(i * 78.233))));
    const values = times.map((_, i) => (i === 500 ? 60 : calm(i)));
    expect(flaggedRows(detectSeries(times, values, { detector, windowMs: HOUR, minSamples: 12 }))).toEqual([500]);
  });
});

describe('a counter that is reset', () => {
  it('is flagged where it is reset and nowhere else, until that is known as its way', () => {
    const values = Array.from({ length: 2_000 }, (_, i) => (i % 100) * 7);
    const rows = flaggedRows(detectSeries(minutes(values.length), values, {}, { bucketMs: MINUTE }));
    expect(rows[0]).toBe(100);
    expect(rows.filter((row) => row % 100 !== 0)).toEqual([]);
    expect(rows.filter((row) => row >= 1_500)).toEqual([]);
  });
});

describe('holidays', () => {
  /** Calls of an office by the hour: many from 8 to 18 on working days, few else. A Wednesday in the fourth week is off. */
  const HOLIDAY = '2026-01-28';
  const times = Array.from({ length: 28 * 24 }, (_, i) => START + i * HOUR);
  const values = times.map((time, i) => {
    const [day, hour] = [new Date(time).getUTCDay(), new Date(time).getUTCHours()];
    const off = day === 0 || day === 6 || new Date(time).toISOString().startsWith(HOLIDAY);
    return (off || hour < 8 || hour >= 18 ? 20 : 200) + calm(i);
  });
  const flaggedOn = (options: DetectorOptions): number => {
    const { anomalous } = detectSeries(times, values, options, { bucketMs: HOUR });
    const from = (Date.parse(HOLIDAY) - START) / HOUR;
    return anomalous.slice(from, from + 24).reduce((sum, one) => sum + one, 0);
  };

  it.each(['auto', 'seasonal'] as const)('%s: a working day that is off is an alarm, and none when it is listed', (detector) => {
    expect(flaggedOn({ detector, direction: 'down' })).toBeGreaterThan(0);
    expect(flaggedOn({ detector, direction: 'down', holidays: [HOLIDAY] })).toBe(0);
  });

  it.each(['auto', 'seasonal'] as const)('%s: a listed day teaches no working day: the next one is as expected', (detector) => {
    const { anomalous, expected } = detectSeries(times, values, { detector, holidays: [HOLIDAY] }, { bucketMs: HOUR });
    const next = (Date.parse(HOLIDAY) + DAY - START) / HOUR;
    expect(anomalous.slice(next, next + 24).reduce((sum, one) => sum + one, 0)).toBe(0);
    expect(expected[next + 12]).toBeGreaterThan(150);
  });
});

describe('maintenance', () => {
  it.each(VALUED)('%s: each Sunday night is left out, past midnight, in local time', (detector) => {
    const times = Array.from({ length: 15 * 24 * 12 }, (_, i) => START + i * 5 * MINUTE);
    // 23:00 on Sunday to 01:00 on Monday in Berlin is 22:00 to 00:00 UTC.
    const out = (time: number): boolean => new Date(time).getUTCDay() === 0 && new Date(time).getUTCHours() >= 22;
    const values = times.map((time, i) => (out(time) ? 0 : 50 + calm(i)));
    const maintenance = [{ days: [0], fromMinute: 23 * 60, toMinute: 25 * 60 }];
    const options: DetectorOptions = { detector, windowMs: 12 * HOUR, timeZone: 'Europe/Berlin' };
    expect(flaggedRows(detectSeries(times, values, options)).some((row) => out(times[row]!))).toBe(true);
    const quiet = detectSeries(times, values, { ...options, maintenance });
    // Nothing in it, and nothing in the six hours after it: the way back to normal is none.
    const after = (time: number): boolean => [0, 1, 2, 3, 4, 5, 6].some((hours) => out(time - hours * HOUR));
    expect(flaggedRows(quiet).filter((row) => after(times[row]!))).toEqual([]);
    for (const [row, time] of times.entries()) if (out(time)) expect(quiet.reason[row]).toBe('maintenance');
  });
});
