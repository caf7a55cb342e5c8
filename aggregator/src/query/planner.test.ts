import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MetricAsk } from './ask.js';
import { autoBucket, BUCKET_LADDER_MS, bucketCount, keptForMs, smallestBucket } from './bucket.js';
import { testDefinition } from './shop.fixture.js';
import type { Plan, PlannedRange } from './plan.js';
import { planQuery } from './planner.js';
import { checkRequest } from './request.js';
import { resolveQuery } from './resolve.js';

const DEF = testDefinition();
const [S, M, H, D] = [1_000, 60_000, 3_600_000, 86_400_000];
const NOW = Date.UTC(2025, 5, 10, 12, 0, 30, 500);

interface Situation {
  readonly coverageFromMs?: number;
  readonly nowMs?: number;
  readonly maxDataPoints?: number;
}

function askOf(query: object, maxDataPoints = 1_000): MetricAsk {
  const [checked] = checkRequest({ from: 0, to: NOW, queries: [{ refId: 'A', ...query }] }, NOW).queries;
  if (checked.query === null) throw checked.problem;
  const ask = resolveQuery(DEF, checked.query, checked.at, maxDataPoints);
  if (ask.kind !== 'metric') throw new Error('not a metric');
  return ask;
}

function plan(query: object, fromMs: number, toMs: number, situation: Situation = {}): Plan {
  const { coverageFromMs = -Infinity, nowMs = NOW, maxDataPoints = 1_000 } = situation;
  const coverage = coverageFromMs === Infinity ? null : { fromMs: coverageFromMs, partitions: new Map(), missing: [], reason: '' };
  return planQuery({
    def: DEF,
    tenant: 'shop',
    ask: askOf(query, maxDataPoints),
    fromMs,
    toMs,
    nowMs,
    coverage,
    hotReason: 'redis is down',
  });
}

function parts(range: PlannedRange): string[] {
  return range.parts.map(
    ({ tier, spec }) =>
      `${tier} ${new Date(spec.fromMs).toISOString().slice(5, 19)} ${new Date(spec.toMs).toISOString().slice(5, 19)} by ${DEF.groupings[spec.grouping].name}`,
  );
}

