import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, ROLLUP_MS } from './layout.js';
import { planSegments, planWindows, type RollupReach } from './read-plan.js';

const START = 20_000 * DAY_MS;

const reach: fc.Arbitrary<RollupReach> = fc
  .record({
    closed: fc.nat(5 * 1440),
    hourLag: fc.nat(3),
    dayLag: fc.nat(2),
    kept: fc.nat(2880),
    dirtyMinutes: fc.uniqueArray(fc.nat(5 * 1440), { maxLength: 30 }),
    lacking: fc.array(fc.tuple(fc.nat(5 * 1440), fc.nat(600)), { maxLength: 2 }),
    closedWindows: fc.nat(5 * 1440),
  })
  .map(({ closed, hourLag, dayLag, kept, dirtyMinutes, lacking, closedWindows }) => {
    const until = START + closed * MINUTE_MS;
    return {
      closed: { '1m': until, '1h': Math.floor(until / HOUR_MS - hourLag) * HOUR_MS, '1d': Math.floor(until / DAY_MS - dayLag) * DAY_MS },
      keptFrom: { '1m': START + kept * MINUTE_MS, '1h': START, '1d': 0 },
      dirtyMinutes: dirtyMinutes.map((minute) => START / MINUTE_MS + minute).sort((a, b) => a - b),
      lacking: lacking.map(([from, length]) => ({ fromMs: START + from * MINUTE_MS, toMs: START + (from + length) * MINUTE_MS })),
      closedWindows: START + Math.min(closed, closedWindows) * MINUTE_MS,
    };
  });

const dirtyIn = (state: RollupReach, fromMs: number, toMs: number): boolean =>
  state.dirtyMinutes.some((minute) => minute * MINUTE_MS >= fromMs && minute * MINUTE_MS < toMs);
const lackingIn = (state: RollupReach, fromMs: number, toMs: number): boolean =>
  state.lacking.some((span) => fromMs < span.toMs && toMs > span.fromMs && span.toMs > span.fromMs);

describe('which table answers what', () => {
  it('covers a range exactly once, by whole closed clean buckets of rollups that fit the step', () => {
    fc.assert(
      fc.property(
        reach,
        fc.nat(4 * 86_400),
        fc.nat(86_400),
        fc.constantFrom(0, 10_000, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS),
        (state, from, length, stepMs) => {
          const unit = stepMs === 0 ? 1000 : stepMs;
          const fromMs = Math.floor((START + from * 1000) / unit) * unit;
          const toMs = fromMs + Math.max(1, Math.ceil((length * 1000) / unit)) * unit;
          const segments = planSegments({ fromMs, toMs }, stepMs, state);
          expect(segments[0].fromMs).toBe(fromMs);
          expect(segments[segments.length - 1].toMs).toBe(toMs);
          segments.forEach((segment, i) => {
            if (i > 0) {
              expect(segment.fromMs).toBe(segments[i - 1].toMs);
              expect(segment.source).not.toBe(segments[i - 1].source);
            }
            if (segment.source === 'raw') return;
            const size = ROLLUP_MS[segment.source];
            expect([segment.fromMs % size, segment.toMs % size, stepMs % size]).toEqual([0, 0, 0]);
            expect(segment.toMs).toBeLessThanOrEqual(state.closed[segment.source]);
            expect(segment.fromMs).toBeGreaterThanOrEqual(state.keptFrom[segment.source]);
            expect(dirtyIn(state, segment.fromMs, segment.toMs) || lackingIn(state, segment.fromMs, segment.toMs)).toBe(false);
          });
        },
      ),
      { numRuns: 300, seed: 3 },
    );
  });

  it('takes raw events for a minute only where no rollup can answer it', () => {
    fc.assert(
      fc.property(reach, (state) => {
        const segments = planSegments({ fromMs: START, toMs: START + 5 * DAY_MS }, 0, state);
        for (const segment of segments.filter(({ source }) => source === 'raw')) {
          for (let at = segment.fromMs; at < segment.toMs; at += MINUTE_MS) {
            const end = at + MINUTE_MS;
            expect(end > state.closed['1m'] || at < state.keptFrom['1m'] || dirtyIn(state, at, end) || lackingIn(state, at, end)).toBe(
              true,
            );
          }
        }
      }),
      { numRuns: 15, seed: 4 },
    );
  });

  it('takes a window ready only when all of it is closed, clean and complete', () => {
    fc.assert(
      fc.property(reach, fc.constantFrom(1, 5, 10), fc.constantFrom(5, 15, 60), fc.nat(3000), (state, bucket, size, from) => {
        const bucketMs = bucket * MINUTE_MS;
        const fromMs = Math.floor((START + from * MINUTE_MS) / bucketMs) * bucketMs;
        const { ready, merged } = planWindows(fromMs, bucketMs, 200, size * MINUTE_MS, state);
        const of = (list: typeof ready): number[] =>
          list.flatMap((range) => Array.from({ length: range.to - range.from }, (_, i) => range.from + i));
        expect([...of(ready), ...of(merged)].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, k) => k));
        for (const k of of(ready)) {
          const end = fromMs + (k + 1) * bucketMs;
          expect(end).toBeLessThanOrEqual(state.closedWindows);
          expect(dirtyIn(state, end - size * MINUTE_MS, end) || lackingIn(state, end - size * MINUTE_MS, end)).toBe(false);
        }
      }),
      { numRuns: 100, seed: 5 },
    );
  });
});
