// For tests: what every cold tier promises, whatever engine is below it. Run by tier.test.ts over chDB and by the integration tests
// over HTTP.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Filter, GroupResult, Output, TierRead, TierResult } from '../query/tier-read.js';
import type { ColdTier } from './cold-tier.js';
import {
  allOutputs,
  COUNTRIES,
  DAY,
  expectedRead,
  HOUR,
  MINUTE,
  pick,
  randomEvents,
  seeded,
  START,
  TestClock,
  testDefinition,
  toRawRows,
  type Expected,
  type Random,
  type TestEvent,
} from './cold.fixture.js';
import type { Engine } from './engine.js';
import { decodeNative } from './native-reader.js';
import { createColdTier } from './tier.js';

const NEVER = new AbortController().signal;
const NOW = START + 4 * DAY;

/** Several tiers over one running engine: each test has a database of its own. */
export function shared(engine: Engine): Engine {
  return {
    kind: engine.kind,
    start: async () => ({ version: 'shared' }),
    query: (sql, options) => engine.query(sql, options),
    command: (sql, options) => engine.command(sql, options),
    insertNative: (table, columns, blocks, options) => engine.insertNative(table, columns, blocks, options),
    ping: () => engine.ping(),
    stop: async () => undefined,
  };
}

export interface Bench {
  readonly tier: ColdTier;
  readonly definition: Definition;
  readonly clock: TestClock;
  readonly engine: Engine;
  readonly events: TestEvent[];
  insert(events: readonly TestEvent[]): Promise<void>;
  compact(untilMs: number): Promise<void>;
}

