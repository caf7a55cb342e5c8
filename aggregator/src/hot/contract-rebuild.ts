// The contract's promises about giving back what was lost: data of before the coverage is added once, with the coverage, or not at all.

import { describe, expect, it } from 'vitest';
import { decodeExact } from '../../../test/support/exact-sketches.js';
import { C } from '../../../test/support/hot-definition.js';
import { advance, flushOf, PARTITION, type ContractStage } from './contract-stage.js';
import type { Extension } from './hot-tier.js';

export function defineRebuildContract(stage: ContractStage): void {
  const afterMs = (): number => (stage.minute + 60) * 1_000;
  const beforeMs = (): number => stage.minute * 1_000;
  /** A tier that was wiped: it has offsets from 100 on, and covers what comes after the minute; a late event is in the minute. */
  const beginAfterTheMinute = async (): Promise<void> => {
    const late = stage.make({ bucketS: stage.minute, numbers: { [C.events]: 1, [C.max]: 5 } });
    expect(await stage.tier.apply(flushOf([advance(100, 110, afterMs())], [late]), stage.all)).toEqual({ outcome: 'applied' });
  };
  const extension = async (changes: Partial<Extension['partitions'][number]> = {}): Promise<Extension> => ({
    epochs: (await stage.tier.reaches()).map(({ epoch }) => epoch),
    partitions: [{ partition: PARTITION, baseOffset: 100, fromMs: afterMs(), toMs: beforeMs(), ...changes }],
    deltas: [
      stage.make({ bucketS: stage.minute, numbers: { [C.events]: 7, [C.max]: 3 } }),
      stage.make({ bucketS: stage.minute, resolution: 10, numbers: { [C.events]: 7 }, sketches: { [C.users]: [['u', 2]] } }),
    ],
  });

  describe('what was lost', () => {
    it('is told by where each partition begins', async () => {
      await beginAfterTheMinute();
      await stage.tier.apply(flushOf([advance(110, 120)], []), stage.all);
      for (const reach of await stage.tier.reaches()) {
        expect(reach.missing).toEqual([]);
        expect(reach.partitions.get(PARTITION)).toEqual({ baseOffset: 100, coverageFromMs: afterMs() });
      }
    });

    it('is added to what came meanwhile, and the coverage begins earlier', async () => {
      await beginAfterTheMinute();
      expect(await stage.tier.extend(await extension(), stage.all)).toBe(true);
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: beforeMs(), missing: [] });
      const [[events, max]] = await stage.tier.readNumeric(stage.reading(), [C.events, C.max]);
      expect([events[0], max[0]]).toEqual([8, 5]);
      const [[entries]] = await stage.tier.readSketch(stage.reading({ resolution: 10, toS: stage.minute + 10 }), C.users);
      expect(decodeExact(entries ?? new Uint8Array())).toEqual([['u', 2]]);
      // The marker stands where it stood, and flushes go on from there.
      expect((await stage.tier.readMarkers([PARTITION]))[0].get(PARTITION)?.offset).toBe(110);
      expect(await stage.tier.apply(flushOf([advance(110, 120)], []), stage.all)).toEqual({ outcome: 'applied' });
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: beforeMs() });
    });

    it('counts once when it is added again, by whomever', async () => {
      const other = await stage.open();
      await beginAfterTheMinute();
      const same = await extension();
      const answers = await Promise.all([stage.tier.extend(same, stage.all), other.extend(same, stage.all)]);
      expect([...answers, await other.extend(same, stage.all)]).toEqual([true, true, true]);
      expect(await stage.number(C.events)).toBe(8);
    });

    it('is not added where the shard reaches elsewhere, begins at another offset, or is another one', async () => {
      await beginAfterTheMinute();
      expect(await stage.tier.extend(await extension({ fromMs: afterMs() + 1_000 }), stage.all)).toBe(false);
      expect(await stage.tier.extend(await extension({ baseOffset: 99 }), stage.all)).toBe(false);
      expect(await stage.tier.extend(await extension({ partition: 'events/1' }), stage.all)).toBe(false);
      const old = await extension();
      await stage.tier.clear();
      await beginAfterTheMinute();
      expect(await stage.tier.extend(old, stage.all)).toBe(false);
      expect(await stage.number(C.events)).toBe(1);
      expect(await stage.tier.coverage()).toMatchObject({ fromMs: afterMs() });
    });

    it('can never be added below a marker that was dropped: parts of it are there', async () => {
      await beginAfterTheMinute();
      for (const shard of stage.all) await stage.tier.dropMarker(shard, PARTITION);
      await stage.tier.apply(flushOf([advance(150, 160, afterMs() + 60_000)], []), stage.all);
      for (const reach of await stage.tier.reaches()) expect(reach.partitions.get(PARTITION)?.baseOffset).toBeNull();
    });

    it('is not known while a partition has no marker', async () => {
      await stage.tier.apply(flushOf([advance(100, 110, afterMs())], [], [PARTITION, 'events/1']), stage.all);
      expect((await stage.tier.reaches()).map(({ missing }) => missing)).toEqual(stage.all.map(() => ['events/1']));
    });
  });
}
