import type { ScopedVars } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { interpolate, macroVars, type Replace } from './interpolate';
import type { QueryFields, QueryKind } from './model';

const VARIABLES: Readonly<Record<string, string | string[]>> = {
  country: ['DE', 'AT'],
  one: ['FR'],
  nothing: '',
  none_chosen: [],
  measure: 'revenue',
  dims: ['country', 'device'],
  text: 'a.b',
  literal: '$5',
};

/** As Grafana's: a format function is given the value as it is, `regex` escapes and joins, no format gives a glob. */
const replace: Replace = (text, scopedVars: ScopedVars, format) =>
  text.replace(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)|\[\[(\w+)\]\]/g, (found, braced, own, plain, old) => {
    const name = braced ?? plain ?? old;
    const value: unknown = scopedVars[name]?.value ?? VARIABLES[name];
    if (value === undefined) return found;
    if (typeof format === 'function') return format(value);
    const list = (Array.isArray(value) ? value : [value]).map(String);
    if (own === 'csv') return list.join(',');
    if (format === 'regex') {
      const escaped = list.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
    }
    return list.length === 1 ? list[0] : `{${list.join(',')}}`;
  });

const filled = (query: QueryFields & { kind?: QueryKind }, scopedVars: ScopedVars = {}) =>
  interpolate({ kind: 'metric', measure: 'events', ...query }, scopedVars, replace);

const filtered = (filter: NonNullable<QueryFields['filters']>[number]) => filled({ filters: [filter] }).filters;

describe('template variables', () => {
  it('turn equality with several values into a list, and with one leave it', () => {
    expect(filtered({ dimension: 'country', op: '=', value: '$country' })).toEqual([
      { dimension: 'country', op: 'in', values: ['DE', 'AT'] },
    ]);
    expect(filtered({ dimension: 'country', op: '!=', value: '${country}' })).toEqual([
      { dimension: 'country', op: 'not in', values: ['DE', 'AT'] },
    ]);
    expect(filtered({ dimension: 'country', op: '=', value: '[[one]]' })).toEqual([{ dimension: 'country', op: '=', value: 'FR' }]);
  });

  it('are spread among the values of a list, each once', () => {
    expect(filtered({ dimension: 'country', op: 'in', values: ['DE', '$country', '$one'] })).toEqual([
      { dimension: 'country', op: 'in', values: ['DE', 'AT', 'FR'] },
    ]);
  });

  it('become an alternative of escaped values in a pattern', () => {
    expect(filtered({ dimension: 'country', op: '=~', value: '^$country$' })).toEqual([
      { dimension: 'country', op: '=~', value: '^(DE|AT)$' },
    ]);
    expect(filtered({ dimension: 'country', op: '!~', value: '$text' })).toEqual([{ dimension: 'country', op: '!~', value: 'a\\.b' }]);
  });

  it('leave a filter out when they are empty, while an empty value that was written stays', () => {
    for (const value of ['$nothing', '$none_chosen']) {
      expect(filtered({ dimension: 'country', op: '=', value })).toBeUndefined();
      expect(filtered({ dimension: 'country', op: 'in', values: [value] })).toBeUndefined();
    }
    expect(filtered({ dimension: 'country', op: '=~', value: '$nothing' })).toBeUndefined();
    expect(filtered({ dimension: 'country', op: '=', value: '' })).toEqual([{ dimension: 'country', op: '=', value: '' }]);
  });

  it('are filled into part of a value, and into one with a format of its own, as Grafana words them', () => {
    expect(filtered({ dimension: 'country', op: '=', value: 'x-$one' })).toEqual([{ dimension: 'country', op: '=', value: 'x-FR' }]);
    expect(filtered({ dimension: 'country', op: '=', value: '${country:csv}' })).toEqual([
      { dimension: 'country', op: '=', value: 'DE,AT' },
    ]);
  });

  it('are left as they stand when Grafana does not know them, and a value with a dollar is no variable', () => {
    expect(filtered({ dimension: 'country', op: '=', value: '$unknown' })).toEqual([{ dimension: 'country', op: '=', value: '$unknown' }]);
    expect(filtered({ dimension: 'country', op: '=', value: '$literal' })).toEqual([{ dimension: 'country', op: '=', value: '$5' }]);
  });

  it('name measures and dimensions', () => {
    expect(filled({ measure: '$measure', groupBy: ['$dims', 'device'], legend: '{{country}} $one' })).toEqual({
      kind: 'metric',
      measure: 'revenue',
      groupBy: ['country', 'device'],
      legend: '{{country}} FR',
    });
    expect(filled({ kind: 'values', dimension: '$one', search: '$text' })).toEqual({ kind: 'values', dimension: 'FR', search: 'a.b' });
  });
});

describe('macros', () => {
  const vars = macroVars(15_000, { fromMs: 0, toMs: 6 * 3_600_000 });

  it('have the aggregator’s spelling of durations', () => {
    expect(filled({ bucket: '$__interval', window: { size: '$__range', slide: '$__interval' } }, vars)).toEqual({
      kind: 'metric',
      measure: 'events',
      bucket: '15s',
      window: { size: '6h', slide: '15s' },
    });
  });

  it('are never below a second, which is the shortest bucket', () => {
    expect(macroVars(200, { fromMs: 0, toMs: 10 }).__interval?.value).toBe('1s');
    expect(macroVars(90_500, { fromMs: 0, toMs: 10 }).__interval?.value).toBe('90s');
  });
});
