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
