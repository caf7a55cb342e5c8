// How far the data reaches: asked by every query, so that an unfinished bucket is marked and nothing that is merely late is
// shown as zero. The ingest side implements FreshnessProvider; `freshnessOf` is the rule both it and a reader follow.

import type { PartitionState } from '../window/flush-batch.js';
import type { PartitionId } from '../source/log.js';
import type { Coverage } from './tier-read.js';

export interface PartitionPosition {
  readonly id: PartitionId;
  readonly state: PartitionState;
  /** Offset after the newest record; null: not known here. */
  readonly logEnd: number | null;
  /** When that was the end, epoch ms; @default now */
  readonly logEndAtMs?: number;
}

export interface PartitionFreshness {
  readonly id: PartitionId;
  readonly maxEventTimeMs: number;
  /** maxEventTimeMs less the allowed lateness. */
  readonly watermarkMs: number;
  /** Records not yet applied; null: the log's end is not known here. */
  readonly lag: number | null;
  /** Everything in the log is applied, so that this partition holds nobody back. */
  readonly idle: boolean;
}

export interface Freshness {
  readonly nowMs: number;
  /** Buckets that end at or before this are finished (late events aside). 0: nothing is known. */
  readonly watermarkMs: number;
  /** Newest applied event time of the slowest partition that is not idle; 0 before the first event. */
  readonly newestEventMs: number;
  readonly partitions: readonly PartitionFreshness[];
  /** False when partitions are missing or nothing is known: then `reason` says so. */
  readonly complete: boolean;
  readonly reason: string;
}

/** What the query engine asks once per request. Must answer within milliseconds and not throw. */
export interface FreshnessProvider {
  /** @param coverage the hot tier's, null when it does not answer */
  freshness(coverage: Coverage | null): Freshness;
}

/**
 * The group's freshness from its partitions' positions.
 * The watermark is the smallest over the partitions that are not idle; with all of them idle it follows the clock, since
 * nothing is left that could still come on time: as far as the moment at which each was known to be read to its end, since whoever reads
 * it may hang. It never passes the clock: one producer whose clock is ahead finishes nobody's buckets.
 */
export function freshnessOf(
  positions: readonly PartitionPosition[],
  missing: readonly PartitionId[],
  latenessMs: number,
  nowMs: number,
): Freshness {
  const partitions = positions.map(({ id, state, logEnd }): PartitionFreshness => {
    const lag = logEnd === null ? null : Math.max(0, logEnd - state.offset);
    const watermarkMs = Math.max(0, state.maxEventTimeMs - latenessMs);
    return { id, maxEventTimeMs: state.maxEventTimeMs, watermarkMs, lag, idle: lag === 0 };
  });
  if (partitions.length === 0) {
    return { nowMs, watermarkMs: 0, newestEventMs: 0, partitions, complete: false, reason: 'No partition has reported its position yet.' };
  }
  const readToTheEndMs = positions.flatMap(({ logEndAtMs }, i) => (partitions[i].idle && logEndAtMs !== undefined ? [logEndAtMs] : []));
  const caughtUpMs = Math.max(0, Math.min(nowMs, ...readToTheEndMs) - latenessMs);
  const busy = partitions.filter((partition) => !partition.idle);
  const newest = (list: readonly PartitionFreshness[]): number[] => list.map((partition) => partition.maxEventTimeMs);
  const watermarkMs = Math.min(caughtUpMs, ...busy.map((p) => p.watermarkMs));
  const newestEventMs = busy.length === 0 ? Math.max(...newest(partitions)) : Math.min(...newest(busy));
  const reason = missing.length === 0 ? '' : `No position is known of ${missing.length} partition(s): ${missing.slice(0, 5).join(', ')}.`;
  return { nowMs, watermarkMs, newestEventMs, partitions, complete: missing.length === 0, reason };
}

/** For a process that ingests nothing itself: all it knows is in the hot tier's markers. */
export class CoverageFreshness implements FreshnessProvider {
  readonly #latenessMs: number;
  readonly #now: () => number;

  constructor(latenessMs: number, now: () => number) {
    this.#latenessMs = latenessMs;
    this.#now = now;
  }

  freshness(coverage: Coverage | null): Freshness {
    const positions = [...(coverage?.partitions ?? [])].map(([id, state]) => ({ id, state, logEnd: null }));
    return freshnessOf(positions, coverage?.missing ?? [], this.#latenessMs, this.#now());
  }
}
