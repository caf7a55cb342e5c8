// The contract's promises about series: retention, lists, strange values, sketches.

import { describe, expect, it } from 'vitest';
import { decodeExact, type ExactEntry } from '../../../test/support/exact-sketches.js';
import { C } from '../../../test/support/hot-definition.js';
import { advance, flushOf, never, PARTITION, WEIRD_STRINGS, type ContractStage } from './contract-stage.js';
import type { SeriesRead } from './hot-tier.js';

export function defineSeriesContract(stage: ContractStage): void {
  describe('retention', () => {
    it('skips what ended longer ago, resolution by resolution', async () => {
      const nowS = Math.floor(stage.clock.now() / 1000);
      const old = Math.floor((nowS - 3_600) / 60) * 60;
      await stage.begin(([1, 10, 60] as const).map((resolution) => stage.make({ resolution, bucketS: old })));
      expect(await stage.number(C.events, { resolution: 1, fromS: old, toS: old + 1 })).toBe(0);
      expect(await stage.number(C.events, { resolution: 10, fromS: old, toS: old + 10 })).toBe(1);
      expect(await stage.number(C.events, { resolution: 60, fromS: old, toS: old + 60 })).toBe(1);
      expect((await stage.tier.readMarkers([PARTITION]))[0].get(PARTITION)?.offset).toBe(10);
    });

    it('keeps a bucket to the end of its retention', async () => {
      const bucketS = stage.minute;
      stage.clock.timeMs = (bucketS + 1) * 1000 + stage.definition.retention.hot1sMs;
      await stage.begin([stage.make({ resolution: 1, bucketS })]);
      stage.clock.timeMs += 1;
      await stage.tier.apply(flushOf([advance(10, 20)], [stage.make({ resolution: 1, bucketS })]), stage.all);
      expect(await stage.number(C.events, { resolution: 1, fromS: bucketS, toS: bucketS + 1 })).toBe(1);
    });
  });

  describe('series', () => {
    it('are listed per tenant and grouping, from the time of their last event', async () => {
      await stage.begin([
        stage.make({ bucketS: stage.minute, values: ['de'] }),
        stage.make({ bucketS: stage.minute, values: ['fr'], resolution: 1 }),
        stage.make({ bucketS: stage.minute - 10 * 3_600, values: ['old'] }),
        stage.make({ bucketS: stage.minute, tenant: 'b', values: ['it'] }),
        stage.make({ bucketS: stage.minute, grouping: 0, values: [] }),
        stage.make({ bucketS: stage.minute, grouping: 3, values: ['de', 'phone'] }),
      ]);
      const list = async (tenant: string, grouping: number, fromS: number): Promise<unknown> =>
        [...(await stage.tier.listSeries(tenant, grouping, fromS, stage.minute + 60, 100, never))].sort();
      expect(await list('a', 1, stage.minute)).toEqual([['de'], ['fr']]);
      expect(await list('a', 1, stage.minute - 11 * 3_600)).toEqual([['de'], ['fr'], ['old']]);
      expect(await list('b', 1, stage.minute)).toEqual([['it']]);
      expect(await list('a', 0, stage.minute)).toEqual([[]]);
      expect(await list('a', 3, stage.minute)).toEqual([['de', 'phone']]);
      expect(await list('a', 2, stage.minute)).toEqual([]);
    });

    it('stay listed while they go on, from hour to hour', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      for (let hour = 1; hour <= 3; hour++) {
        stage.clock.timeMs += 3_600_000;
        await stage.tier.apply(
          flushOf([advance(hour * 10, hour * 10 + 10)], [stage.make({ bucketS: stage.minute + hour * 3_600 })]),
          stage.all,
        );
        expect(await stage.tier.listSeries('a', 1, stage.minute + hour * 3_600, stage.minute + hour * 3_600 + 60, 10, never)).toEqual([
          ['de'],
        ]);
      }
    });

    it('are listed up to the limit', async () => {
      await stage.begin(Array.from({ length: 50 }, (_, i) => stage.make({ bucketS: stage.minute, values: [`c${i}`] })));
      expect(await stage.tier.listSeries('a', 1, stage.minute, stage.minute + 60, 20, never)).toHaveLength(20);
      expect(await stage.tier.listSeries('a', 1, stage.minute, stage.minute + 60, 50, never)).toHaveLength(50);
    });

    it('are not listed or read for someone who has gone', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      const signal = AbortSignal.abort();
      await expect(stage.tier.listSeries('a', 1, stage.minute, stage.minute + 60, 10, signal)).rejects.toMatchObject({
        errorClass: 'cancelled',
      });
      await expect(stage.tier.readNumeric(stage.reading({ signal }), [C.events])).rejects.toMatchObject({ errorClass: 'cancelled' });
      await expect(stage.tier.readSketch(stage.reading({ signal, resolution: 10 }), C.users)).rejects.toMatchObject({
        errorClass: 'cancelled',
      });
    });
  });

  it.each(
    WEIRD_STRINGS.map((text) => [JSON.stringify(text).slice(0, 40), text]), // the name, the value
  )('takes %s as a value like any other', async (_, text) => {
    const plain = 'plain';
    await stage.begin([
      stage.make({ bucketS: stage.minute, tenant: text, grouping: 3, values: [text, plain], numbers: { [C.events]: 2 } }),
      stage.make({
        bucketS: stage.minute,
        tenant: text,
        grouping: 3,
        values: [plain, text],
        resolution: 10,
        numbers: { [C.events]: 3 },
        sketches: { [C.pages]: [[text, 4]] },
      }),
    ]);
    const listed = await stage.tier.listSeries(text, 3, stage.minute, stage.minute + 60, 10, never);
    expect(new Set(listed.map((v) => JSON.stringify(v)))).toEqual(
      new Set(
        [
          [text, plain],
          [plain, text],
        ].map((v) => JSON.stringify(v)),
      ),
    );
    expect(await stage.number(C.events, { tenant: text, grouping: 3, series: [[text, plain]] })).toBe(2);
    const tens = stage.reading({ tenant: text, grouping: 3, series: [[plain, text]], resolution: 10, toS: stage.minute + 10 });
    const [[entries]] = await stage.tier.readSketch(tens, C.pages);
    expect(decodeExact(entries ?? new Uint8Array())).toEqual([[text, 4]]);
    expect([...(await stage.tier.admit(text, 0, [text, plain]))]).toEqual([text, plain]);
  });

  describe('sketches', () => {
    const tens = (changes: Partial<SeriesRead> = {}): SeriesRead => stage.reading({ resolution: 10, toS: stage.minute + 10, ...changes });

    it('are appended per bucket and component', async () => {
      await stage.begin([
        stage.make({ resolution: 10, bucketS: stage.minute, sketches: { [C.users]: [['u1', 1]], [C.latency]: [[100, 2]] } }),
        stage.make({ resolution: 10, bucketS: stage.minute + 20, sketches: { [C.users]: [['u2', 1]] } }),
        stage.make({ resolution: 1, bucketS: stage.minute, sketches: { [C.users]: [['u3', 1]] } }),
      ]);
      await stage.tier.apply(
        flushOf([advance(10, 20)], [stage.make({ resolution: 10, bucketS: stage.minute, sketches: { [C.users]: [['u4', 1]] } })]),
        stage.all,
      );
      const [users] = await stage.tier.readSketch(tens({ toS: stage.minute + 30 }), C.users);
      expect(users.map((entries) => (entries === null ? null : decodeExact(entries)))).toEqual([
        [
          ['u1', 1],
          ['u4', 1],
        ],
        null,
        [['u2', 1]],
      ]);
      const [[latency]] = await stage.tier.readSketch(tens(), C.latency);
      expect(decodeExact(latency ?? new Uint8Array())).toEqual([[100, 2]]);
      const [[second]] = await stage.tier.readSketch(stage.reading({ resolution: 1, toS: stage.minute + 1 }), C.users);
      expect(decodeExact(second ?? new Uint8Array())).toEqual([['u3', 1]]);
    });

    it('are read over many stretches in bucket order', async () => {
      const fromS = stage.minute - 3_000;
      const deltas = Array.from({ length: 250 }, (_, i) =>
        stage.make({ resolution: 10, bucketS: fromS + i * 10, sketches: { [C.users]: [[`u${i}`, 1]] } }),
      );
      stage.clock.timeMs = (fromS + 2_500) * 1000;
      await stage.begin(deltas);
      const [buckets] = await stage.tier.readSketch(tens({ fromS, toS: fromS + 2_500 }), C.users);
      expect(buckets.map((entries) => decodeExact(entries ?? new Uint8Array())[0]?.[0])).toEqual(
        Array.from({ length: 250 }, (_, i) => `u${i}`),
      );
    });

    it('mean the same after they were compacted', async () => {
      await stage.begin();
      const expected = new Map<string, number>();
      for (let i = 0; i < 40; i++) {
        const entries: ExactEntry[] = Array.from({ length: 60 }, (_, k) => [`user-${(i * 7 + k) % 90}-${'x'.repeat(20)}`, 1]);
        for (const [user] of entries) expected.set(String(user), 1);
        await stage.tier.apply(
          flushOf(
            [advance(10 + i, 11 + i)],
            [stage.make({ resolution: 10, bucketS: stage.minute + 10 * (i % 3), sketches: { [C.users]: entries } })],
          ),
          stage.all,
        );
      }
      await stage.tier.stop();
      stage.tier = await stage.open();
      const [buckets] = await stage.tier.readSketch(tens({ toS: stage.minute + 30 }), C.users);
      const seen = new Set(buckets.flatMap((entries) => decodeExact(entries ?? new Uint8Array()).map(([user]) => String(user))));
      expect(seen).toEqual(new Set(expected.keys()));
      // 2,400 entries of 35 bytes came in; what is kept is much less.
      expect(buckets.reduce((bytes, entries) => bytes + (entries?.length ?? 0), 0)).toBeLessThan(60_000);
    });

    it('of minutes are refused, to write and to read', async () => {
      const flush = flushOf([advance(0, 10, 0)], [stage.make({ bucketS: stage.minute, sketches: { [C.users]: [['u', 1]] } })]);
      await expect(stage.tier.apply(flush, stage.all)).rejects.toMatchObject({ code: 'HOT_DELTA_INVALID' });
      await expect(stage.tier.readSketch(stage.reading(), C.users)).rejects.toMatchObject({ code: 'HOT_READ_SKETCH' });
    });
  });
}
