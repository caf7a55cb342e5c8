import { FieldType, type DataFrame, type Field } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { withEventLinks } from './event-links';
import type { ApiQuery } from './query/model';

const target = { uid: 'ds-1', type: 'tidemark-realtime-datasource' };
const query: ApiQuery = { kind: 'metric', measure: 'events', filters: [{ dimension: 'device', op: '=', value: '$5' }] };

function frame(plan: object, labels: Record<string, string>): DataFrame {
  return {
    refId: 'A',
    length: 1,
    meta: { custom: { plan } },
    fields: [
      { name: 'time', type: FieldType.time, config: {}, values: [60_000] },
      { name: 'events', type: FieldType.number, config: { unit: 'ms', links: [{ title: 'Mine', url: '/x' }] }, labels, values: [1] },
    ],
  };
}

/** The pane that a link at the given time opens. */
function pane(field: Field, timeMs: number) {
  const link = field.config.links!.find(({ title }) => title === 'Raw events')!;
  const url = link.onBuildUrl!({ origin: field, replaceVariables: (text) => (text === '${__value.time}' ? String(timeMs) : text) });
  expect(url).not.toContain('$');
  const { searchParams } = new URL(url, 'http://grafana');
  return JSON.parse(searchParams.get('panes')!).tidemark;
}

describe('a link to raw events', () => {
  it('has the point’s filters and labels, and the range of its bucket', () => {
    const { fields } = withEventLinks(frame({ bucketMs: 10_000, windowMs: null }, { country: 'DE' }), query, target);
    expect(pane(fields[1], 60_000)).toEqual({
      datasource: 'ds-1',
      range: { from: '60000', to: '69999' },
      queries: [
        {
          refId: 'A',
          datasource: target,
          schemaVersion: 1,
          kind: 'events',
          measure: 'events',
          limit: 200,
          filters: [
            { dimension: 'device', op: '=', value: '$5' },
            { dimension: 'country', op: '=', value: 'DE' },
          ],
        },
      ],
    });
  });

  it('covers the sliding window, and lies back where the series is a comparison', () => {
    const sliding = withEventLinks(frame({ bucketMs: 30_000, windowMs: 300_000 }, {}), query, target);
    expect(pane(sliding.fields[1], 600_000).range).toEqual({ from: '330000', to: '629999' });
    const compared = withEventLinks(frame({ bucketMs: 60_000, windowMs: null }, { compareWith: '1h' }), query, target);
    const { range, queries } = pane(compared.fields[1], 7_200_000);
    expect(range).toEqual({ from: '3600000', to: '3659999' });
    expect(queries[0].filters).toHaveLength(1);
  });

  it('stands beside links that are there already, once, and leaves the frame it was given alone', () => {
    const given = frame({ bucketMs: 10_000 }, {});
    const twice = withEventLinks(withEventLinks(given, query, target), query, target);
    expect(twice.fields[1].config.links?.map(({ title }) => title)).toEqual(['Mine', 'Raw events']);
    expect(twice.fields[1].config.unit).toBe('ms');
    expect(given.fields[1].config.links).toHaveLength(1);
  });

  it('leads from a value that was judged, and from a score that was asked for alone', () => {
    const judged = frame({ bucketMs: 60_000 }, { country: 'DE' });
    const score: Field = { name: 'score', type: FieldType.number, config: { custom: { role: 'score' } }, values: [0.9] };
    const both = { ...judged, fields: [...judged.fields, score] };
    const anomaly: ApiQuery = { kind: 'anomaly', measure: 'errors' };
    const { fields } = withEventLinks(both, anomaly, target);
    expect(pane(fields[1], 60_000).queries[0]).toMatchObject({
      kind: 'events',
      measure: 'errors',
      filters: [{ dimension: 'country', op: '=', value: 'DE' }],
    });
    expect(fields[2].config.links).toBeUndefined();
    const alone = withEventLinks({ ...judged, fields: [judged.fields[0], score] }, { ...anomaly, fields: 'score' }, target);
    expect(pane(alone.fields[1], 60_000).queries[0]).toMatchObject({ kind: 'events', measure: 'errors' });
  });

  it('is not drawn where a value is no bucket of events', () => {
    const total = frame({ bucketMs: 0 }, {});
    expect(withEventLinks(total, query, target)).toBe(total);
    const heatmap = frame({ bucketMs: 10_000 }, {});
    expect(withEventLinks(heatmap, { ...query, format: 'heatmap' }, target)).toBe(heatmap);
    expect(withEventLinks(heatmap, undefined, target)).toBe(heatmap);
  });
});

describe('a link to what contributed', () => {
  const judged = (): DataFrame => {
    const labels = { country: 'DE' };
    const field = (name: string, values: unknown[], role?: string): Field => ({
      name,
      type: FieldType.number,
      config: role === undefined ? {} : { custom: { role } },
      labels,
      values,
    });
    const time: Field = { name: 'time', type: FieldType.time, config: {}, values: [0, 1, 2, 3, 4].map((minute) => minute * 60_000) };
    return {
      refId: 'A',
      length: 5,
      meta: { custom: { plan: { bucketMs: 60_000 } } },
      fields: [time, field('errors', [3, 40, 50, 45, 4]), field('anomalous', [0, 1, 1, 1, 0], 'anomalous')],
    };
  };
  const asked: ApiQuery = { kind: 'anomaly', measure: 'latency', stat: ['p95'], groupBy: ['country'] };
  const opened = (timeMs: number) => {
    const [, field] = withEventLinks(judged(), asked, target).fields;
    const link = field.config.links!.find(({ title }) => title === 'What contributed')!;
    const url = link.onBuildUrl!({ origin: field, replaceVariables: () => String(timeMs) });
    return JSON.parse(new URL(url, 'http://grafana').searchParams.get('panes')!).tidemark;
  };

  it('asks for the point’s series over the whole stretch that was flagged around it', () => {
    const { range, queries } = opened(120_000);
    expect(range).toEqual({ from: '60000', to: '239999' });
    const filters = [{ dimension: 'country', op: '=', value: 'DE' }];
    expect(queries[0]).toMatchObject({ kind: 'contributors', measure: 'latency', stat: ['p95'], filters });
    expect(queries[0]).not.toHaveProperty('groupBy');
  });

  it('asks for the bucket alone where nothing was flagged', () => {
    expect(opened(240_000).range).toEqual({ from: '240000', to: '299999' });
  });

  it('stands before the raw events, and only where something is judged', () => {
    const titles = (frame: DataFrame, api: ApiQuery) =>
      withEventLinks(frame, api, target).fields[1].config.links!.map(({ title }) => title);
    expect(titles(judged(), asked)).toEqual(['What contributed', 'Raw events']);
    expect(titles(judged(), { ...asked, kind: 'metric' })).toEqual(['Raw events']);
  });
});