describe('which tier answers', () => {
  it.each([
    ['the last 5 minutes by second', { measure: 'views', bucket: '1s' }, 5 * M, ['hot 06-10T11:55:30 06-10T12:00:31 by none']],
    [
      'the last 15 minutes by second: its first half minute may be going',
      { measure: 'views', bucket: '1s' },
      15 * M,
      ['cold 06-10T11:45:30 06-10T11:46:01 by none', 'hot 06-10T11:46:01 06-10T12:00:31 by none'],
    ],
    ['the last hour by minute', { measure: 'views', bucket: '1m' }, H, ['hot 06-10T11:00:00 06-10T12:01:00 by none']],
    [
      'the last hour by minute and country',
      { measure: 'views', bucket: '1m', groupBy: ['country'] },
      H,
      ['hot 06-10T11:00:00 06-10T12:01:00 by country'],
    ],
    [
      'a filter and a group need both dimensions',
      { measure: 'views', bucket: '1m', groupBy: ['country'], filters: [{ dimension: 'device', value: 'phone' }] },
      H,
      ['hot 06-10T11:00:00 06-10T12:01:00 by country,device'],
    ],
    [
      'a grouping that is kept cold only',
      { measure: 'views', bucket: '1m', groupBy: ['type'] },
      H,
      ['cold 06-10T11:00:00 06-10T12:01:00 by type'],
    ],
    [
      '30 hours by minute span the boundary',
      { measure: 'views', bucket: '1m' },
      30 * H,
      ['cold 06-09T06:00:00 06-09T12:02:00 by none', 'hot 06-09T12:02:00 06-10T12:01:00 by none'],
    ],
    [
      'a coarse bucket that straddles the boundary comes whole from cold',
      { measure: 'views', bucket: '1h' },
      30 * H,
      ['cold 06-09T06:00:00 06-09T13:00:00 by none', 'hot 06-09T13:00:00 06-10T13:00:00 by none'],
    ],
    [
      'days are longer than hot holds',
      { measure: 'views', bucket: '1d' },
      3 * D,
      ['cold 06-07T00:00:00 06-10T00:00:00 by none', 'hot 06-10T00:00:00 06-11T00:00:00 by none'],
    ],
    [
      'uniques by minute: 10 s panes reach 2 hours back',
      { measure: 'users', bucket: '1m' },
      4 * H,
      ['cold 06-10T08:00:00 06-10T10:02:00 by none', 'hot 06-10T10:02:00 06-10T12:01:00 by none'],
    ],
    [
      'a window must lie in hot as well',
      { measure: 'active_users', bucket: '1m' },
      4 * H,
      ['cold 06-10T08:00:00 06-10T10:06:00 by none', 'hot 06-10T10:06:00 06-10T12:01:00 by none'],
    ],
    ['a window slides by 30 s', { measure: 'active_users', bucket: '30s' }, 10 * M, ['hot 06-10T11:50:30 06-10T12:01:00 by none']],
    ['a total over 5 minutes, to the second', { measure: 'users', format: 'total' }, 5 * M, ['hot 06-10T11:55:30 06-10T12:00:31 by none']],
    [
      'a total over just under 15 minutes begins at 10 s, which hot holds longer',
      { measure: 'users', format: 'total' },
      15 * M - 7 * S,
      ['hot 06-10T11:45:30 06-10T12:00:40 by none'],
    ],
    ['a total over an hour, to 10 s', { measure: 'users', format: 'total' }, H, ['hot 06-10T11:00:30 06-10T12:00:40 by none']],
    [
      'an additive total beyond hot is cut and added',
      { measure: 'revenue', format: 'total' },
      30 * H,
      ['cold 06-09T06:00:00 06-09T12:02:00 by none', 'hot 06-09T12:02:00 06-10T12:01:00 by none'],
    ],
    [
      'a total of uniques beyond hot comes whole from cold',
      { measure: 'users', format: 'total' },
      4 * H,
      ['cold 06-10T08:00:00 06-10T12:01:00 by none'],
    ],
    [
      'a ranking by a count is a total of its dimension',
      { kind: 'top', measure: 'views', by: 'country' },
      H,
      ['hot 06-10T11:00:30 06-10T12:00:40 by country'],
    ],
    ['a ranking of items beyond hot', { kind: 'top', measure: 'pages' }, D, ['cold 06-09T12:00:00 06-10T12:01:00 by none']],
  ])('%s', (_, query, rangeMs, expected) => {
    expect(parts(plan(query, NOW - rangeMs, NOW).main)).toEqual(expected);
  });

  it('asks cold for all, and says why, when the hot tier cannot answer', () => {
    const { main, hotUnused } = plan({ measure: 'views', bucket: '1m' }, NOW - H, NOW, { coverageFromMs: Infinity });
    expect(parts(main)).toEqual(['cold 06-10T11:00:00 06-10T12:01:00 by none']);
    expect([hotUnused, main.parts[0].why]).toEqual(['redis is down', 'the hot tier cannot be asked: redis is down']);
  });

  it('never asks hot for what came before it was wiped', () => {
    const coverageFromMs = NOW - 20 * M - 17;
    const { main } = plan({ measure: 'views', bucket: '1m' }, NOW - H, NOW, { coverageFromMs });
    expect(parts(main)).toEqual(['cold 06-10T11:00:00 06-10T11:41:00 by none', 'hot 06-10T11:41:00 06-10T12:01:00 by none']);
    expect(main.boundaryMs).toBe(Date.UTC(2025, 5, 10, 11, 41));
  });

  it('compares with an earlier range by the same rules, each on its own side', () => {
    const { compare } = plan({ measure: 'views', bucket: '1h', compareWith: '1d' }, NOW - 6 * H, NOW);
    expect(compare?.shiftMs).toBe(D);
    expect(parts(compare?.range ?? { fromMs: 0, toMs: 0, parts: [], boundaryMs: null })).toEqual([
      'cold 06-09T06:00:00 06-09T13:00:00 by none',
    ]);
  });

  it('leaves out buckets that lie in the future, and says so when all do', () => {
    expect(plan({ measure: 'views', bucket: '1m' }, NOW - H, NOW + H).main.toMs).toBe(Date.UTC(2025, 5, 10, 12, 1));
    const future = plan({ measure: 'views', bucket: '1m' }, NOW + H, NOW + 2 * H);
    expect(future.main.parts).toEqual([]);
    expect(future.notices[0].text).toContain('future');
  });
});

