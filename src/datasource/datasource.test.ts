import {
  LiveChannelConnectionState,
  LiveChannelEventType,
  LoadingState,
  type DataFrame,
  type DataQueryResponse,
  dateTime,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { grafanaServer, lastHour, request, seriesAnswer } from './datasource.fixture';
import type { TidemarkQuery } from './query/model';

const bucket = (at: number): number => Math.floor(Date.now() / 10_000) * 10_000 - at * 10_000;
const query = (fields: Partial<TidemarkQuery>): TidemarkQuery => ({ refId: 'A', schemaVersion: 1, kind: 'metric', ...fields });

describe('asking', () => {
  it('sends the aggregator’s fields alone, with variables, macros and ad-hoc filters filled in', async () => {
    const { source, asked } = grafanaServer(({ data }) => seriesAnswer(String(data.queries[0].refId), [[1_000, 1]]), {
      country: ['DE', 'AT'],
    });
    const target = {
      measure: 'events',
      filters: [{ dimension: 'country', op: '=' as const, value: '$country' }],
      bucket: '$__interval',
      window: { size: '$__range' },
      live: false,
      editorMode: 'builder' as const,
      search: 'not a field of metrics',
    };
    const { data } = await lastValueFrom(source.query(request([target], { filters: [{ key: 'device', operator: '!=', value: 'tv' }] })));
    expect(asked).toHaveLength(1);
    expect(asked[0].url).toContain('/api/ds/query');
    const {
      datasource,
      datasourceId: _id,
      intervalMs: _interval,
      maxDataPoints: _points,
      queryCachingTTL: _ttl,
      ...sent
    } = asked[0].data.queries[0];
    expect(datasource).toMatchObject({ uid: 'ds-1' });
    expect(sent).toEqual({
      refId: 'A',
      schemaVersion: 1,
      kind: 'metric',
      measure: 'events',
      filters: [
        { dimension: 'country', op: 'in', values: ['DE', 'AT'] },
        { dimension: 'device', op: '!=', value: 'tv' },
      ],
      bucket: '15s',
      window: { size: '1h' },
    });
    expect(data[0].fields[1].config.links?.map(({ title }: { title: string }) => title)).toEqual(['Raw events']);
  });

  it('asks nothing where too little is chosen, and only what is chosen', async () => {
    const { source, asked } = grafanaServer(() => seriesAnswer('B', []));
    expect((await lastValueFrom(source.query(request([{}, { kind: 'values' }])))).data).toEqual([]);
    expect(asked).toHaveLength(0);
    await lastValueFrom(source.query(request([{}, { measure: 'events' }, { measure: 'events', hide: true }])));
    expect(asked[0].data.queries.map(({ refId }) => refId)).toEqual(['B']);
  });

  it('asks what the JSON mode says, whatever the builder’s fields were', async () => {
    const { source, asked } = grafanaServer(() => seriesAnswer('A', []));
    const json = '{"kind": "top", "measure": "$m", "by": "country"}';
    await lastValueFrom(
      source.query(request([{ measure: 'events', bucket: '1m', editorMode: 'json', json }], { scopedVars: { m: { value: 'revenue' } } })),
    );
    expect(asked[0].data.queries[0]).toMatchObject({ kind: 'top', measure: 'revenue', by: 'country' });
    expect(asked[0].data.queries[0]).not.toHaveProperty('bucket');
  });

  it('says in words what cannot be asked', async () => {
    const { source, asked } = grafanaServer(() => seriesAnswer('A', []));
    const wrong = await lastValueFrom(source.query(request([{ editorMode: 'json', json: '{"kind": 1}' }])));
    expect(wrong.error?.message).toBe(
      'Query A: kind: found 1, expected one of metric, anomaly, top, events, values, annotations, contributors.',
    );
    const filtered = await lastValueFrom(
      source.query(request([{ measure: 'events' }], { filters: [{ key: 'a', operator: '>', value: '1' }] })),
    );
    expect(filtered.error?.message).toMatch(/a > 1 cannot be asked/);
    expect(asked).toHaveLength(0);
  });

  it('asks the others when one of them cannot be asked', async () => {
    const { source, asked } = grafanaServer(() => seriesAnswer('A', []));
    const broken = { editorMode: 'json' as const, json: '{"measure": ' };
    const answered = await lastValueFrom(source.query(request([{ measure: 'events' }, broken])));
    expect(asked[0].data.queries.map(({ refId }) => refId)).toEqual(['A']);
    expect(answered.data).toHaveLength(1);
    expect(answered.errors).toEqual([{ refId: 'B', message: expect.stringMatching(/^Query B: /) }]);
  });

  it('takes queries of older versions', async () => {
    const { source, asked } = grafanaServer(() => seriesAnswer('A', []));
    const old = { refId: 'A', metric: 'revenue', dimensions: ['country'], granularity: '1h' };
    await lastValueFrom(source.query({ ...request([]), targets: [old as unknown as TidemarkQuery] }));
    expect(asked[0].data.queries[0]).toMatchObject({ kind: 'metric', measure: 'revenue', groupBy: ['country'], bucket: '1h' });
    expect(source.getQueryDisplayText(old as unknown as TidemarkQuery)).toBe('revenue by country per 1h');
  });
});

describe('a live panel', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_800_000_000_000 }));
  afterEach(() => void vi.useRealTimers());

  const rowsOf = ({ data }: DataQueryResponse, refId: string): unknown[] => {
    const frame = data.find((one: DataFrame) => one.refId === refId) as DataFrame;
    return frame.fields[1].values;
  };

  it('answers history of all queries in one request and lays live rows over those that are live', async () => {
    const { source, asked, channels } = grafanaServer(({ data }) => {
      const results = data.queries.map(
        ({ refId }) =>
          seriesAnswer(
            String(refId),
            [
              [bucket(2), 1],
              [bucket(1), 2],
            ],
            bucket(1),
          ) as { results: object },
      );
      return { results: Object.assign({}, ...results.map((one) => one.results)) };
    });
    const shown: DataQueryResponse[] = [];
    const targets = [{ measure: 'events', groupBy: ['country'], limit: 1, live: true }, { measure: 'errors' }];
    const subscription = source.query(request(targets)).subscribe((response) => shown.push(response));
    await vi.waitFor(() => expect(channels).toHaveLength(1));
    expect(asked).toHaveLength(1);
    const { address, events } = channels[0];
    const asks = (address.data as { query: Record<string, unknown> }).query;
    expect(address).toMatchObject({ scope: 'ds', stream: 'ds-1', namespace: 'ds-1' });
    expect(asks).toEqual({
      kind: 'metric',
      measure: 'events',
      groupBy: ['country'],
      filters: [{ dimension: 'country', op: 'in', values: ['DE'] }],
      bucket: '10s',
    });

    events.next({ type: LiveChannelEventType.Status, id: '', timestamp: 0, state: LiveChannelConnectionState.Connected });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    // The same buckets and series, from the unfinished bucket on.
    expect(asked[1].data.queries).toHaveLength(1);
    expect(asked[1].data.queries[0]).toMatchObject({ refId: 'A', bucket: '10s', filters: asks['filters'] });
    expect(asked[1].data.queries[0]).not.toHaveProperty('limit');
    expect(asked[1].data.from).toBe(String(bucket(1)));

    const schema = {
      refId: 'A',
      fields: [
        { name: 'time', type: 'time' },
        { name: 'events', type: 'number', labels: { country: 'DE' } },
      ],
    };
    events.next({
      type: LiveChannelEventType.Message,
      message: {
        schema: schema as never,
        data: {
          values: [
            [bucket(1), bucket(0)],
            [20, 3],
          ],
        },
      },
    });
    const last = shown.at(-1)!;
    expect(last.state).toBe(LoadingState.Streaming);
    expect(last.key).toBe('Q1');
    expect(last.data.map(({ refId }: DataFrame) => refId)).toEqual(['A', 'B']);
    expect(rowsOf(last, 'A')).toEqual([1, 20, 3]);
    expect(rowsOf(last, 'B')).toEqual([1, 2]);
    subscription.unsubscribe();
    expect(events.observed).toBe(false);
  });

  it('opens no channel for a range that lies in the past', async () => {
    const { source, channels } = grafanaServer(() => seriesAnswer('A', [[1_000, 1]]));
    const yesterday = { ...lastHour(), raw: { from: 'now-2d', to: 'now-1d' } };
    const fixed = { ...lastHour(), raw: { from: dateTime(0), to: dateTime(1_000) } };
    for (const range of [yesterday, fixed]) {
      await lastValueFrom(source.query(request([{ measure: 'events', live: true }], { range })));
    }
    expect(channels).toHaveLength(0);
  });

  it('shows the error of history and waits for the next refresh', async () => {
    const { source, channels } = grafanaServer(() => ({
      results: { A: { status: 503, error: 'The cold tier does not answer.', frames: [] } },
    }));
    const response = await lastValueFrom(source.query(request([{ measure: 'events', live: true }])));
    expect(response.errors?.map(({ message }) => message)).toEqual(['The cold tier does not answer.']);
    expect(channels).toHaveLength(0);
  });
});

