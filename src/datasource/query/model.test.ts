import { describe, expect, it } from 'vitest';
import { QUERY_SCHEMAS } from '../../../aggregator/src/query/request';
import { apiQueryOf, FIELDS_BY_KIND, KINDS, withKind, type TidemarkQuery } from './model';

/** Not stored: Grafana gives them with each request. */
const GIVEN = ['refId', 'kind', 'maxDataPoints'];

const everything: TidemarkQuery = {
  refId: 'A',
  schemaVersion: 1,
  kind: 'metric',
  measure: 'latency',
  stat: ['p95'],
  groupBy: ['country'],
  filters: [
    { dimension: 'country', op: '=', value: 'DE' },
    { dimension: 'device', op: 'in', values: ['tablet'] },
    { dimension: '', op: '=' },
    { dimension: 'device', op: 'not in', values: [] },
    { dimension: 'category', op: '=' },
  ],
  bucket: '10s',
  format: 'timeseries',
  window: { size: '5m', slide: '30s' },
  limit: 10,
  orderBy: 'value',
  order: 'asc',
  compareWith: '1d',
  fill: 'zero',
  legend: '{{country}}',
  by: 'country',
  dimension: 'country',
  search: 'D',
  live: true,
  editorMode: 'json',
  json: '{}',
  annotation: { text: '{{type}}' },
  hide: false,
};

describe('apiQueryOf', () => {
  it.each(KINDS)('knows exactly the fields that the aggregator takes for %s', (kind) => {
    const taken = Object.keys(QUERY_SCHEMAS[kind].shape).filter((name) => !GIVEN.includes(name));
    expect([...FIELDS_BY_KIND[kind]].sort()).toEqual(taken.sort());
  });

  it.each(KINDS)('makes a query of kind %s that the aggregator accepts, whatever else is stored', (kind) => {
    const api = apiQueryOf({ ...everything, kind });
    expect(QUERY_SCHEMAS[kind].safeParse({ refId: 'A', ...api }).error?.message).toBeUndefined();
  });

  it('stores nothing of another kind, because alert rules send what is stored', () => {
    const stored = withKind(everything, 'events');
    expect(stored).toMatchObject({ kind: 'events', refId: 'A', live: true, filters: everything.filters, limit: 10 });
    for (const name of ['measure', 'bucket', 'format', 'window', 'by', 'dimension', 'legend']) expect(stored).not.toHaveProperty(name);
    expect(everything.measure).toBe('latency');
  });

  it('sends only filters that are filled in; an empty value is one', () => {
    const api = apiQueryOf({ ...everything, filters: [...(everything.filters ?? []), { dimension: 'country', op: '!=', value: '' }] });
    expect(api.filters).toEqual([
      { dimension: 'country', op: '=', value: 'DE' },
      { dimension: 'device', op: 'in', values: ['tablet'] },
      { dimension: 'country', op: '!=', value: '' },
    ]);
  });

  it('leaves out what says nothing', () => {
    expect(apiQueryOf({ kind: 'metric', measure: 'events', groupBy: [], filters: [], legend: '', stat: [] })).toEqual({
      kind: 'metric',
      measure: 'events',
    });
  });
});