export function coldTierSuite(makeEngine: () => Engine): void {
  let engine: Engine;
  let databases = 0;

  beforeAll(async () => {
    engine = makeEngine();
    await engine.start();
  });

  afterAll(async () => {
    await engine.stop();
  });

  async function bench(more: Partial<Definition> = {}, database = `t${databases++}`, nowMs = NOW): Promise<Bench> {
    const base = testDefinition(database);
    const definition = { ...base, ...more };
    const clock = new TestClock(nowMs);
    const tier = createColdTier(definition, shared(engine), clock, { batchRows: 700 });
    await tier.start();
    await tier.migrate(() => undefined);
    const events: TestEvent[] = [];
    return {
      tier,
      definition,
      clock,
      engine,
      events,
      insert: async (list) => {
        events.push(...list);
        await tier.insert(toRawRows(definition, list));
      },
      compact: (untilMs) => tier.compact(untilMs, NEVER),
    };
  }

  const column = async (sql: string, name: string): Promise<readonly string[]> =>
    decodeNative(await engine.query(sql, { lane: 'query' })).strings(name);
  const figure = async (sql: string): Promise<number> =>
    decodeNative(await engine.query(`SELECT toFloat64(${sql}) AS x`, { lane: 'query' })).numbers('x')[0];

  describe('reads equal the plain answer', () => {
    it.each([1, 2])('for random reads at every stage of compaction (seed %i)', async (seed) => {
      const random = seeded(seed);
      const at = await bench();
      await at.insert(randomEvents(random, 1500, START - 2 * HOUR, START + 3 * DAY));
      await at.insert(randomEvents(random, 800, START + DAY - HOUR, START + DAY + HOUR, 10_000));
      await compareSome(at, random, 8);
      await at.compact(START + DAY + 17 * MINUTE);
      await compareSome(at, random, 15);
      await at.insert(at.events.slice(100, 400));
      await at.insert(randomEvents(random, 60, START + DAY - HOUR, START + 2 * DAY, 20_000));
      expect((await at.tier.state()).dirtyMinutes.length).toBeGreaterThan(0);
      await compareSome(at, random, 15);
      await at.compact(START + 2 * DAY + 5 * HOUR);
      expect((await at.tier.state()).dirtyMinutes).toEqual([]);
      await compareSome(at, random, 15);
      await at.compact(NOW);
      await compareSome(at, random, 15);
    });

    it('for every component, grouping and resolution over rollups and over raw events alike', async () => {
      const random = seeded(77);
      const at = await bench();
      await at.insert(randomEvents(random, 1200, START, START + 2 * DAY));
      const reads = at.definition.groupings.flatMap((grouping) =>
        [0, MINUTE, HOUR, DAY].map((bucketMs): Omit<TierRead, 'signal'> => ({
          ...whole(at.definition),
          grouping: grouping.index,
          groupBy: grouping.dimensions,
          bucketMs,
          ...(bucketMs === MINUTE ? { fromMs: START + 3 * HOUR, toMs: START + 4 * HOUR } : {}),
        })),
      );
      for (const read of reads) await compare(at, read);
      await at.compact(START + 2 * DAY);
      for (const read of reads) await compare(at, read);
      expect((await at.tier.read({ ...reads[3], signal: NEVER })).detail.source).toBe('rollup_1d');
      expect((await at.tier.read({ ...reads[1], signal: NEVER })).detail.source).toBe('rollup_1m');
    });

    it('for windows longer, shorter and out of step with their bucket', async () => {
      const random = seeded(5);
      const at = await bench();
      await at.insert(randomEvents(random, 1500, START, START + 3 * HOUR));
      for (const until of [0, START + 2 * HOUR + 30 * MINUTE, START + 3 * HOUR]) {
        await at.compact(until);
        for (const [bucketMs, windowSizeMs] of [
          [MINUTE, 5 * MINUTE],
          [30_000, 5 * MINUTE],
          [5 * MINUTE, 2 * MINUTE],
          [10 * MINUTE, 15 * MINUTE],
          [HOUR, 3 * HOUR],
          [10_000, 10_000],
          [7_000, 21_000],
        ]) {
          const fromMs = Math.ceil((START + HOUR) / bucketMs) * bucketMs;
          const read = {
            ...whole(at.definition),
            grouping: 3,
            groupBy: [0],
            bucketMs,
            windowSizeMs,
            fromMs,
            toMs: fromMs + bucketMs * Math.max(2, Math.floor((40 * MINUTE) / bucketMs)),
          };
          await compare(at, read);
        }
      }
    });

    it('for windows that stand ready, next to ones that late rows touched', async () => {
      const at = await bench();
      const [users, latency] = [10, 12];
      await at.insert(randomEvents(seeded(6), 1200, START, START + 2 * HOUR));
      const outputs: Output[] = [
        { component: users, stat: 'estimate' },
        { component: 0, stat: 'value' },
      ];
      const reads = [
        { ...whole(at.definition), outputs, bucketMs: MINUTE, windowSizeMs: 5 * MINUTE },
        {
          ...whole(at.definition),
          outputs,
          grouping: 3,
          groupBy: [1],
          filters: [{ dimension: 0, op: '=' as const, values: ['DE'] }],
          bucketMs: 5 * MINUTE,
          windowSizeMs: 15 * MINUTE,
        },
        {
          ...whole(at.definition),
          outputs: [{ component: latency, stat: 'quantile' as const, q: 0.95 }],
          grouping: 4,
          groupBy: [0, 1, 2],
          bucketMs: 2 * MINUTE,
          windowSizeMs: 5 * MINUTE,
        },
        {
          ...whole(at.definition),
          outputs: [...outputs, { component: latency, stat: 'quantile' as const, q: 0.25 }],
          bucketMs: MINUTE,
          windowSizeMs: 5 * MINUTE,
        },
      ].map((read) => ({ ...read, fromMs: START - 10 * MINUTE, toMs: START + 2 * HOUR + 20 * MINUTE }));
      const sources = async (): Promise<string[]> => {
        for (const read of reads) await compare(at, read);
        return Promise.all(reads.map(async (read) => (await at.tier.read({ ...read, signal: NEVER })).detail.source));
      };
      expect(await sources()).toEqual(['events', 'events', 'events', 'events']);
      await at.compact(START + 2 * HOUR - 7 * MINUTE);
      expect(await sources()).toEqual([
        'windows_1m + rollup_1m + events',
        'windows_1m + rollup_1m + events',
        'windows_1m + rollup_1m + events',
        'rollup_1m + events',
      ]);
      await at.insert(randomEvents(seeded(7), 10, START + 30 * MINUTE, START + 32 * MINUTE, 5_000));
      await sources();
      await at.compact(START + 2 * HOUR - 2 * MINUTE);
      await sources();
      await at.compact(START + 3 * HOUR);
      expect((await sources()).slice(0, 3)).toEqual(['windows_1m', 'windows_1m', 'windows_1m']);
    });

    it('for totals with ragged second edges over all resolutions at once', async () => {
      const random = seeded(9);
      const at = await bench();
      await at.insert(randomEvents(random, 3000, START - DAY, START + 3 * DAY));
      await at.compact(START + 3 * DAY - 20 * MINUTE);
      const read = {
        ...whole(at.definition),
        grouping: 4,
        groupBy: [1],
        bucketMs: 0,
        fromMs: START - 5 * HOUR - 3 * MINUTE - 7_000,
        toMs: START + 3 * DAY - 4_000,
      };
      const { detail } = await at.tier.read({ ...read, signal: NEVER });
      expect(detail.source).toBe('rollup_1d + rollup_1h + rollup_1m + events');
      await compare(at, read);
    });
  });

  describe('compaction', () => {
    it('twice, and by two processes at once, changes nothing', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(21), 1500, START, START + DAY + 2 * HOUR));
      const second = createColdTier(at.definition, shared(engine), at.clock);
      await second.start();
      await Promise.all([at.compact(START + 26 * HOUR), second.compact(START + 26 * HOUR, NEVER)]);
      await second.compact(START + 26 * HOUR, NEVER);
      await compareSome(at, seeded(4), 8);
      expect(await figure(`(SELECT sum(version) FROM ${at.definition.cold.database}.rollup_1m FINAL WHERE grouping = 'none')`)).toBe(1500);
      expect(
        await figure(
          `(SELECT sum(version) FROM ${at.definition.cold.database}.rollup_1d FINAL WHERE grouping = 'none' AND bucket = '2090-06-05 00:00:00')`,
        ),
      ).toBe(at.events.filter((event) => event.timeMs < START + DAY).length);
    });

    it('goes on after it was cut off between any two of its writes', async () => {
      const random = seeded(31);
      const at = await bench();
      await at.insert(randomEvents(random, 500, START + 21 * HOUR, START + DAY + HOUR));
      for (let allowed = 0; ; allowed++) {
        const failing = failAfter(engine, allowed);
        const tier = createColdTier(at.definition, failing.engine, at.clock, { batchRows: 200 });
        const failure = await tier.compact(START + DAY + HOUR, NEVER).then(
          () => null,
          (error: unknown) => error,
        );
        if (allowed % 3 === 1 && allowed < 12)
          await at.insert(randomEvents(random, 20, START + 21 * HOUR, START + DAY, 50_000 + allowed * 100));
        if (allowed % 4 === 0) await compareSome(at, random, 2);
        if (failure === null) {
          expect(allowed).toBeGreaterThan(5);
          break;
        }
        expect(failing.stopped()).toBe(true);
        expect(allowed).toBeLessThan(200);
      }
      await at.compact(START + DAY + HOUR);
      expect((await at.tier.state()).dirtyMinutes).toEqual([]);
      await compareSome(at, random, 10);
    });

    it('sees a row or finds its minute marked, whenever the row comes', async () => {
      const random = seeded(41);
      const at = await bench();
      await at.insert(randomEvents(random, 600, START, START + 2 * HOUR));
      const writing = (async () => {
        for (let i = 0; i < 12; i++) await at.insert(randomEvents(random, 25, START, START + 2 * HOUR, 1_000 + i * 100));
      })();
      for (let minute = 0; minute <= 120; minute += 10) await at.compact(START + minute * MINUTE);
      await writing;
      await at.compact(START + 2 * HOUR);
      expect((await at.tier.state()).dirtyMinutes).toEqual([]);
      await compareSome(at, random, 10);
      await compare(at, { ...whole(at.definition), grouping: 0, bucketMs: HOUR, fromMs: START, toMs: START + 2 * HOUR });
    });

    it('late rows make their minute dirty, raw until it is recompacted, and change the revision of its day', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(51), 500, START, START + DAY + HOUR));
      await at.compact(START + DAY + HOUR);
      const before = await at.tier.state();
      expect(before).toMatchObject({ closedUntilMs: START + DAY + HOUR, dirtyMinutes: [] });
      const late = randomEvents(seeded(52), 30, START + 5 * HOUR, START + 5 * HOUR + MINUTE, 9_000);
      await at.insert(late);
      expect((await at.tier.state()).dirtyMinutes).toEqual([(START + 5 * HOUR) / MINUTE]);
      const day = { ...whole(at.definition), grouping: 1, groupBy: [0], bucketMs: DAY, fromMs: START, toMs: START + DAY };
      await compare(at, day);
      await at.compact(START + DAY + HOUR);
      const after = await at.tier.state();
      expect(after.dirtyMinutes).toEqual([]);
      expect(after.revisionByDay.get(START / DAY)).not.toBe(before.revisionByDay.get(START / DAY));
      expect((await at.tier.read({ ...day, signal: NEVER })).detail.source).toBe('rollup_1d');
      await compare(at, day);
    });

    it('late rows in many scattered minutes are read and recompacted in statements of bounded length', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(55), 400, START, START + DAY));
      await at.compact(START + DAY);
      const late = randomEvents(seeded(56), 150, START, START + DAY, 9_000);
      await at.insert(late);
      expect((await at.tier.state()).dirtyMinutes.length).toBeGreaterThan(100);
      const reads = [0, MINUTE, HOUR].map((bucketMs) => ({
        ...whole(at.definition),
        grouping: 1,
        groupBy: [0],
        bucketMs,
        fromMs: START,
        toMs: START + DAY,
      }));
      for (const read of reads) await compare(at, read);
      await at.compact(START + DAY);
      expect((await at.tier.state()).dirtyMinutes).toEqual([]);
      for (const read of reads) await compare(at, read);
    });

    it('a longer retention does not take what the shorter one dropped for times without events', async () => {
      const base = testDefinition('x').retention;
      const old = await bench({ retention: { ...base, rollup1mMs: 2 * DAY } }, undefined, START + 6 * DAY);
      await old.insert(randomEvents(seeded(76), 500, START, START + 6 * DAY));
      await old.compact(START + 6 * DAY);
      const at = await bench({ retention: { ...base, rollup1mMs: 30 * DAY } }, old.definition.cold.database, START + 6 * DAY);
      at.events.push(...old.events);
      for (const [grouping, bucketMs] of [
        [0, 5 * MINUTE],
        [1, 10 * MINUTE],
      ]) {
        await compare(at, { ...whole(at.definition), grouping, bucketMs, fromMs: START, toMs: START + 2 * DAY });
      }
      await at.insert(randomEvents(seeded(77), 40, START, START + 6 * DAY, 8_000));
      await at.compact(START + 6 * DAY);
      for (const bucketMs of [MINUTE, HOUR, DAY])
        await compare(at, {
          ...whole(at.definition),
          outputs: [{ component: 0, stat: 'value' }],
          bucketMs,
          fromMs: START,
          toMs: START + 6 * DAY,
        });
    });

    it('a row before the first compacted minute corrects history too', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(61), 100, START + 2 * HOUR, START + 3 * HOUR));
      await at.compact(START + DAY);
      await at.insert(randomEvents(seeded(62), 100, START - DAY, START + 3 * HOUR, 5_000));
      await compareSome(at, seeded(63), 6);
      await at.compact(START + DAY);
      await compareSome(at, seeded(64), 6);
    });

    it('history older than the minutes are kept goes into hours and days directly', async () => {
      const retention = { ...testDefinition('x').retention, rollup1mMs: 2 * DAY, rollup1hMs: 3 * DAY };
      const at = await bench({ retention }, undefined, START + 6 * DAY);
      await at.insert(randomEvents(seeded(71), 900, START, START + 6 * DAY));
      await at.compact(START + 6 * DAY);
      const database = at.definition.cold.database;
      expect(await figure(`(SELECT count() FROM ${database}.rollup_1m WHERE bucket < '2090-06-08 00:00:00')`)).toBe(0);
      expect(await figure(`(SELECT count() FROM ${database}.rollup_1d FINAL WHERE grouping = 'none' AND tenant = 'shop')`)).toBe(6);
      await compareSome(at, seeded(72), 6, START, START + 6 * DAY);
      await at.insert(randomEvents(seeded(73), 50, START, START + 6 * DAY, 8_000));
      await compareSome(at, seeded(74), 6, START, START + 6 * DAY);
      await at.compact(START + 6 * DAY);
      await compareSome(at, seeded(75), 6, START, START + 6 * DAY);
      const read = { ...whole(at.definition), grouping: 1, groupBy: [0], bucketMs: DAY, fromMs: START, toMs: START + 6 * DAY };
      expect((await at.tier.read({ ...read, signal: NEVER })).detail.source).toBe('rollup_1d');
      await compare(at, read);
    });

    it('stops between steps when it is told to', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(81), 2000, START, START + DAY));
      const stop = new AbortController();
      const closed: number[] = [];
      const done = at.tier.compact(START + DAY, stop.signal, (until) => {
        closed.push(until);
        if (closed.length === 1) stop.abort();
      });
      await expect(done).rejects.toMatchObject({ errorClass: 'cancelled' });
      expect((await at.tier.state()).closedUntilMs).toBe(closed[0]);
      expect(closed[0]).toBeLessThan(START + DAY);
      await compareSome(at, seeded(82), 5);
    });

    it('knows where its data begins, raw or compacted, and that it has none', async () => {
      const at = await bench();
      expect((await at.tier.state()).dataFromMs).toBe(Number.POSITIVE_INFINITY);
      await at.compact(START);
      expect((await at.tier.state()).dataFromMs).toBe(Number.POSITIVE_INFINITY);
      const events = randomEvents(seeded(95), 50, START + 5_000, START + 3 * HOUR);
      await at.insert(events);
      const oldest = Math.min(...events.map((event) => event.timeMs));
      expect((await at.tier.state()).dataFromMs).toBe(oldest);
      await at.compact(START + DAY);
      // The day's rollup begins with the day; what is known more exactly stays so.
      expect((await at.tier.state()).dataFromMs).toBe(oldest);
      await at.insert(randomEvents(seeded(96), 1, START - HOUR, START - HOUR + 1, 5_000));
      expect((await at.tier.state()).dataFromMs).toBe(START - HOUR);
      await at.compact(START + DAY);
      await engine.command(`TRUNCATE TABLE ${at.definition.cold.database}.events`, { lane: 'control' });
      const reopened = await bench({}, at.definition.cold.database);
      expect((await reopened.tier.state()).dataFromMs).toBe(START - HOUR);
    });

    it('of nothing closes the time before it, and later rows there are late', async () => {
      const at = await bench();
      await at.compact(START + HOUR);
      expect((await at.tier.state()).closedUntilMs).toBe(START + HOUR);
      await at.insert(randomEvents(seeded(91), 10, START, START + MINUTE));
      expect((await at.tier.state()).dirtyMinutes).toEqual([START / MINUTE]);
      await compareSome(at, seeded(92), 3);
    });
  });

  describe('hostile text', () => {
    it('comes back as it went in, from every place that takes text', async () => {
      const at = await bench();
      const base = randomEvents(seeded(101), COUNTRIES.length, START, START + HOUR);
      const events = base.map((event, i) => ({
        ...event,
        tenant: 'shop',
        values: { ...event.values, country: COUNTRIES[i], page: COUNTRIES[i], user_id: COUNTRIES[i] },
      }));
      await at.insert(events);
      for (const until of [START, START + DAY]) {
        await at.compact(until);
        for (const value of [...COUNTRIES, "' OR 1=1 --", '\\', "\\'", '\u007f', '\ud800', '){', '{x:String}']) {
          for (const op of ['=', '!=', 'in', 'not in'] as const) {
            await compare(at, {
              ...whole(at.definition),
              grouping: 1,
              groupBy: [0],
              bucketMs: 0,
              filters: [{ dimension: 0, op, values: [value] }],
            });
          }
          await compare(at, { ...whole(at.definition), tenant: value });
        }
        for (const pattern of ["it's", '^$', '\\\\', 'D[EF]|R', '(?i)de', 'x{2}', '.*']) {
          await compare(at, {
            ...whole(at.definition),
            grouping: 1,
            groupBy: [0],
            bucketMs: 0,
            filters: [{ dimension: 0, op: '=~', values: [pattern] }],
          });
          await compare(at, {
            ...whole(at.definition),
            grouping: 1,
            groupBy: [0],
            bucketMs: 0,
            filters: [{ dimension: 0, op: '!~', values: [pattern] }],
          });
        }
      }
      const values = await at.tier.readValues('shop', 0, START, START + DAY, '', 100, NEVER);
      expect([...values].sort()).toEqual(COUNTRIES.filter((country) => country !== '').sort());
      expect(await at.tier.readValues('shop', 0, START, START + DAY, "'; DROP TABLE events", 100, NEVER)).toEqual([]);
      expect(await at.tier.readValues('shop', 0, START, START + DAY, 'drop table', 100, NEVER)).toEqual(['"; DROP TABLE events; --']);
    });

    it('a pattern that RE2 refuses is the asker’s mistake', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(111), 10, START, START + HOUR));
      const read = {
        ...whole(at.definition),
        grouping: 1,
        filters: [{ dimension: 0, op: '=~' as const, values: ['a(?=b'] }],
        signal: NEVER,
      };
      await expect(at.tier.read(read)).rejects.toMatchObject({ errorClass: 'invalid', code: 'COLD_BAD_PATTERN' });
    });
  });

  describe('limits', () => {
    it('an answer beyond maxRows is refused with what to do', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(121), 400, START, START + HOUR));
      const read = { ...whole(at.definition), grouping: 4, groupBy: [0, 1, 2], bucketMs: MINUTE, fromMs: START, toMs: START + HOUR };
      await expect(at.tier.read({ ...read, maxRows: 50, signal: NEVER })).rejects.toMatchObject({
        errorClass: 'limit',
        code: 'COLD_ROW_LIMIT',
      });
      const { detail } = await at.tier.read({ ...read, signal: NEVER });
      await expect(at.tier.read({ ...read, maxRows: detail.rows, signal: NEVER })).resolves.toBeDefined();
    });

    it('an aborted query rejects at once and the tier goes on', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(131), 50, START, START + HOUR));
      const stop = new AbortController();
      const slow = engine.query('SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 8', {
        lane: 'query',
        signal: stop.signal,
      });
      setTimeout(() => stop.abort(), 50);
      await expect(slow).rejects.toMatchObject({ errorClass: 'cancelled' });
      const late = AbortSignal.timeout(50);
      const slower = engine.query('SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 8', {
        lane: 'query',
        signal: late,
      });
      await expect(slower).rejects.toMatchObject({ errorClass: 'deadline' });
      const given = new AbortController();
      given.abort(new TidemarkError('deadline', 'QUERY_DEADLINE', 'too slow'));
      await expect(at.tier.read({ ...whole(at.definition), signal: given.signal })).rejects.toMatchObject({ code: 'QUERY_DEADLINE' });
      await compareSome(at, seeded(132), 3);
    });

    it('a statement that fails says so, by what the caller may do', async () => {
      await expect(engine.query('SELECT nothing FROM nowhere.never', { lane: 'query' })).rejects.toMatchObject({
        errorClass: 'unavailable',
        code: 'COLD_STATEMENT_FAILED',
      });
      await expect(engine.command('INSERT INTO nowhere.never VALUES (1)', { lane: 'insert' })).rejects.toMatchObject({
        errorClass: 'fatal',
      });
      await expect(engine.query('SELECT throwIf(1) AS x', { lane: 'query' })).rejects.toBeInstanceOf(TidemarkError);
      await expect(
        engine.query('SELECT sum(number) AS x FROM numbers(1000000) SETTINGS max_rows_to_read = 10', { lane: 'query' }),
      ).rejects.toMatchObject({ errorClass: 'limit' });
    });
  });

  describe('raw events', () => {
    it('come newest first, each once, decoded', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(141), 500, START, START + 2 * DAY));
      await at.insert(at.events.slice(0, 200));
      const filters: Filter[] = [{ dimension: 1, op: '=', values: ['phone'] }];
      const result = await at.tier.readEvents({
        tenant: 'shop',
        fromMs: START + HOUR,
        toMs: START + 2 * DAY - HOUR,
        filters,
        limit: 50,
        signal: NEVER,
      });
      const expected = at.events
        .slice(0, 500)
        .filter(
          (e) => e.tenant === 'shop' && e.values['device'] === 'phone' && e.timeMs >= START + HOUR && e.timeMs < START + 2 * DAY - HOUR,
        )
        .sort((a, b) => b.timeMs - a.timeMs)
        .slice(0, 50);
      const cell = (name: string, row: number): unknown => result.rows[row][result.columns.findIndex((c) => c.name === name)];
      expect(result.rows).toHaveLength(50);
      expected.forEach((event, i) => {
        expect(cell('time', i)).toBe(event.timeMs);
        expect(cell('offset', i)).toBe(event.offset);
        expect(cell('topic', i)).toBe(event.topic);
        const amount = event.values['amount'];
        expect(cell('amount', i)).toBe(typeof amount === 'number' ? amount / 100 : null);
        expect(cell('country', i)).toBe(event.values['country'] === '' ? null : event.values['country']);
      });
      expect(result.columns.find((c) => c.name === 'amount')?.type).toBe('number');
    });

    it('say how far a partition’s event time had come', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(151), 200, START, START + HOUR));
      const of = at.events.filter((e) => e.topic === 'shop.events' && e.offset < 40).map((e) => e.timeMs);
      expect(await at.tier.newestEventMs('shop.events/0', 40)).toBe(Math.max(...of));
      expect(await at.tier.newestEventMs('shop.events/7', 40)).toBe(0);
    });

    it('values of a dimension: admitted ones of all tenants, most frequent first for one', async () => {
      const at = await bench();
      const events = randomEvents(seeded(161), 800, START, START + 3 * DAY);
      const folded = events.map((e, i) => (i % 50 === 0 ? { ...e, values: { ...e.values, country: '__other__' } } : e));
      await at.insert(folded);
      const wanted = [
        ...new Set(
          folded
            .filter((e) => e.timeMs >= NOW - 2 * DAY && !['', '__other__'].includes(String(e.values['country'])))
            .map((e) => `${e.tenant}|${e.values['country']}`),
        ),
      ].sort();
      for (const until of [START, START + 2 * DAY + 90 * MINUTE, NOW]) {
        await at.compact(until);
        const admitted = await at.tier.admittedValues(0, 2);
        expect(admitted.map(({ tenant, value }) => `${tenant}|${value}`).sort()).toEqual(expect.arrayContaining(wanted));
      }
      const count = (value: string): number => folded.filter((e) => e.tenant === 'shop' && e.values['country'] === value).length;
      const values = await at.tier.readValues('shop', 0, START, NOW, '', 4, NEVER);
      expect(values).toHaveLength(4);
      expect(values.map(count)).toEqual([...values.map(count)].sort((a, b) => b - a));
    });

    it('of hundreds of days in one insert are taken', async () => {
      const retention = { ...testDefinition('x').retention, rawMs: 3650 * DAY };
      const at = await bench({ retention });
      await at.insert(randomEvents(seeded(171), 400, START - 300 * DAY, START));
      await compare(at, { ...whole(at.definition), bucketMs: 0, fromMs: START - 301 * DAY, toMs: START });
    });
  });

  describe('schema', () => {
    it('migrations run twice harmlessly and are listed', async () => {
      const definition = testDefinition(`t${databases++}`);
      const tier = createColdTier(definition, shared(engine), new TestClock(NOW));
      expect((await tier.migrations()).map((step) => step.state)).toEqual(['pending', 'pending', 'pending', 'pending']);
      const seen: string[] = [];
      await tier.migrate((step) => seen.push(`${step.version} ${step.state}`));
      expect(seen).toEqual(['1 pending', '1 applied', '2 pending', '2 applied', '3 pending', '3 applied', '4 applied']);
      expect((await tier.migrate(() => undefined)).map((step) => step.state)).toEqual(['applied', 'applied', 'applied', 'applied']);
      const other = createColdTier(definition, shared(engine), new TestClock(NOW));
      await Promise.all([tier.migrate(() => undefined), other.migrate(() => undefined)]);
      expect((await other.migrations()).every((step) => step.state === 'applied')).toBe(true);
    });

    it('retention stands in every table and follows the definition', async () => {
      const at = await bench();
      const engines = (): Promise<readonly string[]> =>
        column(
          `SELECT engine_full AS e FROM system.tables WHERE database = '${at.definition.cold.database}' AND name IN ('events', 'rollup_1m', 'rollup_1h', 'rollup_1d') ORDER BY name`,
          'e',
        );
      const [events, day, hour, minute] = await engines();
      expect(events).toContain(`TTL toDateTime(time) + toIntervalSecond(${90 * 86_400})`);
      expect(events).toContain('ttl_only_drop_parts = 1');
      expect(minute).toContain(`TTL bucket + toIntervalSecond(${30 * 86_400})`);
      expect(hour).toContain(`TTL bucket + toIntervalSecond(${730 * 86_400})`);
      expect(day).not.toContain('TTL');
      const retention = { ...at.definition.retention, rawMs: 7 * DAY, rollup1hMs: 0, rollup1dMs: 3650 * DAY };
      const changed = createColdTier({ ...at.definition, retention }, shared(engine), at.clock);
      expect((await changed.migrations())[3].state).toBe('pending');
      await changed.migrate(() => undefined);
      const [events2, day2, hour2] = await engines();
      expect(events2).toContain(`toIntervalSecond(${7 * 86_400})`);
      expect(hour2).not.toContain('TTL');
      expect(day2).toContain(`toIntervalSecond(${3650 * 86_400})`);
    });

    it('a component, a grouping and a dimension that come later are backfilled from raw events', async () => {
      const full = testDefinition('x');
      const early = {
        measures: [],
        components: full.components.filter((c) => c.index < 6),
        dimensions: full.dimensions.slice(0, 2),
        groupings: full.groupings.filter((g) => g.index < 3),
      };
      const old = await bench(early);
      await old.insert(randomEvents(seeded(181), 600, START, START + 4 * HOUR));
      await old.insert(randomEvents(seeded(187), 300, START + 22 * HOUR, START + DAY + 3 * HOUR, 4_000));
      await old.compact(START + DAY + 2 * HOUR);
      await compareSome(old, seeded(182), 5);
      const at = await bench({ layoutHash: 'layout-2' }, old.definition.cold.database);
      at.events.push(...old.events);
      await compareSome(at, seeded(183), 8);
      await at.insert(randomEvents(seeded(184), 50, START, START + 4 * HOUR, 7_000));
      await compareSome(at, seeded(185), 8);
      await at.compact(START + DAY + 2 * HOUR);
      await compareSome(at, seeded(186), 12);
      const read = { ...whole(at.definition), grouping: 4, groupBy: [2], bucketMs: DAY, fromMs: START, toMs: START + DAY };
      expect((await at.tier.read({ ...read, signal: NEVER })).detail.source).toBe('rollup_1d');
      await compare(at, read);
    });

    it('is not compacted any more by a process that still has the earlier definition', async () => {
      const full = testDefinition('x');
      const old = await bench({ measures: [], components: full.components.filter((c) => c.index < 6) });
      await old.insert(randomEvents(seeded(188), 200, START, START + 2 * HOUR));
      await old.compact(START + HOUR);
      const at = await bench({ layoutHash: 'layout-2' }, old.definition.cold.database);
      at.events.push(...old.events);
      await expect(old.compact(START + 2 * HOUR)).rejects.toMatchObject({ errorClass: 'invalid', code: 'COLD_DEFINITION_SUPERSEDED' });
      await at.compact(START + 2 * HOUR);
      await compareSome(at, seeded(189), 6);
    });

    it('a component over a field that was not recorded is unknown before, not zero', async () => {
      const full = testDefinition('x');
      const before = {
        measures: [],
        fields: full.fields.filter((f) => f.name !== 'delta'),
        components: full.components.filter((c) => c.field !== 9).map((c, index) => ({ ...c, index })),
      };
      const old = await bench(before, undefined, START + 10 * HOUR);
      await old.insert(randomEvents(seeded(191), 300, START, START + 10 * HOUR));
      await old.compact(START + 10 * HOUR);
      const at = await bench({ layoutHash: 'layout-2' }, old.definition.cold.database, START + 10 * HOUR);
      await at.insert(randomEvents(seeded(192), 300, START + 10 * HOUR, START + 20 * HOUR, 5_000));
      await at.compact(START + 20 * HOUR);
      const component = at.definition.components.findIndex((c) => c.key === 'delta_max');
      const outputs: Output[] = [
        { component, stat: 'value' },
        { component: 0, stat: 'value' },
      ];
      const [group] = (
        await at.tier.read({ ...whole(at.definition), outputs, bucketMs: HOUR, fromMs: START, toMs: START + 20 * HOUR, signal: NEVER })
      ).groups;
      expect([...group.numbers[0].slice(0, 10)].every(Number.isNaN)).toBe(true);
      expect([...group.numbers[0].slice(10)].every(Number.isNaN)).toBe(false);
      expect([...group.numbers[1]].every((count) => count > 0)).toBe(true);
    });

    it('what stored data cannot follow is refused with the reason', async () => {
      const at = await bench();
      const fields = at.definition.fields.map((f) => (f.name === 'amount' ? { ...f, decimals: 3 } : f));
      const scaled = createColdTier({ ...at.definition, fields }, shared(engine), at.clock);
      await expect(scaled.migrate(() => undefined)).rejects.toMatchObject({ errorClass: 'invalid', code: 'COLD_DECIMALS_CHANGED' });
      const retyped = at.definition.fields.map((f) => (f.name === 'page' ? { ...f, type: 'number' as const } : f));
      const other = createColdTier(
        { ...at.definition, measures: [], fields: retyped, components: at.definition.components.slice(0, 3) },
        shared(engine),
        at.clock,
      );
      await expect(other.migrate(() => undefined)).rejects.toMatchObject({ errorClass: 'invalid', code: 'COLD_TYPE_CHANGED' });
      const named = at.definition.fields.map((f) => (f.name === 'page' ? { ...f, name: 'offset' } : f));
      expect(() => createColdTier({ ...at.definition, fields: named }, shared(engine), at.clock)).toThrow(/offset/);
    });

    it('health tells rows and bytes', async () => {
      const at = await bench();
      await at.insert(randomEvents(seeded(201), 123, START, START + HOUR));
      const health = await at.tier.health();
      expect(health).toMatchObject({ ok: true, rawRows: 123 });
      expect(health.diskBytes).toBeGreaterThan(0);
    });
  });
}