describe('what dashboards and Explore ask of it', () => {
  const catalog = {
    name: 'shop',
    measures: [{ name: 'events', kind: 'count' }],
    dimensions: [{ name: 'country', path: 'geo.country' }],
    groupings: [],
  };
  const values = { results: { A: { status: 200, frames: [{ schema: { fields: [] }, data: { values: [['DE', '', 'AT']] } }] } } };

  it('offers dimensions and their values for ad-hoc filters', async () => {
    const { source, asked } = grafanaServer(({ url }) => (url.endsWith('/resources/catalog') ? catalog : values));
    expect(await source.getTagKeys()).toEqual([{ text: 'country', value: 'country' }]);
    const range = lastHour();
    expect(await source.getTagValues({ key: 'country', filters: [], timeRange: range })).toEqual([
      { text: 'DE', value: 'DE' },
      { text: '(none)', value: '' },
      { text: 'AT', value: 'AT' },
    ]);
    expect(asked.at(-1)?.data).toEqual({
      from: range.from.valueOf(),
      to: range.to.valueOf(),
      queries: [{ refId: 'A', kind: 'values', dimension: 'country', limit: 500 }],
    });
  });

  it('asks for the catalogue once, and again after it failed', async () => {
    let calls = 0;
    const { source } = grafanaServer(() => {
      calls++;
      if (calls === 1) throw Object.assign(new Error('502'), { status: 502 });
      return catalog;
    });
    await expect(source.catalog()).rejects.toMatchObject({ status: 502 });
    const [first, second] = await Promise.all([source.catalog(), source.catalog()]);
    expect(first).toBe(second);
    expect(calls).toBe(2);
  });

  it('says that the URL is another server’s', async () => {
    const { source } = grafanaServer(() => ({ hello: 'world' }));
    await expect(source.catalog()).rejects.toThrow(/not a Tidemark catalogue/);
  });

  it('tells why there are no values', async () => {
    const { source } = grafanaServer(() => ({ results: { A: { status: 400, error: 'there is no dimension "x".' } } }));
    await expect(source.values({ dimension: 'x' })).rejects.toThrow('there is no dimension "x".');
  });

  it('adds and turns around filters from Explore’s tables', () => {
    const { source } = grafanaServer(() => null);
    const added = source.modifyQuery(query({ kind: 'events' }), { type: 'ADD_FILTER', options: { key: 'country', value: 'DE' } });
    expect(added.filters).toEqual([{ dimension: 'country', op: '=', value: 'DE' }]);
    const turned = source.modifyQuery(added, { type: 'ADD_FILTER_OUT', options: { key: 'country', value: 'DE' } });
    expect(turned.filters).toEqual([{ dimension: 'country', op: '!=', value: 'DE' }]);
    expect(source.modifyQuery(added, { type: 'OTHER' })).toEqual(added);
  });

  it('fills variables in for Explore and keeps what is the editor’s', () => {
    const { source } = grafanaServer(() => null, { m: 'revenue' });
    const [explored] = source.interpolateVariablesInQueries([query({ measure: '$m', live: true, hide: false })], {}, [
      { key: 'country', operator: '=', value: 'DE' },
    ]);
    expect(explored).toMatchObject({
      measure: 'revenue',
      live: true,
      hide: false,
      filters: [{ dimension: 'country', op: '=', value: 'DE' }],
    });
    const [json] = source.interpolateVariablesInQueries([query({ editorMode: 'json', json: '{"measure": "$m"}' })], {});
    expect(JSON.parse(json.json!)).toEqual({ kind: 'metric', measure: 'revenue' });
  });

  it('starts with a metric of automatic buckets', () => {
    const { source } = grafanaServer(() => null);
    expect(source.getDefaultQuery('dashboard' as never)).toEqual({
      schemaVersion: 1,
      kind: 'metric',
      format: 'timeseries',
      bucket: 'auto',
      editorMode: 'builder',
    });
  });
});
