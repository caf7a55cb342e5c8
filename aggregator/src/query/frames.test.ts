import { describe, expect, it } from 'vitest';
import type { DataFrame } from './data-frame.js';
import { QueryEngine } from './engine.js';
import { ListCold, ListFreshness, ListHot, randomEvents, TEST_BINS, TestClock, type TestEvent } from './event-list.fixture.js';
import { testDefinition, testTenant } from './shop.fixture.js';

const [S, M, H, D] = [1_000, 60_000, 3_600_000, 86_400_000];
const NOW = Date.UTC(2025, 5, 10, 12, 0, 30);
const DEF = testDefinition();
const BASE: TestEvent = {
  timeMs: 0,
  tenant: 'shop',
  country: 'DE',
  device: 'phone',
  type: 'view',
  user: 'u1',
  page: '/a',
  amount: 1_050,
  latency: 100,
};

function event(agoMs: number, more: Partial<TestEvent> = {}): TestEvent {
  return { ...BASE, timeMs: NOW - agoMs, ...more };
}

/** @param lag records that are not applied yet: 0, and an empty bucket is known to be empty */
async function frameOf(events: TestEvent[], query: object, from: number | string = 'now-5m', lag = 1): Promise<DataFrame> {
  const clock = new TestClock(NOW);
  const freshness = new ListFreshness(DEF, events, clock);
  freshness.lag = lag;
  const engine = new QueryEngine({
    def: DEF,
    hot: new ListHot(DEF, events, clock, 0),
    cold: new ListCold(DEF, events),
    freshness,
    bins: TEST_BINS,
    clock,
    onError: (error) => {
      throw error;
    },
  });
  const { results } = await engine.run(testTenant(), { from, to: NOW, queries: [{ refId: 'A', ...query }] }, new AbortController().signal);
  const { status, error, frames } = results['A'];
  expect([status, error, frames.length]).toEqual([200, undefined, 1]);
  // What goes over the wire is what counts.
  const frame: DataFrame = JSON.parse(JSON.stringify(frames[0]));
  checkShape(frame);
  return frame;
}

/** The rules that Grafana's readers rely on. */
function checkShape(frame: DataFrame): void {
  const { fields, meta } = frame.schema;
  expect(frame.schema.refId).toBe('A');
  expect(meta.typeVersion).toEqual([0, 1]);
  expect(frame.data.values.length).toBe(fields.length);
  expect(new Set(frame.data.values.map((column) => column.length)).size).toBeLessThanOrEqual(1);
  expect(new Set(fields.map((field) => JSON.stringify([field.name, field.labels]))).size).toBe(fields.length);
  fields.forEach((field, index) => {
    expect(field.typeInfo.frame).toBe({ time: 'time.Time', number: 'float64', string: 'string' }[field.type]);
    if (frame.data.values[index].includes(null)) expect(field.typeInfo.nullable).toBe(true);
    if (field.type === 'number') expect(field.typeInfo.nullable).toBe(true);
  });
  if (meta.type === 'timeseries-wide' && fields.length > 0) {
    expect(fields[0].typeInfo).toEqual({ frame: 'time.Time', nullable: false });
    const times = frame.data.values[0].map(Number);
    expect(times.every((time, index) => index === 0 || time > times[index - 1])).toBe(true);
    expect(fields.slice(1).every((field) => field.type === 'number')).toBe(true);
  }
}

function names(frame: DataFrame): string[] {
  return frame.schema.fields.map((field) => field.config?.displayNameFromDS ?? field.name);
}

function texts(frame: DataFrame): string[] {
  return (frame.schema.meta.notices ?? []).map((notice) => notice.text);
}

