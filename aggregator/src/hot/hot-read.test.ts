import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { exactSketches } from '../../../test/support/exact-sketches.js';
import { C, hotDefinition } from '../../../test/support/hot-definition.js';
import {
  flushesOf,
  random,
  randomEvents,
  randomRead,
  referenceAnswer,
  type ReferenceEvent,
} from '../../../test/support/hot-read-reference.js';
import type { Coverage, TierRead, TierResult } from '../query/tier-read.js';
import { compactDelta, readerFor } from '../sketch/codecs.js';
import { QuantilesAccumulator } from '../sketch/ddsketch.js';
import { UniqueAccumulator } from '../sketch/hyperloglog.js';
import { advance, createTestClock, delta, flushOf, type TestClock } from './contract-stage.js';
import { readHot, type HotReadContext } from './hot-read.js';
import { MemoryHotTier } from './memory.js';

const definition = hotDefinition();
const ALL = [0, 1, 2];

async function begin(clock: TestClock): Promise<{ tier: MemoryHotTier; context: HotReadContext }> {
  const tier = new MemoryHotTier({ definition, clock, compact: exactSketches.compact });
  await tier.start();
  return { tier, context: { definition, tier, clock, sketches: exactSketches } };
}

/** An answer in the reference's form. */
function simplified(result: TierResult): unknown {
  return {
    timesMs: [...result.timesMs],
    groups: result.groups
      .map((group) => ({
        values: group.values,
        outputs: group.numbers.map((numbers, o) => group.items[o] ?? group.histograms[o] ?? [...numbers]),
      }))
      .sort((a, b) => (JSON.stringify(a.values) < JSON.stringify(b.values) ? -1 : 1)),
  };
}

function readOf(changes: Partial<TierRead>): TierRead {
  return {
    tenant: 'a',
    grouping: 1,
    groupBy: [0],
    filters: [],
    outputs: [{ component: C.events, stat: 'value' }],
    fromMs: 0,
    toMs: 0,
    bucketMs: 60_000,
    windowSizeMs: null,
    maxRows: 100_000,
    signal: new AbortController().signal,
    ...changes,
  };
}