describe('which bucket', () => {
  it.each([
    [5 * M, 1_000, S],
    [5 * M, 100, 5 * S],
    [16 * M, 1_000, 10 * S],
    [H, 1_000, 10 * S],
    [6 * H, 1_000, M],
    [D, 1_000, 2 * M],
    [7 * D, 1_000, 15 * M],
    [29 * D, 1_000, H],
    [365 * D, 1_000, 12 * H],
    [10 * 365 * D, 1_000, 7 * D],
    [40 * 365 * D, 1_000, 21 * D],
  ])('auto over %d ms with %d points, in buckets that stand ready', (rangeMs, points, expected) => {
    expect(plan({ measure: 'views' }, NOW - rangeMs, NOW, { maxDataPoints: points }).bucketMs).toBe(expected);
  });

  it('auto goes to a bucket in which data of that age is still kept', () => {
    const old = NOW - 200 * D;
    expect(plan({ measure: 'views' }, old, old + H).bucketMs).toBe(H);
    const older = NOW - 1_000 * D;
    expect(plan({ measure: 'views' }, older, older + H).bucketMs).toBe(D);
  });

  it('says since when data of a given bucket is kept', () => {
    const { notices } = plan({ measure: 'views', bucket: '1m' }, NOW - 200 * D, NOW - 200 * D + H);
    expect(notices[0]).toMatchObject({ severity: 'warning' });
    expect(notices[0].text).toContain('is kept since 2025-03-12');
  });

  it('refuses 10 years at 1 s with the smallest bucket that is allowed', () => {
    const refused = (): Plan => plan({ measure: 'views', bucket: '1s' }, NOW - 3_653 * D, NOW);
    expect(refused).toThrow('at most 11000 are answered');
    try {
      refused();
    } catch (error) {
      expect(error).toMatchObject({
        errorClass: 'limit',
        code: 'TOO_MANY_BUCKETS',
        refId: 'A',
        path: 'queries[0].bucket',
        remedy: 'Use bucket 12h or longer, auto, or a shorter range.',
      });
    }
  });

  it('refuses a bucket that is no multiple of the slide, or does not divide the shift', () => {
    expect(() => plan({ measure: 'active_users', bucket: '45s' }, NOW - H, NOW)).toThrow("not a multiple of the window's slide of 30s");
    expect(() => plan({ measure: 'views', bucket: '1w', compareWith: '1d' }, NOW - H, NOW)).toThrow('not a multiple of the bucket of 7d');
  });

  it('auto divides the shift of a comparison', () => {
    expect(plan({ measure: 'views', compareWith: '5m' }, NOW - 7 * D, NOW).bucketMs).toBe(5 * M);
    expect(plan({ measure: 'views', compareWith: '1w' }, NOW - 365 * D, NOW).bucketMs).toBe(12 * H);
  });

  it('names the grouping that is missing', () => {
    expect(() => plan({ measure: 'views', groupBy: ['country', 'type'] }, NOW - H, NOW)).toThrow(
      'no grouping keeps country and type together',
    );
  });

  it('is on the ladder or a multiple of the slide, and never gives more buckets than allowed', () => {
    const range = fc.record({
      lengthMs: fc.integer({ min: 1, max: 4_000 * D }),
      agoMs: fc.integer({ min: 0, max: 1_000 * D }),
      points: fc.integer({ min: 1, max: 5_000 }),
      slideS: fc.constantFrom(1, 7, 10, 30, 300, 5_400),
    });
    fc.assert(
      fc.property(range, ({ lengthMs, agoMs, points, slideS }) => {
        const toMs = NOW - agoMs;
        const needs = { fromMs: toMs - lengthMs, toMs, maxBuckets: 11_000, multipleOfMs: slideS * S, dividesMs: 0 };
        const bucket = autoBucket(needs, points, (length) => keptForMs(DEF, length) > agoMs + lengthMs) ?? 0;
        expect(bucket % (slideS * S)).toBe(0);
        expect(bucketCount(needs.fromMs, needs.toMs, bucket)).toBeLessThanOrEqual(11_000);
        expect(bucket).toBeGreaterThanOrEqual(smallestBucket(needs) ?? Infinity);
        if (slideS === 1) expect(BUCKET_LADDER_MS.includes(bucket) || bucket % (7 * D) === 0).toBe(true);
      }),
    );
  });
});