describe('a time series', () => {
  it('is one wide frame with labels, unit and display name', async () => {
    const frame = await frameOf(
      [event(3 * M), event(M, { country: 'FR' }), event(M, { country: '' })],
      { measure: 'revenue', bucket: '1m', groupBy: ['country'] },
      NOW - 3 * M,
    );
    expect(frame.schema).toMatchObject({
      meta: { type: 'timeseries-wide' },
      fields: [
        { name: 'time', type: 'time' },
        { name: 'revenue', type: 'number', labels: { country: '' }, config: { unit: 'currencyEUR', displayNameFromDS: '(none)' } },
        { name: 'revenue', labels: { country: 'DE' }, config: { displayNameFromDS: 'DE' } },
        { name: 'revenue', labels: { country: 'FR' } },
      ],
    });
    const minute = Date.UTC(2025, 5, 10, 11, 57);
    expect(frame.data.values).toEqual([
      [minute, minute + M, minute + 2 * M, minute + 3 * M],
      [0, 0, 10.5, null],
      [10.5, 0, 0, null],
      [0, 0, 10.5, null],
    ]);
  });

  it('has a field per quantile, and legends filled in', async () => {
    expect(names(await frameOf([event(M)], { measure: 'latency', bucket: '1m' }))).toEqual(['time', 'latency p50', 'latency p95']);
    expect(names(await frameOf([event(M)], { measure: 'latency', bucket: '1m', groupBy: ['country'], stat: 'p95' }))).toEqual([
      'time',
      'DE',
    ]);
    const legend = '{{ country }}/{{device}}: {{stat}} of {{measure}}{{nothing}}';
    expect(names(await frameOf([event(M)], { measure: 'latency', stat: 'p50', groupBy: ['country', 'device'], legend }))).toEqual([
      'time',
      'DE/phone: p50 of latency',
    ]);
  });

  it('without data is a frame without fields', async () => {
    const frame = await frameOf([], { measure: 'views', groupBy: ['country'] });
    expect([frame.schema.fields, frame.data.values, frame.schema.meta.type]).toEqual([[], [], 'timeseries-wide']);
    expect((await frameOf([event(M)], { measure: 'latency', filters: [{ dimension: 'country', value: 'XX' }] })).schema.fields).toEqual([]);
  });

  it('names where it is unfinished, how fresh it is, and what it covers', async () => {
    const frame = await frameOf([event(90 * S), event(40 * S)], { measure: 'views', bucket: '10s' }, NOW - 2 * M);
    // The newest event less 5 s of lateness is the watermark: 11:59:45.
    expect(frame.schema.meta.custom).toMatchObject({
      partialFrom: Date.UTC(2025, 5, 10, 11, 59, 40),
      effectiveRange: { fromMs: NOW - 2 * M, toMs: NOW },
      freshness: { newestEventMs: NOW - 40 * S, watermarkMs: NOW - 45 * S, ageMs: 40 * S, lag: 1, complete: true },
      plan: { bucketMs: 10 * S, windowMs: null, boundaryMs: null, reads: [{ tier: 'hot', source: 'memory' }] },
      cache: { hits: 0, misses: 0, open: 0 },
    });
    expect(frame.schema.meta.executedQueryString).toContain('buckets of 10s');
  });

  it('shows the same series from earlier at the times of today', async () => {
    const events = [event(M), event(M + D), event(M + D), event(2 * M + D, { country: 'FR' })];
    const frame = await frameOf(events, { measure: 'views', bucket: '1m', compareWith: '1d', groupBy: ['country'] }, NOW - 3 * M);
    expect(names(frame)).toEqual(['time', 'DE', 'DE (1d ago)']);
    expect(frame.schema.fields[2].labels).toEqual({ country: 'DE', compareWith: '1d' });
    expect(frame.data.values.slice(1)).toEqual([
      [0, 0, 1, null],
      [0, 0, 2, 0],
    ]);
  });
});

