import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { grafanaServer, lastHour, request } from '../datasource.fixture';
import { readVariableQuery, variableText, type VariableQuery } from './query';
import { TidemarkVariables } from './support';

const catalog = {
  measures: [{ name: 'events' }, { name: 'error_rate' }, { name: 'errors' }],
  dimensions: [{ name: 'country' }, { name: 'device' }],
  groupings: [],
};

describe('a variable’s query', () => {
  it('may be written in words', () => {
    expect(readVariableQuery('values(country)')).toMatchObject({ list: 'values', dimension: 'country' });
    expect(readVariableQuery(' values( country , D ) ')).toMatchObject({ list: 'values', dimension: 'country', search: 'D' });
    expect(readVariableQuery('measures()')).toMatchObject({ list: 'measures' });
    expect(readVariableQuery({ query: 'dimensions(e)', refId: 'x' })).toMatchObject({ list: 'dimensions', search: 'e' });
    expect(readVariableQuery('device')).toMatchObject({ list: 'values', dimension: 'device' });
  });

  it('is read as it was stored, without what it does not know', () => {
    const stored: VariableQuery = { refId: 'V', list: 'values', dimension: 'country', limit: 20 };
    expect(readVariableQuery({ ...stored, more: 1, search: 7 })).toEqual(stored);
    expect(readVariableQuery(undefined).list).toBe('values');
    expect(readVariableQuery({ refId: 'V', list: 'poems' })).toEqual({ refId: 'V', list: 'values' });
  });

  it('is told in words', () => {
    expect(variableText({ refId: 'V', list: 'values', dimension: 'country', search: 'D' })).toBe('values of country containing “D”');
    expect(variableText({ refId: 'V', list: 'measures' })).toBe('measures');
  });
});

describe('a variable’s values', () => {
  const values = { results: { A: { status: 200, frames: [{ data: { values: [['DE', '']] } }] } } };
  const list = async (target: Partial<VariableQuery>) => {
    const server = grafanaServer(({ url }) => (url.endsWith('/resources/catalog') ? catalog : values), { which: 'country' });
    const asked = { ...request([]), range: lastHour(), targets: [{ refId: 'V', list: 'values' as const, ...target }] };
    const { data } = await lastValueFrom(new TidemarkVariables(server.source).query(asked));
    return { data: data.map(({ text, value }: { text: string; value: string }) => [text, value]), server };
  };

  it('are those of a dimension within the dashboard’s range, its name a variable too', async () => {
    const { data, server } = await list({ dimension: '$which', search: 'D', limit: 5 });
    expect(data).toEqual([
      ['DE', 'DE'],
      ['(none)', ''],
    ]);
    expect(server.asked[0].data.queries).toEqual([{ refId: 'A', kind: 'values', dimension: 'country', search: 'D', limit: 5 }]);
    expect(typeof server.asked[0].data.from).toBe('number');
  });

  it('are none, and nothing is asked, before a dimension is chosen', async () => {
    const { data, server } = await list({});
    expect(data).toEqual([]);
    expect(server.asked).toHaveLength(0);
  });

  it('are measures or dimensions, by part of their name', async () => {
    expect((await list({ list: 'measures', search: 'ERR' })).data.map(([, value]) => value)).toEqual(['error_rate', 'errors']);
    expect((await list({ list: 'dimensions' })).data.map(([, value]) => value)).toEqual(['country', 'device']);
  });
});
