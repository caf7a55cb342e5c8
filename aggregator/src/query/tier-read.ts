// What the router asks of a tier, and what it gets back: the same for hot and cold, so that either can answer.
// Invariant: every bucket of a query is answered by exactly one TierRead.

import type { PartitionState } from '../window/flush-batch.js';
import type { PartitionId } from '../source/log.js';

export interface Filter {
  /** Index into Definition.dimensions; always one of the read's grouping. */
  readonly dimension: number;
  readonly op: '=' | '!=' | 'in' | 'not in' | '=~' | '!~';
  /** One value for = and !=, one RE2 pattern (unanchored, as in Go) for =~ and !~, any number for in / not in. */
  readonly values: readonly string[];
}

/** One number (or list) wanted per group and bucket. */
export type Output =
  /** count, sum, min, max: the fixed-point integer divided by 10^decimals. */
  | { readonly component: number; readonly stat: 'value' }
  /** unique: the estimated number of distinct values. */
  | { readonly component: number; readonly stat: 'estimate' }
  /** quantiles: the value at rank floor(q × (n - 1)), relative error ≤ 1 %. */
  | { readonly component: number; readonly stat: 'quantile'; readonly q: number }
  /** quantiles: counts per coarse bin (sketch/ddsketch.ts `coarseBin`), for heat maps. */
  | { readonly component: number; readonly stat: 'histogram' }
  /** top: the heaviest items. */
  | { readonly component: number; readonly stat: 'items'; readonly limit: number };

export interface TierRead {
  readonly tenant: string;
  /** Index into Definition.groupings: has every dimension of groupBy and filters. */
  readonly grouping: number;
  /** Dimension indices, in the order of the answer's `values`. */
  readonly groupBy: readonly number[];
  readonly filters: readonly Filter[];
  readonly outputs: readonly Output[];
  /** Half open, epoch ms. Multiples of bucketMs (or, when bucketMs is 0, of 1,000). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Bucket length, a multiple of 1,000, aligned to the epoch; 0: one bucket over the whole range (totals). */
  readonly bucketMs: number;
  /**
   * Sliding form: the entry at bucket start t covers [t + bucketMs - sizeMs, t + bucketMs): the window that ends with the bucket.
   * bucketMs is then a multiple of the measure's slide. With bucketMs 0 the window is not given.
   */
  readonly windowSizeMs: number | null;
  readonly maxRows: number;
  /** Aborts on deadline or when the client has gone. */
  readonly signal: AbortSignal;
}

export interface TopItem {
  readonly item: string;
  readonly weight: number;
}

export interface GroupResult {
  /** In the order of TierRead.groupBy. */
  readonly values: readonly string[];
  /** By output, then by bucket; NaN where there was no event. Empty array for histogram and items outputs. */
  readonly numbers: readonly Float64Array[];
  /** By output, then by bucket, for `items`. Descending weight, ties by item. `null` elsewhere. */
  readonly items: readonly (readonly (readonly TopItem[])[] | null)[];
  /** By output, then by bucket, for `histogram`: coarse bin → count. `null` elsewhere. */
  readonly histograms: readonly (readonly ReadonlyMap<number, number>[] | null)[];
}

export interface TierResult {
  /** Bucket starts, epoch ms, ascending, without gaps. */
  readonly timesMs: Float64Array;
  readonly groups: readonly GroupResult[];
  /** How far any `items` weight may be too low, in weight units: 0 means exact. */
  readonly topError: number;
  /** For the plan: what was read. */
  readonly detail: { readonly source: string; readonly rows: number; readonly durationMs: number };
}

/** What the router knows of a tier before it plans. */
export interface Coverage {
  /** Buckets starting at or after this are complete in the tier; +Infinity: the tier cannot answer now. */
  readonly fromMs: number;
  readonly partitions: ReadonlyMap<PartitionId, PartitionState>;
  /** Partitions that should be there and are not. */
  readonly missing: readonly PartitionId[];
  /** Why fromMs is +Infinity, in words; '' otherwise. */
  readonly reason: string;
  /** Differs from any earlier one when the store may have lost or exchanged data since: what was read between them is void. */
  readonly epoch?: string;
}
