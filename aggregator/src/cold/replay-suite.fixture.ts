// For tests: what every cold tier promises of a replay.

import { describe, expect, it } from 'vitest';
import { compareSome, NEVER, type TestRoom } from './cold-bench.fixture.js';
import { DAY, HOUR, randomEvents, seeded, START } from './cold.fixture.js';
import { numbersDiffer } from './replay.fixture.js';

/** @param room known once the tests run */
export function replaySuite(room: () => TestRoom): void {
  describe('replay', () => {
    it('puts rollups right that were wrong, and leaves what lies beside the range', async () => {
      const at = await room().bench();
      const { tier, engine, definition } = at;
      await at.insert(randomEvents(seeded(5), 1_500, START, START + 2 * DAY));
      await at.compact(START + 2 * DAY);
      const table = (name: string): string => `${definition.cold.database}.${name}`;
      // Rows that claim more events than there were, so that no compaction would ever replace them.
      for (const name of ['rollup_1m', 'rollup_1h', 'rollup_1d']) {
        await engine.command(`INSERT INTO ${table(name)} SELECT * REPLACE (version + 1000000 AS version) FROM ${table(name)} FINAL`, {
          lane: 'compaction',
        });
      }
      const counted = (): Promise<number> =>
        room().figure(`(SELECT sum(version) FROM ${table('rollup_1m')} FINAL WHERE grouping = 'none')`);
      expect(await counted()).toBeGreaterThan(1_000_000);
      const progress: string[] = [];
      const report = await tier.replay({ fromMs: START + HOUR, toMs: START + DAY }, NEVER, ({ resolution }) => progress.push(resolution));
      expect(report.spans['1m']).toEqual({ fromMs: START + HOUR, toMs: START + DAY });
      expect(new Set(progress)).toEqual(new Set(['1m', '1h', '1d']));
      const inRange = `bucket >= toDateTime(${(START + HOUR) / 1000}) AND bucket < toDateTime(${(START + DAY) / 1000})`;
      const versions = `(SELECT max(version) FROM ${table('rollup_1m')} FINAL WHERE ${inRange})`;
      expect(await room().figure(versions)).toBeLessThan(1_000_000);
      const beside = `(SELECT min(version) FROM ${table('rollup_1m')} FINAL WHERE NOT (${inRange}))`;
      expect(await room().figure(beside)).toBeGreaterThan(1_000_000);
      await compareSome(at, seeded(6), 40);
      expect(await numbersDiffer(at, START, START + 2 * DAY)).toBe(0);
      expect(
        await room().figure(`(SELECT count() FROM system.tables WHERE database = '${definition.cold.database}' AND name LIKE '%replay%')`),
      ).toBe(0);
    });

    it('loses no late row that comes meanwhile, and answers rightly all the time', async () => {
      const at = await room().bench();
      const { tier } = at;
      await at.insert(randomEvents(seeded(7), 1_000, START, START + 2 * DAY));
      await at.compact(START + 2 * DAY);
      const late: Promise<void>[] = [];
      await tier.replay({ fromMs: START, toMs: START + 2 * DAY }, NEVER, () => {
        if (late.length === 0) late.push(at.insert(randomEvents(seeded(8), 200, START, START + 2 * DAY, 1_000_000)));
      });
      expect(late).toHaveLength(1);
      await Promise.all(late);
      await compareSome(at, seeded(9), 25);
      await at.compact(START + 2 * DAY);
      await compareSome(at, seeded(10), 25);
      expect(await numbersDiffer(at, START, START + 2 * DAY)).toBe(0);
    });

    it('refuses a range whose raw events are gone', async () => {
      const { tier, clock, definition } = await room().bench();
      const span = { fromMs: clock.now() - definition.retention.rawMs - HOUR, toMs: clock.now() };
      await expect(tier.replay(span, NEVER, () => undefined)).rejects.toMatchObject({ code: 'REPLAY_RAW_GONE' });
    });
  });
}
