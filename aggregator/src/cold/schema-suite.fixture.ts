// For tests: what every cold tier promises of migrations, retention and changed definitions.

import { describe, expect, it } from 'vitest';
import type { Output } from '../query/tier-read.js';
import { compare, compareSome, NEVER, NOW, shared, whole, type TestRoom } from './cold-bench.fixture.js';
import { DAY, HOUR, randomEvents, seeded, START, TestClock, testDefinition } from './cold.fixture.js';
import { createColdTier } from './tier.js';

/** @param room known once the tests run */
export function schemaSuite(room: () => TestRoom): void {
  describe('schema', () => {
    it('migrations run twice harmlessly and are listed', async () => {
      const definition = testDefinition(room().database());
      const tier = createColdTier(definition, shared(room().engine), new TestClock(NOW));
      expect((await tier.migrations()).map((step) => step.state)).toEqual(['pending', 'pending', 'pending', 'pending']);
      const seen: string[] = [];
      await tier.migrate((step) => seen.push(`${step.version} ${step.state}`));
      expect(seen).toEqual(['1 pending', '1 applied', '2 pending', '2 applied', '3 pending', '3 applied', '4 applied']);
      expect((await tier.migrate(() => undefined)).map((step) => step.state)).toEqual(['applied', 'applied', 'applied', 'applied']);
      const other = createColdTier(definition, shared(room().engine), new TestClock(NOW));
      await Promise.all([tier.migrate(() => undefined), other.migrate(() => undefined)]);
      expect((await other.migrations()).every((step) => step.state === 'applied')).toBe(true);
    });

    it('retention stands in every table and follows the definition', async () => {
      const at = await room().bench();
      const engines = (): Promise<readonly string[]> =>
        room().column(
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
      const changed = createColdTier({ ...at.definition, retention }, shared(room().engine), at.clock);
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
      const old = await room().bench(early);
      await old.insert(randomEvents(seeded(181), 600, START, START + 4 * HOUR));
      await old.insert(randomEvents(seeded(187), 300, START + 22 * HOUR, START + DAY + 3 * HOUR, 4_000));
      await old.compact(START + DAY + 2 * HOUR);
      await compareSome(old, seeded(182), 5);
      const at = await room().bench({ layoutHash: 'layout-2' }, old.definition.cold.database);
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
      const old = await room().bench({ measures: [], components: full.components.filter((c) => c.index < 6) });
      await old.insert(randomEvents(seeded(188), 200, START, START + 2 * HOUR));
      await old.compact(START + HOUR);
      const at = await room().bench({ layoutHash: 'layout-2' }, old.definition.cold.database);
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
      const old = await room().bench(before, undefined, START + 10 * HOUR);
      await old.insert(randomEvents(seeded(191), 300, START, START + 10 * HOUR));
      await old.compact(START + 10 * HOUR);
      const at = await room().bench({ layoutHash: 'layout-2' }, old.definition.cold.database, START + 10 * HOUR);
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
      const at = await room().bench();
      const fields = at.definition.fields.map((f) => (f.name === 'amount' ? { ...f, decimals: 3 } : f));
      const scaled = createColdTier({ ...at.definition, fields }, shared(room().engine), at.clock);
      await expect(scaled.migrate(() => undefined)).rejects.toMatchObject({ errorClass: 'invalid', code: 'COLD_DECIMALS_CHANGED' });
      const retyped = at.definition.fields.map((f) => (f.name === 'page' ? { ...f, type: 'number' as const } : f));
      const other = createColdTier(
        { ...at.definition, measures: [], fields: retyped, components: at.definition.components.slice(0, 3) },
        shared(room().engine),
        at.clock,
      );
      await expect(other.migrate(() => undefined)).rejects.toMatchObject({ errorClass: 'invalid', code: 'COLD_TYPE_CHANGED' });
      const named = at.definition.fields.map((f) => (f.name === 'page' ? { ...f, name: 'offset' } : f));
      expect(() => createColdTier({ ...at.definition, fields: named }, shared(room().engine), at.clock)).toThrow(/offset/);
    });

    it('health tells rows and bytes', async () => {
      const at = await room().bench();
      await at.insert(randomEvents(seeded(201), 123, START, START + HOUR));
      const health = await at.tier.health();
      expect(health).toMatchObject({ ok: true, rawRows: 123 });
      expect(health.diskBytes).toBeGreaterThan(0);
    });
  });
}
