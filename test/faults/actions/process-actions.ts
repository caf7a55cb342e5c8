// What happens to aggregators: killed anywhere and at each failpoint, paused past their session, slow, joined by another.

import { FAILPOINTS, type FailpointName } from '../../../aggregator/src/failpoints.js';
import { anySlot, between, give, obeyed, pick, sleep, type Action, type Drawn } from './action.js';

const HIT_WITHIN_MS = 3_000;
const IN_FLUSH: readonly FailpointName[] = ['flush.sealed', 'flush.rows-inserted', 'flush.cold-written', 'flush.hot-applied'];

const slotOf = (drawn: Drawn): number => Number(drawn['slot']);
const pointOf = (drawn: Drawn): FailpointName => {
  const point = FAILPOINTS.find((name) => name === drawn['at']);
  if (point === undefined) throw new Error(`no failpoint is called ${drawn['at']}`);
  return point;
};

export const processActions: readonly Action[] = [
  {
    name: 'kill',
    weight: 3,
    draw: (draw) => ({ slot: anySlot(draw) }),
    run: async (world, drawn) => {
      await world.group.kill(slotOf(drawn));
      return true;
    },
  },
  {
    name: 'kill-all',
    weight: 1,
    draw: () => ({}),
    run: async ({ group }) => {
      await Promise.all(Array.from({ length: group.size }, (_, slot) => group.kill(slot)));
      return true;
    },
  },
  {
    // The order stands until somebody reaches the point, be it minutes later.
    name: 'kill-at',
    weight: 10,
    draw: (draw) => ({ at: pick(draw, FAILPOINTS), slot: anySlot(draw) }),
    run: async (world, drawn) => {
      const at = pointOf(drawn);
      const id = await give(world, { at, act: 'kill' });
      // Recoveries and rebuilds do not come by themselves.
      if (at.startsWith('recovery.')) await world.group.kill(slotOf(drawn));
      if (at.startsWith('rebuild.')) await world.redis.command('FLUSHALL');
      return obeyed(world, id, HIT_WITHIN_MS);
    },
  },
  {
    name: 'freeze',
    weight: 2,
    draw: (draw) => ({ slot: anySlot(draw), ms: between(draw, 7_500, 9_500) }),
    run: async (world, drawn) => {
      await world.group.freeze(slotOf(drawn), Number(drawn['ms']));
      return true;
    },
  },
  {
    // A zombie with a flush half done: it wakes when others have its partitions.
    name: 'freeze-at',
    weight: 4,
    draw: (draw) => ({ at: pick(draw, IN_FLUSH) }),
    run: async (world, drawn) => obeyed(world, await give(world, { at: pointOf(drawn), act: 'stop' }), HIT_WITHIN_MS),
  },
  {
    name: 'terminate',
    weight: 1,
    draw: (draw) => ({ slot: anySlot(draw) }),
    run: async (world, drawn) => {
      await world.group.terminate(slotOf(drawn));
      return true;
    },
  },
  {
    name: 'drain-too-slow',
    weight: 1,
    draw: (draw) => ({ at: pick(draw, IN_FLUSH), slot: anySlot(draw) }),
    run: async (world, drawn) => {
      const slot = slotOf(drawn) % world.group.size;
      const hit = await obeyed(world, await give(world, { at: pointOf(drawn), act: 'wait', waitMs: 8_000, slot }), HIT_WITHIN_MS);
      await world.group.terminate(slot);
      return hit;
    },
  },
  {
    name: 'rebalance-in-flush',
    weight: 2,
    draw: (draw) => ({ at: pick(draw, IN_FLUSH), ms: pick(draw, [2_000, 7_000]) }),
    run: async (world, drawn) => {
      const id = await give(world, { at: pointOf(drawn), act: 'wait', waitMs: Number(drawn['ms']) });
      const hit = await obeyed(world, id, HIT_WITHIN_MS);
      const slot = await world.group.join();
      await sleep(2_000);
      await world.group.leave(slot);
      return hit;
    },
  },
];
