import { describe, expect, it } from 'vitest';
import { FieldType, toDataFrame } from '@grafana/data';
import { judgedFrame, MINUTE, minutes, START } from './frames.fixture';
import { seriesSetOf } from './series-set';

const time = (values: number[]): object => ({ name: 'Time', type: FieldType.time, values });
const number = (name: string, values: unknown[], labels?: Record<string, string>): object => ({
  name,
  type: FieldType.number,
  values,
  ...(labels === undefined ? {} : { labels }),
});

describe('seriesSetOf', () => {
  it('takes a wide frame as it is, without copying a column', () => {
    const frame = toDataFrame({ fields: [time(minutes(3)), number('a', [1, null, 3]), number('b', [4, 5, 6])] });
    const set = seriesSetOf([frame]);
    expect(set.timesMs).toBe(frame.fields[0]?.values);
    expect(set.series.map((series) => series.name)).toEqual(['a', 'b']);
    expect(set.series[0]?.values).toBe(frame.fields[1]?.values);
  });

  it('joins frames with different times: a time that only others have is no gap', () => {
    const [t0, t1, t2] = minutes(3);
    const set = seriesSetOf([
      toDataFrame({ fields: [time([t0!, t2!]), number('v', [1, 3], { host: 'a' })] }),
      toDataFrame({ fields: [time([t1!, t2!]), number('v', [20, null], { host: 'b' })] }),
    ]);
    expect(set.timesMs).toEqual([t0, t1, t2]);
    expect(set.series.map((series) => series.values)).toEqual([
      [1, undefined, 3],
      [undefined, 20, null],
    ]);
    expect(set.series.map((series) => [0, 1, 2].map((index) => series.rowAt(index)))).toEqual([
      [0, -1, 1],
      [-1, 0, 1],
    ]);
    expect(set.series.map((series) => series.name)).toEqual(['v a', 'v b']);
  });

  it('splits a long frame by its text columns and keeps reasons with their series', () => {
    const [t0, t1] = minutes(2);
    const set = seriesSetOf([
      toDataFrame({
        fields: [
          time([t0!, t0!, t1!, t1!]),
          { name: 'country', type: FieldType.string, values: ['DE', 'FR', 'DE', 'FR'] },
          number('orders', [1, 2, 3, 4]),
          { name: 'reason', type: FieldType.string, values: [null, 'low', null, null] },
        ],
      }),
    ]);
    expect(set.series.map((series) => [series.name, series.values, series.reason])).toEqual([
      ['orders DE', [1, 3], [null, null]],
      ['orders FR', [2, 4], ['low', null]],
    ]);
    expect(set.series[1]?.field.labels).toEqual({ country: 'FR' });
  });

  it('names series of a long frame by column and group when it has several numbers', () => {
    const set = seriesSetOf([
      toDataFrame({
        fields: [time([START]), { name: 'country', type: FieldType.string, values: ['DE'] }, number('p50', [1]), number('p95', [2])],
      }),
    ]);
    expect(set.series.map((series) => series.name)).toEqual(['p50 DE', 'p95 DE']);
  });

  it('sorts rows that came out of order, and of rows with one time the last counts', () => {
    const [t0, t1, t2] = minutes(3);
    const set = seriesSetOf([toDataFrame({ fields: [time([t2!, t0!, t1!, t0!]), number('v', [3, 0, 2, 1])] })]);
    expect(set.timesMs).toEqual([t0, t1, t2]);
    expect(set.series[0]?.values).toEqual([1, 2, 3]);
    expect(set.series[0]?.rowAt(0)).toBe(3);
  });

  it('joins verdict fields to their value by role, and draws none of them as a line of its own', () => {
    const set = seriesSetOf([judgedFrame([10, 40, 11], [0, 1, 0])]);
    expect(set.series).toHaveLength(1);
    expect(set.series[0]).toMatchObject({
      lower: [5, 5, 5],
      upper: [15, 15, 15],
      expected: [10, 10, 10],
      anomalous: [0, 1, 0],
      reason: [null, '40 orders, expected 10 ± 5', null],
    });
  });

  it('joins verdict fields of several series in one frame by equal labels, in whatever order the labels stand', () => {
    const set = seriesSetOf([
      toDataFrame({
        fields: [
          time([START]),
          number('orders', [1], { country: 'DE', device: 'tv' }),
          number('orders', [2], { country: 'FR', device: 'tv' }),
          number('upper', [20], { device: 'tv', country: 'FR' }),
          number('upper', [10], { device: 'tv', country: 'DE' }),
        ],
      }),
    ]);
    expect(set.series.map((series) => [series.values, series.upper])).toEqual([
      [[1], [10]],
      [[2], [20]],
    ]);
  });

  it('draws a field that is merely called score', () => {
    const set = seriesSetOf([toDataFrame({ fields: [time([START]), number('score', [7])] })]);
    expect(set.series.map((series) => [series.name, series.values])).toEqual([['score', [7]]]);
  });

  it('takes flags given as true and false', () => {
    const set = seriesSetOf([
      toDataFrame({
        fields: [time(minutes(2)), number('v', [1, 2]), { name: 'anomalous', type: FieldType.boolean, values: [false, true] }],
      }),
    ]);
    expect(set.series[0]?.anomalous).toEqual([0, 1]);
  });

  it('turns what is no finite number into a gap', () => {
    const set = seriesSetOf([toDataFrame({ fields: [time(minutes(4)), number('v', [1, Number.NaN, Infinity, '4'])] })]);
    expect(set.series[0]?.values).toEqual([1, null, null, null]);
  });

  it('reads the unfinished bucket and the bucket size of the answer', () => {
    const partialFrom = START + 2 * MINUTE;
    const set = seriesSetOf([judgedFrame([1, 2, 3], [0, 0, 0], { partialFrom, plan: { bucketMs: MINUTE } })]);
    expect(set.series[0]).toMatchObject({ partialFromMs: partialFrom, stepMs: MINUTE });
  });

  it('guesses the bucket size from the times where the answer does not say it', () => {
    const set = seriesSetOf([toDataFrame({ fields: [time([0, 10, 20, 95, 105]), number('v', [1, 2, 3, 4, 5])] })]);
    expect(set.series[0]?.stepMs).toBe(10);
  });

  it('says in words why frames cannot be drawn', () => {
    expect(seriesSetOf([]).problem).toBeNull();
    expect(seriesSetOf([toDataFrame({ fields: [] })]).problem).toBeNull();
    expect(seriesSetOf([toDataFrame({ fields: [number('v', [1])] })]).problem).toMatch(/no time field/);
    expect(seriesSetOf([toDataFrame({ fields: [time([1]), { name: 's', type: FieldType.string, values: ['x'] }] })]).problem).toMatch(
      /no numbers/,
    );
  });
});
