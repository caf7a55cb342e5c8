import type { DataQuery } from '@grafana/schema';
import { describe, expect, it } from 'vitest';
import { isCurrent, migrateQuery } from './migrate';

const stored = (fields: object): DataQuery => ({ refId: 'A', ...fields });

describe('migrateQuery', () => {
  it('leaves a query of today as it is', () => {
    const query = stored({ schemaVersion: 1, kind: 'events', filters: [], json: 'x', live: true });
    expect(migrateQuery(query)).toEqual(query);
    expect(isCurrent(query)).toBe(true);
  });

  it('reads the words of GET /api/v1/series, lists with commas included', () => {
    const old = stored({
      metric: 'revenue',
      dimensions: 'country, device',
      granularity: '1m',
      legendFormat: '{{country}}',
      timeShift: '1d',
    });
    expect(isCurrent(old)).toBe(false);
    expect(migrateQuery(old)).toEqual({
      refId: 'A',
      schemaVersion: 1,
      kind: 'metric',
      measure: 'revenue',
      groupBy: ['country', 'device'],
      bucket: '1m',
      format: 'timeseries',
      compareWith: '1d',
      legend: '{{country}}',
      editorMode: 'builder',
    });
  });

  it('reads filters in every form they had', () => {
    const { filters } = migrateQuery(
      stored({
        filter: [
          { key: 'country', operator: '!=', value: 'DE' },
          { dimension: 'device', values: ['a', 'b'] },
          { dimension: 'code', op: '=', value: 404 },
          { dimension: 'x', op: 'in', value: 'one' },
          { nothing: true },
          'text',
        ],
      }),
    );
    expect(filters).toEqual([
      { dimension: 'country', op: '!=', value: 'DE' },
      { dimension: 'device', op: 'in', values: ['a', 'b'] },
      { dimension: 'code', op: '=', value: '404' },
      { dimension: 'x', op: 'in', values: ['one'] },
    ]);
  });

  it('keeps what is Grafana’s own, the kind and Live', () => {
    const old = stored({
      datasource: { uid: 'u' },
      hide: true,
      queryType: 'top',
      measure: 'top_pages',
      limit: '5',
      live: true,
    });
    expect(migrateQuery(old)).toMatchObject({
      datasource: { uid: 'u' },
      hide: true,
      kind: 'top',
      limit: 5,
      live: true,
    });
  });

  it('reads a window that is one text', () => {
    expect(migrateQuery(stored({ measure: 'events', window: '5m' })).window).toEqual({ size: '5m' });
    expect(migrateQuery(stored({ measure: 'events', window: 'none' })).window).toBe('none');
  });

  it('keeps only the fields of the kind', () => {
    expect(migrateQuery(stored({ kind: 'events', measure: 'x', bucket: '1m', stat: 'p95', limit: 5 }))).toEqual({
      refId: 'A',
      schemaVersion: 1,
      kind: 'events',
      measure: 'x',
      limit: 5,
      editorMode: 'builder',
    });
  });

  it('reads an anomaly query that was written by hand, and leaves out options that there are not', () => {
    const detector = { name: 'robust', k: 6, direction: 'sideways', colour: 'red', holidays: ['2026-12-25'] };
    expect(migrateQuery(stored({ kind: 'anomaly', measure: 'errors', detector, fields: 'score', history: '7d' }))).toMatchObject({
      kind: 'anomaly',
      measure: 'errors',
      detector: { name: 'robust', k: 6, holidays: ['2026-12-25'] },
      fields: 'score',
      history: '7d',
    });
    expect(migrateQuery(stored({ kind: 'annotations', watch: 'errors, slow', minScore: 0.7 }))).toMatchObject({
      kind: 'annotations',
      watch: ['errors', 'slow'],
      minScore: 0.7,
    });
  });

  it('opens whatever is stored, and leaves out what cannot be understood', () => {
    expect(migrateQuery(stored({ kind: 'poem', measure: 7, limit: -1, stat: [1], window: 3, format: 'x', filters: 'y' }))).toEqual({
      refId: 'A',
      schemaVersion: 1,
      kind: 'metric',
      bucket: 'auto',
      format: 'timeseries',
      editorMode: 'builder',
    });
  });

  it('changes nothing when it is done twice', () => {
    const once = migrateQuery(stored({ metric: 'events', dimensions: ['country'] }));
    expect(migrateQuery(once)).toEqual(once);
  });
});
