import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { detectorSchema } from '../../../aggregator/src/anomaly/detector-schema';
import { QUERY_SCHEMAS } from '../../../aggregator/src/query/request';
import rules from '../../../provisioning/alerting/rules-anomalies.yaml?raw';
import { checkQuery } from './check-query';
import { DETECTOR_FORMS } from './detector';
import { migrateQuery } from './migrate';
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
  detector: { name: 'robust', k: 5, direction: 'up' },
  history: '7d',
  fields: 'score',
  watch: ['errors'],
  minScore: 0.5,
  live: true,
  editorMode: 'json',
  json: '{}',
  annotation: { text: '{{type}}' },
  hide: false,
};

const GRAFANAS = ['refId', 'datasource', 'schemaVersion', 'editorMode', 'live', 'intervalMs', 'maxDataPoints'];

/** The bundled alert rules' queries of kind anomaly, each with its rule's uid. */
function anomalyRules(): Array<[string, TidemarkQuery]> {
  const { groups } = parse(rules) as { groups: Array<{ rules: Array<{ uid: string; data: Array<{ model: TidemarkQuery }> }> }> };
  const all = groups
    .flatMap((group) => group.rules)
    .flatMap(({ uid, data }) => data.map(({ model }) => [uid, model] as [string, TidemarkQuery]));
  return all.filter(([, { kind }]) => kind === 'anomaly');
}

describe('apiQueryOf', () => {
  it.each(KINDS)('knows exactly the fields that the aggregator takes for %s', (kind) => {
    const taken = Object.keys(QUERY_SCHEMAS[kind].shape).filter((name) => !GIVEN.includes(name));
    expect([...FIELDS_BY_KIND[kind]].sort()).toEqual(taken.sort());
  });

  it.each(KINDS)('makes a query of kind %s that the aggregator accepts, whatever else is stored', (kind) => {
    const api = apiQueryOf({ ...everything, kind });
    expect(QUERY_SCHEMAS[kind].safeParse({ refId: 'A', ...api }).error?.message).toBeUndefined();
  });

  it('is tried on bundled rules', () => expect(anomalyRules().length).toBeGreaterThanOrEqual(3));

  it('knows exactly the options that the aggregator takes for a detector', () => {
    expect(Object.keys(DETECTOR_FORMS).sort()).toEqual(Object.keys(detectorSchema.shape).sort());
  });

  it('keeps a detector as it is stored, and none of it where the kind has none', () => {
    const detector = { name: 'seasonal', holidays: ['2026-12-25'], maintenance: [{ days: ['sat'], from: '22:00', to: '24:00' }] } as const;
    const stored = { kind: 'anomaly', measure: 'errors', detector, fields: 'score', format: 'total' } as const;
    expect(apiQueryOf(stored)).toEqual(stored);
    expect(apiQueryOf({ ...stored, kind: 'metric' })).toEqual({ kind: 'metric', measure: 'errors', format: 'total' });
    expect(apiQueryOf({ ...stored, detector: {} })).not.toHaveProperty('detector');
  });

  it('leaves behind a format and an order that the other kind does not have', () => {
    const heatmap: TidemarkQuery = { ...everything, format: 'heatmap' };
    expect(withKind(heatmap, 'anomaly')).not.toHaveProperty('format');
    expect(apiQueryOf({ ...heatmap, kind: 'anomaly' })).not.toHaveProperty('format');
    const ranked: TidemarkQuery = { ...everything, kind: 'anomaly', orderBy: 'score' };
    expect(apiQueryOf(ranked).orderBy).toBe('score');
    expect(withKind(ranked, 'metric')).not.toHaveProperty('orderBy');
  });

  it('stores nothing of another kind, because alert rules send what is stored', () => {
    const stored = withKind(everything, 'events');
    expect(stored).toMatchObject({ kind: 'events', refId: 'A', live: true, filters: everything.filters, limit: 10 });
    for (const name of ['stat', 'bucket', 'format', 'window', 'by', 'dimension', 'legend']) expect(stored).not.toHaveProperty(name);
    expect(everything.measure).toBe('latency');
  });

  it.each(anomalyRules())('takes the query of the bundled rule %s as it is stored', (_uid, stored) => {
    const query = migrateQuery(stored);
    expect(query).toEqual(stored);
    expect([...checkQuery(query, null)]).toEqual([]);
    const own = Object.fromEntries(Object.entries(stored).filter(([name]) => !GRAFANAS.includes(name)));
    expect(apiQueryOf(query)).toEqual(own);
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
