import { describe, expect, it } from 'vitest';
import { toDataFrame } from '@grafana/data';
import { annotationsOf } from './annotations';

describe('annotationsOf', () => {
  it('reads moments and regions with their words, tags and colours', () => {
    const frame = toDataFrame({
      fields: [
        { name: 'time', values: [100, 200, 300] },
        { name: 'timeEnd', values: [null, 260, 300] },
        { name: 'title', values: ['Deploy', 'Outage', ''] },
        { name: 'text', values: ['v<b>2</b><br>by CI', 'x', 'y'] },
        { name: 'tags', values: [['ci', 'web'], 'a, b', null] },
        { name: 'color', values: ['#f00', null, ''] },
      ],
    });
    expect(annotationsOf([frame])).toEqual([
      { fromMs: 100, toMs: null, title: 'Deploy', text: 'v2\nby CI', tags: ['ci', 'web'], color: '#f00' },
      { fromMs: 200, toMs: 260, title: 'Outage', text: 'x', tags: ['a', 'b'], color: null },
      { fromMs: 300, toMs: null, title: '', text: 'y', tags: [], color: null },
    ]);
  });

  it('leaves out what has no time', () => {
    expect(annotationsOf(undefined)).toEqual([]);
    expect(annotationsOf([toDataFrame({ fields: [{ name: 'text', values: ['x'] }] })])).toEqual([]);
    expect(annotationsOf([toDataFrame({ fields: [{ name: 'time', values: [null] }] })])).toEqual([]);
  });
});
