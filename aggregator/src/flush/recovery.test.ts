import { describe, expect, it } from 'vitest';
import type { AssignedPartition } from '../source/log.js';
import type { PartitionState } from '../window/flush-batch.js';
import { decodePosition, emptyState, encodePosition } from './position.js';
import { catchUpSegments, planRecovery } from './recovery.js';

function at(offset: number, more: Partial<PartitionState> = {}): PartitionState {
  return {
    ...emptyState(offset),
    maxEventTimeMs: 1_000 + offset,
    warmFrom: Math.max(0, offset - 50),
    consumed: offset,
    applied: offset,
    ...more,
  };
}

function assigned(committed: PartitionState | null, more: Partial<AssignedPartition> = {}): AssignedPartition {
  return {
    id: 'shop/0',
    committedOffset: committed?.offset ?? null,
    committedMetadata: committed === null ? '' : encodePosition(committed),
    logStart: 0,
    logEnd: 1_000,
    startOffset: 0,
    ...more,
  };
}

describe('planRecovery', () => {
  it('starts at the definition’s start when nothing is known', () => {
    const plan = planRecovery(assigned(null, { startOffset: 7 }), [null, null]);
    expect(plan).toMatchObject({ applyFrom: 7, readFrom: 7, coldFrom: 7, hotStart: 7, lost: 0 });
    expect(catchUpSegments(plan)).toEqual([]);
  });

  it('goes on without catching up when commit and markers agree, reading back for duplicates', () => {
    const plan = planRecovery(assigned(at(500)), [at(500), at(500)]);
    expect(plan).toMatchObject({ applyFrom: 500, readFrom: 450, coldFrom: 500 });
    expect(catchUpSegments(plan)).toEqual([]);
  });

  it('replays into the cold tier and the shards behind, never into a shard that has the records', () => {
    const plan = planRecovery(assigned(at(100)), [at(130), at(120), at(100)]);
    expect(catchUpSegments(plan)).toEqual([
      { from: 100, to: 120, cold: true, shards: [2] },
      { from: 120, to: 130, cold: true, shards: [1, 2] },
    ]);
  });

  it('starts coverage of a wiped shard where the cold tier stands', () => {
    const plan = planRecovery(assigned(at(100)), [null, at(140)]);
    expect(plan.hotStart).toBe(100);
    expect(catchUpSegments(plan)).toEqual([{ from: 100, to: 140, cold: true, shards: [] }]);
  });

  it('feeds a hot tier restored from an older snapshot without writing cold rows again', () => {
    const plan = planRecovery(assigned(at(300)), [at(250)]);
    expect(plan).toMatchObject({ applyFrom: 250, coldFrom: 300 });
    expect(catchUpSegments(plan)).toEqual([{ from: 250, to: 300, cold: false, shards: [0] }]);
  });

  it('drops a marker that the log no longer reaches', () => {
    const plan = planRecovery(assigned(at(300), { logStart: 280 }), [at(250)]);
    expect(plan).toMatchObject({ applyFrom: 300, dropMarkers: [0], lost: 0 });
    expect(plan.shards).toEqual([null]);
  });

  it('counts records that retention took before they were read', () => {
    const plan = planRecovery(assigned(at(300), { logStart: 350 }), [at(300)]);
    expect(plan).toMatchObject({ applyFrom: 350, readFrom: 350, lost: 50, dropMarkers: [0], shards: [null] });
    expect(plan.state).toMatchObject({ offset: 350, consumed: 300, lost: 50 });
  });

  it('needs no record that only an old commit asks for, because cold is never behind a marker', () => {
    const plan = planRecovery(assigned(at(100), { logStart: 120 }), [at(130)]);
    expect(plan).toMatchObject({ applyFrom: 130, coldFrom: 130, lost: 0, dropMarkers: [] });
  });

  it('trusts the markers when the group’s commits have expired', () => {
    const plan = planRecovery(assigned(null, { startOffset: 0 }), [at(300), at(310)]);
    expect(plan).toMatchObject({ applyFrom: 300, coldFrom: 300 });
    expect(catchUpSegments(plan)).toEqual([{ from: 300, to: 310, cold: true, shards: [0] }]);
  });

  it('follows a person who moved the group: back writes cold again, forward skips in both tiers', () => {
    const back = planRecovery({ ...assigned(null), committedOffset: 40 }, [at(300)]);
    expect(catchUpSegments(back)).toEqual([{ from: 40, to: 300, cold: true, shards: [] }]);
    const forward = planRecovery({ ...assigned(null), committedOffset: 400 }, [at(300)]);
    expect(forward).toMatchObject({ applyFrom: 400, dropMarkers: [0] });
  });

  it('refuses a log that ends before what was applied', () => {
    expect(() => planRecovery(assigned(at(500), { logEnd: 20 }), [at(500)])).toThrow(/created anew or lost records/);
  });
});

describe('positions', () => {
  it('survive being written and read, and foreign metadata is refused', () => {
    expect(decodePosition(encodePosition(at(12)))).toEqual(at(12));
    expect(decodePosition('')).toBeNull();
    expect(() => decodePosition('written by hand')).toThrow(/not written by this version/);
    expect(encodePosition({ ...at(2 ** 53 - 1) }).length).toBeLessThan(300);
  });
});