function whole(definition: Definition): Omit<TierRead, 'signal'> {
  return {
    tenant: 'shop',
    grouping: 0,
    groupBy: [],
    filters: [],
    outputs: allOutputs(definition),
    fromMs: START,
    toMs: START + 2 * DAY,
    bucketMs: 0,
    windowSizeMs: null,
    maxRows: 1_000_000,
  };
}

/** Random reads: any grouping, groups, filters, resolution and outputs, over any part of the range. */
async function compareSome(at: Bench, random: Random, count: number, fromMs = START - DAY, toMs = START + 3 * DAY): Promise<void> {
  const { definition } = at;
  for (let i = 0; i < count; i++) {
    const grouping = pick(random, definition.groupings);
    const groupBy = grouping.dimensions.filter(() => random() < 0.5).sort(() => random() - 0.5);
    const filters = grouping.dimensions.filter(() => random() < 0.4).map((dimension): Filter => randomFilter(random, dimension));
    const outputs = allOutputs(definition).filter(() => random() < 0.4);
    const bucketMs = pick(random, [0, 0, 10_000, MINUTE, MINUTE, 5 * MINUTE, HOUR, HOUR, 6 * HOUR, DAY]);
    const step = bucketMs === 0 ? 1_000 : bucketMs;
    const longest = bucketMs === 0 ? toMs - fromMs : Math.min(toMs - fromMs, step * 300);
    const begin = Math.floor((fromMs + random() * (toMs - fromMs - longest)) / step) * step;
    const end = begin + Math.max(1, Math.ceil((random() * longest) / step)) * step;
    const windowSizeMs = bucketMs > 0 && random() < 0.25 ? step * Math.ceil(random() * 6) : null;
    await compare(at, {
      tenant: pick(random, ['shop', 'shop', 'other', 'nobody']),
      grouping: grouping.index,
      groupBy,
      filters,
      bucketMs,
      windowSizeMs,
      fromMs: begin,
      toMs: end,
      outputs: outputs.length === 0 ? [{ component: 0, stat: 'value' }] : outputs,
      maxRows: 1_000_000,
    });
  }
}

