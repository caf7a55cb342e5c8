import { describe, expect, it } from 'vitest';
import { MemoryHotTier } from '../hot/memory.js';
import { compactDelta, readerFor } from '../sketch/codecs.js';
import type { Flush, SeriesDelta } from '../window/flush-batch.js';
import { custom, M, NEVER, NOW } from './engine.fixture.js';
import { QueryEngine } from './engine.js';
import { ListCold, TEST_BINS, TestClock } from './event-list.fixture.js';
import { CoverageFreshness } from './freshness.js';
import { testDefinition, testTenant } from './shop.fixture.js';
import { hotSource } from './tiers.js';

const DEF = testDefinition();

/** One view of 1,050 cents in a minute, as a flush would bring it. */
function delta(country: string, bucketS: number, resolution: 1 | 10 | 60): SeriesDelta {
  const numeric = Float64Array.from(DEF.components, ({ kind }) => (kind === 'count' ? 1 : kind === 'sum' ? 1_050 : NaN));
  return {
    tenant: 'shop',
    grouping: 1,
    values: [country],
    resolution,
    bucketS: Math.floor(bucketS / resolution) * resolution,
    numeric,
    sketches: DEF.components.map(() => null),
  };
}

describe('the engine on the real hot tier', () => {
  it('reads what was flushed, and goes to cold when the tier has forgotten it', async () => {
    const clock = new TestClock(NOW);
    const tier = new MemoryHotTier({ definition: DEF, clock, compact: compactDelta });
    await tier.start();
    const atS = Math.floor(NOW / 1_000) - 90;
    const state = {
      offset: 3,
      maxEventTimeMs: atS * 1_000,
      warmFrom: 0,
      consumed: 3,
      applied: 3,
      duplicates: 0,
      deadLettered: 0,
      late: 0,
      lost: 0,
    };
    const flush: Flush = {
      partitions: [{ partition: 'shop/0', from: 0, state, coverageFromMs: 0 }],
      allPartitions: ['shop/0'],
      deltas: ['DE', 'DE', 'FR'].flatMap((country) => ([1, 10, 60] as const).map((resolution) => delta(country, atS, resolution))),
      raw: { rows: 0, columns: [], minutes: [] },
    };
    const shards = Array.from({ length: tier.shards }, (_, shard) => shard);
    expect(await tier.apply(flush, shards)).toEqual({ outcome: 'applied' });
    const errors: unknown[] = [];
    const cold = new ListCold(DEF, []);
    const hot = hotSource({
      definition: DEF,
      tier,
      clock,
      sketches: { compact: compactDelta, readerFor },
    });
    const freshness = new CoverageFreshness(DEF.latenessMs, () => clock.now());
    const engine = new QueryEngine({ def: DEF, hot, cold, freshness, bins: TEST_BINS, clock, onError: (error) => errors.push(error) });
    const ask = {
      from: NOW - 5 * M,
      to: NOW,
      queries: [
        { refId: 'A', measure: 'revenue', bucket: '1m', groupBy: ['country'] },
        { refId: 'B', measure: 'revenue', format: 'total', groupBy: ['country'] },
      ],
    };
    const { A, B } = (await engine.run(testTenant(), ask, NEVER)).results;
    expect(errors).toEqual([]);
    expect(A.frames[0].data.values.slice(1).map((column) => column.find((value) => value !== 0 && value !== null))).toEqual([21, 10.5]);
    expect(B.frames[0].data.values).toEqual([[21], [10.5]]);
    expect(custom(A.frames[0]).plan.reads.map((read) => read.tier)).toEqual(['hot']);
    expect(cold.reads).toEqual([]);

    await tier.clear();
    const after = (await engine.run(testTenant(), ask, NEVER)).results['A'];
    expect(after.status).toBe(200);
    expect(custom(after.frames[0]).plan.reads.map((read) => read.tier)).toEqual(['cold']);
    expect(custom(after.frames[0]).plan.hotUnused).not.toBe('');
    await tier.stop();
  });
});
