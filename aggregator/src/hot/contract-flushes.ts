// The contract's promises about flushes: numbers, markers and coverage.

import { describe, expect, it } from 'vitest';
import { decodeExact } from '../../../test/support/exact-sketches.js';
import { C } from '../../../test/support/hot-definition.js';
import type { Resolution, SeriesDelta } from '../window/flush-batch.js';
import { advance, flushOf, never, PARTITION, stateAt, type ContractStage, type DeltaSpec } from './contract-stage.js';

export function defineFlushContract(stage: ContractStage): void {
  describe('numbers', () => {
    it('adds up counts and sums over flushes', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute, numbers: { [C.events]: 3, [C.revenue]: 1050 } })]);
      await stage.tier.apply(
        flushOf([advance(10, 20)], [stage.make({ bucketS: stage.minute, numbers: { [C.events]: 2, [C.revenue]: -50, [C.errors]: 1 } })]),
        stage.all,
      );
      const [columns] = await stage.tier.readNumeric(stage.reading(), [C.errors, C.revenue, C.events]);
      expect(columns.map((column) => [...column])).toEqual([[1], [1000], [5]]);
    });

    it('adds up two deltas of one bucket in one flush', async () => {
      await stage.begin([
        stage.make({ bucketS: stage.minute, numbers: { [C.events]: 3 } }),
        stage.make({ bucketS: stage.minute, numbers: { [C.events]: 4 } }),
      ]);
      expect(await stage.number(C.events)).toBe(7);
    });

    it.each([
      { seen: [5, -3, 0], min: -3, max: 5 },
      { seen: [0], min: 0, max: 0 },
      { seen: [-7, -2], min: -7, max: -2 },
      { seen: [2, 9], min: 2, max: 9 },
      { seen: [-1, 0], min: -1, max: 0 },
      { seen: [2 ** 52, -(2 ** 52)], min: -(2 ** 52), max: 2 ** 52 },
      { seen: [2 ** 52 - 1, 2 ** 52], min: 2 ** 52 - 1, max: 2 ** 52 },
    ])('keeps the least and the greatest of $seen', async ({ seen, min, max }) => {
      await stage.begin();
      let offset = 10;
      for (const value of seen) {
        const result = await stage.tier.apply(
          flushOf([advance(offset, offset + 1)], [stage.make({ bucketS: stage.minute, numbers: { [C.min]: value, [C.max]: value } })]),
          stage.all,
        );
        expect(result).toEqual({ outcome: 'applied' });
        offset++;
      }
      expect(await stage.number(C.min)).toBe(min);
      expect(await stage.number(C.max)).toBe(max);
    });

    it('says 0 for sums and NaN for extremes where nothing was', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      expect(await stage.number(C.revenue)).toBe(0);
      expect(await stage.number(C.min)).toBeNaN();
      const [columns] = await stage.tier.readNumeric(stage.reading({ series: [['unknown']] }), [C.events, C.max]);
      expect([...columns[0], ...columns[1]]).toEqual([0, Number.NaN]);
    });

    it('keeps sums beyond 2^53 exact', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute, numbers: { [C.revenue]: 2 ** 52 } })]);
      const more = [2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52 - 1, 1, 2 ** 53 - 1, 1];
      for (let i = 0; i < more.length; i++) {
        await stage.tier.apply(
          flushOf([advance(10 + i, 11 + i)], [stage.make({ bucketS: stage.minute, numbers: { [C.revenue]: more[i] } })]),
          stage.all,
        );
      }
      expect(await stage.number(C.revenue)).toBe(7 * 2 ** 52);
      const less = [-(2 ** 53 - 1), -(2 ** 53 - 1), -(2 ** 53 - 1), -(2 ** 53 - 1)];
      for (let i = 0; i < less.length; i++) {
        await stage.tier.apply(
          flushOf([advance(17 + i, 18 + i)], [stage.make({ bucketS: stage.minute, numbers: { [C.revenue]: less[i] } })]),
          stage.all,
        );
      }
      expect(await stage.number(C.revenue)).toBe(-(2 ** 52) + 4);
    });

    it('reads ranges over many stretches in bucket order, of each resolution', async () => {
      const deltas: SeriesDelta[] = [];
      const buckets: Record<Resolution, number[]> = { 1: [], 10: [], 60: [] };
      const startS: Record<Resolution, number> = { 1: stage.minute, 10: stage.minute - 5_000, 60: stage.minute - 60_000 };
      for (const resolution of [1, 10, 60] as const) {
        for (let i = 0; i < 500; i += 7) {
          const bucketS = startS[resolution] + i * resolution;
          buckets[resolution].push(i);
          deltas.push(stage.make({ resolution, bucketS, numbers: { [C.events]: i + 1, [C.max]: -i } }));
        }
      }
      stage.clock.timeMs = (stage.minute + 600) * 1000;
      await stage.begin(deltas);
      for (const resolution of [1, 10, 60] as const) {
        const fromS = startS[resolution];
        const [[events, max]] = await stage.tier.readNumeric(stage.reading({ resolution, fromS, toS: fromS + 500 * resolution }), [
          C.events,
          C.max,
        ]);
        for (let i = 0; i < 500; i++) {
          const hit = buckets[resolution].includes(i);
          expect([i, events[i], max[i]]).toEqual([i, hit ? i + 1 : 0, hit ? 0 - i : Number.NaN]);
        }
      }
    });

    it('keeps tenants, groupings, series and resolutions apart', async () => {
      const specs: DeltaSpec[] = [
        { bucketS: stage.minute },
        { bucketS: stage.minute, tenant: 'b' },
        { bucketS: stage.minute, grouping: 2 },
        { bucketS: stage.minute, values: ['fr'] },
        { bucketS: stage.minute, resolution: 10 },
        { bucketS: stage.minute, resolution: 1 },
        { bucketS: stage.minute, grouping: 0, values: [] },
        { bucketS: stage.minute, grouping: 3, values: ['de', ''] },
        { bucketS: stage.minute, grouping: 3, values: ['', 'de'] },
      ];
      await stage.begin(specs.map((spec, i) => stage.make({ ...spec, numbers: { [C.events]: i + 1 } })));
      for (let i = 0; i < specs.length; i++) {
        const { tenant = 'a', grouping = 1, values = ['de'], resolution = 60 } = specs[i];
        expect(await stage.number(C.events, { tenant, grouping, series: [values], resolution, toS: stage.minute + resolution })).toBe(
          i + 1,
        );
      }
    });

    it('refuses a delta that cannot be stored exactly, and changes nothing', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      for (const numbers of [{ [C.revenue]: 1.5 }, { [C.revenue]: 2 ** 54 }, { [C.max]: 2 ** 52 + 2 }, { [C.events]: Number.NaN }]) {
        const flush = flushOf([advance(10, 20)], [stage.make({ bucketS: stage.minute, numbers })]);
        await expect(stage.tier.apply(flush, stage.all)).rejects.toMatchObject({ code: 'HOT_DELTA_INVALID' });
      }
      expect((await stage.tier.readMarkers([PARTITION]))[0].get(PARTITION)?.offset).toBe(10);
      expect(await stage.number(C.events)).toBe(1);
    });
  });

  describe('markers', () => {
    it('have every field of the state in every shard', async () => {
      const state = stateAt(20, {
        maxEventTimeMs: 1.7e12,
        warmFrom: 3,
        consumed: 20,
        applied: 14,
        duplicates: 4,
        deadLettered: 2,
        late: 5,
        lost: 6,
      });
      await stage.tier.apply(flushOf([{ partition: PARTITION, from: 0, state, coverageFromMs: 5_000 }], []), stage.all);
      const markers = await stage.tier.readMarkers([PARTITION, 'events/1']);
      expect(markers).toHaveLength(stage.tier.shards);
      for (const shard of markers) {
        expect(shard.get(PARTITION)).toEqual(state);
        expect(shard.get('events/1')).toBeNull();
      }
    });

    it('refuse a replayed range', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      await stage.tier.apply(flushOf([advance(10, 20)], [stage.make({ bucketS: stage.minute })]), stage.all);
      const replay = await stage.tier.apply(flushOf([advance(0, 15)], [stage.make({ bucketS: stage.minute })]), stage.all);
      expect(replay).toMatchObject({ outcome: 'fenced', partition: PARTITION, marker: 20 });
      expect(await stage.number(C.events)).toBe(2);
    });

    it('fence a zombie that still holds the partition', async () => {
      const zombie = stage.tier;
      const successor = await stage.open();
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      await successor.apply(flushOf([advance(10, 30)], [stage.make({ bucketS: stage.minute })]), stage.all);
      const late = await zombie.apply(flushOf([advance(10, 25)], [stage.make({ bucketS: stage.minute, values: ['fr'] })]), stage.all);
      expect(late).toMatchObject({ outcome: 'fenced', marker: 30 });
      expect(await stage.number(C.events, { series: [['fr']] })).toBe(0);
    });

    it('answer applied, once only counted, when the same flush comes again', async () => {
      await stage.begin();
      const flush = flushOf(
        [advance(10, 20)],
        [stage.make({ bucketS: stage.minute, numbers: { [C.events]: 5 }, resolution: 10, sketches: { [C.users]: [['u', 1]] } })],
      );
      for (let i = 0; i < 3; i++) {
        expect(await stage.tier.apply(flush, stage.all)).toEqual({ outcome: 'applied' });
      }
      expect(await stage.number(C.events, { resolution: 10, toS: stage.minute + 10 })).toBe(5);
      const [[entries]] = await stage.tier.readSketch(stage.reading({ resolution: 10, toS: stage.minute + 10 }), C.users);
      expect(decodeExact(entries ?? new Uint8Array())).toEqual([['u', 1]]);
    });

    it('of several partitions move together or not at all', async () => {
      const both = ['events/0', 'events/1'];
      await stage.tier.apply(flushOf([advance(0, 10, 0, both[0]), advance(0, 10, 0, both[1])], [], both), stage.all);
      const result = await stage.tier.apply(
        flushOf([advance(10, 20, null, both[0]), advance(9, 20, null, both[1])], [stage.make({ bucketS: stage.minute })], both),
        stage.all,
      );
      expect(result).toMatchObject({ outcome: 'fenced', partition: both[1], marker: 10 });
      for (const shard of await stage.tier.readMarkers(both)) {
        expect([shard.get(both[0])?.offset, shard.get(both[1])?.offset]).toEqual([10, 10]);
      }
      expect(await stage.number(C.events)).toBe(0);
    });

    it('must not be there when a partition begins', async () => {
      await stage.begin();
      expect(await stage.tier.apply(flushOf([advance(0, 40, 0)], [stage.make({ bucketS: stage.minute })]), stage.all)).toMatchObject({
        outcome: 'fenced',
        marker: 10,
      });
    });

    it('must be there when a partition goes on', async () => {
      expect(await stage.tier.apply(flushOf([advance(10, 20)], [stage.make({ bucketS: stage.minute })]), stage.all)).toMatchObject({
        outcome: 'fenced',
        marker: null,
      });
      expect(await stage.number(C.events)).toBe(0);
    });

    it('let a flush that reached only some shards be repaired on the others', async () => {
      const many = Array.from({ length: 40 }, (_, i) => `c${i}`);
      await stage.begin();
      const flush = flushOf(
        [advance(10, 20)],
        many.map((country) => stage.make({ bucketS: stage.minute, values: [country] })),
      );
      expect(await stage.tier.apply(flush, [0])).toEqual({ outcome: 'applied' });
      expect((await stage.tier.readMarkers([PARTITION])).map((shard) => shard.get(PARTITION)?.offset)).toEqual([
        20,
        ...stage.all.slice(1).map(() => 10),
      ]);
      expect((await stage.tier.coverage()).partitions.get(PARTITION)?.offset).toBe(10);
      const before = await stage.tier.readNumeric(stage.reading({ series: many.map((c) => [c]) }), [C.events]);
      const appliedFirst = before.filter(([[count]]) => count === 1).length;
      expect(appliedFirst).toBeGreaterThan(0);
      expect(appliedFirst).toBeLessThan(many.length);
      expect(await stage.tier.apply(flush, stage.all.slice(1))).toEqual({ outcome: 'applied' });
      const after = await stage.tier.readNumeric(stage.reading({ series: many.map((c) => [c]) }), [C.events]);
      expect(after.every(([[count]]) => count === 1)).toBe(true);
      expect((await stage.tier.coverage()).partitions.get(PARTITION)?.offset).toBe(20);
    });

    it('can be dropped in one shard, and the partition begins anew there with a later coverage', async () => {
      await stage.begin();
      await stage.tier.dropMarker(1, PARTITION);
      expect((await stage.tier.readMarkers([PARTITION])).map((shard) => shard.get(PARTITION)?.offset ?? null)).toEqual(
        stage.all.map((s) => (s === 1 ? null : 10)),
      );
      expect((await stage.tier.coverage()).missing).toEqual([PARTITION]);
      expect(await stage.tier.apply(flushOf([advance(50, 60, 7_000)], []), [1])).toEqual({ outcome: 'applied' });
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: 7_000, missing: [] });
    });
  });

  describe('coverage', () => {
    it('is none while nothing was written', async () => {
      const coverage = await stage.tier.coverage();
      expect(coverage.fromMs).toBe(Number.POSITIVE_INFINITY);
      expect(coverage.reason).not.toBe('');
    });

    it('begins with the partition that began last', async () => {
      const both = ['events/0', 'events/1'];
      await stage.tier.apply(flushOf([advance(0, 10, 3_000, both[0]), advance(0, 12, 9_000, both[1])], [], both), stage.all);
      await stage.tier.apply(flushOf([advance(10, 20, null, both[0])], [], both), stage.all);
      const coverage = await stage.tier.coverage();
      expect(coverage).toMatchObject({ fromMs: 9_000, missing: [], reason: '' });
      expect([...coverage.partitions].map(([p, s]) => [p, s.offset]).sort()).toEqual([
        ['events/0', 20],
        ['events/1', 12],
      ]);
    });

    it('is none while an expected partition has no marker', async () => {
      await stage.tier.apply(flushOf([advance(0, 10, 0)], [], [PARTITION, 'events/1']), stage.all);
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: Number.POSITIVE_INFINITY, missing: ['events/1'] });
      await stage.tier.apply(flushOf([advance(0, 0, 5_000, 'events/1')], [], [PARTITION, 'events/1']), stage.all);
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: 5_000, missing: [] });
    });

    it('goes on when a new partition appears, from where that one begins', async () => {
      await stage.begin();
      const both = [PARTITION, 'events/1'];
      const result = await stage.tier.apply(flushOf([advance(10, 20), advance(0, 5, 60_000, 'events/1')], [], both), stage.all);
      expect(result).toEqual({ outcome: 'applied' });
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: 60_000, missing: [] });
    });

    it('is gone after everything was forgotten, and nothing old comes back', async () => {
      const other = await stage.open();
      await stage.begin([
        stage.make({ bucketS: stage.minute, resolution: 10, numbers: { [C.events]: 5 }, sketches: { [C.users]: [['u', 1]] } }),
      ]);
      await other.clear();
      expect((await other.coverage()).fromMs).toBe(Number.POSITIVE_INFINITY);
      expect(await stage.tier.apply(flushOf([advance(10, 20)], [stage.make({ bucketS: stage.minute })]), stage.all)).toMatchObject({
        outcome: 'fenced',
        marker: null,
      });
      const again = flushOf([advance(10, 20, 0)], [stage.make({ bucketS: stage.minute, resolution: 10, numbers: { [C.events]: 2 } })]);
      expect(await stage.tier.apply(again, stage.all)).toEqual({ outcome: 'applied' });
      expect(await stage.number(C.events, { resolution: 10, toS: stage.minute + 10 })).toBe(2);
      expect(await stage.tier.readSketch(stage.reading({ resolution: 10, toS: stage.minute + 10 }), C.users)).toEqual([[null]]);
      expect(await stage.tier.listSeries('a', 1, stage.minute, stage.minute + 60, 10, never)).toEqual([['de']]);
    });
  });
}
