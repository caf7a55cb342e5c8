// The hot tier's contract: recent panes per series, moved forward by compare-and-set. Implementations: memory.ts, redis.ts.
// Invariant: a shard's numbers are exactly the sum of the log's records in [coverage start, marker) of every partition.

import type { Flush, PartitionState, Resolution } from '../window/flush-batch.js';
import type { PartitionId } from '../source/log.js';
import type { Coverage } from '../query/tier-read.js';

/** By shard: the marker of each partition asked for; null: none there. */
export type HotMarkers = readonly ReadonlyMap<PartitionId, PartitionState | null>[];

export type ApplyResult =
  | { readonly outcome: 'applied' }
  /** Nothing was applied in this shard: somebody else moved on, or the store lost data. */
  | { readonly outcome: 'fenced'; readonly shard: number; readonly partition: PartitionId; readonly marker: number | null };

/** Where a shard's data of a partition begins. */
export interface PartitionReach {
  /** The shard has every record with this event time or a later one that a marker stands behind. Epoch ms. */
  readonly coverageFromMs: number;
  /** And every record from this offset on, whatever its time; null: not known, so earlier ones can never be added. */
  readonly baseOffset: number | null;
}

export interface ShardReach {
  /** Changes whenever the shard starts anew; '' when there is nothing. */
  readonly epoch: string;
  /** Partitions that have a marker. */
  readonly partitions: ReadonlyMap<PartitionId, PartitionReach>;
  /** Partitions that should have one and do not. */
  readonly missing: readonly PartitionId[];
}

/** Records that are added to shards from before their coverage: all below `baseOffset` with event times in [toMs, fromMs). */
export interface Extension {
  readonly epochs: readonly string[];
  readonly partitions: readonly {
    readonly partition: PartitionId;
    readonly baseOffset: number;
    /** Where its coverage begins now, and where it begins afterwards. */
    readonly fromMs: number;
    readonly toMs: number;
  }[];
  readonly deltas: Flush['deltas'];
}

export interface SeriesRead {
  readonly tenant: string;
  readonly grouping: number;
  readonly series: readonly (readonly string[])[];
  readonly resolution: Resolution;
  /** Bucket starts, epoch seconds, half open, multiples of the resolution. */
  readonly fromS: number;
  readonly toS: number;
  readonly signal: AbortSignal;
}

export interface HotTier {
  readonly shards: number;
  /** Connects, checks version and settings. @throws TidemarkError unavailable, with what to do. */
  start(): Promise<void>;
  readMarkers(partitions: readonly PartitionId[]): Promise<HotMarkers>;
  /** Forgets where a partition stands in one shard; its next flush begins a new coverage. */
  dropMarker(shard: number, partition: PartitionId): Promise<void>;
  /**
   * Applies a flush to the given shards, each atomically: all partitions' markers are as the flush says, or nothing changes.
   * Where all markers already stand at the flush's end the shard answers `applied` (the answer of an earlier try was lost).
   * Deltas whose bucket ended longer ago than its resolution's retention are skipped.
   * @throws TidemarkError unavailable or unknown_outcome: repeat the same call.
   */
  apply(flush: Flush, shards: readonly number[]): Promise<ApplyResult>;
  /**
   * Admits new dimension values under the cap, first come, first served, for all processes alike.
   * A value not seen for 48 h makes room. @returns the admitted ones of `values`.
   */
  admit(tenant: string, dimension: number, values: readonly string[]): Promise<ReadonlySet<string>>;
  /** True when the registry of admitted values is empty (new or wiped): fill it by `admit` with the cold tier's values first. */
  admissionsMissing(): Promise<boolean>;
  admissionsLoaded(): Promise<void>;

  coverage(): Promise<Coverage>;
  /** By shard, how far back its data reaches. @throws TidemarkError unavailable */
  reaches(): Promise<readonly ShardReach[]>;
  /**
   * Adds records of before the coverage to the given shards and moves it back, each shard atomically: everything is as the extension
   * says, or nothing changes. Where the coverage begins at `toMs` already it was done before, and nothing changes either.
   * @returns false when a shard is another one by now, or reaches elsewhere: look anew
   * @throws TidemarkError unavailable or unknown_outcome: repeat the same call
   */
  extend(extension: Extension, shards: readonly number[]): Promise<boolean>;
  /**
   * What is neither flushed to nor kept goes away when all its data has, about a day later: call now and then while nothing comes.
   * @throws TidemarkError unavailable
   */
  keep(): Promise<void>;
  /** Covers nothing while a partition stands before the offset given here: the tier has been there, whoever saw it. */
  stoodAt(positions: ReadonlyMap<PartitionId, number>): void;
  /** Series of a grouping that had an event in the range (may include some that had not). */
  listSeries(
    tenant: string,
    grouping: number,
    fromS: number,
    toS: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly string[])[]>;
  /** By series, by component asked for, by bucket. count, sum: 0 where nothing was added; min, max: NaN. Fixed point. */
  readNumeric(read: SeriesRead, components: readonly number[]): Promise<readonly (readonly Float64Array[])[]>;
  /** By series, by bucket: all entries appended for one sketch component, null where none. Resolutions 1 and 10 only. */
  readSketch(read: SeriesRead, component: number): Promise<readonly (readonly (Uint8Array | null)[])[]>;

  /** Small values with a time to live: the query cache. Shared by all processes where the tier is. Errors are misses. */
  cacheGet(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]>;
  cacheSet(key: string, value: Uint8Array, ttlMs: number): Promise<void>;
  /** A lease by name for `ttlMs`; true if held by `owner` now. */
  lease(name: string, owner: string, ttlMs: number): Promise<boolean>;
  releaseLease(name: string, owner: string): Promise<void>;
  /** Flush announcements (for live): fire and forget; the handler gets each announcement of every process. */
  announce(message: string): void;
  onAnnounce(handler: (message: string) => void): () => void;

  /** Round trip in ms, version and used memory: for readyz, status and metrics. */
  health(): Promise<{ readonly ok: boolean; readonly detail: string; readonly memoryBytes: number }>;
  /** Forgets everything (tests, and the command to rebuild). */
  clear(): Promise<void>;
  stop(): Promise<void>;
}