describe('reads of the hot tier', () => {
  describe.each([
    { name: 'the last minutes, sketches too', events: 400, agoS: 480, lengthS: 480, sketches: true, bucketsS: [1, 5, 10, 20, 30, 60, 0] },
    { name: 'the last two hours in 10 s and more', events: 500, agoS: 6_600, lengthS: 6_600, sketches: true, bucketsS: [10, 30, 60, 300] },
    {
      name: 'the last day in minutes and more',
      events: 600,
      agoS: 80_000,
      lengthS: 80_000,
      sketches: false,
      bucketsS: [60, 120, 300, 3_600],
    },
  ])('agree with a walk over all events: $name', ({ events: count, agoS, lengthS, sketches, bucketsS }) => {
    const clock = createTestClock();
    const fromS = Math.floor(clock.now() / 60_000) * 60 - agoS;
    let events: ReferenceEvent[];
    let context: HotReadContext;
    let coverage: Coverage;

    beforeAll(async () => {
      events = randomEvents(random(11), count, fromS, fromS + lengthS);
      const begun = await begin(clock);
      context = begun.context;
      for (const flush of flushesOf(definition, events, 50)) {
        expect(await begun.tier.apply(flush, ALL)).toEqual({ outcome: 'applied' });
      }
      coverage = await begun.tier.coverage();
    });

    it('for random groupings, filters, outputs, buckets and windows', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const read = randomRead(random(seed), definition, fromS, fromS + lengthS, sketches, bucketsS);
          expect(simplified(await readHot(context, read, coverage))).toEqual(referenceAnswer(events, read));
        }),
        { numRuns: 120 },
      );
    });
  });

  it('put totals together from minutes and, at their ends, finer panes', async () => {
    const clock = createTestClock();
    const { tier, context } = await begin(clock);
    const toS = Math.floor(clock.now() / 60_000) * 60 + 47;
    const fromS = Math.floor(toS / 60) * 60 - 6 * 3_600;
    const events = randomEvents(random(5), 300, fromS, toS + 13);
    for (const flush of flushesOf(definition, events, 100)) await tier.apply(flush, ALL);
    const read = readOf({
      bucketMs: 0,
      fromMs: fromS * 1000,
      toMs: toS * 1000,
      outputs: [
        { component: C.revenue, stat: 'value' },
        { component: C.min, stat: 'value' },
      ],
    });
    const result = await readHot(context, read, await tier.coverage());
    expect(simplified(result)).toEqual(referenceAnswer(events, read));
    expect(result.detail.source).toBe('hot 60s + 10s + 1s');
  });

  it('answer with the real sketches within their error', async () => {
    const clock = createTestClock();
    const real = new MemoryHotTier({ definition, clock, compact: compactDelta });
    const context: HotReadContext = { definition, tier: real, clock, sketches: { compact: compactDelta, readerFor } };
    const bucketS = Math.floor(clock.now() / 60_000) * 60 - 60;
    const empty = delta(definition, { bucketS, resolution: 10 });
    const sketches = encodeReal(20_000);
    await real.apply(
      flushOf([advance(0, 1, 0)], [{ ...empty, sketches }, delta(definition, { bucketS, numbers: { [C.events]: 20_000 } })]),
      ALL,
    );
    const outputs: TierRead['outputs'] = [
      { component: C.users, stat: 'estimate' },
      { component: C.latency, stat: 'quantile', q: 0.5 },
    ];
    for (const windowSizeMs of [null, 600_000]) {
      const read = readOf({ outputs, fromMs: bucketS * 1000, toMs: (bucketS + 60) * 1000, windowSizeMs });
      const [group] = (await readHot(context, read, await real.coverage())).groups;
      expect(Math.abs(group.numbers[0][0] / 20_000 - 1)).toBeLessThan(0.02);
      expect(Math.abs(group.numbers[1][0] - 1)).toBeLessThan(0.011);
    }
  });

  it('refuse more rows than allowed, and tell what to do', async () => {
    const clock = createTestClock();
    const { tier, context } = await begin(clock);
    const bucketS = Math.floor(clock.now() / 60_000) * 60 - 600;
    await tier.apply(
      flushOf(
        [advance(0, 1, 0)],
        ['x', 'y', 'z'].map((c) => delta(definition, { bucketS, values: [c] })),
      ),
      ALL,
    );
    const read = readOf({ fromMs: bucketS * 1000, toMs: (bucketS + 600) * 1000, maxRows: 29 });
    await expect(readHot(context, read, await tier.coverage())).rejects.toMatchObject({ errorClass: 'limit', code: 'TOO_MANY_ROWS' });
    await expect(readHot(context, { ...read, maxRows: 30 }, await tier.coverage())).resolves.toMatchObject({ groups: [{}, {}, {}] });
  });

  it('refuse a pattern that is not RE2, naming the dimension', async () => {
    const { tier, context } = await begin(createTestClock());
    await tier.apply(flushOf([advance(0, 1, 0)], []), ALL);
    const nowMs = Math.floor(context.clock.now() / 60_000) * 60_000;
    const read = readOf({ fromMs: nowMs - 60_000, toMs: nowMs, filters: [{ dimension: 0, op: '=~', values: ['(?=x)'] }] });
    await expect(readHot(context, read, await tier.coverage())).rejects.toMatchObject({
      errorClass: 'invalid',
      message: expect.stringContaining('country'),
    });
  });

  it('refuse what has left the retention or was never covered', async () => {
    const clock = createTestClock();
    const { tier, context } = await begin(clock);
    const nowMs = Math.floor(clock.now() / 60_000) * 60_000;
    await tier.apply(flushOf([advance(0, 1, nowMs - 3_600_000)], []), ALL);
    const coverage = await tier.coverage();
    const old = readOf({ fromMs: nowMs - 3_660_000, toMs: nowMs });
    await expect(readHot(context, old, coverage)).rejects.toMatchObject({ errorClass: 'retryable', code: 'HOT_NOT_COVERED' });
    const fine = readOf({ fromMs: nowMs - 1_200_000, toMs: nowMs, bucketMs: 1_000 });
    await expect(readHot(context, fine, coverage)).rejects.toMatchObject({ code: 'HOT_NOT_COVERED' });
  });

  it('give no answer when the tier lost its data meanwhile', async () => {
    const clock = createTestClock();
    const { tier, context } = await begin(clock);
    const nowMs = Math.floor(clock.now() / 60_000) * 60_000;
    await tier.apply(flushOf([advance(0, 10, 0)], []), ALL);
    const coverage = await tier.coverage();
    const read = readOf({ fromMs: nowMs - 600_000, toMs: nowMs });
    await tier.clear();
    await expect(readHot(context, read, coverage)).rejects.toMatchObject({ errorClass: 'retryable', code: 'HOT_CHANGED' });
    await tier.apply(flushOf([advance(0, 5, 0)], []), ALL);
    await expect(readHot(context, read, coverage)).rejects.toMatchObject({ errorClass: 'retryable', code: 'HOT_CHANGED' });
  });

  it('stop when the client has gone', async () => {
    const { tier, context } = await begin(createTestClock());
    await tier.apply(flushOf([advance(0, 1, 0)], []), ALL);
    const nowMs = Math.floor(context.clock.now() / 60_000) * 60_000;
    const read = readOf({ fromMs: nowMs - 60_000, toMs: nowMs, signal: AbortSignal.abort() });
    await expect(readHot(context, read, await tier.coverage())).rejects.toMatchObject({ errorClass: 'cancelled' });
  });
});

/** Deltas of `count` distinct users, and of latencies around 1.00. */
function encodeReal(count: number): (Uint8Array | null)[] {
  const r = random(3);
  const users = new UniqueAccumulator();
  const latency = new QuantilesAccumulator();
  for (let i = 0; i < count; i++) {
    users.add(r.int(2 ** 32), r.int(2 ** 32));
    latency.add(50 + r.int(101));
  }
  return definition.components.map(({ index }) => (index === C.users ? users.encode() : index === C.latency ? latency.encode() : null));
}
