import { describe, expect, it } from 'vitest';
import type { Catalog } from '../catalog';
import { checkQuery } from './check-query';
import type { QueryFields, QueryKind } from './model';

const measure = (name: string, kind: string, stats: string[] = ['value']) => ({
  name,
  kind,
  stats,
  description: '',
  unit: '',
  window: null,
  accuracy: 'exact',
});
const catalog: Catalog = {
  name: 'shop',
  measures: [measure('events', 'count'), measure('latency', 'quantiles', ['p50', 'p95']), measure('top_pages', 'top', ['items'])],
  dimensions: [
    { name: 'country', path: 'geo.country' },
    { name: 'device', path: 'device' },
  ],
  hotGroupings: [[]],
  watches: [{ name: 'slow', description: '', measure: 'latency', bucket: '1m' }],
};
const check = (query: QueryFields & { kind?: QueryKind }) => Object.fromEntries(checkQuery({ kind: 'metric', ...query }, catalog));

describe('checkQuery', () => {
  it('finds nothing wrong with a query that can be asked', () => {
    expect(
      check({
        measure: 'latency',
        stat: ['p95', 'p99.9'],
        groupBy: ['country', 'device'],
        filters: [{ dimension: 'country', op: '=~', value: '^(?i)d' }],
        bucket: '10s',
        window: { size: '5m', slide: '30s' },
        compareWith: '1d',
        limit: 10,
      }),
    ).toEqual({});
    expect(check({ kind: 'events' })).toEqual({});
    expect(check({ kind: 'events', measure: 'top_pages' })).toEqual({});
    expect(check({ kind: 'top', measure: 'events', by: 'country' })).toEqual({});
    expect(check({ kind: 'top', measure: 'top_pages', groupBy: ['country'] })).toEqual({});
  });

  it('names the nearest measure and dimension', () => {
    expect(check({ measure: 'latancy', groupBy: ['contry'] })).toEqual({
      measure: 'There is no measure “latancy”. Did you mean latency?',
      groupBy: 'There is no dimension “contry”. Did you mean country?',
    });
  });

  it('takes events of any measure, and of none that there is not', () => {
    expect(check({ kind: 'events', measure: 'latancy' })).toEqual({ measure: 'There is no measure “latancy”. Did you mean latency?' });
  });

  it('does not judge names that a variable will give, nor any name before the catalogue is known', () => {
    expect(
      check({
        measure: '$measure',
        groupBy: ['${dims}'],
        bucket: '$__interval',
        filters: [{ dimension: 'country', op: '=', value: '$c' }],
      }),
    ).toEqual({});
    expect(checkQuery({ kind: 'metric', measure: 'anything', groupBy: ['whatever'] }, null).size).toBe(0);
  });

  it('says what does not go together', () => {
    expect(check({ measure: 'top_pages' }).measure).toMatch(/is a ranking/);
    expect(check({ measure: 'events', stat: ['p95'] }).stat).toMatch(/is a count and has no p95/);
    expect(check({ measure: 'latency', stat: ['p101'] }).stat).toMatch(/no quantile/);
    expect(check({ measure: 'latency', format: 'heatmap', groupBy: ['country'] }).groupBy).toMatch(/one distribution/);
    expect(check({ measure: 'events', format: 'heatmap' }).groupBy).toMatch(/needs a dimension/);
    expect(check({ measure: 'events', format: 'heatmap', groupBy: ['country'], compareWith: '1d' }).compareWith).toMatch(
      /cannot be compared/,
    );
    expect(check({ kind: 'top', measure: 'events' }).by).toMatch(/Choose the dimension/);
    expect(check({ kind: 'top', measure: 'top_pages', by: 'country' }).by).toMatch(/ranks its own items/);
    expect(check({ kind: 'top', measure: 'top_pages', order: 'asc' }).order).toMatch(/heaviest/);
    expect(check({ measure: 'events', groupBy: ['country', 'country'] }).groupBy).toMatch(/once/);
  });

  it('checks durations as the aggregator reads them', () => {
    expect(check({ measure: 'events', bucket: '10 s' }).bucket).toMatch(/auto, or a duration/);
    expect(check({ measure: 'events', bucket: '500ms' }).bucket).toBeDefined();
    expect(check({ measure: 'events', bucket: '7m', compareWith: '1h' }).compareWith).toMatch(/does not fit buckets of 7m/);
    expect(check({ measure: 'events', window: { size: '5m', slide: '45s' } }).window).toMatch(/must divide/);
    expect(check({ measure: 'events', window: { size: 'x' } }).window).toMatch(/duration/);
  });

  it('checks filters one by one', () => {
    const found = check({
      measure: 'events',
      filters: [
        { dimension: '', op: '=' },
        { dimension: 'country', op: '=' },
        { dimension: 'country', op: 'in', values: [] },
        { dimension: 'country', op: '=~', value: '(' },
        { dimension: 'country', op: '=~', value: 'a(?=b)' },
        { dimension: 'country', op: '=', value: '' },
      ],
    });
    expect(found['filters.0']).toMatch(/Choose a dimension/);
    expect(found['filters.1']).toMatch(/Choose a value/);
    expect(found['filters.2']).toMatch(/at least one/);
    expect(found['filters.3']).toMatch(/Not a pattern/);
    expect(found['filters.4']).toMatch(/RE2/);
    expect(found['filters.5']).toBeUndefined();
  });

  it('wants one number per series to judge', () => {
    expect(check({ kind: 'anomaly', measure: 'latency' })).toEqual({ stat: 'Choose one, such as p95.' });
    expect(check({ kind: 'anomaly', measure: 'latency', stat: ['p50', 'p95'] }).stat).toMatch(/choose one/);
    expect(check({ kind: 'anomaly', measure: 'latency', stat: ['p95'], groupBy: ['country'] })).toEqual({});
    expect(check({ kind: 'anomaly', measure: 'events' })).toEqual({});
    expect(check({ kind: 'anomaly', measure: 'top_pages' }).measure).toMatch(/is a ranking/);
  });

  it('checks what a detector is told, option by option', () => {
    const detector = { window: '10', k: 0, minDeviation: -1, minRelative: 0.2, consecutive: 1.5 };
    expect(check({ kind: 'anomaly', measure: 'events', detector, history: 'a week' })).toEqual({
      history: 'Write a duration such as 30s, 5m, 1h or 1d.',
      'detector.window': 'Write a duration such as 30s, 5m, 1h or 1d.',
      'detector.k': 'Write a number above 0.',
      'detector.minDeviation': 'Write a number from 0.',
      'detector.consecutive': 'Write a whole number from 1.',
    });
  });

  it('knows the watches', () => {
    expect(check({ kind: 'annotations' })).toEqual({});
    expect(check({ kind: 'annotations', watch: ['slow', '$watch'], minScore: 0.5 })).toEqual({});
    expect(check({ kind: 'annotations', watch: ['slwo'], minScore: 50 })).toEqual({
      watch: 'There is no watch “slwo”. Did you mean slow?',
      minScore: 'A number from 0 to 1.',
    });
  });

  it('says what is missing', () => {
    expect(check({})).toEqual({ measure: 'Choose a measure.' });
    expect(check({ kind: 'values' })).toEqual({ dimension: 'Choose a dimension.' });
    expect(check({ measure: 'events', limit: 0 }).limit).toMatch(/from 1 to 10,000/);
  });
});
