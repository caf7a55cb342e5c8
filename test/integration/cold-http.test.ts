// The cold tier over HTTP: everything that it promises over chDB, and what only a network can do to it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shared } from '../../aggregator/src/cold/cold-bench.fixture.js';
import { coldTierSuite } from '../../aggregator/src/cold/cold-suite.fixture.js';
import {
  DAY,
  HOUR,
  MINUTE,
  randomEvents,
  seeded,
  START,
  TestClock,
  testDefinition,
  toRawRows,
} from '../../aggregator/src/cold/cold.fixture.js';
import type { ColdTier } from '../../aggregator/src/cold/cold-tier.js';
import { HttpEngine } from '../../aggregator/src/cold/engine-http.js';
import { createColdTier } from '../../aggregator/src/cold/tier.js';
import type { ColdConfig, Definition } from '../../aggregator/src/definition/model.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';

const NEVER = new AbortController().signal;
const PASSWORD = "p'ss wörd%/&";

describe('the cold tier over HTTP', { timeout: 240_000 }, () => {
  let server: ClickHouseHttp;

  beforeAll(async () => {
    server = await startClickHouseHttp({ user: 'tide', password: PASSWORD });
  });

  afterAll(async () => {
    await server.stop();
  });

  const config = (more: Partial<ColdConfig> = {}): ColdConfig => ({
    ...testDefinition('x').cold,
    kind: 'http',
    url: server.url,
    username: 'tide',
    password: PASSWORD,
    ...more,
  });

  coldTierSuite(() => new HttpEngine({ cold: config() }));

  describe('a network in between', () => {
    const open = async (
      database: string,
      more: Partial<ColdConfig> = {},
    ): Promise<{ tier: ColdTier; definition: Definition; engine: HttpEngine }> => {
      const definition = testDefinition(database);
      const engine = new HttpEngine({ cold: config(more) });
      const tier = createColdTier(definition, engine, new TestClock(START + 4 * DAY));
      await tier.start();
      await tier.migrate(() => undefined);
      return { tier, definition, engine };
    };
    const countOf = async (tier: ColdTier): Promise<number> => {
      const read = { tenant: 'shop', grouping: 0, groupBy: [], filters: [], outputs: [{ component: 0, stat: 'value' as const }] };
      const { groups } = await tier.read({
        ...read,
        fromMs: START,
        toMs: START + DAY,
        bucketMs: 0,
        windowSizeMs: null,
        maxRows: 10,
        signal: NEVER,
      });
      return groups.length === 0 ? 0 : groups[0].numbers[0][0];
    };

    it('an insert whose answer is lost has an unknown outcome, and repeating it counts nothing twice', async () => {
      const { tier, definition } = await open('lost_answer');
      const events = randomEvents(seeded(1), 200, START, START + HOUR);
      const mine = events.filter((event) => event.tenant === 'shop').length;
      for (const when of ['before', 'after'] as const) {
        await server.control.fault({ match: 'INSERT INTO `lost_answer`.`events`', drop: true, when });
        await expect(tier.insert(toRawRows(definition, events))).rejects.toMatchObject({ errorClass: 'unknown_outcome' });
        expect(await countOf(tier)).toBe(when === 'before' ? 0 : mine);
      }
      await tier.insert(toRawRows(definition, events));
      expect(await countOf(tier)).toBe(mine);
      await tier.stop();
    });

    it('an insert that marked nothing because it broke off marks its minutes when it is repeated', async () => {
      const { tier, definition } = await open('broken_mark');
      await tier.compact(START + HOUR, NEVER);
      const rows = toRawRows(definition, randomEvents(seeded(2), 20, START, START + MINUTE));
      await server.control.fault({ match: 'INSERT INTO `broken_mark`.`dirty_minutes`', drop: true, when: 'before' });
      await expect(tier.insert(rows)).rejects.toMatchObject({ errorClass: 'unknown_outcome' });
      expect((await tier.state()).dirtyMinutes).toEqual([]);
      await tier.insert(rows);
      expect((await tier.state()).dirtyMinutes).toEqual([START / MINUTE]);
      await tier.stop();
    });

    it('too many parts and too many queries are worth another try', async () => {
      const { tier, definition } = await open('busy');
      const rows = toRawRows(definition, randomEvents(seeded(3), 20, START, START + HOUR));
      await server.control.tooManyParts('INSERT INTO `busy`.`events`');
      await expect(tier.insert(rows)).rejects.toMatchObject({ errorClass: 'retryable', code: 'COLD_BUSY' });
      await server.control.fault({
        match: 'FROM `busy`.`events`',
        error: { code: 202, type: 'TOO_MANY_SIMULTANEOUS_QUERIES', message: 'Too many simultaneous queries.' },
      });
      await expect(countOf(tier)).rejects.toMatchObject({ errorClass: 'retryable' });
      await tier.insert(rows);
      await tier.stop();
    });

    it('a connection that breaks is an unavailable store for a read, and a stale one is replaced once', async () => {
      const { tier, definition } = await open('proxied');
      const rows = toRawRows(definition, randomEvents(seeded(4), 20, START, START + HOUR));
      await server.control.fault({ match: 'SELECT name, toUInt64', drop: true, times: 2 });
      await expect(tier.state()).rejects.toMatchObject({ errorClass: 'unavailable' });
      await tier.insert(rows);
      await server.control.fault({ match: 'FROM `proxied`.`events`', drop: true, times: 2 });
      await expect(countOf(tier)).rejects.toMatchObject({ errorClass: 'unavailable', code: 'COLD_UNAVAILABLE' });
      await server.control.fault({ match: 'FROM `proxied`.`events`', drop: true, times: 1 });
      expect(await countOf(tier)).toBeGreaterThan(0);
      await tier.stop();
    });

    it('a wrong password and an unreachable address say what to do', async () => {
      const wrong = new HttpEngine({ cold: config({ password: 'wrong' }) });
      await expect(wrong.start()).rejects.toMatchObject({
        errorClass: 'unavailable',
        code: 'COLD_ACCESS_DENIED',
        remedy: expect.stringContaining('cold.password'),
      });
      const nowhere = new HttpEngine({ cold: config({ url: 'http://127.0.0.1:9' }) });
      await expect(nowhere.start()).rejects.toMatchObject({
        errorClass: 'unavailable',
        code: 'COLD_UNAVAILABLE',
        remedy: expect.stringContaining('cold.url'),
      });
      const tls = new HttpEngine({ cold: config({ url: server.url.replace('http:', 'https:'), tls: { ...config().tls, enabled: true } }) });
      await expect(tls.start()).rejects.toMatchObject({ errorClass: 'unavailable' });
      expect(() => new HttpEngine({ cold: config({ url: 'not a url' }) })).toThrow(/cold.url/);
      await Promise.all([wrong.stop(), nowhere.stop(), tls.stop()]);
    });

    it('a server that hangs runs into the request time-out, and one that was killed is found again', async () => {
      const { tier, definition } = await open('killed', { requestTimeoutMs: 1_500 });
      const rows = toRawRows(definition, randomEvents(seeded(5), 50, START, START + HOUR));
      await tier.insert(rows);
      const before = await countOf(tier);
      server.suspend();
      await expect(countOf(tier)).rejects.toMatchObject({ errorClass: 'unavailable' });
      expect((await tier.health()).ok).toBe(false);
      server.wake();
      expect(await countOf(tier)).toBe(before);
      await server.kill();
      await expect(countOf(tier)).rejects.toMatchObject({ errorClass: 'unavailable' });
      await server.restart();
      expect(await countOf(tier)).toBe(before);
      expect(await tier.health()).toMatchObject({ ok: true, rawRows: 50 });
      await tier.stop();
    });

    it('an aborted query is cancelled on the server too', async () => {
      const { tier, engine } = await open('aborted');
      await server.control.clear();
      const stop = new AbortController();
      const slow = engine.query('SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 8', {
        lane: 'query',
        signal: stop.signal,
      });
      setTimeout(() => stop.abort(), 300);
      await expect(slow).rejects.toMatchObject({ errorClass: 'cancelled' });
      await expect
        .poll(async () => (await server.control.log()).filter((query) => query.sql.includes('sipHash64(number)')).length, {
          timeout: 10_000,
        })
        .toBe(1);
      await tier.stop();
    });

    it('settings that answers depend on are sent with every statement', async () => {
      const { tier, definition } = await open('settings');
      await server.control.clear();
      await tier.insert(toRawRows(definition, randomEvents(seeded(6), 5, START, START + HOUR)));
      await countOf(tier);
      const log = await server.control.log();
      expect(log.length).toBeGreaterThan(2);
      for (const { settings } of log) expect(settings).toMatchObject({ async_insert: '0', insert_deduplicate: '0', final: '0' });
      await tier.stop();
    });
  });

  it('idle connections that the server closes first are no error', async () => {
    const hasty = await startClickHouseHttp({ keepAliveMs: 100 });
    try {
      const engine = new HttpEngine({ cold: { ...config(), url: hasty.url, username: 'default', password: '' }, idleSocketTtlMs: 60_000 });
      await engine.start();
      for (let i = 0; i < 12; i++) {
        await new Promise((resolve) => setTimeout(resolve, 90 + i * 2));
        await expect(engine.query('SELECT 1 AS one', { lane: 'query' })).resolves.toBeDefined();
      }
      await shared(engine).ping();
      await engine.stop();
    } finally {
      await hasty.stop();
    }
  });
});
