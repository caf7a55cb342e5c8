// For tests: the query engine over two tiers of listed events, at a time that stands still.

import { expect } from 'vitest';
import type { DataFrame } from './data-frame.js';
import { QueryEngine, type QueryEngineOptions, type QueryOutcome, type QueryResult } from './engine.js';
import { ListCold, ListFreshness, ListHot, randomEvents, TEST_BINS, TestClock, type TestEvent } from './event-list.fixture.js';
import { testDefinition, testTenant } from './shop.fixture.js';

export const [S, M, H, D] = [1_000, 60_000, 3_600_000, 86_400_000];
export const NOW = Date.UTC(2025, 5, 10, 12, 0, 30, 500);
export const NEVER = new AbortController().signal;
export const DAY_EVENTS = randomEvents(6_000, NOW - 2 * D, NOW, 11);

/** An engine over listed events, with everything it touches in reach. */
export class Bench {
  readonly clock: TestClock;
  readonly def;
  readonly hot: ListHot;
  readonly cold: ListCold;
  readonly freshness: ListFreshness;
  readonly errors: unknown[] = [];
  readonly outcomes: QueryOutcome[] = [];
  readonly options: QueryEngineOptions;
  readonly engine: QueryEngine;

  constructor(events: TestEvent[], more: { coverageFromMs?: number; query?: object; hotPatienceMs?: number } = {}) {
    const base = testDefinition();
    this.def = testDefinition({ query: { ...base.query, ...more.query } });
    this.clock = new TestClock(NOW);
    this.hot = new ListHot(this.def, events, this.clock, more.coverageFromMs ?? 0);
    this.cold = new ListCold(this.def, events);
    this.freshness = new ListFreshness(this.def, events, this.clock);
    this.options = {
      def: this.def,
      hot: this.hot,
      cold: this.cold,
      freshness: this.freshness,
      bins: TEST_BINS,
      clock: this.clock,
      onError: (error) => this.errors.push(error),
      onOutcome: (outcome) => this.outcomes.push(outcome),
      ...(more.hotPatienceMs === undefined ? {} : { hotPatienceMs: more.hotPatienceMs }),
    };
    this.engine = new QueryEngine(this.options);
  }

  async result(query: object, from: number | string = 'now-1h', signal = NEVER, tenant = testTenant()): Promise<QueryResult> {
    const { results } = await this.engine.run(tenant, { from, to: NOW, queries: [{ refId: 'A', ...query }] }, signal);
    return results['A'];
  }

  async frame(query: object, from: number | string = 'now-1h'): Promise<DataFrame> {
    const { status, error, frames } = await this.result(query, from);
    expect([status, error]).toEqual([200, undefined]);
    return frames[0];
  }
}

export interface Custom {
  plan: {
    bucketMs: number;
    boundaryMs: number | null;
    hotUnused: string;
    reads: { tier: string; fromMs: number; toMs: number; shared: boolean; why: string }[];
  };
  effectiveRange: { fromMs: number; toMs: number };
  partialFrom: number | null;
  cache: { hits: number; misses: number; open: number };
  error: { code: string; path: string };
}

export function custom(frame: DataFrame): Custom {
  return frame.schema.meta.custom as unknown as Custom;
}

export function column(frame: DataFrame, index: number): readonly (number | string | null)[] {
  return frame.data.values[index];
}