function randomFilter(random: Random, dimension: number): Filter {
  const values = [COUNTRIES, ['phone', 'desktop', ''], ['view', 'buy', '']][dimension];
  const op = pick(random, ['=', '=', '!=', 'in', 'not in', '=~', '!~'] as const);
  if (op === '=~' || op === '!~') return { dimension, op, values: [pick(random, ['e', '^D', "'|\\\\", 'o|u'])] };
  return { dimension, op, values: op === 'in' || op === 'not in' ? values.filter(() => random() < 0.5) : [pick(random, values)] };
}

async function compare(at: Bench, read: Omit<TierRead, 'signal'>): Promise<void> {
  const result = await at.tier.read({ ...read, signal: NEVER });
  const expected = expectedRead(at.definition, at.events, read);
  const say = JSON.stringify({ ...read, source: result.detail.source });
  expect(result.groups.map((group) => JSON.stringify(group.values)).sort(), say).toEqual([...expected.keys()].sort());
  expect(result.timesMs.length, say).toBe(read.bucketMs === 0 ? 1 : (read.toMs - read.fromMs) / read.bucketMs);
  for (const group of result.groups) {
    const cells = expected.get(JSON.stringify(group.values));
    if (cells === undefined) throw new Error(say);
    read.outputs.forEach((output, o) => {
      cells[o].forEach((cell, bucket) => compareCell(at.definition, output, group, o, bucket, cell, result, say));
    });
  }
}

