import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RawRows } from '../window/flush-batch.js';
import { changedSeconds, joinRanges } from './changed-seconds.js';

function rows(timesMs: readonly number[]): RawRows {
  return { rows: timesMs.length, columns: [{ name: 'time', type: 'DateTime64(3)', data: Float64Array.from(timesMs) }], minutes: [] };
}

describe('the seconds that a flush changed', () => {
  it('neighbouring seconds are one range, a late event is a range of its own', () => {
    expect(changedSeconds(rows([10_500, 11_200, 10_900, 3_000, 12_999]))).toEqual([
      [3, 4],
      [10, 13],
    ]);
  });

  it('a flush without rows changed nothing', () => {
    expect(changedSeconds(rows([]))).toEqual([]);
  });

  it('many scattered events become few ranges that still hold every one, cut at the widest gaps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000_000 }), { maxLength: 200 }), (times) => {
        const ranges = changedSeconds(rows(times));
        expect(ranges.length).toBeLessThanOrEqual(16);
        for (const time of times) expect(ranges.some(([from, to]) => time >= from * 1_000 && time < to * 1_000)).toBe(true);
        ranges.slice(1).forEach(([from], index) => expect(from).toBeGreaterThan(ranges[index][1]));
      }),
    );
    expect(
      joinRanges(
        [
          [0, 1],
          [100, 101],
          [103, 104],
        ],
        2,
      ),
    ).toEqual([
      [0, 1],
      [100, 104],
    ]);
  });
});
