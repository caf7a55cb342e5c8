// The hot tier's contract against real Redis servers in every form, and what only Redis can do wrong.

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../aggregator/src/clock.js';
import {
  advance,
  createTestClock,
  delta,
  flushOf,
  PARTITION,
  type ContractSubject,
  type TestClock,
} from '../../aggregator/src/hot/contract-stage.js';
import { defineHotTierContract } from '../../aggregator/src/hot/contract-suite.js';
import { readHot } from '../../aggregator/src/hot/hot-read.js';
import { RedisHotTier } from '../../aggregator/src/hot/redis.js';
import type { TidemarkError } from '../../aggregator/src/errors.js';
import { decodeExact, exactSketches, type ExactEntry } from '../support/exact-sketches.js';
import { C, hotDefinition, type HotDefinitionChanges } from '../support/hot-definition.js';
import { flushesOf, random, randomEvents, randomRead, referenceAnswer } from '../support/hot-read-reference.js';
import {
  moveSlot,
  startCluster,
  startSentinel,
  startSingle,
  startTls,
  startWithUser,
  type RedisTopology,
} from '../support/redis-topologies.js';

const RIGHTS = '+@all -@admin -@dangerous +info ~tidemark:* &tidemark:*';
const timeouts = { connectTimeoutMs: 5_000, commandTimeoutMs: 5_000 };
const never = new AbortController().signal;
const ALL = [0, 1, 2];

function tierOn(
  topology: RedisTopology,
  clock: Clock,
  changes: HotDefinitionChanges = {},
  warn: (problem: TidemarkError) => void = () => undefined,
): RedisHotTier {
  const definition = hotDefinition({ ...changes, redis: { ...topology.settings, ...changes.redis } });
  return new RedisHotTier({ definition, clock, compact: exactSketches.compact, warn, timeouts });
}

async function subjectOn(topology: RedisTopology): Promise<ContractSubject> {
  const problems: TidemarkError[] = [];
  return Promise.resolve({
    definition: hotDefinition({ redis: topology.settings }),
    open: async (clock) => {
      const tier = tierOn(topology, clock, {}, (problem) => problems.push(problem));
      await tier.start();
      return tier;
    },
    close: async () => {
      await topology.stop();
      expect(problems).toEqual([]);
    },
  });
}

defineHotTierContract('single Redis', async () => await subjectOn(await startSingle()));
defineHotTierContract('Redis Cluster of three', async () => await subjectOn(await startCluster()));
defineHotTierContract('Redis under Sentinel', async () => await subjectOn(await startSentinel()));
defineHotTierContract('Redis as an ACL user', async () => await subjectOn(await startWithUser(RIGHTS)));
defineHotTierContract('Redis over TLS with client certificates', async () => await subjectOn(await startTls()));

