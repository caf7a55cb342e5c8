import { describe, expect, it } from 'vitest';
import { FieldType, toDataFrame } from '@grafana/data';
import { judgedFrame, minutes } from './frames.fixture';
import { regionsOf } from './regions';
import { seriesSetOf } from './series-set';

describe('regionsOf', () => {
  it('makes one region of neighbouring anomalous buckets, with its peak', () => {
    const [series] = seriesSetOf([judgedFrame([10, 30, 90, 40, 10, 0, 10], [0, 1, 1, 1, 0, 1, 0])]).series;
    expect(regionsOf(series!)).toMatchObject([
      { fromIndex: 1, toIndex: 3 },
      { fromIndex: 5, toIndex: 5, peakIndex: 5 },
    ]);
  });

  it('takes the highest score for the peak, and without scores the value farthest from the expected one', () => {
    const frame = (score: number[] | null): ReturnType<typeof toDataFrame> =>
      toDataFrame({
        fields: [
          { name: 'Time', type: FieldType.time, values: minutes(3) },
          { name: 'v', type: FieldType.number, values: [20, 90, 30] },
          { name: 'expected', type: FieldType.number, values: [10, 10, 10] },
          { name: 'anomalous', type: FieldType.number, values: [1, 1, 1] },
          ...(score === null ? [] : [{ name: 'score', type: FieldType.number, values: score }]),
        ],
      });
    const peak = (score: number[] | null): unknown => regionsOf(seriesSetOf([frame(score)]).series[0]!).map((region) => region.peakIndex);
    expect(peak(null)).toEqual([1]);
    expect(peak([0.6, 0.7, 0.9])).toEqual([2]);
  });

  it('ends a region at a bucket that was not judged, but not at a time of other series', () => {
    const judged = judgedFrame([1, 1, 1, 1], [1, null, 1, 1]);
    expect(regionsOf(seriesSetOf([judged]).series[0]!).map((region) => [region.fromIndex, region.toIndex])).toEqual([
      [0, 0],
      [2, 3],
    ]);
    const between = toDataFrame({
      fields: [
        { name: 'Time', type: FieldType.time, values: [minutes(1)[0]! + 30_000] },
        { name: 'other', type: FieldType.number, values: [1] },
      ],
    });
    const joined = seriesSetOf([judgedFrame([1, 1], [1, 1]), between]);
    expect(joined.timesMs).toHaveLength(3);
    expect(regionsOf(joined.series[0]!).map((region) => [region.fromIndex, region.toIndex])).toEqual([[0, 2]]);
  });

  it('finds none where nothing was judged', () => {
    const plain = toDataFrame({
      fields: [
        { name: 'Time', type: FieldType.time, values: [1] },
        { name: 'v', type: FieldType.number, values: [1] },
      ],
    });
    expect(regionsOf(seriesSetOf([plain]).series[0]!)).toEqual([]);
  });
});
