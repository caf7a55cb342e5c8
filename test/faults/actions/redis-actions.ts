// What happens to Redis: emptied, set back, cut off in the middle of a flush, replaced by a replica that lags.

import type { RedisPair } from '../world/redis-pair.js';
import { between, sleep, type Action } from './action.js';

/** What the scripts answer that have changed something, in whatever version of the program. */
const APPLIED = '\r\napplied\r\n';
const LOST_WITHIN_MS = 15_000;
const FLUSHED_WITHIN_MS = 10_000;

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
      const flushed = await snapshotThatGrowsOld(redis, Number(ms));
      await redis.restoreSnapshot();
      return flushed;
    },
  },
  {
    // All processes too are new, and remember nothing of where the hot tier stood.
    name: 'redis-older-snapshot-and-kill-all',
    weight: 1,
    draw: (draw) => ({ ms: between(draw, 1_500, 5_000) }),
    run: async ({ redis, group }, { ms }) => {
      const flushed = await snapshotThatGrowsOld(redis, Number(ms));
      await Promise.all([redis.restoreSnapshot(), ...Array.from({ length: group.size }, (_, slot) => group.kill(slot))]);
      return flushed;
    },
  },
  {
    // The script has applied a flush; the link is gone before its answer.
    name: 'redis-answer-lost',
    weight: 3,
    draw: (draw) => ({ times: between(draw, 1, 4) }),
    run: async ({ redis }, { times }) => {
      return (await redis.proxy.loseAnswers(APPLIED, Number(times), LOST_WITHIN_MS)) > 0;
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
      const before = await redis.markers();
      await redis.detachReplica();
      const flushed = await growsOld(redis, before, Number(lagMs));
      await redis.failOver();
      return flushed;
    },
  },
];

/** @returns whether a flush came after the snapshot */
async function snapshotThatGrowsOld(redis: RedisPair, ms: number): Promise<boolean> {
  const before = await redis.markers();
  await redis.takeSnapshot();
  return growsOld(redis, before, ms);
}

/** Waits `ms`, and on until a marker has moved since `before`. */
async function growsOld(redis: RedisPair, before: string, ms: number): Promise<boolean> {
  await sleep(ms);
  const deadline = performance.now() + FLUSHED_WITHIN_MS;
  while (performance.now() < deadline) {
    if ((await redis.markers()) !== before) return true;
    await sleep(100);
  }
  return false;
}