describe('the hot tier in Redis', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function startedOn(topology: RedisTopology, clock: TestClock, changes: HotDefinitionChanges = {}): Promise<RedisHotTier> {
    const tier = tierOn(topology, clock, changes);
    ends.push(() => tier.stop());
    await tier.start();
    return tier;
  }

  async function single(args: readonly string[] = []): Promise<RedisTopology> {
    const topology = await startSingle(args);
    ends.push(() => topology.stop());
    return topology;
  }

  const definition = hotDefinition();
  const bucketOf = (clock: TestClock): number => Math.floor(clock.now() / 60_000) * 60 - 600;
  const read = (tier: RedisHotTier, bucketS: number) =>
    tier.readNumeric({ tenant: 'a', grouping: 1, series: [['de']], resolution: 60, fromS: bucketS, toS: bucketS + 60, signal: never }, [
      C.events,
    ]);

  it('lets every key expire after its retention, the state after all that it stands for unless somebody keeps it', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const nowS = clock.now() / 1000;
    const deltas = ([1, 10, 60] as const).map((resolution) =>
      delta(definition, {
        resolution,
        bucketS: Math.floor(nowS / resolution) * resolution,
        sketches: resolution === 60 ? {} : { [C.users]: [['u', 1]] },
      }),
    );
    await tier.apply(flushOf([advance(0, 1, 0)], deltas), ALL);
    clock.timeMs += 5_000;
    await tier.apply(flushOf([advance(1, 2)], deltas), ALL);
    const admin = topology.admin();
    const { retention } = definition;
    // Retention, up to one stretch more, and five minutes of slack.
    const limits: Record<string, [number, number]> = {
      'n:1': [retention.hot1sMs, 120_000],
      'n:10': [retention.hot10sMs, 1_200_000],
      'n:60': [retention.hot1mMs, 7_200_000],
      's5:1': [retention.hot1sMs, 60_000],
      's5:10': [retention.hot10sMs, 300_000],
    };
    const seen = new Set<string>();
    for (const key of await admin.keys('*')) {
      const ttlMs = await admin.pttl(key);
      const kind = /:(n:\d+|s\d+:\d+|r):/.exec(key)?.[1] ?? 'state';
      seen.add(kind);
      if (kind === 'state') {
        expect(ttlMs).toBeGreaterThan(retention.hot1mMs);
        expect(ttlMs).toBeLessThan(retention.hot1mMs + 2 * 3_600_000);
      } else if (kind === 'r') {
        expect(ttlMs).toBeGreaterThan(retention.hot1mMs);
        expect(ttlMs).toBeLessThan(retention.hot1mMs + 3 * 3_600_000);
      } else {
        const [retentionMs, stretchMs] = limits[kind];
        expect(ttlMs).toBeGreaterThan(retentionMs + 300_000 - 10_000);
        expect(ttlMs).toBeLessThan(retentionMs + stretchMs + 302_000);
      }
    }
    expect([...seen].sort()).toEqual(['n:1', 'n:10', 'n:60', 'r', 's5:1', 's5:10', 'state']);
    const states = (await admin.keys('*')).filter((key) => key.endsWith(':state'));
    for (const key of states) await admin.pexpire(key, 1_000);
    await tier.keep();
    for (const key of states) expect(await admin.pttl(key)).toBeGreaterThan(retention.hot1mMs);
  });

  it('never answers from what a FLUSHALL left, and starts anew', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const bucketS = bucketOf(clock);
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), ALL);
    expect((await read(tier, bucketS))[0][0][0]).toBe(1);
    await topology.admin().flushall();
    // A number of before the loss would be right, a 0 would not.
    await expect(read(tier, bucketS)).rejects.toMatchObject({ errorClass: 'retryable', code: 'HOT_CHANGED' });
    expect((await tier.coverage()).fromMs).toBe(Number.POSITIVE_INFINITY);
    expect(await tier.apply(flushOf([advance(10, 20)], [delta(definition, { bucketS })]), ALL)).toMatchObject({
      outcome: 'fenced',
      marker: null,
    });
    expect(await tier.apply(flushOf([advance(0, 20, 0)], [delta(definition, { bucketS, numbers: { [C.events]: 2 } })]), ALL)).toEqual({
      outcome: 'applied',
    });
    expect((await read(tier, bucketS))[0][0][0]).toBe(2);
    expect(await tier.listSeries('a', 1, bucketS, bucketS + 60, 10, never)).toEqual([['de']]);
    expect(await tier.admissionsMissing()).toBe(true);
  });

  it('registers series again in a shard that another process began anew', async () => {
    const topology = await single();
    const clock = createTestClock();
    const bucketS = bucketOf(clock);
    const both = [PARTITION, 'events/1'];
    const one = await startedOn(topology, clock);
    const two = await startedOn(topology, clock);
    await one.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })], both), ALL);
    await topology.admin().flushall();
    await two.apply(flushOf([advance(0, 5, 0, 'events/1')], [], both), ALL);
    // `one` still believes the series registered and the epoch unchanged; its next partition is new everywhere.
    expect(await one.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })], both), ALL)).toEqual({ outcome: 'applied' });
    expect(await two.listSeries('a', 1, bucketS, bucketS + 60, 10, never)).toEqual([['de']]);
    expect((await read(two, bucketS))[0][0][0]).toBe(1);
  });

  it('fences everybody when an older snapshot was restored, and shows the older numbers as older', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const bucketS = bucketOf(clock);
    const admin = topology.admin();
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), ALL);
    const snapshot = await Promise.all(
      (await admin.keys('*')).map(async (key) => ({ key, ttlMs: await admin.pttl(key), value: await admin.dumpBuffer(key) })),
    );
    await tier.apply(flushOf([advance(10, 20)], [delta(definition, { bucketS })]), ALL);
    await admin.flushall();
    for (const { key, ttlMs, value } of snapshot) await admin.restore(key, Math.max(0, ttlMs), value);
    const coverage = await tier.coverage();
    expect([coverage.fromMs, coverage.partitions.get(PARTITION)?.offset]).toEqual([0, 10]);
    expect((await read(tier, bucketS))[0][0][0]).toBe(1);
    expect(await tier.apply(flushOf([advance(20, 30)], [delta(definition, { bucketS })]), ALL)).toMatchObject({
      outcome: 'fenced',
      marker: 10,
    });
  });

  it('drops a shard rather than keep half a flush, when a write is refused in the middle', async () => {
    const topology = await single();
    const clock = createTestClock();
    const problems: string[] = [];
    const tier = tierOn(topology, clock, { hot: { shards: 1 } }, (problem) => problems.push(problem.code));
    ends.push(() => tier.stop());
    await tier.start();
    const bucketS = bucketOf(clock);
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), [0]);
    const admin = topology.admin();
    const [key] = await admin.keys('*:n:60:*');
    await admin.del(key);
    await admin.hset(key, 'foreign', '1');
    const flush = flushOf(
      [advance(10, 20)],
      [delta(definition, { bucketS, values: ['aa'] }), delta(definition, { bucketS }), delta(definition, { bucketS, values: ['zz'] })],
    );
    expect(await tier.apply(flush, [0])).toMatchObject({ outcome: 'fenced', marker: null });
    expect(problems).toEqual(['HOT_SHARD_BROKEN']);
    expect((await tier.coverage()).fromMs).toBe(Number.POSITIVE_INFINITY);
    expect(await tier.apply(flushOf([advance(0, 20, 0)], flush.deltas), [0])).toEqual({ outcome: 'applied' });
    expect((await read(tier, bucketS))[0][0][0]).toBe(1);
  });

  it('changes nothing when Redis is out of memory, and goes on when there is room', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const bucketS = bucketOf(clock);
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), ALL);
    const admin = topology.admin();
    await admin.config('SET', 'maxmemory', '1');
    const flush = flushOf([advance(10, 20)], [delta(definition, { bucketS })]);
    await expect(tier.apply(flush, ALL)).rejects.toMatchObject({ errorClass: 'unavailable', code: 'HOT_OOM' });
    expect((await tier.readMarkers([PARTITION])).map((shard) => shard.get(PARTITION)?.offset)).toEqual([10, 10, 10]);
    await admin.config('SET', 'maxmemory', '0');
    expect(await tier.apply(flush, ALL)).toEqual({ outcome: 'applied' });
    expect((await read(tier, bucketS))[0][0][0]).toBe(2);
  });

  it('loads its scripts again after they were flushed', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    await topology.admin().script('FLUSH');
    expect(await tier.apply(flushOf([advance(0, 10, 0)], []), ALL)).toEqual({ outcome: 'applied' });
  });

  it('says what is wrong when Redis is not there, and starts once it is', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = tierOn(topology, clock, { redis: { nodes: ['127.0.0.1:1'] } });
    await expect(tier.start()).rejects.toMatchObject({ errorClass: 'unavailable', message: expect.stringContaining('ECONNREFUSED') });
    expect((await tier.coverage()).fromMs).toBe(Number.POSITIVE_INFINITY);
    expect(await tier.cacheGet(['k'])).toEqual([null]);
    expect((await tier.health()).ok).toBe(false);
    await tier.stop();
  });

  it('answers at once while Redis is gone, comes back by itself, and a repeated flush counts once', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = tierOn(topology, clock);
    ends.push(() => tier.stop());
    await tier.start();
    const bucketS = bucketOf(clock);
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), ALL);
    const flush = flushOf([advance(10, 20)], [delta(definition, { bucketS })]);
    await topology.admin().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const started = performance.now();
    let failures = 0;
    for (;;) {
      try {
        expect(await tier.apply(flush, ALL)).toEqual({ outcome: 'applied' });
        break;
      } catch (error) {
        expect(error).toMatchObject({ errorClass: expect.stringMatching(/^(unavailable|unknown_outcome)$/) });
        failures++;
        await delay(20);
      }
    }
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(failures).toBeGreaterThan(0);
    expect((await read(tier, bucketS))[0][0][0]).toBe(2);
  });

  it('does not wait for a Redis that has stopped answering longer than the command timeout', async () => {
    const topology = await single();
    const clock = createTestClock();
    const definitionHere = hotDefinition({ redis: topology.settings });
    const tier = new RedisHotTier({
      definition: definitionHere,
      clock,
      compact: exactSketches.compact,
      warn: () => undefined,
      timeouts: { connectTimeoutMs: 500, commandTimeoutMs: 300 },
    });
    ends.push(() => tier.stop());
    await tier.start();
    topology.processes[0].pause();
    const flush = flushOf([advance(0, 10, 0)], [delta(definition, { bucketS: bucketOf(clock) })]);
    await expect(tier.apply(flush, ALL)).rejects.toMatchObject({ errorClass: expect.stringMatching(/unknown_outcome|unavailable/) });
    expect((await tier.coverage()).reason).toContain('does not answer');
    topology.processes[0].resume();
    await expect.poll(() => tier.apply(flush, ALL).catch(() => null), { timeout: 10_000 }).toEqual({ outcome: 'applied' });
    expect((await read(tier, bucketOf(clock)))[0][0][0]).toBe(1);
  });

  it('follows a Sentinel failover', async () => {
    const topology = await startSentinel();
    ends.push(() => topology.stop());
    const clock = createTestClock();
    const tier = tierOn(topology, clock);
    ends.push(() => tier.stop());
    await tier.start();
    const bucketS = bucketOf(clock);
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), ALL);
    await topology.admin(0).wait(1, 2_000);
    await topology.processes[0].kill();
    const flush = flushOf([advance(10, 20)], [delta(definition, { bucketS })]);
    await expect
      .poll(() => tier.apply(flush, ALL).catch((error: TidemarkError) => error.errorClass), { timeout: 25_000, interval: 200 })
      .toEqual({ outcome: 'applied' });
    expect((await read(tier, bucketS))[0][0][0]).toBe(2);
  }, 60_000);

  it('counts once, and reads right or not at all, while a hash slot moves to another node', async () => {
    const topology = await startCluster();
    ends.push(() => topology.stop());
    const clock = createTestClock();
    const tier = await startedOn(topology, clock, { hot: { shards: 1 } });
    const bucketS = bucketOf(clock);
    await tier.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), [0]);
    const slot = Number(await topology.admin(0).cluster('KEYSLOT', '{tm0}'));
    const from = Math.min(2, Math.floor(slot / 5_461));
    let flushes = 1;
    let pending: Promise<unknown> | null = null;
    const goOn = async (): Promise<void> => {
      // Each flush has a new key, which the old node must not create while the slot is on the move.
      pending ??= tier
        .apply(
          flushOf(
            [advance(flushes * 10, flushes * 10 + 10)],
            [delta(definition, { bucketS }), delta(definition, { bucketS, values: [`new${flushes}`] })],
          ),
          [0],
        )
        .then(
          () => flushes++,
          () => undefined,
        )
        .finally(() => (pending = null));
      const numbers = await Promise.race([read(tier, bucketS).catch(() => null), delay(50).then(() => null)]);
      if (numbers !== null) expect([flushes, flushes + 1]).toContain(numbers[0][0][0]);
    };
    for (let i = 0; i < 20; i++) await goOn();
    const before = flushes;
    await moveSlot(topology, slot, from, (from + 1) % 3, goOn);
    await expect.poll(async () => (await goOn(), flushes), { timeout: 20_000 }).toBeGreaterThan(before + 5);
    await expect.poll(() => pending, { timeout: 20_000 }).toBeNull();
    const state = (await tier.readMarkers([PARTITION]))[0].get(PARTITION);
    expect((await read(tier, bucketS))[0][0][0]).toBe((state?.offset ?? 0) / 10);
    const listed = await tier.listSeries('a', 1, bucketS, bucketS + 60, 1_000, never);
    const counts = await tier.readNumeric(
      { tenant: 'a', grouping: 1, series: listed, resolution: 60, fromS: bucketS, toS: bucketS + 60, signal: never },
      [C.events],
    );
    expect(listed.length).toBe((state?.offset ?? 0) / 10);
    expect(listed.every(([country], i) => country === 'de' || counts[i][0][0] === 1)).toBe(true);
  }, 60_000);

  it.each([
    ['eviction', ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'], 'HOT_REDIS_EVICTS'],
    ['eviction of keys with a time to live', ['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-ttl'], 'HOT_REDIS_EVICTS'],
  ])('refuses a Redis with %s', async (_, args, code) => {
    const topology = await single(args);
    await expect(tierOn(topology, createTestClock()).start()).rejects.toMatchObject({ code, errorClass: 'unavailable' });
  });

  it('accepts maxmemory without eviction, and reports when eviction is switched on later', async () => {
    const topology = await single(['--maxmemory', '100mb', '--maxmemory-policy', 'noeviction']);
    const tier = await startedOn(topology, createTestClock());
    expect((await tier.health()).ok).toBe(true);
    await topology.admin().config('SET', 'maxmemory-policy', 'allkeys-lfu');
    const health = await tier.health();
    expect(health.ok).toBe(false);
    expect(health.detail).toContain('noeviction');
  });

  it.each([
    ['a wrong password', RIGHTS, { password: 'wrong' }],
    ['no right to the keys', '+@all -@admin -@dangerous +info ~other:* &tidemark:*', {}],
    ['no right to run scripts', `${RIGHTS} -@scripting`, {}],
    ['no right to write', `${RIGHTS} -bitfield`, {}],
    ['no right to the channel', '+@all -@admin -@dangerous +info ~tidemark:* &other:*', {}],
  ])('says so at start when the user has %s', async (_, rules, changes) => {
    const topology = await startWithUser(rules);
    ends.push(() => topology.stop());
    await expect(tierOn(topology, createTestClock(), { redis: changes }).start()).rejects.toMatchObject({ code: 'HOT_NOT_PERMITTED' });
  });

  it('refuses settings that cannot work', () => {
    const build = (redis: HotDefinitionChanges['redis']) => () =>
      new RedisHotTier({
        definition: hotDefinition({ redis: redis ?? {} }),
        clock: createTestClock(),
        compact: exactSketches.compact,
        warn: () => undefined,
      });
    expect(build({ keyPrefix: '{app}' })).toThrow(/brace/);
  });

  it('answers reads like a walk over all events', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const fromS = Math.floor(clock.now() / 60_000) * 60 - 480;
    const events = randomEvents(random(7), 300, fromS, fromS + 480);
    for (const flush of flushesOf(definition, events, 60)) {
      expect(await tier.apply(flush, ALL)).toEqual({ outcome: 'applied' });
    }
    const coverage = await tier.coverage();
    for (let seed = 0; seed < 60; seed++) {
      const asked = randomRead(random(seed), definition, fromS, fromS + 480, true, [1, 10, 30, 60, 0]);
      const result = await readHot({ definition, tier, clock, sketches: exactSketches }, asked, coverage);
      const groups = result.groups.map((group) => ({
        values: group.values,
        outputs: group.numbers.map((numbers, o) => group.items[o] ?? group.histograms[o] ?? [...numbers]),
      }));
      groups.sort((a, b) => (JSON.stringify(a.values) < JSON.stringify(b.values) ? -1 : 1));
      expect({ seed, timesMs: [...result.timesMs], groups }).toEqual({ seed, ...referenceAnswer(events, asked) });
    }
  });

  it('compacts a blob that has grown behind the flushes, and keeps its time to live', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const bucketS = bucketOf(clock);
    const entries: ExactEntry[] = Array.from({ length: 100 }, (_, i) => [`user-${i}-${'x'.repeat(30)}`, 1]);
    for (let i = 0; i < 20; i++) {
      await tier.apply(
        flushOf(
          [advance(i, i + 1, i === 0 ? 0 : null)],
          [delta(definition, { resolution: 10, bucketS, sketches: { [C.users]: entries } })],
        ),
        ALL,
      );
    }
    const admin = topology.admin();
    const [key] = await admin.keys('*:s5:10:*');
    await expect.poll(() => admin.strlen(key)).toBeLessThan(16_384);
    expect(await admin.pttl(key)).toBeGreaterThan(definition.retention.hot10sMs - 700_000);
    const [[blob]] = await tier.readSketch(
      { tenant: 'a', grouping: 1, series: [['de']], resolution: 10, fromS: bucketS, toS: bucketS + 10, signal: never },
      C.users,
    );
    expect(new Set(decodeExact(blob ?? new Uint8Array()).map(([user]) => user))).toEqual(new Set(entries.map(([user]) => user)));
  });

  it('clears only what is its own', async () => {
    const topology = await single();
    const clock = createTestClock();
    const tier = await startedOn(topology, clock);
    const other = await startedOn(topology, clock, { layoutHash: 'another-layout' });
    const bucketS = bucketOf(clock);
    for (const each of [tier, other]) {
      await each.apply(flushOf([advance(0, 10, 0)], [delta(definition, { bucketS })]), ALL);
      await each.cacheSet('k', Uint8Array.from([1]), 60_000);
      await each.admit('a', 0, ['v']);
    }
    const admin = topology.admin();
    await admin.set('unrelated', '1');
    await tier.clear();
    expect(await admin.keys('tidemark:abcdef012345:*')).toEqual([]);
    expect(await admin.get('unrelated')).toBe('1');
    expect((await read(other, bucketS))[0][0][0]).toBe(1);
    expect((await other.cacheGet(['k']))[0]).not.toBeNull();
  });
});
