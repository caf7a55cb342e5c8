// The promises of the hot tier's contract as tests, run against every implementation. Each test gets a tier that knows nothing.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeExact, encodeExact, type ExactEntry } from '../../../test/support/exact-sketches.js';
import { C } from '../../../test/support/hot-definition.js';
import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { Flush, PartitionAdvance, PartitionState, Resolution, SeriesDelta } from '../window/flush-batch.js';
import type { HotTier, SeriesRead } from './hot-tier.js';

export interface TestClock extends Clock {
  /** Epoch ms; moved by the tests. */
  timeMs: number;
}

/** Starts at the real time: where Redis itself lets keys expire, its clock counts too. */
export function createTestClock(): TestClock {
  return {
    timeMs: Math.floor(Date.now() / 3_600_000) * 3_600_000 + 1_800_000,
    now() {
      return this.timeMs;
    },
    monotonic: () => performance.now(),
  };
}

export interface ContractSubject {
  /** A started tier that shares its store with every other one that this made, as another process would. */
  open(clock: Clock): Promise<HotTier>;
  readonly definition: Definition;
  /** Ends what the subject started. */
  close(): Promise<void>;
}

export const PARTITION = 'events/0';
const never = new AbortController().signal;

export function stateAt(offset: number, changes: Partial<PartitionState> = {}): PartitionState {
  return { offset, maxEventTimeMs: offset * 10, warmFrom: 0, consumed: offset, applied: offset, duplicates: 0, deadLettered: 0, late: 0, lost: 0, ...changes };
}

export function advance(from: number, to: number, coverageFromMs: number | null = null, partition = PARTITION): PartitionAdvance {
  return { partition, from, state: stateAt(to), coverageFromMs };
}

export interface DeltaSpec {
  readonly tenant?: string;
  readonly grouping?: number;
  readonly values?: readonly string[];
  readonly resolution?: Resolution;
  readonly bucketS: number;
  /** By component; others are 0 or NaN. */
  readonly numbers?: Readonly<Record<number, number>>;
  readonly sketches?: Readonly<Record<number, readonly ExactEntry[]>>;
}

export function delta(definition: Definition, spec: DeltaSpec): SeriesDelta {
  const { components } = definition;
  return {
    tenant: spec.tenant ?? 'a',
    grouping: spec.grouping ?? 1,
    values: spec.values ?? ['de'],
    resolution: spec.resolution ?? 60,
    bucketS: spec.bucketS,
    numeric: Float64Array.from(components, ({ kind, index }) => spec.numbers?.[index] ?? (index === 0 ? 1 : kind === 'count' || kind === 'sum' ? 0 : Number.NaN)),
    sketches: components.map(({ index }) => {
      const entries = spec.sketches?.[index];
      return entries === undefined ? null : encodeExact(entries);
    }),
  };
}

export function flushOf(partitions: readonly PartitionAdvance[], deltas: readonly SeriesDelta[], allPartitions: readonly string[] = [PARTITION]): Flush {
  return { partitions, allPartitions, deltas, raw: { rows: 0, columns: [], minutes: [] } };
}

