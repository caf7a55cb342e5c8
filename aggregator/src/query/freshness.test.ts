import { describe, expect, it } from 'vitest';
import type { PartitionState } from '../window/flush-batch.js';
import { CoverageFreshness, freshnessOf } from './freshness.js';
import { FROM } from './read.fixture.js';

describe('freshness', () => {
  const state = (offset: number, maxEventTimeMs: number): PartitionState => ({
    offset,
    maxEventTimeMs,
    warmFrom: 0,
    consumed: 0,
    applied: 0,
    duplicates: 0,
    deadLettered: 0,
    late: 0,
    lost: 0,
  });

  it('is that of the slowest partition that still has something to read', () => {
    const positions = [
      { id: 'a/0', state: state(5, FROM), logEnd: 9 },
      { id: 'a/1', state: state(7, FROM + 60_000), logEnd: 8 },
      { id: 'a/2', state: state(3, 10), logEnd: 3 },
    ];
    expect(freshnessOf(positions, [], 5_000, FROM + 90_000)).toMatchObject({
      watermarkMs: FROM - 5_000,
      newestEventMs: FROM,
      complete: true,
      reason: '',
    });
  });

  it('follows the clock when everything has been read, so that an outage shows as zeros', () => {
    const positions = [{ id: 'a/0', state: state(5, FROM), logEnd: 5 }];
    expect(freshnessOf(positions, [], 5_000, FROM + 600_000)).toMatchObject({ watermarkMs: FROM + 595_000, newestEventMs: FROM });
  });

  it('follows the clock no further than to the moment at which the end was known, since events may have come that nobody reads', () => {
    const read = { id: 'a/0', state: state(5, FROM), logEnd: 5 };
    const hanging = { id: 'a/1', state: state(7, FROM), logEnd: 7, logEndAtMs: FROM + 596_000 };
    expect(freshnessOf([read, hanging], [], 5_000, FROM + 600_000).watermarkMs).toBe(FROM + 591_000);
    expect(freshnessOf([read, { ...hanging, logEnd: 9 }], [], 5_000, FROM + 600_000).watermarkMs).toBe(FROM - 5_000);
  });

  it('never passes the clock, however far ahead a producer is', () => {
    const ahead = { id: 'a/0', state: state(5, FROM + 3_600_000), logEnd: 9 };
    expect(freshnessOf([ahead], [], 5_000, FROM).watermarkMs).toBe(FROM - 5_000);
    expect(freshnessOf([{ ...ahead, logEnd: 5 }], [], 5_000, FROM).watermarkMs).toBe(FROM - 5_000);
  });

  it('says when partitions are missing or nothing is known', () => {
    expect(freshnessOf([{ id: 'a/0', state: state(5, FROM), logEnd: 5 }], ['a/1'], 5_000, FROM)).toMatchObject({
      complete: false,
      reason: 'No position is known of 1 partition(s): a/1.',
    });
    expect(new CoverageFreshness(5_000, () => FROM).freshness(null)).toMatchObject({ complete: false, watermarkMs: 0 });
  });
});
