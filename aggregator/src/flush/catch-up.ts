// Brings tiers that stand at different positions after a crash together: one stretch of a partition after the other is applied to
// those that lack it, alone, until all stand at the same offset. Invariant: while a stretch is being applied nothing else of its
// partition is; a partition's segments and coverage change here alone.

import type { Failpoints } from '../failpoints.js';
import type { PartitionId, RecordBatch } from '../source/log.js';
import type { Accumulation } from '../window/accumulation.js';
import type { EventProcessor } from '../window/event-processor.js';
import type { PartitionProcessor } from '../window/partition-processor.js';
import { catchUpSegments, type RecoveryPlan, type Segment } from './recovery.js';

/** Records between two looks at the event loop: some milliseconds of work. */
export const SLICE_RECORDS = 2_048;

export interface OwnedPartition {
  readonly processor: PartitionProcessor;
  readonly segments: Segment[];
  /** Shards that have no marker of this partition yet, and the event time their coverage starts at. */
  readonly uncovered: Set<number>;
  coverageFromMs: number;
  /** The log dropped records that no marker counted: the cold tier may hold some of them, so it alone knows the newest event. */
  readonly gap: boolean;
  /** Set while a stretch is being applied alone; batches wait for it. */
  catchingUp: Promise<unknown> | null;
  /** An empty fetch said that nothing comes before this offset. */
  emptyUpTo: number;
}

export function ownedPartition(plan: RecoveryPlan, processor: PartitionProcessor): OwnedPartition {
  return {
    processor,
    segments: [...catchUpSegments(plan)],
    uncovered: new Set(plan.shards.flatMap((marker, shard) => (marker === null ? [shard] : []))),
    coverageFromMs: 0,
    gap: plan.lost > 0,
    catchingUp: null,
    emptyUpTo: 0,
  };
}

const EMPTY_BATCH: RecordBatch = {
  partition: '',
  generation: -1,
  count: 0,
  bytes: new Uint8Array(0),
  start: new Int32Array(0),
  end: new Int32Array(0),
  offset: new Float64Array(0),
  timestampMs: new Float64Array(0),
  logEnd: 0,
};

export interface CatchUpParts {
  readonly processor: EventProcessor;
  readonly maxRows: number;
  readonly failpoints: Failpoints;
  /** Resolves when no flush of what all partitions share is under way. */
  sharedFlush(): Promise<void>;
  flush(accumulation: Accumulation, cold: boolean, shards: readonly number[], commit: boolean): Promise<boolean>;
  /** See ColdTier; repeated until it answers or `signal` aborts. */
  newestEventMs(partition: PartitionId, belowOffset: number, signal: AbortSignal): Promise<number>;
  /** Of the assignment that is being worked for. */
  signal(): AbortSignal;
}

export class CatchUp {
  readonly #parts: CatchUpParts;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  /** The log has no more records before the first segment's end: it is passed without any. */
  async passEnd(owned: OwnedPartition): Promise<void> {
    await this.#take(owned, EMPTY_BATCH, 0, true);
  }

  /**
   * Takes what of a batch belongs to the first segment.
   * @returns the index of the first record of the batch that was not taken
   */
  take(owned: OwnedPartition, batch: RecordBatch, from: number): Promise<number> {
    return this.#take(owned, batch, from, false);
  }

  async #take(owned: OwnedPartition, batch: RecordBatch, from: number, nothingMore: boolean): Promise<number> {
    const { processor: events, maxRows } = this.#parts;
    let at = from;
    await this.alone(owned, (segment, accumulation) => {
      const { processor } = owned;
      while (at < batch.count && accumulation.raw.rows < maxRows) {
        const next = events.process(batch, at, SLICE_RECORDS, segment.to, processor, accumulation);
        if (next === at) {
          break;
        }
        at = next;
      }
      if (nothingMore || (at < batch.count && batch.offset[at] >= segment.to)) {
        // What lies between has no records any more (compacted away, or markers of transactions).
        processor.next = Math.max(processor.next, segment.to);
      }
    });
    return at;
  }

  /** Takes what `fill` finds in the first segment and flushes it to that segment's targets. Others wait for it. */
  async alone(owned: OwnedPartition, fill: (segment: Segment, accumulation: Accumulation) => void): Promise<void> {
    const work = this.#fillAlone(owned, fill).finally(() => {
      owned.catchingUp = null;
    });
    owned.catchingUp = work.catch(() => undefined);
    await work;
  }

  /** From here on, shards without a marker are complete for buckets that no earlier record can belong to. */
  async beginCoverage(owned: OwnedPartition, signal: AbortSignal): Promise<void> {
    const { processor, gap } = owned;
    const offset = Math.max(processor.next, processor.applyFrom);
    const known = processor.maxEventTimeMs;
    const asked = !gap && (known > 0 || offset === 0) ? 0 : await this.#parts.newestEventMs(processor.id, offset, signal);
    const newestMs = Math.max(known, asked);
    owned.coverageFromMs = newestMs === 0 ? 0 : newestMs + 1;
    await this.#parts.failpoints.reach('recovery.coverage-known');
  }

  async #fillAlone(owned: OwnedPartition, fill: (segment: Segment, accumulation: Accumulation) => void): Promise<void> {
    const segment = owned.segments[0];
    const { processor } = owned;
    await this.#parts.sharedFlush();
    const accumulation = this.#parts.processor.open();
    fill(segment, accumulation);
    if (processor.next > processor.sealed && processor.next > processor.applyFrom) {
      accumulation.touch(processor);
    }
    if (!accumulation.isEmpty) {
      await this.#parts.flush(accumulation, segment.cold, segment.shards, segment.cold);
      await this.#parts.failpoints.reach('recovery.stretch-applied');
    }
    if (processor.next >= segment.to) {
      // Before the segment counts as done: until the coverage is known nothing may be flushed with it.
      const known = owned.segments.length > 1 || owned.uncovered.size === 0 || (await this.#coverageKnown(owned));
      if (known) {
        owned.segments.shift();
      }
    }
  }

  /** @returns false when the work was given up meanwhile: the next assignment finds out anew */
  async #coverageKnown(owned: OwnedPartition): Promise<boolean> {
    const signal = this.#parts.signal();
    try {
      await this.beginCoverage(owned, signal);
      return true;
    } catch (error) {
      if (signal.aborted) {
        return false;
      }
      throw error;
    }
  }
}
