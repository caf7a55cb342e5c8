import { describe, expect, it } from 'vitest';
import { Bench, column, custom, H, M, NEVER, NOW, S } from './engine.fixture.js';
import { QueryEngine } from './engine.js';
import type { TestEvent } from './event-list.fixture.js';
import { freshnessOf, type FreshnessProvider } from './freshness.js';
import { testTenant } from './shop.fixture.js';
import type { Coverage } from './tier-read.js';

const MINUTE = NOW - (NOW % M);

function event(timeMs: number): TestEvent {
  return { timeMs, tenant: 'shop', country: 'DE', device: 'phone', type: 'view', user: 'u', page: '/p', amount: 1, latency: 1 };
}

describe('what an answer claims', () => {
  it('is no zero and no finished bucket after the last closed minute, while partitions are missing', async () => {
    const bench = new Bench([event(MINUTE - 9.5 * M), event(NOW - S)]);
    bench.cold.compaction = { closedUntilMs: MINUTE - 5 * M, dirtyMinutes: [], revisionByDay: new Map(), dataFromMs: 0 };
    const oneMissing: FreshnessProvider = {
      freshness: (coverage) => {
        const positions = [...(coverage?.partitions ?? [])].map(([id, state]) => ({
          id,
          state: { ...state, maxEventTimeMs: NOW - S },
          logEnd: state.offset,
        }));
        return freshnessOf(positions, ['shop/1'], bench.def.latenessMs, NOW);
      },
    };
    const engine = new QueryEngine({ ...bench.options, freshness: oneMissing });
    const body = { from: MINUTE - 10 * M, to: MINUTE, queries: [{ refId: 'A', measure: 'views', bucket: '1m' }] };
    const { results } = await engine.run(testTenant(), body, NEVER);
    const [frame] = results['A'].frames;
    expect(column(frame, 1)).toEqual([1, 0, 0, 0, 0, null, null, null, null, null]);
    expect(custom(frame).partialFrom).toBe(MINUTE - 5 * M);
  });

  it('is never more than the reading knew that it shares', async () => {
    const events = [event(NOW - 30 * S)];
    const bench = new Bench(events);
    let offset = 1;
    const coverage = bench.hot.coverage.bind(bench.hot);
    bench.hot.coverage = async (): Promise<Coverage> => {
      const { partitions, ...rest } = await coverage();
      return { ...rest, partitions: new Map([...partitions].map(([id, state]) => [id, { ...state, offset }])) };
    };
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    bench.hot.beforeAnswer = () => held;
    const query = { measure: 'views', format: 'total' };
    const early = bench.frame(query, NOW - H);
    const sameMoment = bench.frame(query, NOW - H);
    await new Promise((resolve) => setTimeout(resolve, 20));
    // A flush: from now on answers count it.
    events.push(event(NOW - 20 * S));
    offset = 2;
    const late = bench.frame(query, NOW - H);
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer();
    expect(column(await early, 0)).toEqual([1]);
    expect(custom(await sameMoment).plan.reads[0].shared).toBe(true);
    expect(column(await late, 0)).toEqual([2]);
  });
});
