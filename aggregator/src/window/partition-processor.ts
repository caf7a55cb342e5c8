// One partition's progress through its log: what was read, what it was decided to be, and the state that a marker keeps.
// Invariant: everything here is a pure function of the partition's log up to `next`; nothing looks at the wall clock.

import type { Definition } from '../definition/model.js';
import type { PartitionId } from '../source/log.js';
import { DuplicateFilter } from './duplicates.js';
import type { PartitionState } from './flush-batch.js';

export class PartitionProcessor {
  readonly duplicatesFilter: DuplicateFilter;
  /** Records below this only teach duplicate detection. */
  readonly applyFrom: number;
  /** Next offset expected from the source. */
  next: number;
  /** Position up to which an accumulation was sealed. */
  sealed: number;
  maxEventTimeMs: number;
  consumed: number;
  applied: number;
  duplicates: number;
  deadLettered: number;
  late: number;
  lost: number;
  /** End of the log as last heard. */
  logEnd = 0;
  /** When the partition was last known to be read to its end, epoch ms; 0: it is not. */
  caughtUpAtMs = 0;

  constructor(
    readonly id: PartitionId,
    definition: Definition,
    state: PartitionState,
    readFrom: number,
  ) {
    this.duplicatesFilter = new DuplicateFilter(definition.duplicates);
    this.applyFrom = state.offset;
    this.next = readFrom;
    this.sealed = state.offset;
    this.maxEventTimeMs = state.maxEventTimeMs;
    this.consumed = state.consumed;
    this.applied = state.applied;
    this.duplicates = state.duplicates;
    this.deadLettered = state.deadLettered;
    this.late = state.late;
    this.lost = state.lost;
  }

  /** The state up to `next`, or up to `applyFrom` while still warming up. */
  state(): PartitionState {
    const offset = Math.max(this.next, this.applyFrom);
    return {
      offset,
      maxEventTimeMs: this.maxEventTimeMs,
      // While warming up, what was not read yet must be read again: it may hold what is to be remembered.
      warmFrom: this.duplicatesFilter.oldestOffset(this.next),
      consumed: this.consumed,
      applied: this.applied,
      duplicates: this.duplicates,
      deadLettered: this.deadLettered,
      late: this.late,
      lost: this.lost,
    };
  }
}
