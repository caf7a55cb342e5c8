// What happens to Redis: emptied, set back, cut off in the middle of a flush, replaced by a replica that lags.

import { APPLY } from '../../../aggregator/src/hot/redis-scripts.js';
import { between, sleep, type Action } from './action.js';

export const redisActions: readonly Action[] = [
  {
    name: 'redis-flushall',
    weight: 2,
    draw: () => ({}),
    run: async ({ redis }) => {
      await redis.command('FLUSHALL');
      return true;
    },
  },
  {
    name: 'redis-restart-empty',
    weight: 1,
    draw: () => ({}),
    run: async ({ redis }) => {
      await redis.restartEmpty();
      return true;
    },
  },
  {
    name: 'redis-older-snapshot',
    weight: 2,
    draw: (draw) => ({ ms: between(draw, 1_500, 5_000) }),
    run: async ({ redis }, { ms }) => {
      await redis.takeSnapshot();
      await sleep(Number(ms));
      await redis.restoreSnapshot();
      return true;
    },
  },
  {
    // All processes too are new, and remember nothing of where the hot tier stood.
    name: 'redis-older-snapshot-and-kill-all',
    weight: 1,
    draw: (draw) => ({ ms: between(draw, 1_500, 5_000) }),
    run: async ({ redis, group }, { ms }) => {
      await redis.takeSnapshot();
      await sleep(Number(ms));
      await Promise.all([redis.restoreSnapshot(), ...Array.from({ length: group.size }, (_, slot) => group.kill(slot))]);
      return true;
    },
  },
  {
    // The script was run; the link is gone before its answer.
    name: 'redis-answer-lost',
    weight: 3,
    draw: (draw) => ({ times: between(draw, 1, 4) }),
    run: async ({ redis }, { times }) => {
      const lost = redis.proxy.loseAnswerTo(APPLY.sha1, Number(times));
      const hit = await Promise.race([lost.then(() => true), sleep(6_000, false)]);
      redis.proxy.stopLosing();
      return hit;
    },
  },
  {
    name: 'redis-links-cut',
    weight: 1,
    draw: () => ({}),
    run: async ({ redis }) => {
      redis.proxy.cut();
      return Promise.resolve(true);
    },
  },
  {
    name: 'redis-hangs',
    weight: 1,
    draw: (draw) => ({ ms: between(draw, 1_000, 4_000) }),
    run: async ({ redis }, { ms }) => {
      redis.pause();
      await sleep(Number(ms));
      redis.resume();
      return true;
    },
  },
  {
    name: 'redis-failover-lagging',
    weight: 2,
    draw: (draw) => ({ lagMs: between(draw, 500, 4_000) }),
    run: async ({ redis }, { lagMs }) => {
      await redis.detachReplica();
      await sleep(Number(lagMs));
      await redis.failOver();
      return true;
    },
  },
];
