import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { C, hotDefinition } from '../../../test/support/hot-definition.js';
import type { Coverage } from '../query/tier-read.js';
import { earliestHotMs, hotFromMs, resolutionFor, type HotShape } from './resolution.js';
import { noCoverage } from './shard-state.js';

const definition = hotDefinition();
const nowMs = 1_700_000_123_456;
const everything: Coverage = { fromMs: 0, partitions: new Map(), missing: [], reason: '' };
const numeric: HotShape = { outputs: [{ component: C.events, stat: 'value' }], bucketMs: 60_000, windowSizeMs: null };
const sketch: HotShape = { ...numeric, outputs: [{ component: C.users, stat: 'estimate' }] };
const minuteAgo = (minutes: number): number => Math.floor(nowMs / 60_000) * 60_000 - minutes * 60_000;

describe('the choice of hot panes', () => {
  it('never reads a bucket that is near the end of its retention or before the coverage', () => {
    const retentions = { 1: definition.retention.hot1sMs, 10: definition.retention.hot10sMs, 60: definition.retention.hot1mMs } as const;
    fc.assert(
      fc.property(
        fc.constantFrom(1 as const, 10 as const, 60 as const),
        fc.integer({ min: 0, max: 2e12 }),
        fc.integer({ min: 1e12, max: 2e12 }),
        (resolution, coverageMs, at) => {
          const from = hotFromMs(definition, resolution, { ...everything, fromMs: coverageMs }, at);
          expect(from % (resolution * 1000)).toBe(0);
          expect(from).toBeGreaterThanOrEqual(coverageMs);
          expect(from).toBeGreaterThanOrEqual(at - retentions[resolution] + 30_000);
          expect(from).toBeLessThan(Math.max(coverageMs, at - retentions[resolution] + 30_000) + resolution * 1000);
        },
      ),
    );
    expect(hotFromMs(definition, 60, noCoverage('gone'), nowMs)).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes the coarsest that divides the bucket and covers the range', () => {
    const resolution = (shape: HotShape, fromMs: number): unknown => {
      const plan = resolutionFor(definition, shape, fromMs, minuteAgo(0), everything, nowMs);
      return plan === null ? null : [plan.numeric.map((s) => s.resolution), plan.sketch?.map((s) => s.resolution) ?? null];
    };
    expect(resolution(numeric, minuteAgo(600))).toEqual([[60], null]);
    expect(resolution(sketch, minuteAgo(60))).toEqual([[60], [10]]);
    expect(resolution(sketch, minuteAgo(180))).toBeNull();
    expect(resolution({ ...numeric, bucketMs: 30_000 }, minuteAgo(60))).toEqual([[10], null]);
    expect(resolution({ ...numeric, bucketMs: 15_000 }, minuteAgo(10))).toEqual([[1], null]);
    expect(resolution({ ...numeric, bucketMs: 15_000 }, minuteAgo(20))).toBeNull();
    expect(resolution({ ...numeric, windowSizeMs: 90_000 }, minuteAgo(30))).toEqual([[10], null]);
    expect(resolution(numeric, minuteAgo(60 * 25))).toBeNull();
  });

  it('reads as far back as the first window reaches', () => {
    const plan = resolutionFor(definition, { ...numeric, windowSizeMs: 300_000 }, minuteAgo(10), minuteAgo(0), everything, nowMs);
    expect(plan?.numeric).toEqual([{ resolution: 60, fromS: minuteAgo(14) / 1000, toS: minuteAgo(0) / 1000 }]);
    const shorter = resolutionFor(definition, { ...numeric, windowSizeMs: 10_000 }, minuteAgo(10), minuteAgo(0), everything, nowMs);
    expect(shorter?.numeric[0].fromS).toBe(minuteAgo(10) / 1000 + 50);
  });

  it('finds panes from the earliest time it names, and none a bucket before', () => {
    const shape = fc.record({
      outputs: fc.constantFrom(numeric.outputs, sketch.outputs),
      bucketMs: fc.constantFrom(1_000, 10_000, 15_000, 60_000, 300_000, 3_600_000),
      windowSizeMs: fc.constantFrom(null, 10_000, 60_000, 300_000, 1_800_000),
    });
    fc.assert(
      fc.property(shape, fc.integer({ min: 0, max: 90_000_000 }), (s, coveredMs) => {
        const coverage = { ...everything, fromMs: nowMs - coveredMs };
        const earliest = earliestHotMs(definition, s, coverage, nowMs);
        if (earliest < nowMs) {
          expect(resolutionFor(definition, s, earliest, earliest + s.bucketMs, coverage, nowMs)).not.toBeNull();
        }
        expect(resolutionFor(definition, s, earliest - s.bucketMs, earliest, coverage, nowMs)).toBeNull();
      }),
    );
  });

  it('covers totals without gap or overlap, by panes that are still there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_000 }), fc.integer({ min: 1, max: 86_000 }), (agoS, lengthS) => {
        const fromMs = Math.floor(nowMs / 1000) * 1000 - agoS * 1000;
        const plan = resolutionFor(definition, { ...numeric, bucketMs: 0 }, fromMs, fromMs + lengthS * 1000, everything, nowMs);
        if (plan === null) {
          // Only ends that need panes which have gone.
          expect(fromMs).toBeLessThan(hotFromMs(definition, 1, everything, nowMs));
          return;
        }
        let at = fromMs / 1000;
        for (const segment of plan.numeric) {
          expect(segment.fromS).toBe(at);
          expect([segment.fromS % segment.resolution, segment.toS % segment.resolution]).toEqual([0, 0]);
          expect(segment.fromS * 1000).toBeGreaterThanOrEqual(hotFromMs(definition, segment.resolution, everything, nowMs));
          at = segment.toS;
        }
        expect(at).toBe(fromMs / 1000 + lengthS);
      }),
    );
  });
});