describe('whatever is asked', () => {
  const scenario = fc.record({
    measure: fc.constantFrom('views', 'revenue', 'fastest', 'users', 'latency', 'conversion', 'mean_latency', 'active_users'),
    bucketS: fc.constantFrom(0, 1, 2, 5, 7, 10, 30, 60, 90, 300, 3_600, 86_400),
    window: fc.constantFrom(undefined, 'none', { size: '1m', slide: '1s' }, { size: '10s', slide: '5s' }, { size: '1h', slide: '10s' }),
    lengthMs: fc.integer({ min: 1, max: 3 * D }),
    agoMs: fc.oneof(fc.integer({ min: -H, max: 2 * D }), fc.integer({ min: 0, max: 10 * M })),
    coverageAgoMs: fc.oneof(fc.integer({ min: 0, max: 2 * D }), fc.constant(Infinity), fc.constant(-Infinity)),
    compare: fc.constantFrom(undefined, '1d', '1h'),
    group: fc.constantFrom([], ['country'], ['country', 'device'], ['type']),
    nowMs: fc.integer({ min: NOW - D, max: NOW }),
  });

  it('every bucket is answered exactly once, no boundary lies inside a bucket, and hot is never asked beyond what it holds', () => {
    let planned = 0;
    let spanning = 0;
    fc.assert(
      fc.property(scenario, (given) => {
        const { nowMs, bucketS } = given;
        const coverageFromMs = given.coverageAgoMs === Infinity ? Infinity : nowMs - given.coverageAgoMs;
        const toMs = nowMs - given.agoMs;
        const query = {
          measure: given.measure,
          groupBy: given.group,
          format: bucketS === 0 ? 'total' : 'timeseries',
          bucket: bucketS === 0 ? 'auto' : `${bucketS}s`,
          ...(given.window === undefined ? {} : { window: given.window }),
          ...(given.compare === undefined ? {} : { compareWith: given.compare }),
        };
        let made: Plan;
        try {
          made = plan(query, toMs - given.lengthMs, toMs, { coverageFromMs, nowMs });
        } catch (error) {
          expect(error).toMatchObject({ name: 'QueryProblem' });
          return;
        }
        planned++;
        const bucketMs = made.bucketMs;
        for (const range of [made.main, ...(made.compare === null ? [] : [made.compare.range])]) {
          let at = range.fromMs;
          for (const { tier, spec } of range.parts) {
            expect(spec.fromMs).toBe(at);
            expect(spec.toMs).toBeGreaterThan(spec.fromMs);
            at = spec.toMs;
            expect([spec.fromMs % (bucketMs || S), spec.toMs % (bucketMs || S)]).toEqual([0, 0]);
            const grouping = DEF.groupings[spec.grouping];
            expect(spec.groupBy.every((dimension) => grouping.dimensions.includes(dimension))).toBe(true);
            if (tier === 'cold') continue;
            expect(grouping.hot).toBe(true);
            const sketches = spec.outputs.some((output) => output.stat !== 'value');
            const steps = bucketMs > 0 ? [bucketMs, spec.windowSizeMs ?? bucketMs] : [spec.fromMs, spec.toMs];
            const resolutions = [S, 10 * S, 60 * S].filter(
              (step) => !(sketches && step === 60 * S) && steps.every((length) => length % step === 0),
            );
            const kept = [15 * M, 2 * H, D];
            const needed = spec.windowSizeMs === null ? spec.fromMs : spec.fromMs + bucketMs - spec.windowSizeMs;
            // Some resolution holds every moment of it.
            expect(resolutions.some((step) => needed >= Math.max(coverageFromMs, nowMs - kept[[S, 10 * S, 60 * S].indexOf(step)]))).toBe(
              true,
            );
          }
          expect(range.parts.length === 0 ? range.fromMs : at).toBe(range.toMs);
          expect(range.parts.length).toBeLessThanOrEqual(2);
          if (range.parts.length === 2) {
            spanning++;
            expect(range.parts.map((part) => part.tier)).toEqual(['cold', 'hot']);
            if (bucketMs === 0) expect(['users', 'latency', 'active_users']).not.toContain(given.measure);
          }
          if (range.parts.length > 0) expect(range.fromMs).toBeLessThanOrEqual(toMs - given.lengthMs);
        }
      }),
      { numRuns: 2_000, seed: 20_250_610 },
    );
    expect(planned).toBeGreaterThan(1_000);
    expect(spanning).toBeGreaterThan(100);
  });
});
