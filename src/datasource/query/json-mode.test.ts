import { describe, expect, it } from 'vitest';
import { jsonTextOf, parseJsonQuery } from './json-mode';

const problem = (text: string): string => {
  const parsed = parseJsonQuery(text);
  return parsed.ok ? 'no problem' : parsed.message;
};

describe('the JSON mode', () => {
  it('reads what the API takes, short forms included', () => {
    expect(
      parseJsonQuery('{"measure": "latency", "stat": "p95", "groupBy": "country", "filters": [{"dimension": "device", "value": 7}]}'),
    ).toEqual({
      ok: true,
      query: {
        kind: 'metric',
        measure: 'latency',
        stat: ['p95'],
        groupBy: ['country'],
        filters: [{ dimension: 'device', op: '=', value: '7' }],
      },
    });
  });

  it('writes what it reads', () => {
    const query = { kind: 'top' as const, measure: 'revenue', by: 'country', limit: 5 };
    expect(parseJsonQuery(jsonTextOf(query))).toEqual({ ok: true, query });
  });

  it('says where the text is no JSON', () => {
    expect(problem('{\n  "kind": "metric",\n  "measure" "events"\n}')).toMatch(/^Line 3, column 13: "\\"" was not expected\.$/);
    expect(problem('{"kind": "metric"')).toMatch(/the text ends too early|was not expected/);
    expect(problem('  ')).toMatch(/Nothing is written here yet/);
    expect(problem('[]')).toMatch(/one query/);
  });

  it('names the field that is wrong, and the nearest that is right', () => {
    expect(problem('{"kind": "metrics"}')).toBe(
      'kind: found "metrics", expected one of metric, anomaly, top, events, values, annotations, contributors.',
    );
    expect(problem('{"measure": "x", "groupby": ["a"]}')).toBe('groupby: a query of kind metric has no such field. Did you mean groupBy?');
    expect(problem('{"kind": "events", "window": "none"}')).toMatch(
      /^window: a query of kind events has no such field\. It has measure, filters, limit\./,
    );
    expect(problem('{"measure": "x", "limit": "5"}')).toBe('limit: found "5", expected a whole number above 0.');
    expect(problem('{"measure": "x", "format": "csv"}')).toMatch(/^format: found "csv", expected one of timeseries/);
    expect(problem('{"measure": "x", "window": {"slide": "1m"}}')).toMatch(/^window: /);
    expect(problem('{"measure": "x", "filters": [{"dimension": "d", "op": "~"}]}')).toMatch(/^filters\[0\]\.op: found "~"/);
    expect(problem('{"measure": "x", "filters": [{"dimension": "d", "op": "in", "value": "a"}]}')).toMatch(/takes a list of values/);
    expect(problem('{"measure": "x", "filters": [{"value": "a"}]}')).toMatch(/^filters\[0\]: expected/);
  });

  it('reads a detector and says which of its options is wrong', () => {
    const query = { kind: 'anomaly' as const, measure: 'errors', detector: { name: 'robust' as const, k: 6 }, fields: 'score' as const };
    expect(parseJsonQuery(jsonTextOf(query))).toEqual({ ok: true, query });
    const anomaly = (detector: string): string => problem(`{"kind": "anomaly", "measure": "errors", "detector": ${detector}}`);
    expect(anomaly('{"sensitvity": "low"}')).toBe('detector.sensitvity: there is no such option. Did you mean sensitivity?');
    expect(anomaly('{"name": "magic"}')).toMatch(/^detector\.name: found "magic", expected one of auto, zscore/);
    expect(anomaly('"auto"')).toMatch(/^detector: expected an object/);
    expect(anomaly('{"holidays": ["Christmas"]}')).toMatch(/^detector\.holidays: .*a list of dates/);
    expect(problem('{"kind": "anomaly", "measure": "errors", "format": "heatmap"}')).toMatch(/expected one of timeseries, total, table/);
    expect(problem('{"measure": "errors", "orderBy": "score"}')).toMatch(/expected one of value, name/);
  });

  it('reads which watches, one or several', () => {
    expect(parseJsonQuery('{"kind": "annotations", "watch": "errors", "minScore": 0.7}')).toEqual({
      ok: true,
      query: { kind: 'annotations', watch: ['errors'], minScore: 0.7 },
    });
    expect(problem('{"kind": "annotations", "minScore": 70}')).toMatch(/a number from 0 to 1/);
  });

  it('says that range and refId are Grafana’s', () => {
    expect(problem('{"measure": "x", "from": "now-1h"}')).toMatch(/time range is the dashboard/);
    expect(problem('{"measure": "x", "refId": "B"}')).toMatch(/Grafana gives it/);
  });
});