export function defineHotTierContract(name: string, create: () => Promise<ContractSubject>): void {
  describe(`hot tier contract: ${name}`, () => {
    let subject: ContractSubject;
    let definition: Definition;
    let clock: TestClock;
    let tier: HotTier;
    let all: number[];
    let minute: number;
    const tiers: HotTier[] = [];

    const open = async (): Promise<HotTier> => {
      const opened = await subject.open(clock);
      tiers.push(opened);
      return opened;
    };
    const make = (spec: DeltaSpec): SeriesDelta => delta(definition, spec);
    const reading = (changes: Partial<SeriesRead> = {}): SeriesRead => ({
      tenant: 'a',
      grouping: 1,
      series: [['de']],
      resolution: 60,
      fromS: minute,
      toS: minute + 60,
      signal: never,
      ...changes,
    });
    /** One series' single bucket. */
    const number = async (component: number, changes: Partial<SeriesRead> = {}): Promise<number> =>
      (await tier.readNumeric(reading(changes), [component]))[0][0][0];
    const begin = async (deltas: readonly SeriesDelta[] = []): Promise<void> => {
      expect(await tier.apply(flushOf([advance(0, 10, 0)], deltas), all)).toEqual({ outcome: 'applied' });
    };

    beforeAll(async () => {
      subject = await create();
      definition = subject.definition;
    });
    afterAll(async () => {
      await Promise.all(tiers.map((opened) => opened.stop()));
      await subject.close();
    });
    beforeEach(async () => {
      clock = createTestClock();
      minute = Math.floor(clock.now() / 60_000) * 60 - 600;
      await Promise.all(tiers.splice(0).map((opened) => opened.stop()));
      tier = await open();
      await tier.clear();
      all = Array.from({ length: tier.shards }, (_, shard) => shard);
    });

    describe('numbers', () => {
      it('adds up counts and sums over flushes', async () => {
        await begin([make({ bucketS: minute, numbers: { [C.events]: 3, [C.revenue]: 1050 } })]);
        await tier.apply(flushOf([advance(10, 20)], [make({ bucketS: minute, numbers: { [C.events]: 2, [C.revenue]: -50, [C.errors]: 1 } })]), all);
        const [columns] = await tier.readNumeric(reading(), [C.errors, C.revenue, C.events]);
        expect(columns.map((column) => [...column])).toEqual([[1], [1000], [5]]);
      });

      it('adds up two deltas of one bucket in one flush', async () => {
        await begin([make({ bucketS: minute, numbers: { [C.events]: 3 } }), make({ bucketS: minute, numbers: { [C.events]: 4 } })]);
        expect(await number(C.events)).toBe(7);
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
        await begin();
        let offset = 10;
        for (const value of seen) {
          const result = await tier.apply(flushOf([advance(offset, offset + 1)], [make({ bucketS: minute, numbers: { [C.min]: value, [C.max]: value } })]), all);
          expect(result).toEqual({ outcome: 'applied' });
          offset++;
        }
        expect(await number(C.min)).toBe(min);
        expect(await number(C.max)).toBe(max);
      });

      it('says 0 for sums and NaN for extremes where nothing was', async () => {
        await begin([make({ bucketS: minute })]);
        expect(await number(C.revenue)).toBe(0);
        expect(await number(C.min)).toBeNaN();
        const [columns] = await tier.readNumeric(reading({ series: [['unknown']] }), [C.events, C.max]);
        expect([...columns[0], ...columns[1]]).toEqual([0, Number.NaN]);
      });

      it('keeps sums beyond 2^53 exact', async () => {
        await begin([make({ bucketS: minute, numbers: { [C.revenue]: 2 ** 52 } })]);
        const more = [2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52 - 1, 1, 2 ** 53 - 1, 1];
        for (let i = 0; i < more.length; i++) {
          await tier.apply(flushOf([advance(10 + i, 11 + i)], [make({ bucketS: minute, numbers: { [C.revenue]: more[i] } })]), all);
        }
        expect(await number(C.revenue)).toBe(7 * 2 ** 52);
        const less = [-(2 ** 53 - 1), -(2 ** 53 - 1), -(2 ** 53 - 1), -(2 ** 53 - 1)];
        for (let i = 0; i < less.length; i++) {
          await tier.apply(flushOf([advance(17 + i, 18 + i)], [make({ bucketS: minute, numbers: { [C.revenue]: less[i] } })]), all);
        }
        expect(await number(C.revenue)).toBe(-(2 ** 52) + 4);
      });

      it('reads ranges over many stretches in bucket order, of each resolution', async () => {
        const deltas: SeriesDelta[] = [];
        const buckets: Record<Resolution, number[]> = { 1: [], 10: [], 60: [] };
        const startS: Record<Resolution, number> = { 1: minute, 10: minute - 5_000, 60: minute - 60_000 };
        for (const resolution of [1, 10, 60] as const) {
          for (let i = 0; i < 500; i += 7) {
            const bucketS = startS[resolution] + i * resolution;
            buckets[resolution].push(i);
            deltas.push(make({ resolution, bucketS, numbers: { [C.events]: i + 1, [C.max]: -i } }));
          }
        }
        clock.timeMs = (minute + 600) * 1000;
        await begin(deltas);
        for (const resolution of [1, 10, 60] as const) {
          const fromS = startS[resolution];
          const [[events, max]] = await tier.readNumeric(reading({ resolution, fromS, toS: fromS + 500 * resolution }), [C.events, C.max]);
          for (let i = 0; i < 500; i++) {
            const hit = buckets[resolution].includes(i);
            expect([i, events[i], max[i]]).toEqual([i, hit ? i + 1 : 0, hit ? 0 - i : Number.NaN]);
          }
        }
      });

      it('keeps tenants, groupings, series and resolutions apart', async () => {
        const specs: DeltaSpec[] = [
          { bucketS: minute },
          { bucketS: minute, tenant: 'b' },
          { bucketS: minute, grouping: 2 },
          { bucketS: minute, values: ['fr'] },
          { bucketS: minute, resolution: 10 },
          { bucketS: minute, resolution: 1 },
          { bucketS: minute, grouping: 0, values: [] },
          { bucketS: minute, grouping: 3, values: ['de', ''] },
          { bucketS: minute, grouping: 3, values: ['', 'de'] },
        ];
        await begin(specs.map((spec, i) => make({ ...spec, numbers: { [C.events]: i + 1 } })));
        for (let i = 0; i < specs.length; i++) {
          const { tenant = 'a', grouping = 1, values = ['de'], resolution = 60 } = specs[i];
          expect(await number(C.events, { tenant, grouping, series: [values], resolution, toS: minute + resolution })).toBe(i + 1);
        }
      });

      it('refuses a delta that cannot be stored exactly, and changes nothing', async () => {
        await begin([make({ bucketS: minute })]);
        for (const numbers of [{ [C.revenue]: 1.5 }, { [C.revenue]: 2 ** 54 }, { [C.max]: 2 ** 52 + 2 }, { [C.events]: Number.NaN }]) {
          const flush = flushOf([advance(10, 20)], [make({ bucketS: minute, numbers })]);
          await expect(tier.apply(flush, all)).rejects.toMatchObject({ code: 'HOT_DELTA_INVALID' });
        }
        expect((await tier.readMarkers([PARTITION]))[0].get(PARTITION)?.offset).toBe(10);
        expect(await number(C.events)).toBe(1);
      });
    });

    describe('markers', () => {
      it('have every field of the state in every shard', async () => {
        const state = stateAt(20, { maxEventTimeMs: 1.7e12, warmFrom: 3, consumed: 20, applied: 14, duplicates: 4, deadLettered: 2, late: 5, lost: 6 });
        await tier.apply(flushOf([{ partition: PARTITION, from: 0, state, coverageFromMs: 5_000 }], []), all);
        const markers = await tier.readMarkers([PARTITION, 'events/1']);
        expect(markers).toHaveLength(tier.shards);
        for (const shard of markers) {
          expect(shard.get(PARTITION)).toEqual(state);
          expect(shard.get('events/1')).toBeNull();
        }
      });

      it('refuse a replayed range', async () => {
        await begin([make({ bucketS: minute })]);
        await tier.apply(flushOf([advance(10, 20)], [make({ bucketS: minute })]), all);
        const replay = await tier.apply(flushOf([advance(0, 15)], [make({ bucketS: minute })]), all);
        expect(replay).toMatchObject({ outcome: 'fenced', partition: PARTITION, marker: 20 });
        expect(await number(C.events)).toBe(2);
      });

      it('fence a zombie that still holds the partition', async () => {
        const zombie = tier;
        const successor = await open();
        await begin([make({ bucketS: minute })]);
        await successor.apply(flushOf([advance(10, 30)], [make({ bucketS: minute })]), all);
        const late = await zombie.apply(flushOf([advance(10, 25)], [make({ bucketS: minute, values: ['fr'] })]), all);
        expect(late).toMatchObject({ outcome: 'fenced', marker: 30 });
        expect(await number(C.events, { series: [['fr']] })).toBe(0);
      });

      it('answer applied, once only counted, when the same flush comes again', async () => {
        await begin();
        const flush = flushOf([advance(10, 20)], [make({ bucketS: minute, numbers: { [C.events]: 5 }, resolution: 10, sketches: { [C.users]: [['u', 1]] } })]);
        for (let i = 0; i < 3; i++) {
          expect(await tier.apply(flush, all)).toEqual({ outcome: 'applied' });
        }
        expect(await number(C.events, { resolution: 10, toS: minute + 10 })).toBe(5);
        const [[entries]] = await tier.readSketch(reading({ resolution: 10, toS: minute + 10 }), C.users);
        expect(decodeExact(entries ?? new Uint8Array())).toEqual([['u', 1]]);
      });

      it('of several partitions move together or not at all', async () => {
        const both = ['events/0', 'events/1'];
        await tier.apply(flushOf([advance(0, 10, 0, both[0]), advance(0, 10, 0, both[1])], [], both), all);
        const result = await tier.apply(flushOf([advance(10, 20, null, both[0]), advance(9, 20, null, both[1])], [make({ bucketS: minute })], both), all);
        expect(result).toMatchObject({ outcome: 'fenced', partition: both[1], marker: 10 });
        for (const shard of await tier.readMarkers(both)) {
          expect([shard.get(both[0])?.offset, shard.get(both[1])?.offset]).toEqual([10, 10]);
        }
        expect(await number(C.events)).toBe(0);
      });

      it('must not be there when a partition begins', async () => {
        await begin();
        expect(await tier.apply(flushOf([advance(0, 40, 0)], [make({ bucketS: minute })]), all)).toMatchObject({ outcome: 'fenced', marker: 10 });
      });

      it('must be there when a partition goes on', async () => {
        expect(await tier.apply(flushOf([advance(10, 20)], [make({ bucketS: minute })]), all)).toMatchObject({ outcome: 'fenced', marker: null });
        expect(await number(C.events)).toBe(0);
      });

      it('let a flush that reached only some shards be repaired on the others', async () => {
        const many = Array.from({ length: 40 }, (_, i) => `c${i}`);
        await begin();
        const flush = flushOf(
          [advance(10, 20)],
          many.map((country) => make({ bucketS: minute, values: [country] })),
        );
        expect(await tier.apply(flush, [0])).toEqual({ outcome: 'applied' });
        expect((await tier.readMarkers([PARTITION])).map((shard) => shard.get(PARTITION)?.offset)).toEqual([20, ...all.slice(1).map(() => 10)]);
        expect((await tier.coverage()).partitions.get(PARTITION)?.offset).toBe(10);
        const before = await tier.readNumeric(reading({ series: many.map((c) => [c]) }), [C.events]);
        const appliedFirst = before.filter(([[count]]) => count === 1).length;
        expect(appliedFirst).toBeGreaterThan(0);
        expect(appliedFirst).toBeLessThan(many.length);
        expect(await tier.apply(flush, all.slice(1))).toEqual({ outcome: 'applied' });
        const after = await tier.readNumeric(reading({ series: many.map((c) => [c]) }), [C.events]);
        expect(after.every(([[count]]) => count === 1)).toBe(true);
        expect((await tier.coverage()).partitions.get(PARTITION)?.offset).toBe(20);
      });

      it('can be dropped in one shard, and the partition begins anew there with a later coverage', async () => {
        await begin();
        await tier.dropMarker(1, PARTITION);
        expect((await tier.readMarkers([PARTITION])).map((shard) => shard.get(PARTITION)?.offset ?? null)).toEqual(all.map((s) => (s === 1 ? null : 10)));
        expect((await tier.coverage()).missing).toEqual([PARTITION]);
        expect(await tier.apply(flushOf([advance(50, 60, 7_000)], []), [1])).toEqual({ outcome: 'applied' });
        expect(await tier.coverage()).toMatchObject({ fromMs: 7_000, missing: [] });
      });
    });

    describe('coverage', () => {
      it('is none while nothing was written', async () => {
        const coverage = await tier.coverage();
        expect(coverage.fromMs).toBe(Number.POSITIVE_INFINITY);
        expect(coverage.reason).not.toBe('');
      });

      it('begins with the partition that began last', async () => {
        const both = ['events/0', 'events/1'];
        await tier.apply(flushOf([advance(0, 10, 3_000, both[0]), advance(0, 12, 9_000, both[1])], [], both), all);
        await tier.apply(flushOf([advance(10, 20, null, both[0])], [], both), all);
        const coverage = await tier.coverage();
        expect(coverage).toMatchObject({ fromMs: 9_000, missing: [], reason: '' });
        expect([...coverage.partitions].map(([p, s]) => [p, s.offset]).sort()).toEqual([
          ['events/0', 20],
          ['events/1', 12],
        ]);
      });

      it('is none while an expected partition has no marker', async () => {
        await tier.apply(flushOf([advance(0, 10, 0)], [], [PARTITION, 'events/1']), all);
        expect(await tier.coverage()).toMatchObject({ fromMs: Number.POSITIVE_INFINITY, missing: ['events/1'] });
        await tier.apply(flushOf([advance(0, 0, 5_000, 'events/1')], [], [PARTITION, 'events/1']), all);
        expect(await tier.coverage()).toMatchObject({ fromMs: 5_000, missing: [] });
      });

      it('goes on when a new partition appears, from where that one begins', async () => {
        await begin();
        const both = [PARTITION, 'events/1'];
        const result = await tier.apply(flushOf([advance(10, 20), advance(0, 5, 60_000, 'events/1')], [], both), all);
        expect(result).toEqual({ outcome: 'applied' });
        expect(await tier.coverage()).toMatchObject({ fromMs: 60_000, missing: [] });
      });

      it('is gone after everything was forgotten, and nothing old comes back', async () => {
        const other = await open();
        await begin([make({ bucketS: minute, resolution: 10, numbers: { [C.events]: 5 }, sketches: { [C.users]: [['u', 1]] } })]);
        await other.clear();
        expect((await other.coverage()).fromMs).toBe(Number.POSITIVE_INFINITY);
        expect(await tier.apply(flushOf([advance(10, 20)], [make({ bucketS: minute })]), all)).toMatchObject({ outcome: 'fenced', marker: null });
        const again = flushOf([advance(10, 20, 0)], [make({ bucketS: minute, resolution: 10, numbers: { [C.events]: 2 } })]);
        expect(await tier.apply(again, all)).toEqual({ outcome: 'applied' });
        expect(await number(C.events, { resolution: 10, toS: minute + 10 })).toBe(2);
        expect(await tier.readSketch(reading({ resolution: 10, toS: minute + 10 }), C.users)).toEqual([[null]]);
        expect(await tier.listSeries('a', 1, minute, minute + 60, 10, never)).toEqual([['de']]);
      });
    });

    describe('retention', () => {
      it('skips what ended longer ago, resolution by resolution', async () => {
        const nowS = Math.floor(clock.now() / 1000);
        const old = Math.floor((nowS - 3_600) / 60) * 60;
        await begin(([1, 10, 60] as const).map((resolution) => make({ resolution, bucketS: old })));
        expect(await number(C.events, { resolution: 1, fromS: old, toS: old + 1 })).toBe(0);
        expect(await number(C.events, { resolution: 10, fromS: old, toS: old + 10 })).toBe(1);
        expect(await number(C.events, { resolution: 60, fromS: old, toS: old + 60 })).toBe(1);
        expect((await tier.readMarkers([PARTITION]))[0].get(PARTITION)?.offset).toBe(10);
      });

      it('keeps a bucket to the end of its retention', async () => {
        const bucketS = minute;
        clock.timeMs = (bucketS + 1) * 1000 + definition.retention.hot1sMs;
        await begin([make({ resolution: 1, bucketS })]);
        clock.timeMs += 1;
        await tier.apply(flushOf([advance(10, 20)], [make({ resolution: 1, bucketS })]), all);
        expect(await number(C.events, { resolution: 1, fromS: bucketS, toS: bucketS + 1 })).toBe(1);
      });
    });

    describe('series', () => {
      it('are listed per tenant and grouping, from the time of their last event', async () => {
        await begin([
          make({ bucketS: minute, values: ['de'] }),
          make({ bucketS: minute, values: ['fr'], resolution: 1 }),
          make({ bucketS: minute - 10 * 3_600, values: ['old'] }),
          make({ bucketS: minute, tenant: 'b', values: ['it'] }),
          make({ bucketS: minute, grouping: 0, values: [] }),
          make({ bucketS: minute, grouping: 3, values: ['de', 'phone'] }),
        ]);
        const list = async (tenant: string, grouping: number, fromS: number): Promise<unknown> =>
          [...(await tier.listSeries(tenant, grouping, fromS, minute + 60, 100, never))].sort();
        expect(await list('a', 1, minute)).toEqual([['de'], ['fr']]);
        expect(await list('a', 1, minute - 11 * 3_600)).toEqual([['de'], ['fr'], ['old']]);
        expect(await list('b', 1, minute)).toEqual([['it']]);
        expect(await list('a', 0, minute)).toEqual([[]]);
        expect(await list('a', 3, minute)).toEqual([['de', 'phone']]);
        expect(await list('a', 2, minute)).toEqual([]);
      });

      it('stay listed while they go on, from hour to hour', async () => {
        await begin([make({ bucketS: minute })]);
        for (let hour = 1; hour <= 3; hour++) {
          clock.timeMs += 3_600_000;
          await tier.apply(flushOf([advance(hour * 10, hour * 10 + 10)], [make({ bucketS: minute + hour * 3_600 })]), all);
          expect(await tier.listSeries('a', 1, minute + hour * 3_600, minute + hour * 3_600 + 60, 10, never)).toEqual([['de']]);
        }
      });

      it('are listed up to the limit', async () => {
        await begin(Array.from({ length: 50 }, (_, i) => make({ bucketS: minute, values: [`c${i}`] })));
        expect(await tier.listSeries('a', 1, minute, minute + 60, 20, never)).toHaveLength(20);
        expect(await tier.listSeries('a', 1, minute, minute + 60, 50, never)).toHaveLength(50);
      });

      it('are not listed or read for someone who has gone', async () => {
        await begin([make({ bucketS: minute })]);
        const signal = AbortSignal.abort();
        await expect(tier.listSeries('a', 1, minute, minute + 60, 10, signal)).rejects.toMatchObject({ errorClass: 'cancelled' });
        await expect(tier.readNumeric(reading({ signal }), [C.events])).rejects.toMatchObject({ errorClass: 'cancelled' });
        await expect(tier.readSketch(reading({ signal, resolution: 10 }), C.users)).rejects.toMatchObject({ errorClass: 'cancelled' });
      });
    });

    it.each(
      WEIRD_STRINGS.map((text) => [JSON.stringify(text).slice(0, 40), text]), // the name, the value
    )('takes %s as a value like any other', async (_, text) => {
      const plain = 'plain';
      await begin([
        make({ bucketS: minute, tenant: text, grouping: 3, values: [text, plain], numbers: { [C.events]: 2 } }),
        make({ bucketS: minute, tenant: text, grouping: 3, values: [plain, text], resolution: 10, numbers: { [C.events]: 3 }, sketches: { [C.pages]: [[text, 4]] } }),
      ]);
      const listed = await tier.listSeries(text, 3, minute, minute + 60, 10, never);
      expect(new Set(listed.map((v) => JSON.stringify(v)))).toEqual(new Set([[text, plain], [plain, text]].map((v) => JSON.stringify(v))));
      expect(await number(C.events, { tenant: text, grouping: 3, series: [[text, plain]] })).toBe(2);
      const tens = reading({ tenant: text, grouping: 3, series: [[plain, text]], resolution: 10, toS: minute + 10 });
      const [[entries]] = await tier.readSketch(tens, C.pages);
      expect(decodeExact(entries ?? new Uint8Array())).toEqual([[text, 4]]);
      expect([...(await tier.admit(text, 0, [text, plain]))]).toEqual([text, plain]);
    });

    describe('sketches', () => {
      const tens = (changes: Partial<SeriesRead> = {}): SeriesRead => reading({ resolution: 10, toS: minute + 10, ...changes });

      it('are appended per bucket and component', async () => {
        await begin([
          make({ resolution: 10, bucketS: minute, sketches: { [C.users]: [['u1', 1]], [C.latency]: [[100, 2]] } }),
          make({ resolution: 10, bucketS: minute + 20, sketches: { [C.users]: [['u2', 1]] } }),
          make({ resolution: 1, bucketS: minute, sketches: { [C.users]: [['u3', 1]] } }),
        ]);
        await tier.apply(flushOf([advance(10, 20)], [make({ resolution: 10, bucketS: minute, sketches: { [C.users]: [['u4', 1]] } })]), all);
        const [users] = await tier.readSketch(tens({ toS: minute + 30 }), C.users);
        expect(users.map((entries) => (entries === null ? null : decodeExact(entries)))).toEqual([
          [
            ['u1', 1],
            ['u4', 1],
          ],
          null,
          [['u2', 1]],
        ]);
        const [[latency]] = await tier.readSketch(tens(), C.latency);
        expect(decodeExact(latency ?? new Uint8Array())).toEqual([[100, 2]]);
        const [[second]] = await tier.readSketch(reading({ resolution: 1, toS: minute + 1 }), C.users);
        expect(decodeExact(second ?? new Uint8Array())).toEqual([['u3', 1]]);
      });

      it('are read over many stretches in bucket order', async () => {
        const fromS = minute - 3_000;
        const deltas = Array.from({ length: 250 }, (_, i) => make({ resolution: 10, bucketS: fromS + i * 10, sketches: { [C.users]: [[`u${i}`, 1]] } }));
        clock.timeMs = (fromS + 2_500) * 1000;
        await begin(deltas);
        const [buckets] = await tier.readSketch(tens({ fromS, toS: fromS + 2_500 }), C.users);
        expect(buckets.map((entries) => decodeExact(entries ?? new Uint8Array())[0]?.[0])).toEqual(Array.from({ length: 250 }, (_, i) => `u${i}`));
      });

      it('mean the same after they were compacted', async () => {
        await begin();
        const expected = new Map<string, number>();
        for (let i = 0; i < 40; i++) {
          const entries: ExactEntry[] = Array.from({ length: 60 }, (_, k) => [`user-${(i * 7 + k) % 90}-${'x'.repeat(20)}`, 1]);
          for (const [user] of entries) expected.set(String(user), 1);
          await tier.apply(flushOf([advance(10 + i, 11 + i)], [make({ resolution: 10, bucketS: minute + 10 * (i % 3), sketches: { [C.users]: entries } })]), all);
        }
        await tier.stop();
        tier = await open();
        const [buckets] = await tier.readSketch(tens({ toS: minute + 30 }), C.users);
        const seen = new Set(buckets.flatMap((entries) => decodeExact(entries ?? new Uint8Array()).map(([user]) => String(user))));
        expect(seen).toEqual(new Set(expected.keys()));
        // 2,400 entries of 35 bytes came in; what is kept is much less.
        expect(buckets.reduce((bytes, entries) => bytes + (entries?.length ?? 0), 0)).toBeLessThan(60_000);
      });

      it('of minutes are refused, to write and to read', async () => {
        const flush = flushOf([advance(0, 10, 0)], [make({ bucketS: minute, sketches: { [C.users]: [['u', 1]] } })]);
        await expect(tier.apply(flush, all)).rejects.toMatchObject({ code: 'HOT_DELTA_INVALID' });
        await expect(tier.readSketch(reading(), C.users)).rejects.toMatchObject({ code: 'HOT_READ_SKETCH' });
      });
    });

    describe('admission', () => {
      it('is first come, first served up to the cap, per tenant and dimension', async () => {
        const cap = definition.dimensions[1].cap;
        const values = Array.from({ length: cap + 5 }, (_, i) => `v${i}`);
        expect([...(await tier.admit('a', 1, values))]).toEqual(values.slice(0, cap));
        expect([...(await tier.admit('a', 1, ['v3', 'new', 'v3', `v${cap}`]))]).toEqual(['v3']);
        expect([...(await tier.admit('b', 1, ['new']))]).toEqual(['new']);
        expect([...(await tier.admit('a', 0, ['new']))]).toEqual(['new']);
        expect(await tier.admit('a', 1, [])).toEqual(new Set());
      });

      it('never exceeds the cap when many ask at once', async () => {
        const cap = definition.dimensions[1].cap;
        const others = [tier, await open(), await open()];
        const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => others[i % 3].admit('a', 1, [`x${i}`, `y${i}`])));
        expect(answers.reduce((sum, admitted) => sum + admitted.size, 0)).toBe(cap);
      });

      it('lets only values unseen for 48 hours make room', async () => {
        const cap = definition.dimensions[1].cap;
        const values = Array.from({ length: cap }, (_, i) => `v${i}`);
        await tier.admit('a', 1, values);
        clock.timeMs += 47 * 3_600_000;
        expect(await tier.admit('a', 1, ['new'])).toEqual(new Set());
        await tier.admit('a', 1, values.slice(1));
        clock.timeMs += 2 * 3_600_000;
        expect(await tier.admit('a', 1, ['new', 'newer'])).toEqual(new Set(['new']));
        expect(await tier.admit('a', 1, ['v0', 'v1'])).toEqual(new Set(['v1']));
      });

      it('is missing until it was loaded, and again after it was lost', async () => {
        expect(await tier.admissionsMissing()).toBe(true);
        await tier.admissionsLoaded();
        expect(await tier.admissionsMissing()).toBe(false);
        await tier.admit('a', 1, ['kept']);
        await tier.clear();
        expect(await tier.admissionsMissing()).toBe(true);
      });
    });

    describe('small things', () => {
      it('are cached for all processes until their time is over', async () => {
        const other = await open();
        await tier.cacheSet('k"1', Uint8Array.from([0, 1, 255]), 60_000);
        expect((await other.cacheGet(['k"1', 'k2'])).map((value) => (value === null ? null : [...value]))).toEqual([[0, 1, 255], null]);
        await tier.cacheSet('k"1', new Uint8Array(0), 60_000);
        expect((await other.cacheGet(['k"1']))[0]?.length).toBe(0);
        expect(await other.cacheGet([])).toEqual([]);
      });

      it('leases have one owner at a time', async () => {
        const other = await open();
        expect(await tier.lease('compact', 'one', 60_000)).toBe(true);
        expect(await other.lease('compact', 'two', 60_000)).toBe(false);
        expect(await tier.lease('compact', 'one', 60_000)).toBe(true);
        expect(await other.lease('else', 'two', 60_000)).toBe(true);
        await other.releaseLease('compact', 'two');
        expect(await other.lease('compact', 'two', 60_000)).toBe(false);
        await tier.releaseLease('compact', 'one');
        expect(await other.lease('compact', 'two', 60_000)).toBe(true);
      });

      it('announcements reach every process, and nobody after leaving', async () => {
        const other = await open();
        const heard: string[] = [];
        const leave = other.onAnnounce((message) => heard.push(`left ${message}`));
        leave();
        const arrived = new Promise<string>((resolve) => other.onAnnounce(resolve));
        tier.announce('{"flush":1}');
        expect(await arrived).toBe('{"flush":1}');
        expect(heard).toEqual([]);
      });

      it('health tells of memory', async () => {
        await begin([make({ bucketS: minute })]);
        const health = await tier.health();
        expect(health.ok).toBe(true);
        expect(health.memoryBytes).toBeGreaterThan(0);
      });
    });
  });
}

/** Values that have broken other systems: separators, escapes, code, control characters, broken Unicode, length. */
export const WEIRD_STRINGS: readonly string[] = [
  '',
  ' ',
  '"quoted" \'twice\' `thrice`',
  "'); DROP TABLE events; --",
  "redis.call('FLUSHALL')",
  ']] .. redis.call("FLUSHALL") .. [[',
  '#!lua flags=no-writes',
  'line\nfeed\r\n$5\r\nhello\r\n',
  'nul\u0000inside',
  'a,b:c%d{e}f',
  '%002c',
  '{tm0}:state',
  '*?[a-z]\\',
  '🦊🧪 naïve Ünïcödé',
  '\ud800',
  '\udc00x',
  '__proto__',
  '__other__',
  'ü'.repeat(128),
  'x'.repeat(256),
];
