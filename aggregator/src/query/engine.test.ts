import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import { Bench, column, custom, D, DAY_EVENTS, H, M, NEVER, NOW, S } from './engine.fixture.js';
import { runQuery } from './engine.js';
import { aggregate } from './event-list.fixture.js';
import { testTenant } from './shop.fixture.js';
import type { Output } from './tier-read.js';

describe('answers over both tiers', () => {
  const bench = new Bench(DAY_EVENTS, { coverageFromMs: NOW - 10 * H });
  bench.cold.compaction = { closedUntilMs: NOW - (NOW % M) - 5 * M, dirtyMinutes: [], revisionByDay: new Map(), dataFromMs: 0 };

  it.each(['views', 'buys', 'revenue', 'fastest', 'slowest', 'mean_latency', 'users', 'latency', 'conversion', 'active_users'])(
    '%s are what one pass over the events gives, wherever the boundary lies',
    async (measure) => {
      for (const [range, bucket, groupBy] of [
        [11 * H, '10m', ['country']],
        [30 * H, '1h', []],
        [12 * H, '30s', ['device']],
        [2 * D, '1d', ['type']],
        [14 * M, '30s', []],
      ] as const) {
        for (const filters of [[], [{ dimension: groupBy[0] ?? 'device', op: '!=', value: 'DE' }]]) {
          const frame = await bench.frame({ measure, bucket, groupBy, filters, fill: 'null' }, NOW - range);
          const { effectiveRange, plan } = custom(frame);
          const spec = {
            tenant: 'shop',
            grouping: groupBy[0] === 'type' ? 4 : 3,
            groupBy: groupBy.map((name) => ['country', 'device', 'type'].indexOf(name)),
            filters: filters.map((filter) => ({
              dimension: ['country', 'device', 'type'].indexOf(filter.dimension),
              op: '!=' as const,
              values: ['DE'],
            })),
            ...effectiveRange,
            bucketMs: plan.bucketMs,
            windowSizeMs: measure === 'active_users' ? 5 * M : null,
            maxRows: 1e9,
          };
          const outputs =
            {
              views: [0],
              buys: [1],
              revenue: [2],
              fastest: [3],
              slowest: [4],
              mean_latency: [5, 6],
              users: [7],
              latency: [8],
              conversion: [1, 0],
              active_users: [7],
            }[measure] ?? [];
          const truth = aggregate(bench.def, DAY_EVENTS, {
            ...spec,
            outputs: outputs.flatMap((component): Output[] =>
              component === 8
                ? [0.5, 0.95].map((q) => ({ component, stat: 'quantile', q }))
                : [{ component, stat: component === 7 ? 'estimate' : 'value' }],
            ),
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
          const found = new Map(
            frame.schema.fields
              .slice(1)
              .map((field, index) => [JSON.stringify([field.name, field.labels ?? {}]), column(frame, index + 1)]),
          );
          expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
        }
      }
    },
  );

  it('totals that span the boundary are added, and equal one pass', async () => {
    const frame = await bench.frame({ measure: 'revenue', format: 'total', groupBy: ['country'] }, NOW - 20 * H);
    const { effectiveRange, plan } = custom(frame);
    expect(plan.reads.map((read) => read.tier)).toEqual(['cold', 'hot']);
    const truth = aggregate(bench.def, DAY_EVENTS, {
      tenant: 'shop',
      grouping: 1,
      groupBy: [0],
      filters: [],
      outputs: [{ component: 2, stat: 'value' }],
      ...effectiveRange,
      bucketMs: 0,
      windowSizeMs: null,
      maxRows: 1e9,
    });
    expect(new Map(frame.schema.fields.map((field, index) => [field.labels?.['country'], column(frame, index)[0]]))).toEqual(
      new Map(truth.groups.map((group) => [group.values[0], group.numbers[0][0]])),
    );
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
    expect(column(frames[0], 0)[0]).toBe(
      DAY_EVENTS.filter((event) => event.tenant === 'other' && event.timeMs >= fromMs && event.timeMs < toMs).length,
    );
  });
});

describe('a failing hot tier', () => {
  it('costs a second plan, never a number', async () => {
    const bench = new Bench(DAY_EVENTS);
    const query = { measure: 'views', bucket: '1m' };
    const before = await bench.frame(query);
    bench.hot.beforeAnswer = async () =>
      Promise.reject(new TidemarkError('unavailable', 'HOT_UNAVAILABLE', 'Redis closed the connection.'));
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
    const hanging = new Bench(DAY_EVENTS, { query: { deadlineMs: 200 } });
    hanging.cold.state = () => new Promise(() => undefined);
    expect((await hanging.result({ measure: 'views', bucket: '1m' })).status).toBe(200);
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
    const quotas = { ...testTenant().quotas, seriesPerQuery: 3 };
    const few = new Bench(DAY_EVENTS);
    expect(await few.result({ measure: 'views', groupBy: ['country'] }, NOW - H, NEVER, testTenant('shop', { quotas }))).toMatchObject({
      status: 429,
    });
    expect(
      await few.result({ measure: 'views', groupBy: ['country'], limit: 3 }, NOW - H, NEVER, testTenant('shop', { quotas })),
    ).toMatchObject({ status: 200 });
  });

  it('of one request stand alone, and each is reported', async () => {
    const bench = new Bench(DAY_EVENTS);
    const { results } = await bench.engine.run(
      testTenant(),
      {
        from: 'now-1h',
        queries: [
          { refId: 'A', measure: 'nope' },
          { refId: '__proto__', measure: 'views' },
          { refId: 'C', kind: 'funnel' },
        ],
      },
      NEVER,
    );
    expect(Object.entries(results).map(([refId, { status }]) => [refId, status])).toEqual([
      ['A', 400],
      ['__proto__', 200],
      ['C', 400],
    ]);
    expect(bench.outcomes.map(({ status, measure, tiers }) => [status, measure, tiers]).sort()).toEqual([
      [200, 'views', 'hot'],
      [400, '', 'none'],
      [400, '', 'none'],
    ]);
    await expect(bench.engine.run(testTenant(), { from: 'x', queries: [{}] }, NEVER)).rejects.toMatchObject({ code: 'INVALID_TIME' });
  });

  it('need no server', async () => {
    const bench = new Bench(DAY_EVENTS);
    const { results } = await runQuery(
      bench.options,
      testTenant(),
      { from: 'now-1h', queries: [{ refId: 'A', measure: 'views', format: 'total' }] },
      NEVER,
    );
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

describe('before the first event that is kept', () => {
  const OLDEST = NOW - 30 * M - 7 * S;
  const events = DAY_EVENTS.filter((event) => event.timeMs >= OLDEST);
  const bench = new Bench(events);
  bench.cold.compaction = { closedUntilMs: NOW - (NOW % M), dirtyMinutes: [], revisionByDay: new Map(), dataFromMs: OLDEST };

  it('nothing is claimed, and from its bucket on an empty one is a zero', async () => {
    const frame = await bench.frame({ measure: 'views', bucket: '1m' });
    const times = column(frame, 0).map(Number);
    const values = column(frame, 1);
    const first = OLDEST - (OLDEST % M);
    times.forEach((time, i) => {
      if (time < first) expect(values[i]).toBeNull();
      else if (time < NOW - 2 * M) expect(values[i]).not.toBeNull();
    });
    expect(times[0]).toBeLessThan(first);
    expect(values.filter((value) => value === null).length).toBeGreaterThan(25);
  });

  it('a total of the time before has no value, one that reaches beyond has', async () => {
    expect((await bench.frame({ measure: 'views', format: 'total' }, NOW - 5 * M)).data.values[0][0]).toBeGreaterThan(0);
    const { results } = await bench.engine.run(
      testTenant(),
      { from: NOW - 2 * H, to: NOW - H, queries: [{ refId: 'A', measure: 'views', format: 'total' }] },
      NEVER,
    );
    expect(results['A'].frames[0].schema.fields).toEqual([]);
  });

  it('where nothing is kept at all, nothing is zero', async () => {
    const empty = new Bench([]);
    empty.cold.compaction = { ...bench.cold.compaction, dataFromMs: Number.POSITIVE_INFINITY };
    expect((await empty.frame({ measure: 'views', bucket: '1m' })).schema.fields).toEqual([]);
    expect((await empty.frame({ measure: 'views', bucket: '1m', fill: 'zero' })).schema.fields).toEqual([]);
  });
});

describe('numbers of distinct values', () => {
  it('are whole, and a ratio of them is made of what they were estimated as', async () => {
    const bench = new Bench(DAY_EVENTS);
    const frame = await bench.frame({ measure: 'users', bucket: '10m', groupBy: ['country'] });
    for (const values of frame.data.values.slice(1)) {
      for (const value of values) expect(value === null || Number.isInteger(value)).toBe(true);
    }
  });
});
