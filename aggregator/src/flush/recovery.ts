// Where to go on after anything: a pure decision from the committed position and the hot tier's markers, per partition.
// Invariant of the flush that makes it right: cold is written before hot, and the commit after both. So the cold tier holds
// everything below every hot marker and below the commit, and the lowest position of all is where reading starts again.

import { TidemarkError } from '../errors.js';
import type { AssignedPartition } from '../source/log.js';
import type { PartitionState } from '../window/flush-batch.js';
import { decodePosition, emptyState } from './position.js';

/** What stands at which position when reading begins. */
export interface RecoveryPlan {
  readonly partition: string;
  /** First record to apply to any target. */
  readonly applyFrom: number;
  /** State of the log up to `applyFrom`. */
  readonly state: PartitionState;
  /** First record to read: from here to `applyFrom` only duplicate detection learns. */
  readonly readFrom: number;
  /** Offset from which raw rows are (again) written. */
  readonly coldFrom: number;
  /** By shard: the offset its marker stands at, or null: it has none and coverage starts anew at `hotStart`. */
  readonly shards: readonly (number | null)[];
  /** Where shards without a marker begin; at or after `applyFrom`. */
  readonly hotStart: number;
  /** Shards whose marker can no longer be reached in the log: their markers must be dropped first. */
  readonly dropMarkers: readonly number[];
  /** Records that the log had already dropped: never seen by any tier. */
  readonly lost: number;
}

/** The furthest that anything was applied or committed. */
export function highestPosition(assigned: AssignedPartition, markers: readonly (PartitionState | null)[]): number {
  return Math.max(assigned.committedOffset ?? 0, ...markers.map((m) => m?.offset ?? 0));
}

export function planRecovery(assigned: AssignedPartition, markers: readonly (PartitionState | null)[]): RecoveryPlan {
  const committed = committedState(assigned);
  const highest = highestPosition(assigned, markers);
  if (highest > assigned.logEnd) {
    throw new TidemarkError(
      'fatal',
      'LOG_BEHIND_POSITION',
      `${assigned.id} ends at offset ${assigned.logEnd}, but records up to ${highest} were already applied: the topic was created anew or lost records.`,
      'Give the new topic another name, or this definition another group, database and hot.redis.keyPrefix; rows of the old topic would be overwritten otherwise.',
    );
  }
  // Somebody moved the group forward by hand: what they skipped is skipped in both tiers.
  const reachableFrom = Math.max(assigned.logStart, committed !== null && committed.byHand ? committed.offset : 0);
  const dropMarkers: number[] = [];
  const reachable = markers.map((marker, shard) => {
    if (marker !== null && marker.offset < reachableFrom) {
      dropMarkers.push(shard);
      return null;
    }
    return marker;
  });
  const known: PartitionState[] = [...(committed === null ? [] : [committed]), ...markers.filter((m) => m !== null)];
  if (known.length === 0) {
    // Nothing is known of this partition: both tiers start together.
    const start = Math.max(assigned.startOffset, assigned.logStart);
    return plan(assigned, emptyState(start), start, reachable, start, dropMarkers, 0);
  }
  const standing = known.filter((s) => s.offset >= reachableFrom);
  if (standing.length === 0) {
    // The log has dropped records that nobody read. The cold tier has what any marker had, so the highest state counts.
    const last = known.reduce((a, b) => (b.offset > a.offset ? b : a));
    const lost = assigned.logStart - last.offset;
    const state = { ...last, offset: assigned.logStart, lost: last.lost + lost };
    return plan(assigned, state, state.offset, reachable, state.offset, dropMarkers, lost);
  }
  const lowest = standing.reduce((a, b) => (b.offset < a.offset ? b : a));
  // Without a commit, cold is known to hold everything below the lowest marker.
  const coldFrom = committed !== null && committed.offset >= reachableFrom ? committed.offset : lowest.offset;
  // A shard without a marker starts where the cold tier stands: what is older is read from there.
  return plan(assigned, lowest, coldFrom, reachable, coldFrom, dropMarkers, 0);
}

function plan(
  assigned: AssignedPartition,
  state: PartitionState,
  coldFrom: number,
  markers: readonly (PartitionState | null)[],
  hotStart: number,
  dropMarkers: readonly number[],
  lost: number,
): RecoveryPlan {
  return {
    partition: assigned.id,
    applyFrom: state.offset,
    state,
    readFrom: Math.max(assigned.logStart, Math.min(state.warmFrom, state.offset)),
    coldFrom,
    shards: markers.map((m) => m?.offset ?? null),
    hotStart,
    dropMarkers,
    lost,
  };
}

function committedState(assigned: AssignedPartition): (PartitionState & { readonly byHand: boolean }) | null {
  if (assigned.committedOffset === null) {
    return null;
  }
  const state = decodePosition(assigned.committedMetadata);
  if (state === null || state.offset !== assigned.committedOffset) {
    // Somebody moved the group by hand: the offset is their wish, the rest starts anew.
    return { ...emptyState(assigned.committedOffset), byHand: true };
  }
  return { ...state, byHand: false };
}

/** One stretch of catching up: records in [from, to) go to these targets only. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly cold: boolean;
  readonly shards: readonly number[];
}

/**
 * Cuts [applyFrom, where all targets stand together) at every target's position. Empty when all stand at `applyFrom`.
 * Shards without a marker join when the last segment is done.
 */
export function catchUpSegments(recovery: RecoveryPlan): readonly Segment[] {
  const positions = [recovery.coldFrom, recovery.hotStart, ...recovery.shards.filter((s): s is number => s !== null)];
  const cuts = [...new Set([recovery.applyFrom, ...positions])].filter((p) => p >= recovery.applyFrom).sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const from = cuts[i];
    segments.push({
      from,
      to: cuts[i + 1],
      cold: recovery.coldFrom <= from,
      shards: recovery.shards.flatMap((marker, shard) => (marker !== null && marker <= from ? [shard] : [])),
    });
  }
  return segments;
}
