// Which stretch of time a hot tier gets back next: a pure decision from how far its shards reach. From the present backwards, so that
// what people look at most is there first. Invariant: a stretch ends exactly where the coverage of its partitions begins.

import type { Extension, ShardReach } from '../hot/hot-tier.js';
import type { PartitionId } from '../source/log.js';

export interface Stretch {
  /** Shards that reach equally far and get it together. */
  readonly shards: readonly number[];
  /** By shard. */
  readonly epochs: readonly string[];
  /** Records below `baseOffset` with event times in [toMs, fromMs) are missing. */
  readonly partitions: Extension['partitions'];
  /** Half open, epoch ms, over all partitions. */
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;

/**
 * @param goalMs nothing older is kept
 * @param lengthMs how long a stretch may be
 * @returns null when every shard reaches back to the goal, or as far as it ever will
 */
export function nextStretch(reaches: readonly ShardReach[], goalMs: number, lengthMs: number): Stretch | null {
  let newest = Number.NEGATIVE_INFINITY;
  let chosen: Candidate | null = null;
  for (const reach of reaches) {
    const candidate = candidateOf(reach, goalMs);
    if (candidate !== null && candidate.topMs > newest) {
      newest = candidate.topMs;
      chosen = candidate;
    }
  }
  if (chosen === null) {
    return null;
  }
  const { topMs, floorMs, key } = chosen;
  const wished = topMs - lengthMs;
  // Whole minutes are what the raw table is sorted by.
  const toMs = Math.max(floorMs, lengthMs >= MINUTE_MS ? Math.floor(wished / MINUTE_MS) * MINUTE_MS : wished);
  return {
    shards: reaches.flatMap((reach, shard) => (candidateOf(reach, goalMs)?.key === key ? [shard] : [])),
    epochs: reaches.map(({ epoch }) => epoch),
    partitions: chosen.partitions.flatMap(({ partition, baseOffset, fromMs }) =>
      fromMs > toMs ? [{ partition, baseOffset, fromMs, toMs }] : [],
    ),
    fromMs: toMs,
    toMs: topMs,
  };
}

interface Candidate {
  /** The same for shards that lack the same. */
  readonly key: string;
  readonly topMs: number;
  readonly floorMs: number;
  readonly partitions: readonly { readonly partition: PartitionId; readonly baseOffset: number; readonly fromMs: number }[];
}

function candidateOf({ epoch, partitions: known, missing }: ShardReach, goalMs: number): Candidate | null {
  if (epoch === '' || missing.length > 0) {
    return null;
  }
  const partitions: { partition: PartitionId; baseOffset: number; fromMs: number }[] = [];
  // The tier covers no more than the partition that reaches least far, and some reach no further for good.
  let floorMs = goalMs;
  for (const [partition, { coverageFromMs, baseOffset }] of known) {
    if (baseOffset === null) {
      floorMs = Math.max(floorMs, coverageFromMs);
    } else {
      partitions.push({ partition, baseOffset, fromMs: coverageFromMs });
    }
  }
  partitions.sort((a, b) => (a.partition < b.partition ? -1 : 1));
  const topMs = partitions.reduce((top, { fromMs }) => Math.max(top, fromMs), Number.NEGATIVE_INFINITY);
  return topMs > floorMs ? { key: JSON.stringify([floorMs, partitions]), topMs, floorMs, partitions } : null;
}
