// What happens to compaction: two processes compact the same buckets at once, one of them after it lost its lease.

import { systemClock } from '../../../aggregator/src/clock.js';
import { loadDefinition } from '../../../aggregator/src/definition/load.js';
import type { FailpointName } from '../../../aggregator/src/failpoints.js';
import { createCold } from '../../../aggregator/src/runtime/stores.js';
import { FAULTS_DEFINITION } from '../world/aggregators.js';
import type { World } from '../world/world.js';
import { give, obeyed, pick, sleep, type Action } from './action.js';

const MINUTE_MS = 60_000;
const IN_COMPACTION: readonly FailpointName[] = [
  'compaction.begun',
  'compaction.intent-published',
  'compaction.minutes-written',
  'compaction.minutes-rewritten',
  'compaction.revision-raised',
];

export const compactionActions: readonly Action[] = [
  {
    name: 'compact-twice-at-once',
    weight: 2,
    draw: () => ({}),
    run: async (world) => {
      const until = Math.floor((Date.now() - 40_000) / MINUTE_MS) * MINUTE_MS;
      await Promise.all([compactOutsideOfTheLease(world, until), compactOutsideOfTheLease(world, until)]);
      return true;
    },
  },
  {
    name: 'compact-after-losing-the-lease',
    weight: 2,
    draw: (draw) => ({ at: pick(draw, IN_COMPACTION) }),
    run: async (world, { at }) => {
      const point = IN_COMPACTION.find((name) => name === at);
      if (point === undefined) throw new Error(`${at} is not a moment of compaction`);
      const hit = await obeyed(world, await give(world, { at: point, act: 'stop' }), 6_000);
      // The lease of the frozen process runs out now; another takes it and does the same work.
      const leases = (await world.redis.command('KEYS', '*}:l:compaction')) as string[];
      if (leases.length > 0) await world.redis.command('DEL', ...leases);
      await sleep(1_000);
      return hit;
    },
  },
];

async function compactOutsideOfTheLease({ settings }: World, untilMs: number): Promise<void> {
  const cold = createCold(loadDefinition({ path: FAULTS_DEFINITION, env: { ...settings } }), systemClock);
  try {
    await cold.start();
    await cold.compact(untilMs, new AbortController().signal);
  } finally {
    await cold.stop();
  }
}
