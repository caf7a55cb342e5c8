import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import { Bench, custom, D, DAY_EVENTS, H, M, NEVER, NOW } from './engine.fixture.js';
import { aggregate, randomEvents } from './event-list.fixture.js';
import { testTenant } from './shop.fixture.js';

describe('the cache of closed segments', () => {
  const closed = (bench: Bench, more: object = {}): void => {
    bench.cold.compaction = {
      closedUntilMs: Math.floor(bench.clock.nowMs / M) * M,
      dirtyMinutes: [],
      revisionByDay: new Map(),
      dataFromMs: 0,
      ...more,
    };
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
      return frame.data.values
        .slice(1)
        .flat()
        .reduce((sum: number, value) => sum + Number(value ?? 0), 0);
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
    const { results } = await bench.engine.run(
      testTenant(),
      { from: NOW - 4 * H, to: NOW - 3 * H - 2 * M, queries: [{ refId: 'A', ...query }] },
      NEVER,
    );
    expect(results['A'].status).toBe(200);
  });
});
