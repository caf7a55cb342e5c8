import { FieldType, type DataFrame } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { channelAddress, hash, liveQueryOf, stableJson } from './live-channel';
import { fieldKey } from './live-merge';
import type { ApiQuery } from './query/model';

const history = (bucketMs: number, labels: Array<Record<string, string>> = [{}]): DataFrame => ({
  length: 0,
  meta: { custom: { plan: { bucketMs } } },
  fields: [
    { name: 'time', type: FieldType.time, config: {}, values: [] },
    ...labels.map((one) => ({ name: 'events', type: FieldType.number, config: {}, values: [], labels: one })),
  ],
});
const options = { rangeMs: 6 * 3_600_000, spanMs: undefined };

describe('the live query', () => {
  it('has the buckets that history was given, so that both are one line', () => {
    expect(liveQueryOf({ kind: 'metric', measure: 'events', bucket: 'auto' }, history(30_000), options)).toEqual({
      query: { kind: 'metric', measure: 'events', bucket: '30s' },
      spanMs: 300_000,
      bucketMs: 30_000,
      series: null,
    });
  });

  it('reaches back at least ten buckets, and as far as the data source says', () => {
    const query: ApiQuery = { kind: 'metric', measure: 'events' };
    expect(liveQueryOf(query, history(3_600_000), options)?.spanMs).toBe(36_000_000);
    expect(liveQueryOf(query, history(10_000), { ...options, spanMs: 900_000 })?.spanMs).toBe(900_000);
  });

  it('asks for the series that history chose as the heaviest, not for those of the last minutes', () => {
    const query: ApiQuery = { kind: 'metric', measure: 'events', groupBy: ['country'], limit: 2, order: 'asc' };
    expect(liveQueryOf(query, history(10_000, [{ country: 'FR' }, { country: 'DE' }, { country: 'DE' }]), options)?.query).toEqual({
      kind: 'metric',
      measure: 'events',
      groupBy: ['country'],
      filters: [{ dimension: 'country', op: 'in', values: ['DE', 'FR'] }],
      bucket: '10s',
    });
  });

  it('names the series that history chose, where filters by dimension let more through', () => {
    const query: ApiQuery = { kind: 'metric', measure: 'events', groupBy: ['country', 'device'], limit: 2 };
    const of = (country: string, device: string): string => fieldKey('events', { country, device });
    const chosen = history(10_000, [
      { country: 'DE', device: 'mobile' },
      { country: 'FR', device: 'tv' },
    ]);
    const series = liveQueryOf(query, chosen, options)?.series;
    expect([of('DE', 'mobile'), of('FR', 'tv'), of('DE', 'tv'), of('FR', 'mobile')].map((key) => series?.has(key))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('spans the whole range where rows have no time of their own', () => {
    expect(liveQueryOf({ kind: 'top', measure: 'top_pages' }, undefined, options)).toEqual({
      query: { kind: 'top', measure: 'top_pages' },
      spanMs: options.rangeMs,
      bucketMs: 0,
      series: null,
    });
    expect(liveQueryOf({ kind: 'metric', measure: 'events', format: 'total' }, undefined, options)?.bucketMs).toBe(0);
  });

  it('is none where it cannot be told which buckets history has', () => {
    expect(liveQueryOf({ kind: 'metric', measure: 'events' }, undefined, options)).toBeNull();
  });
});

describe('the channel', () => {
  const live = { query: { kind: 'metric' as const, measure: 'events', bucket: '10s' }, spanMs: 300_000, bucketMs: 10_000 };

  it('is the same for the same query, whatever the order of its fields', () => {
    const other = { ...live, query: { bucket: '10s', measure: 'events', kind: 'metric' as const } };
    expect(channelAddress('u', other).path).toBe(channelAddress('u', live).path);
    expect(channelAddress('u', { ...live, spanMs: 1_000 }).path).not.toBe(channelAddress('u', live).path);
  });

  it('names the data source in both ways that versions of Grafana read, and has the query as its data', () => {
    const address = channelAddress('uid-1', live);
    expect(address).toMatchObject({ scope: 'ds', stream: 'uid-1', namespace: 'uid-1', data: { query: live.query, spanMs: 300_000 } });
    expect(address.path).toMatch(/^q\/[0-9a-f]{32}$/);
  });

  it('has a path that is FNV-1a of 64 bits of the data, forwards and backwards', () => {
    expect(hash('')).toBe('cbf29ce484222325cbf29ce484222325');
    // The published check value of "a", and of "foobar" forwards.
    expect(hash('a')).toBe('af63dc4c8601ec8caf63dc4c8601ec8c');
    expect(hash('foobar').slice(0, 16)).toBe('85944171f73967e8');
    expect(stableJson({ b: [2, { d: 1, c: null }], a: 'ü' })).toBe('{"a":"ü","b":[2,{"c":null,"d":1}]}');
  });
});
