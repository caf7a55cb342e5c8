import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShardReach } from '../hot/hot-tier.js';
import { nextStretch } from './rebuild-plan.js';

const HOUR_MS = 3_600_000;
const GOAL_MS = 1_000 * HOUR_MS;

function reach(
  partitions: Readonly<Record<string, readonly [base: number | null, fromMs: number]>>,
  more: Partial<ShardReach> = {},
): ShardReach {
  const entries = Object.entries(partitions).map(([id, [baseOffset, coverageFromMs]]) => [id, { baseOffset, coverageFromMs }] as const);
  return { epoch: 'e', partitions: new Map(entries), missing: [], ...more };
}

describe('the next stretch to be given back', () => {
  it('ends where the coverage begins, in whole minutes further back', () => {
    const stretch = nextStretch([reach({ 'a/0': [7, GOAL_MS + HOUR_MS + 1_234] })], GOAL_MS, 600_000);
    expect(stretch).toMatchObject({ fromMs: GOAL_MS + 50 * 60_000, toMs: GOAL_MS + HOUR_MS + 1_234, shards: [0] });
    expect(stretch?.partitions).toEqual([
      { partition: 'a/0', baseOffset: 7, fromMs: GOAL_MS + HOUR_MS + 1_234, toMs: GOAL_MS + 50 * 60_000 },
    ]);
  });

  it('takes partitions that reach less far first, and the others when it comes to where they begin', () => {
    const both = reach({ 'a/0': [7, GOAL_MS + 2 * HOUR_MS], 'a/1': [9, GOAL_MS + HOUR_MS] });
    expect(nextStretch([both], GOAL_MS, HOUR_MS / 2)?.partitions.map(({ partition }) => partition)).toEqual(['a/0']);
    expect(nextStretch([both], GOAL_MS, 2 * HOUR_MS)?.partitions.map(({ fromMs, toMs }) => [fromMs - GOAL_MS, toMs - GOAL_MS])).toEqual([
      [2 * HOUR_MS, 0],
      [HOUR_MS, 0],
    ]);
  });

  it('goes together for shards that lack the same, and begins with those that lack most', () => {
    const near = reach({ 'a/0': [7, GOAL_MS + 2 * HOUR_MS] });
    const far = reach({ 'a/0': [7, GOAL_MS + HOUR_MS] });
    expect(nextStretch([far, near, near], GOAL_MS, HOUR_MS)?.shards).toEqual([1, 2]);
  });

  it('waits for a shard that has no data yet or lacks a partition', () => {
    const known = { 'a/0': [7, GOAL_MS + HOUR_MS] } as const;
    expect(nextStretch([reach(known, { epoch: '' }), reach(known, { missing: ['a/1'] })], GOAL_MS, HOUR_MS)).toBeNull();
  });

  it('goes no further back than a partition of which parts are there for good', () => {
    const stretch = nextStretch(
      [reach({ 'a/0': [7, GOAL_MS + 2 * HOUR_MS], 'a/1': [null, GOAL_MS + HOUR_MS + 5] })],
      GOAL_MS,
      24 * HOUR_MS,
    );
    expect(stretch?.partitions).toEqual([{ partition: 'a/0', baseOffset: 7, fromMs: GOAL_MS + 2 * HOUR_MS, toMs: GOAL_MS + HOUR_MS + 5 }]);
  });

  it('comes to an end with every partition of every shard at the goal, each moment of each taken once', () => {
    const begin = fc.integer({ min: -HOUR_MS, max: 30 * HOUR_MS });
    fc.assert(
      fc.property(
        fc.array(fc.array(begin, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1_000, max: 9 * HOUR_MS }),
        (shards, lengthMs) => {
          const begins = shards.map((list) => list.map((ms) => GOAL_MS + ms));
          for (let steps = 0; steps < 200_000; steps++) {
            const reaches = begins.map((list) => reach(Object.fromEntries(list.map((ms, p) => [`a/${p}`, [p, ms] as const]))));
            const stretch = nextStretch(reaches, GOAL_MS, Math.max(lengthMs, HOUR_MS / 10));
            if (stretch === null) break;
            expect(stretch.shards.length).toBeGreaterThan(0);
            for (const shard of stretch.shards) {
              for (const { partition, fromMs, toMs } of stretch.partitions) {
                const p = Number(partition.slice(2));
                expect(begins[shard][p]).toBe(fromMs);
                expect(toMs).toBeLessThan(fromMs);
                begins[shard][p] = toMs;
              }
            }
          }
          for (const list of begins) for (const ms of list) expect(ms).toBeLessThanOrEqual(GOAL_MS);
        },
      ),
      { numRuns: 50 },
    );
  });
});
