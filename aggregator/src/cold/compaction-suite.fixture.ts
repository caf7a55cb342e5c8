// For tests: what every cold tier promises of compaction, late rows and broken-off work.

import { describe, expect, it } from 'vitest';
import { compare, compareSome, failAfter, NEVER, shared, whole, type TestRoom } from './cold-bench.fixture.js';
import { DAY, HOUR, MINUTE, randomEvents, seeded, START, testDefinition } from './cold.fixture.js';
import { createColdTier } from './tier.js';

/** @param room known once the tests run */
export function compactionSuite(room: () => TestRoom): void {
  describe('compaction', () => {
    it('twice, and by two processes at once, changes nothing', async () => {
      const at = await room().bench();
      await at.insert(randomEvents(seeded(21), 1500, START, START + DAY + 2 * HOUR));
      const second = createColdTier(at.definition, shared(room().engine), at.clock);
      await second.start();
      await Promise.all([at.compact(START + 26 * HOUR), second.compact(START + 26 * HOUR, NEVER)]);
      await second.compact(START + 26 * HOUR, NEVER);
      await compareSome(at, seeded(4), 8);
      expect(await room().figure(`(SELECT sum(version) FROM ${at.definition.cold.database}.rollup_1m FINAL WHERE grouping = 'none')`)).toBe(
        1500,
      );
      expect(
        await room().figure(
          `(SELECT sum(version) FROM ${at.definition.cold.database}.rollup_1d FINAL WHERE grouping = 'none' AND bucket = '2090-06-05 00:00:00')`,
        ),
      ).toBe(at.events.filter((event) => event.timeMs < START + DAY).length);
    });

    it('goes on after it was cut off between any two of its writes', async () => {
      const random = seeded(31);
      const at = await room().bench();
      await at.insert(randomEvents(random, 500, START + 21 * HOUR, START + DAY + HOUR));
      for (let allowed = 0; ; allowed++) {
        const failing = failAfter(room().engine, allowed);
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
      const at = await room().bench();
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
      const at = await room().bench();
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
      const at = await room().bench();
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
      const old = await room().bench({ retention: { ...base, rollup1mMs: 2 * DAY } }, undefined, START + 6 * DAY);
      await old.insert(randomEvents(seeded(76), 500, START, START + 6 * DAY));
      await old.compact(START + 6 * DAY);
      const at = await room().bench({ retention: { ...base, rollup1mMs: 30 * DAY } }, old.definition.cold.database, START + 6 * DAY);
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
      const at = await room().bench();
      await at.insert(randomEvents(seeded(61), 100, START + 2 * HOUR, START + 3 * HOUR));
      await at.compact(START + DAY);
      await at.insert(randomEvents(seeded(62), 100, START - DAY, START + 3 * HOUR, 5_000));
      await compareSome(at, seeded(63), 6);
      await at.compact(START + DAY);
      await compareSome(at, seeded(64), 6);
    });

    it('history older than the minutes are kept goes into hours and days directly', async () => {
      const retention = { ...testDefinition('x').retention, rollup1mMs: 2 * DAY, rollup1hMs: 3 * DAY };
      const at = await room().bench({ retention }, undefined, START + 6 * DAY);
      await at.insert(randomEvents(seeded(71), 900, START, START + 6 * DAY));
      await at.compact(START + 6 * DAY);
      const database = at.definition.cold.database;
      expect(await room().figure(`(SELECT count() FROM ${database}.rollup_1m WHERE bucket < '2090-06-08 00:00:00')`)).toBe(0);
      expect(await room().figure(`(SELECT count() FROM ${database}.rollup_1d FINAL WHERE grouping = 'none' AND tenant = 'shop')`)).toBe(6);
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
      const at = await room().bench();
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
      const at = await room().bench();
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
      await room().engine.command(`TRUNCATE TABLE ${at.definition.cold.database}.events`, { lane: 'control' });
      const reopened = await room().bench({}, at.definition.cold.database);
      expect((await reopened.tier.state()).dataFromMs).toBe(START - HOUR);
    });

    it('of nothing closes the time before it, and later rows there are late', async () => {
      const at = await room().bench();
      await at.compact(START + HOUR);
      expect((await at.tier.state()).closedUntilMs).toBe(START + HOUR);
      await at.insert(randomEvents(seeded(91), 10, START, START + MINUTE));
      expect((await at.tier.state()).dirtyMinutes).toEqual([START / MINUTE]);
      await compareSome(at, seeded(92), 3);
    });
  });
}
