// For tests: what every cold tier promises of its answers, whatever engine is below it.

import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import type { Filter, Output, TierRead } from '../query/tier-read.js';
import { compare, compareSome, NEVER, NOW, whole, type TestRoom } from './cold-bench.fixture.js';
import { COUNTRIES, countsFor, DAY, HOUR, MINUTE, randomEvents, seeded, START, testDefinition } from './cold.fixture.js';

/** @param room known once the tests run */
export function readSuite(room: () => TestRoom): void {
  describe('reads equal the plain answer', () => {
    it.each([1, 2])('for random reads at every stage of compaction (seed %i)', async (seed) => {
      const random = seeded(seed);
      const at = await room().bench();
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
      const at = await room().bench();
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
      const at = await room().bench();
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
      const at = await room().bench();
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
      const at = await room().bench();
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

  describe('hostile text', () => {
    it('comes back as it went in, from every place that takes text', async () => {
      const at = await room().bench();
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
      const at = await room().bench();
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
      const at = await room().bench();
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
      const at = await room().bench();
      await at.insert(randomEvents(seeded(131), 50, START, START + HOUR));
      const stop = new AbortController();
      const slow = room().engine.query('SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 8', {
        lane: 'query',
        signal: stop.signal,
      });
      setTimeout(() => stop.abort(), 50);
      await expect(slow).rejects.toMatchObject({ errorClass: 'cancelled' });
      const late = AbortSignal.timeout(50);
      const slower = room().engine.query('SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 8', {
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
      await expect(room().engine.query('SELECT nothing FROM nowhere.never', { lane: 'query' })).rejects.toMatchObject({
        errorClass: 'unavailable',
        code: 'COLD_STATEMENT_FAILED',
      });
      await expect(room().engine.command('INSERT INTO nowhere.never VALUES (1)', { lane: 'insert' })).rejects.toMatchObject({
        errorClass: 'fatal',
      });
      await expect(room().engine.query('SELECT throwIf(1) AS x', { lane: 'query' })).rejects.toBeInstanceOf(TidemarkError);
      await expect(
        room().engine.query('SELECT sum(number) AS x FROM numbers(1000000) SETTINGS max_rows_to_read = 10', { lane: 'query' }),
      ).rejects.toMatchObject({ errorClass: 'limit' });
    });
  });

  describe('raw events', () => {
    it('come newest first, each once, decoded', async () => {
      const at = await room().bench();
      await at.insert(randomEvents(seeded(141), 500, START, START + 2 * DAY));
      await at.insert(at.events.slice(0, 200));
      const filters: Filter[] = [{ dimension: 1, op: '=', values: ['phone'] }];
      const result = await at.tier.readEvents({
        tenant: 'shop',
        fromMs: START + HOUR,
        toMs: START + 2 * DAY - HOUR,
        components: [],
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

    it('of a measure are those that any of its components counts', async () => {
      const at = await room().bench();
      await at.insert(randomEvents(seeded(145), 400, START, START + 2 * HOUR));
      const { definition } = at;
      const keys = [[], ['events'], ['buys'], ['odd'], ['has_user'], ['no_amount', 'latencies'], ['spenders'], ['amount_of_buys', 'buys']];
      for (const names of keys) {
        const components = definition.components.filter(({ key }) => names.includes(key));
        const read = { tenant: 'shop', fromMs: START, toMs: START + 2 * HOUR, filters: [], limit: 1_000, signal: NEVER };
        const { columns, rows } = await at.tier.readEvents({ ...read, components: components.map(({ index }) => index) });
        const place = columns.findIndex(({ name }) => name === 'offset');
        const expected = at.events.filter(
          (event) => event.tenant === 'shop' && (names.length === 0 || components.some((one) => countsFor(definition, one, event))),
        );
        const offsets = (all: readonly unknown[]): number[] => all.map(Number).sort((a, b) => a - b);
        expect([names, offsets(rows.map((row) => row[place]))]).toEqual([names, offsets(expected.map(({ offset }) => offset))]);
      }
    });

    it('say how far a partition’s event time had come', async () => {
      const at = await room().bench();
      await at.insert(randomEvents(seeded(151), 200, START, START + HOUR));
      const of = at.events.filter((e) => e.topic === 'shop.events' && e.offset < 40).map((e) => e.timeMs);
      expect(await at.tier.newestEventMs('shop.events/0', 40)).toBe(Math.max(...of));
      expect(await at.tier.newestEventMs('shop.events/7', 40)).toBe(0);
    });

    it('values of a dimension: admitted ones of all tenants, most frequent first for one', async () => {
      const at = await room().bench();
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
      const at = await room().bench({ retention });
      await at.insert(randomEvents(seeded(171), 400, START - 300 * DAY, START));
      await compare(at, { ...whole(at.definition), bucketMs: 0, fromMs: START - 301 * DAY, toMs: START });
    });
  });
}
