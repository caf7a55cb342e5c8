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
    expect(problem('{"kind": "metrics"}')).toBe('kind: found "metrics", expected one of metric, top, events, values.');
    expect(problem('{"measure": "x", "groupby": ["a"]}')).toBe('groupby: a query of kind metric has no such field. Did you mean groupBy?');
    expect(problem('{"kind": "events", "measure": "x"}')).toMatch(
      /^measure: a query of kind events has no such field\. It has filters, limit\./,
    );
    expect(problem('{"measure": "x", "limit": "5"}')).toBe('limit: found "5", expected a whole number above 0.');
    expect(problem('{"measure": "x", "format": "csv"}')).toMatch(/^format: found "csv", expected one of timeseries/);
    expect(problem('{"measure": "x", "window": {"slide": "1m"}}')).toMatch(/^window: /);
    expect(problem('{"measure": "x", "filters": [{"dimension": "d", "op": "~"}]}')).toMatch(/^filters\[0\]\.op: found "~"/);
    expect(problem('{"measure": "x", "filters": [{"dimension": "d", "op": "in", "value": "a"}]}')).toMatch(/takes a list of values/);
    expect(problem('{"measure": "x", "filters": [{"value": "a"}]}')).toMatch(/^filters\[0\]: expected/);
  });

  it('says that range and refId are Grafana’s', () => {
    expect(problem('{"measure": "x", "from": "now-1h"}')).toMatch(/time range is the dashboard/);
    expect(problem('{"measure": "x", "refId": "B"}')).toMatch(/Grafana gives it/);
  });
});
