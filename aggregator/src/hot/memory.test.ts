import { describe, expect, it } from 'vitest';
import { exactSketches } from '../../../test/support/exact-sketches.js';
import { C, hotDefinition } from '../../../test/support/hot-definition.js';
import { advance, createTestClock, delta, flushOf } from './contract-stage.js';
import { defineHotTierContract } from './contract-suite.js';
import type { HotTier } from './hot-tier.js';
import { MemoryHotTier } from './memory.js';

defineHotTierContract('in memory', () => {
  const definition = hotDefinition();
  let shared: MemoryHotTier | null = null;
  let sharedClock: unknown = null;
  return Promise.resolve({
    definition,
    // One process has one: the others of a test are the same.
    open: async (clock): Promise<HotTier> => {
      if (shared === null || sharedClock !== clock) {
        shared = new MemoryHotTier({ definition, clock, compact: exactSketches.compact });
        sharedClock = clock;
        await shared.start();
      }
      return shared;
    },
    close: () => Promise.resolve(),
  });
});

describe('the hot tier in memory', () => {
  it('gives back the memory of everything that is past its retention', async () => {
    const definition = hotDefinition();
    const clock = createTestClock();
    const tier = new MemoryHotTier({ definition, clock, compact: exactSketches.compact });
    await tier.start();
    const bucketS = Math.floor(clock.now() / 60_000) * 60 - 60;
    const deltas = [1, 10, 60] as const;
    const at = (s: number) =>
      deltas.map((resolution) =>
        delta(definition, { resolution, bucketS: s, sketches: resolution === 60 ? {} : { [C.users]: [['u', 1]] } }),
      );
    await tier.apply(flushOf([advance(0, 1, 0)], at(bucketS)), [0, 1, 2]);
    const { memoryBytes: one } = await tier.health();
    expect(one).toBeGreaterThan(0);
    clock.timeMs += 25 * 3_600_000 + 7_200_000;
    await tier.apply(flushOf([advance(1, 2)], at(bucketS + 27 * 3_600)), [0, 1, 2]);
    expect((await tier.health()).memoryBytes).toBe(one);
    expect(await tier.listSeries('a', 1, 0, bucketS + 60, 10, new AbortController().signal)).toEqual([['de']]);
  });

  it('forgets cached values and leases by the clock', async () => {
    const clock = createTestClock();
    const tier = new MemoryHotTier({ definition: hotDefinition(), clock, compact: exactSketches.compact });
    await tier.cacheSet('k', Uint8Array.from([1]), 1_000);
    expect(await tier.lease('l', 'one', 1_000)).toBe(true);
    clock.timeMs += 999;
    expect((await tier.cacheGet(['k']))[0]).not.toBeNull();
    expect(await tier.lease('l', 'two', 1_000)).toBe(false);
    clock.timeMs += 1;
    expect((await tier.cacheGet(['k']))[0]).toBeNull();
    expect(await tier.lease('l', 'two', 1_000)).toBe(true);
  });
});
