import { describe, expect, it } from 'vitest';
import { definitionOf, SHOP_FIELDS } from '../decode/definition.fixture.js';
import { MemoryHotTier } from '../hot/memory.js';
import type { Coverage } from '../query/tier-read.js';
import { compactDelta } from '../sketch/codecs.js';
import { emptyState } from './position.js';
import { GroupFreshness } from './freshness.js';

const NOW = Date.UTC(2025, 5, 10, 12);

describe('freshness of the group', () => {
  const definition = definitionOf({ fields: SHOP_FIELDS });
  const clock = { now: () => NOW, monotonic: () => 0 };
  const stateAt = (offset: number, maxEventTimeMs: number) => ({ ...emptyState(offset), maxEventTimeMs });
  const coverageAt = (offset: number, maxEventTimeMs: number): Coverage => ({
    fromMs: 0,
    partitions: new Map([['shop/0', stateAt(offset, maxEventTimeMs)]]),
    missing: [],
    reason: '',
  });
  const freshnessAfterFlush = (): GroupFreshness => {
    const freshness = new GroupFreshness(definition, clock, new MemoryHotTier({ definition, clock, compact: compactDelta }), null);
    freshness.flushed('shop/0', stateAt(1_000, NOW - 20_000));
    return freshness;
  };

  it('claims no more than the hot tier holds, when that went back behind what was flushed', () => {
    expect(freshnessAfterFlush().freshness(coverageAt(800, NOW - 600_000)).newestEventMs).toBe(NOW - 600_000);
  });

  it('knows what this process flushed, when the hot tier says nothing', () => {
    expect(freshnessAfterFlush().freshness(null)).toMatchObject({ complete: true, newestEventMs: NOW - 20_000 });
  });
});
