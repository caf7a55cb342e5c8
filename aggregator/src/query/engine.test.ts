import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import type { DataFrame } from './data-frame.js';
import { QueryEngine, runQuery, type QueryEngineOptions, type QueryOutcome, type QueryResult } from './engine.js';
import { aggregate, ListCold, ListFreshness, ListHot, randomEvents, TEST_BINS, TestClock, testDefinition, testTenant, type TestEvent } from './event-list.fixture.js';
import type { Output } from './tier-read.js';

const [S, M, H, D] = [1_000, 60_000, 3_600_000, 86_400_000];
const NOW = Date.UTC(2025, 5, 10, 12, 0, 30, 500);
const NEVER = new AbortController().signal;

class Bench {
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
      def: this.def, hot: this.hot, cold: this.cold, freshness: this.freshness, bins: TEST_BINS, clock: this.clock,
      onError: (error) => this.errors.push(error), onOutcome: (outcome) => this.outcomes.push(outcome),
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

interface Custom {
  plan: { bucketMs: number; boundaryMs: number | null; hotUnused: string; reads: { tier: string; fromMs: number; toMs: number; shared: boolean; why: string }[] };
  effectiveRange: { fromMs: number; toMs: number };
  partialFrom: number | null;
  cache: { hits: number; misses: number; open: number };
  error: { code: string; path: string };
}

function custom(frame: DataFrame): Custom {
  return frame.schema.meta.custom as unknown as Custom;
}

function column(frame: DataFrame, index: number): readonly (number | string | null)[] {
  return frame.data.values[index];
}

const DAY_EVENTS = randomEvents(6_000, NOW - 2 * D, NOW, 11);

describe('answers over both tiers', () => {
  const bench = new Bench(DAY_EVENTS, { coverageFromMs: NOW - 10 * H });
  bench.cold.compaction = { closedUntilMs: NOW - (NOW % M) - 5 * M, dirtyMinutes: [], revisionByDay: new Map() };

  it.each(['views', 'buys', 'revenue', 'fastest', 'slowest', 'mean_latency', 'users', 'latency', 'conversion', 'active_users'])('%s are what one pass over the events gives, wherever the boundary lies', async (measure) => {
    for (const [range, bucket, groupBy] of [[11 * H, '10m', ['country']], [30 * H, '1h', []], [12 * H, '30s', ['device']], [2 * D, '1d', ['type']], [14 * M, '30s', []]] as const) {
      for (const filters of [[], [{ dimension: groupBy[0] ?? 'device', op: '!=', value: 'DE' }]]) {
        const frame = await bench.frame({ measure, bucket, groupBy, filters, fill: 'null' }, NOW - range);
        const { effectiveRange, plan } = custom(frame);
        const spec = {
          tenant: 'shop', grouping: groupBy[0] === 'type' ? 4 : 3, groupBy: groupBy.map((name) => ['country', 'device', 'type'].indexOf(name)),
          filters: filters.map((filter) => ({ dimension: ['country', 'device', 'type'].indexOf(filter.dimension), op: '!=' as const, values: ['DE'] })),
          ...effectiveRange, bucketMs: plan.bucketMs, windowSizeMs: measure === 'active_users' ? 5 * M : null, maxRows: 1e9,
        };
        const outputs = { views: [0], buys: [1], revenue: [2], fastest: [3], slowest: [4], mean_latency: [5, 6], users: [7], latency: [8], conversion: [1, 0], active_users: [7] }[measure] ?? [];
        const truth = aggregate(bench.def, DAY_EVENTS, {
          ...spec, outputs: outputs.flatMap((component): Output[] => (component === 8 ? [0.5, 0.95].map((q) => ({ component, stat: 'quantile', q })) : [{ component, stat: component === 7 ? 'estimate' : 'value' }])),
        });
        expect(column(frame, 0)).toEqual([...truth.timesMs]);
        const expected = new Map<string, (number | null)[]>();
        for (const group of truth.groups) {
          const labels = Object.fromEntries(groupBy.map((name, index) => [name, group.values[index]]));
          const [a, b] = group.numbers;
          const columns = measure === 'latency' ? [a, b] : [a.map((value, index) => (outputs.length === 2 ? value / b[index] : value))];
          columns.forEach((values, index) => {
            const clean = [...values].map((value) => (Number.isFinite(value) ? value : null));
            const name = measure === 'latency' ? `latency_${['p50', 'p95'][index]}` : measure;
            if (clean.some((value) => value !== null)) expected.set(JSON.stringify([name, labels]), clean);
          });
        }
        const found = new Map(frame.schema.fields.slice(1).map((field, index) => [JSON.stringify([field.name, field.labels ?? {}]), column(frame, index + 1)]));
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
      }
    }
  });

  it('totals that span the boundary are added, and equal one pass', async () => {
    const frame = await bench.frame({ measure: 'revenue', format: 'total', groupBy: ['country'] }, NOW - 20 * H);
    const { effectiveRange, plan } = custom(frame);
    expect(plan.reads.map((read) => read.tier)).toEqual(['cold', 'hot']);
    const truth = aggregate(bench.def, DAY_EVENTS, { tenant: 'shop', grouping: 1, groupBy: [0], filters: [], outputs: [{ component: 2, stat: 'value' }], ...effectiveRange, bucketMs: 0, windowSizeMs: null, maxRows: 1e9 });
    expect(new Map(frame.schema.fields.map((field, index) => [field.labels?.['country'], column(frame, index)[0]]))).toEqual(new Map(truth.groups.map((group) => [group.values[0], group.numbers[0][0]])));
  });

  it('the same numbers come from cold alone', async () => {
    const query = { measure: 'revenue', bucket: '10m', groupBy: ['country'] };
    const both = await bench.frame(query, NOW - 20 * H);
    const alone = new Bench(DAY_EVENTS, { coverageFromMs: Infinity });
    alone.hot.reason = 'no data yet';
    const cold = await alone.frame(query, NOW - 20 * H);
    expect(cold.data).toEqual(both.data);
    expect(custom(cold).plan.hotUnused).toBe('no data yet');
  });

  it("another tenant's events are never in an answer", async () => {
    const { frames } = await bench.result({ measure: 'views', format: 'total' }, NOW - H, NEVER, testTenant('other'));
    const { fromMs, toMs } = custom(frames[0]).effectiveRange;
    expect(column(frames[0], 0)[0]).toBe(DAY_EVENTS.filter((event) => event.tenant === 'other' && event.timeMs >= fromMs && event.timeMs < toMs).length);
  });
});

describe('a failing hot tier', () => {
  it('costs a second plan, never a number', async () => {
    const bench = new Bench(DAY_EVENTS);
    const query = { measure: 'views', bucket: '1m' };
    const before = await bench.frame(query);
    bench.hot.beforeAnswer = async () => Promise.reject(new TidemarkError('unavailable', 'HOT_UNAVAILABLE', 'Redis closed the connection.'));
    const after = await bench.frame(query);
    expect(after.data).toEqual(before.data);
    expect(custom(after).plan.hotUnused).toBe('Redis closed the connection.');
    expect(custom(after).plan.reads.map((read) => read.tier)).toEqual(['cold']);
    expect(after.schema.meta.executedQueryString).toContain('hot tier not used: Redis closed the connection.');
    bench.hot.failure = new TidemarkError('unavailable', 'HOT_UNAVAILABLE', 'down');
    expect((await bench.frame(query)).data).toEqual(before.data);
  });

  it('that loses its data while it is read is not believed', async () => {
    const bench = new Bench(DAY_EVENTS);
    bench.hot.beforeAnswer = async () => {
      bench.hot.coverageFromMs = NOW - 5 * S;
    };
    const frame = await bench.frame({ measure: 'views', bucket: '1m' });
    expect(custom(frame).plan).toMatchObject({ hotUnused: 'it lost data while it was read', reads: [{ tier: 'cold' }] });
  });

  it('that hangs is left behind after its share of the time', async () => {
    const bench = new Bench(DAY_EVENTS, { hotPatienceMs: 20 });
    bench.hot.beforeAnswer = () => new Promise(() => undefined);
    expect(custom(await bench.frame({ measure: 'views' })).plan.hotUnused).toBe('it did not answer within 20 ms');
  });

  it('does not matter to queries of what it does not hold, and cold being down does not matter to what it holds', async () => {
    const bench = new Bench(DAY_EVENTS);
    bench.cold.failure = new TidemarkError('unavailable', 'COLD_UNAVAILABLE', 'ClickHouse does not answer.', 'Start it.');
    expect((await bench.result({ measure: 'views', bucket: '1m' })).status).toBe(200);
    const failed = await bench.result({ measure: 'views', bucket: '1h' }, NOW - 3 * D);
    expect(failed).toMatchObject({ status: 503, error: 'ClickHouse does not answer. Start it.' });
    expect(custom(failed.frames[0]).error.code).toBe('COLD_UNAVAILABLE');
    bench.hot.failure = new Error('down');
    expect((await bench.result({ measure: 'views', bucket: '1m' })).status).toBe(503);
  });
});

describe('executions', () => {
  it('of identical queries are one, also when one of the clients goes', async () => {
    const bench = new Bench(DAY_EVENTS);
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    bench.cold.beforeAnswer = () => gate;
    const query = { measure: 'views', groupBy: ['type'], bucket: '1h' };
    const gone = new AbortController();
    const [one, two, three] = [bench.result(query, NOW - D, gone.signal), bench.result(query, NOW - D), bench.result(query, NOW - D)];
    while (bench.cold.reads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    expect(await one).toMatchObject({ status: 499 });
    open();
    expect((await two).status).toBe(200);
    expect(custom((await three).frames[0]).plan.reads[0].shared).toBe(true);
    expect(bench.cold.reads.length).toBe(1);
  });

  it('end at the deadline with 504, and tell the tier', async () => {
    const bench = new Bench(DAY_EVENTS, { query: { deadlineMs: 30 } });
    let told = false;
    bench.cold.beforeAnswer = (signal) => new Promise(() => signal.addEventListener('abort', () => (told = true)));
    const result = await bench.result({ measure: 'views', groupBy: ['type'] });
    expect(result.status).toBe(504);
    expect(custom(result.frames[0]).error.code).toBe('QUERY_DEADLINE');
    expect(told).toBe(true);
  });

  it('keep to the row limit and to the quota of series', async () => {
    const bench = new Bench(DAY_EVENTS, { query: { maxRows: 100 } });
    const rows = await bench.result({ measure: 'views', groupBy: ['country'], bucket: '1m' });
    expect(rows).toMatchObject({ status: 400 });
    expect(custom(rows.frames[0]).error).toMatchObject({ code: 'ROW_LIMIT', path: 'queries[0]' });
    const quotas = { queriesInFlight: 0, queriesPerSecond: 0, seriesPerQuery: 3, ingestEventsPerSecond: 0 };
    const few = new Bench(DAY_EVENTS);
    expect(await few.result({ measure: 'views', groupBy: ['country'] }, NOW - H, NEVER, testTenant('shop', { quotas }))).toMatchObject({ status: 429 });
    expect(await few.result({ measure: 'views', groupBy: ['country'], limit: 3 }, NOW - H, NEVER, testTenant('shop', { quotas }))).toMatchObject({ status: 200 });
  });

  it('of one request stand alone, and each is reported', async () => {
    const bench = new Bench(DAY_EVENTS);
    const { results } = await bench.engine.run(testTenant(), { from: 'now-1h', queries: [{ refId: 'A', measure: 'nope' }, { refId: '__proto__', measure: 'views' }, { refId: 'C', kind: 'funnel' }] }, NEVER);
    expect(Object.entries(results).map(([refId, { status }]) => [refId, status])).toEqual([['A', 400], ['__proto__', 200], ['C', 400]]);
    expect(bench.outcomes.map(({ status, measure, tiers }) => [status, measure, tiers]).sort()).toEqual([[200, 'views', 'hot'], [400, '', 'none'], [400, '', 'none']]);
    await expect(bench.engine.run(testTenant(), { from: 'x', queries: [{}] }, NEVER)).rejects.toMatchObject({ code: 'INVALID_TIME' });
  });

  it('need no server', async () => {
    const bench = new Bench(DAY_EVENTS);
    const { results } = await runQuery(bench.options, testTenant(), { from: 'now-1h', queries: [{ refId: 'A', measure: 'views', format: 'total' }] }, NEVER);
    expect(results['A'].frames[0].schema.meta.type).toBe('numeric-wide');
  });

  it('show nothing of an unforeseen error but that there was one', async () => {
    const bench = new Bench(DAY_EVENTS, { coverageFromMs: Infinity });
    bench.cold.beforeAnswer = async () => Promise.reject(new Error('SELECT secret FROM internals'));
    const result = await bench.result({ measure: 'views' });
    expect(result.status).toBe(500);
    expect(JSON.stringify(result)).not.toContain('secret');
    expect(bench.errors).toMatchObject([{ message: 'SELECT secret FROM internals' }]);
  });
});

describe('the cache of closed segments', () => {
  const closed = (bench: Bench, more: object = {}): void => {
    bench.cold.compaction = { closedUntilMs: Math.floor(bench.clock.nowMs / M) * M, dirtyMinutes: [], revisionByDay: new Map(), ...more };
  };
  const query = { measure: 'revenue', groupBy: ['type'], bucket: '1m' };

  it('makes a refresh read only what is new', async () => {
    const bench = new Bench(DAY_EVENTS);
    closed(bench);
    const first = await bench.frame(query, NOW - 6 * H);
    // 06:00 to 12:01: six hours that are closed and one that is open, side by side, so one read.
    expect(custom(first).cache).toEqual({ hits: 0, misses: 6, open: 1 });
    expect(bench.cold.reads.map((read) => [read.fromMs, read.toMs])).toEqual([[Date.UTC(2025, 5, 10, 6), Date.UTC(2025, 5, 10, 12, 1)]]);
    await bench.engine.settled();

    bench.clock.nowMs += M;
    closed(bench);
    bench.cold.reads.length = 0;
    const again = await bench.engine.run(testTenant(), { from: NOW - 6 * H + M, to: NOW + M, queries: [{ refId: 'A', ...query }] }, NEVER);
    const frame = again.results['A'].frames[0];
    expect(custom(frame).cache).toEqual({ hits: 6, misses: 0, open: 1 });
    expect(bench.cold.reads.map((read) => [read.fromMs, read.toMs])).toEqual([[Date.UTC(2025, 5, 10, 12), Date.UTC(2025, 5, 10, 12, 2)]]);

    const fresh = new Bench(DAY_EVENTS);
    fresh.clock.nowMs += M;
    const truth = await fresh.engine.run(testTenant(), { from: NOW - 6 * H + M, to: NOW + M, queries: [{ refId: 'A', ...query }] }, NEVER);
    expect(frame.data).toEqual(truth.results['A'].frames[0].data);
  });

  it('gives way to late events: a dirty minute is read, and a recompacted day is read anew', async () => {
    const events = randomEvents(1_000, NOW - 6 * H, NOW, 5);
    const bench = new Bench(events);
    closed(bench);
    const total = async (): Promise<number> => {
      const frame = await bench.frame({ ...query, measure: 'views' }, NOW - 6 * H);
      await bench.engine.settled();
      return frame.data.values.slice(1).flat().reduce((sum: number, value) => sum + Number(value ?? 0), 0);
    };
    const before = await total();
    const lateMs = NOW - 3 * H;
    events.push({ ...events[0], tenant: 'shop', timeMs: lateMs });
    expect(await total()).toBe(before);
    closed(bench, { dirtyMinutes: [Math.floor(lateMs / M)] });
    expect(await total()).toBe(before + 1);
    closed(bench);
    // Without a new revision the old segment would still be believed: this is why compaction raises it.
    expect(await total()).toBe(before);
    closed(bench, { revisionByDay: new Map([[Math.floor(lateMs / D), 1]]) });
    expect(await total()).toBe(before + 1);
  });

  it('counts what a window reaches back to as part of a segment', async () => {
    const events = randomEvents(2_000, NOW - 6 * H, NOW, 9);
    const bench = new Bench(events, { coverageFromMs: Infinity });
    closed(bench);
    const windowed = { measure: 'active_users', bucket: '1m', window: { size: '2h', slide: '1m' } };
    const before = await bench.frame(windowed, NOW - 2 * H);
    await bench.engine.settled();
    events.push({ ...events[0], tenant: 'shop', user: 'late', timeMs: NOW - 3 * H });
    closed(bench, { dirtyMinutes: [Math.floor((NOW - 3 * H) / M)] });
    const after = await bench.frame(windowed, NOW - 2 * H);
    expect(custom(after).cache.hits).toBeLessThan(custom(before).cache.misses);
    expect(after.data.values[1]).not.toEqual(before.data.values[1]);
  });

  it('is by tenant, lasts its time, and is missed rather than trusted when broken', async () => {
    const bench = new Bench(DAY_EVENTS);
    closed(bench);
    await bench.frame(query, NOW - 6 * H);
    await bench.engine.settled();
    const other = await bench.result(query, NOW - 6 * H, NEVER, testTenant('other'));
    expect(custom(other.frames[0]).cache.hits).toBe(0);
    for (const [key, entry] of bench.hot.cache) bench.hot.cache.set(key, { ...entry, bytes: entry.bytes.slice(0, 20) });
    expect(custom(await bench.frame(query, NOW - 6 * H)).cache.hits).toBe(0);
    expect(bench.errors.length).toBeGreaterThan(0);
    await bench.engine.settled();
    expect(custom(await bench.frame(query, NOW - 6 * H)).cache.hits).toBe(6);
    bench.clock.nowMs += 300_001;
    closed(bench);
    expect(custom(await bench.frame(query, NOW - 6 * H)).cache.hits).toBe(0);
  });

  it('does not let whole segments break a row limit that the query keeps to', async () => {
    const bench = new Bench(DAY_EVENTS, { query: { maxRows: 130 } });
    closed(bench);
    bench.cold.read = async (read) => {
      const result = aggregate(bench.def, bench.cold.events, read);
      if (result.groups.length * result.timesMs.length > read.maxRows) throw new TidemarkError('limit', 'ROW_LIMIT', 'too many rows');
      return result;
    };
    const frame = await bench.result({ ...query, to: undefined }, NOW - 4 * H);
    expect(frame.status).toBe(400);
    const { results } = await bench.engine.run(testTenant(), { from: NOW - 4 * H, to: NOW - 3 * H - 2 * M, queries: [{ refId: 'A', ...query }] }, NEVER);
    expect(results['A'].status).toBe(200);
  });
});
