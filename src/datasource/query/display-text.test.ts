import { describe, expect, it } from 'vitest';
import { displayText } from './display-text';
import type { TidemarkQuery } from './model';

const text = (query: Partial<TidemarkQuery>) => displayText({ refId: 'A', schemaVersion: 1, kind: 'metric', ...query });

describe('displayText', () => {
  it('says what a metric asks', () => {
    expect(
      text({
        measure: 'latency',
        stat: ['p95'],
        groupBy: ['country'],
        filters: [
          { dimension: 'device', op: '=', value: '' },
          { dimension: 'country', op: 'in', values: ['DE', 'AT'] },
        ],
        bucket: '10s',
        window: { size: '5m' },
        limit: 5,
        compareWith: '1d',
        live: true,
      }),
    ).toBe(
      'p95 of latency by country where device = (none) and country in (DE, AT) per 10s over windows of 5m top 5 compared with 1d earlier live',
    );
  });

  it('says what the other kinds ask', () => {
    expect(text({ kind: 'top', measure: 'revenue', by: 'country', order: 'asc', limit: 3 })).toBe('lowest 3 country by revenue');
    expect(text({ kind: 'top', measure: 'top_pages' })).toBe('top 10 top_pages');
    expect(text({ kind: 'events', measure: 'purchases', limit: 20 })).toBe('newest 20 events of purchases');
    expect(text({ kind: 'events', filters: [{ dimension: 'type', op: '=~', value: '^pay' }] })).toBe(
      'newest 100 events where type =~ ^pay',
    );
    expect(text({ kind: 'values', dimension: 'country', search: 'D' })).toBe('values of country containing “D”');
    expect(text({ kind: 'anomaly', measure: 'errors', groupBy: ['country'], bucket: '1m' })).toBe(
      'band of errors by country per 1m judged by auto',
    );
    expect(
      text({ kind: 'anomaly', measure: 'errors', fields: 'score', format: 'total', detector: { name: 'robust', direction: 'up' } }),
    ).toBe('anomaly score of errors judged by robust up only newest bucket');
    expect(text({ kind: 'annotations' })).toBe('newest 100 anomalies of all watches');
    expect(text({ kind: 'annotations', watch: ['slow'], minScore: 0.7, limit: 5 })).toBe('newest 5 anomalies of slow scored 0.7 or more');
    expect(text({ measure: 'revenue', format: 'total', bucket: 'auto' })).toBe('revenue over the whole range');
  });

  it('says that something is missing', () => {
    expect(text({})).toBe('no measure chosen');
    expect(text({ kind: 'values' })).toBe('no dimension chosen');
  });
});