describe('empty buckets', () => {
  const events = [event(5 * M), event(3 * M)];
  const values = async (query: object, lag = 1): Promise<unknown> =>
    (await frameOf(events, { bucket: '1m', ...query }, NOW - 5 * M, lag)).data.values[1];

  it('are 0 for count, sum and unique up to the newest data, null for what is not known and for other measures', async () => {
    expect(await values({ measure: 'views' })).toEqual([1, 0, 1, null, null, null]);
    expect(await values({ measure: 'users' })).toEqual([1, 0, 1, null, null, null]);
    expect(await values({ measure: 'buys' })).toEqual([0, 0, 0, null, null, null]);
    expect(await values({ measure: 'mean_latency' })).toEqual([100, null, 100, null, null, null]);
    expect(await values({ measure: 'conversion' })).toEqual([0, null, 0, null, null, null]);
  });

  it('are 0 to the end when everything that was sent has been read: an outage shows', async () => {
    expect(await values({ measure: 'views' }, 0)).toEqual([1, 0, 1, 0, 0, 0]);
  });

  it('are filled as asked', async () => {
    expect(await values({ measure: 'views', fill: 'null' }, 0)).toEqual([1, null, 1, null, null, null]);
    expect(await values({ measure: 'mean_latency', fill: 'zero' }, 0)).toEqual([100, 0, 100, 0, 0, 0]);
    expect(await values({ measure: 'slowest', fill: 'previous' })).toEqual([100, 100, 100, null, null, null]);
    const none = await frameOf(events, { measure: 'views', bucket: '1m', fill: 'none' }, NOW - 5 * M);
    expect(none.data.values).toEqual([
      [Date.UTC(2025, 5, 10, 11, 55), Date.UTC(2025, 5, 10, 11, 57)],
      [1, 1],
    ]);
  });

  it('of an ungrouped count are zeros even when nothing happened in the whole range', async () => {
    expect(await values({ measure: 'views', filters: [{ dimension: 'country', value: 'FR' }] }, 0)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('groups', () => {
  const events = ['DE', 'DE', 'DE', 'FR', 'FR', 'IT'].map((country, index) =>
    event(M + index, { country, latency: country === 'IT' ? 900 : 50 }),
  );

  it('beyond the limit are left out, which is said', async () => {
    const frame = await frameOf(events, { measure: 'views', groupBy: ['country'], bucket: '1m', limit: 2 });
    expect(names(frame)).toEqual(['time', 'DE', 'FR']);
    expect(texts(frame)).toContain('2 of 3 series are shown (highest first); the rest is left out.');
  });

  it('are ranked by the sum of what adds up, by the mean of what does not, or by name', async () => {
    expect(names(await frameOf(events, { measure: 'mean_latency', groupBy: ['country'], bucket: '1m', limit: 1 }))).toEqual(['time', 'IT']);
    expect(names(await frameOf(events, { measure: 'views', groupBy: ['country'], bucket: '1m', limit: 2, order: 'asc' }))).toEqual([
      'time',
      'IT',
      'FR',
    ]);
    expect(names(await frameOf(events, { measure: 'views', groupBy: ['country'], bucket: '1m', limit: 2, orderBy: 'name' }))).toEqual([
      'time',
      'DE',
      'FR',
    ]);
  });
});

describe('other formats', () => {
  const events = [
    event(M),
    event(2 * M),
    event(M, { country: 'FR', latency: 3, page: '/b' }),
    event(2 * M, { page: '/b', amount: NaN }),
    event(D + M, { country: 'FR' }),
  ];

  it('total is one wide numeric frame, a field per series', async () => {
    const frame = await frameOf(events, { measure: 'revenue', format: 'total', groupBy: ['country'] });
    expect(frame.schema.meta.type).toBe('numeric-wide');
    expect(frame.schema.fields.map((field) => [field.name, field.labels])).toEqual([
      ['revenue', { country: 'DE' }],
      ['revenue', { country: 'FR' }],
    ]);
    expect(frame.data.values).toEqual([[21], [10.5]]);
    expect((await frameOf(events, { measure: 'views', format: 'total', compareWith: '1d' })).data.values).toEqual([[4], [1]]);
  });

  it('table has a row per group, or per bucket and group', async () => {
    const total = await frameOf(events, { measure: 'latency', format: 'table', groupBy: ['country', 'device'] });
    expect(total.schema.meta.type).toBe('table');
    expect(total.schema.fields.map((field) => field.name)).toEqual(['country', 'device', 'latency_p50', 'latency_p95']);
    expect(total.data.values).toEqual([
      ['DE', 'FR'],
      ['phone', 'phone'],
      [100, 3],
      [100, 3],
    ]);
    const long = await frameOf(events, { measure: 'views', format: 'table', groupBy: ['country'], bucket: '1m', fill: 'null' });
    const minute = Date.UTC(2025, 5, 10, 11, 58);
    expect(long.data.values).toEqual([
      [minute, minute + M, minute + M],
      ['DE', 'DE', 'FR'],
      [2, 1, 1],
    ]);
  });

  it('top ranks a dimension by any measure, or the items of a top measure', async () => {
    const byDimension = await frameOf(events, { kind: 'top', measure: 'views', by: 'country', limit: 1 });
    expect(byDimension.data.values).toEqual([['DE'], [3]]);
    expect(texts(byDimension)[0]).toContain('1 of 2 series');
    const items = await frameOf(events, { kind: 'top', measure: 'pages' });
    expect(items.schema.fields.map((field) => field.name)).toEqual(['page', 'pages']);
    expect(items.data.values).toEqual([
      ['/a', '/b'],
      [2, 2],
    ]);
    const grouped = await frameOf(events, { kind: 'top', measure: 'pages', groupBy: ['country'], limit: 1 });
    expect(grouped.data.values).toEqual([
      ['DE', 'FR'],
      ['/a', '/b'],
      [2, 1],
    ]);
  });

  it('heatmap has a row per bin of a distribution, or per group', async () => {
    const bins = await frameOf(events, { measure: 'latency', format: 'heatmap', bucket: '1m' }, NOW - 2 * M);
    expect(bins.schema.meta.type).toBe('heatmap-rows');
    expect(bins.schema.fields.map((field) => [field.name, field.labels?.['le']])).toEqual([
      ['time', undefined],
      ['4', '4'],
      ['128', '128'],
    ]);
    expect(bins.data.values.slice(1)).toEqual([
      [0, 1, null],
      [2, 1, null],
    ]);
    const groups = await frameOf(events, { measure: 'views', format: 'heatmap', bucket: '1m', groupBy: ['country'] }, NOW - 2 * M);
    expect(names(groups)).toEqual(['time', 'DE', 'FR']);
    expect(groups.schema.meta.type).toBe('heatmap-rows');
  });

  it('events are rows, newest first; values are a list', async () => {
    const rows = await frameOf(events, { kind: 'events', limit: 2, filters: [{ dimension: 'country', value: 'DE' }] });
    expect(rows.data.values).toEqual([
      [NOW - M, NOW - 2 * M],
      ['DE', 'DE'],
      [10.5, 10.5],
    ]);
    expect(texts(rows)).toContain('Only the newest 2 events are shown.');
    const sold = [...events, { ...events[0], type: 'buy' }];
    const bought = await frameOf(sold, { kind: 'events', measure: 'buys' });
    expect(bought.data.values[0]).toEqual([events[0].timeMs]);
    const converted = await frameOf(sold, { kind: 'events', measure: 'conversion' });
    expect(converted.data.values[0]).toEqual((await frameOf(sold, { kind: 'events' })).data.values[0]);
    const values = await frameOf(events, { kind: 'values', dimension: 'country', search: 'F' });
    expect(values.data.values).toEqual([['FR']]);
    expect((await frameOf([], { kind: 'events' })).schema.fields).toEqual([]);
  });

  it('carry 2,000 series of an hour', async () => {
    const many = randomEvents(4_000, NOW - H, NOW, 3).map((one, index) => ({ ...one, tenant: 'shop', country: `c${index % 1_000}` }));
    const frame = await frameOf(many, { measure: 'views', groupBy: ['country', 'device'], bucket: '5m' }, NOW - H);
    expect(frame.schema.fields.length).toBeGreaterThan(1_500);
  });
});
