import { FieldType, type AnnotationQuery, type DataFrame } from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { TidemarkQuery } from '../query/model';
import { annotationsOf } from './events';
import { annotationSupport } from './support';

const frame: DataFrame = {
  length: 2,
  fields: [
    { name: 'time', type: FieldType.time, config: {}, values: [2_000, 1_000] },
    { name: 'type', type: FieldType.string, config: {}, values: ['deploy', 'error'] },
    { name: 'country', type: FieldType.string, config: {}, values: ['DE', null] },
    { name: 'amount', type: FieldType.number, config: {}, values: [0, 12.5] },
  ],
};

describe('annotations', () => {
  it('are worded by a template, with tags from columns', () => {
    expect(annotationsOf([frame], { text: '{{type}} in {{ country }}{{unknown}}', tags: ['type', 'country'] })).toEqual([
      { time: 2_000, text: 'deploy in DE', tags: ['deploy', 'DE'] },
      { time: 1_000, text: 'error in ', tags: ['error'] },
    ]);
  });

  it('say what they have where no template is given', () => {
    expect(annotationsOf([frame], {}).map(({ text }) => text)).toEqual([
      'type: deploy, country: DE, amount: 0',
      'type: error, amount: 12.5',
    ]);
  });

  it('are none where nothing says when', () => {
    expect(annotationsOf([{ length: 1, fields: frame.fields.slice(1) }], {})).toEqual([]);
  });

  it('are regions where watches found something', async () => {
    const found: DataFrame = {
      length: 2,
      fields: [
        { name: 'time', type: FieldType.time, config: {}, values: [60_000, 300_000] },
        { name: 'timeEnd', type: FieldType.time, config: {}, values: [180_000, 300_000] },
        { name: 'title', type: FieldType.string, config: {}, values: ['More errors than usual · DE', 'Slower answers'] },
        { name: 'text', type: FieldType.string, config: {}, values: ['412, expected 35', ''] },
        { name: 'tags', type: FieldType.string, config: {}, values: ['errors_spike,country:DE', null] },
      ],
    };
    const target = { refId: 'Anno', schemaVersion: 1, kind: 'annotations', watch: ['errors_spike'], minScore: 0.7, measure: 'old' };
    const stored = { name: 'Anomalies', enable: true, iconColor: 'red', target } as unknown as AnnotationQuery<TidemarkQuery>;
    const prepared = annotationSupport.prepareAnnotation!(stored);
    const { measure: _measure, ...asked } = target;
    expect(annotationSupport.prepareQuery!(prepared)).toEqual(asked);
    expect(await lastValueFrom(annotationSupport.processEvents!(prepared, [found]))).toEqual([
      {
        time: 60_000,
        timeEnd: 180_000,
        isRegion: true,
        title: 'More errors than usual · DE',
        text: '412, expected 35',
        tags: ['errors_spike', 'country:DE'],
      },
      { time: 300_000, title: 'Slower answers', text: '', tags: [] },
    ]);
  });

  it('ask for raw events, whatever an older version stored', async () => {
    const target = { refId: 'Anno', filter: [{ key: 'type', operator: '=', value: 'deploy' }], annotation: { text: '{{type}}' } };
    const stored = { name: 'Deploys', enable: true, iconColor: 'red', target } as unknown as AnnotationQuery<TidemarkQuery>;
    const prepared = annotationSupport.prepareAnnotation!(stored);
    expect(annotationSupport.prepareQuery!(prepared)).toMatchObject({
      kind: 'events',
      filters: [{ dimension: 'type', op: '=', value: 'deploy' }],
    });
    expect(annotationSupport.prepareQuery!({ ...stored, target: undefined })).toBeUndefined();
    const events = await lastValueFrom(annotationSupport.processEvents!(prepared, [frame]));
    expect(events?.map(({ text }) => text)).toEqual(['deploy', 'error']);
  });
});