function compareCell(
  definition: Definition,
  output: Output,
  group: GroupResult,
  o: number,
  bucket: number,
  cell: Expected,
  result: TierResult,
  read: string,
): void {
  const say = (): string =>
    `${definition.components[output.component].key} ${JSON.stringify(output)} of ${JSON.stringify(group.values)} in bucket ${bucket} of ${read}`;
  if (output.stat === 'items') {
    const list = group.items[o]?.[bucket] ?? [];
    const truth = new Map(cell.items.map(({ item, weight }) => [item, weight]));
    for (const { item, weight } of list) {
      const real = truth.get(item) ?? -1;
      if (weight > real + 1e-9 || weight < real - result.topError - 1e-9) expect({ item, weight }, say()).toEqual({ item, weight: real });
    }
    if (definition.components[output.component].keep >= 1000) expect(list, say()).toEqual(cell.items.slice(0, output.limit));
    return;
  }
  if (output.stat === 'histogram') {
    const bins = group.histograms[o]?.[bucket] ?? new Map<number, number>();
    if (bins.size > 0 || cell.bins.size > 0)
      expect(
        [...bins].sort((a, b) => a[0] - b[0]),
        say(),
      ).toEqual([...cell.bins].sort((a, b) => a[0] - b[0]));
    return;
  }
  const value = group.numbers[o][bucket];
  const slack = output.stat === 'quantile' ? Math.abs(cell.number) * 0.010_000_001 : 0;
  if (!(Number.isNaN(value) && Number.isNaN(cell.number)) && !(Math.abs(value - cell.number) <= slack))
    expect(value, say()).toBe(cell.number);
}

/** An engine that breaks off at the n-th writing statement, before it. */
function failAfter(engine: Engine, allowed: number): { readonly engine: Engine; readonly stopped: () => boolean } {
  let left = allowed;
  let stopped = false;
  return {
    stopped: () => stopped,
    engine: {
      ...shared(engine),
      command: async (sql, options) => {
        if (left-- <= 0) {
          stopped = true;
          throw new TidemarkError('unavailable', 'TEST_STOP', 'stopped by the test');
        }
        await engine.command(sql, options);
      },
    },
  };
}
