import { describe, expect, it } from 'vitest';
import type { Announcement } from './announcement.js';
import { ChangeLog } from './change-log.js';
import type { LogPosition } from './cursor.js';

const LATENESS_MS = 5_000;

function stage(): { readonly log: ChangeLog; hear(moves: Announcement['moves'], changed: Announcement['changed'], atMs?: number): void } {
  const clock = { now: () => 1_000_000, monotonic: () => 0 };
  const log = new ChangeLog(clock, LATENESS_MS);
  return { log, hear: (moves, changed, atMs = 1_000_000) => log.hear({ atMs, moves, changed }) };
}

function at(offsets: Readonly<Record<string, number>>, maxEventTimeMs = 100_000, late = 0): LogPosition {
  return new Map(Object.entries(offsets).map(([id, offset]) => [id, { offset, maxEventTimeMs, late }]));
}

describe('what changed between two positions', () => {
  it('is what the flushes in between announced, late events included', () => {
    const { log, hear } = stage();
    hear([['t/0', 0, 10]], [[1, 2]]);
    hear([['t/0', 10, 20]], [[100, 103]]);
    hear(
      [['t/0', 20, 30]],
      [
        [40, 41],
        [103, 104],
      ],
    );
    expect(log.changedBetween(at({ 't/0': 10 }), at({ 't/0': 30 }, 104_000, 3))).toEqual([
      [40, 41],
      [100, 104],
    ]);
  });

  it('is nothing when no partition moved', () => {
    expect(stage().log.changedBetween(at({ 't/0': 10 }), at({ 't/0': 10 }))).toEqual([]);
  });

  it('is everything from the watermark on when announcements are missing and no late event came', () => {
    const { log, hear } = stage();
    hear([['t/0', 20, 30]], [[103, 104]]);
    expect(log.changedBetween(at({ 't/0': 10, 't/1': 5 }), at({ 't/0': 30, 't/1': 5 }))).toEqual([[95, Number.POSITIVE_INFINITY]]);
  });

  it('cannot be told when announcements are missing and a late event came, a partition came or went, or the log went back', () => {
    const { log } = stage();
    expect(log.changedBetween(at({ 't/0': 10 }, 100_000, 1), at({ 't/0': 30 }, 104_000, 2))).toBeNull();
    expect(log.changedBetween(at({ 't/0': 10 }), at({ 't/0': 10, 't/1': 1 }))).toBeNull();
    expect(log.changedBetween(at({ 't/0': 10 }), at({ 't/1': 10 }))).toBeNull();
    expect(log.changedBetween(at({ 't/0': 10 }), at({ 't/0': 9 }))).toBeNull();
    expect(log.changedBetween(at({ 't/0': 0 }, 0), at({ 't/0': 9 }))).toBeNull();
  });

  it('takes flushes that came twice or overlap, as after a recovery', () => {
    const { log, hear } = stage();
    hear([['t/0', 0, 20]], [[7, 8]]);
    hear([['t/0', 0, 20]], [[7, 8]]);
    hear([['t/0', 20, 40]], [[9, 10]]);
    expect(log.changedBetween(at({ 't/0': 5 }, 1, 1), at({ 't/0': 33 }, 2, 9))).toEqual([
      [7, 8],
      [9, 10],
    ]);
  });

  it('forgets what is older than clients stay away, and knows the newest flush', () => {
    const { log, hear } = stage();
    expect(log.newestAtMs).toBeNull();
    hear([['t/0', 0, 20]], [[7, 8]], -400_000);
    hear([['t/0', 20, 40]], [[9, 10]], 999_000);
    expect(log.newestAtMs).toBe(999_000);
    expect(log.changedBetween(at({ 't/0': 0 }, 1, 1), at({ 't/0': 40 }, 2, 9))).toBeNull();
    expect(log.changedBetween(at({ 't/0': 20 }, 1, 1), at({ 't/0': 40 }, 2, 9))).toEqual([[9, 10]]);
  });
});
