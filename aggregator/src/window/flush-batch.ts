// What one flush carries from the window room to the two tiers. Built by the partition processors from the log alone:
// the same offsets of the same log always give the same flush, so either tier may see it again.

import type { PartitionId } from '../source/log.js';
import type { DeltaColumns } from './delta-columns.js';

/** Where a partition stands. A pure function of the log up to `offset`; stored with every marker and every commit. */
export interface PartitionState {
  /** Next offset to apply. */
  readonly offset: number;
  /** Largest event time seen, epoch ms; 0 before the first event. The watermark is this less the allowed lateness. */
  readonly maxEventTimeMs: number;
  /** Oldest offset that duplicate detection still remembers: a restart reads from here to rebuild its memory. */
  readonly warmFrom: number;
  /** Conservation ledger: consumed = applied + duplicates + deadLettered. */
  readonly consumed: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  /** Of the applied: how many came after their bucket's watermark. */
  readonly late: number;
  /** Records that the log had dropped before they were read (retention); 0 in a healthy life. */
  readonly lost: number;
}

export interface PartitionAdvance {
  readonly partition: PartitionId;
  /** The marker moves from exactly this offset … */
  readonly from: number;
  /** … to `state.offset`. */
  readonly state: PartitionState;
  /**
   * null: the marker must exist and be `from`. A time: there must be no marker; it is created, and the tier's coverage of
   * this partition starts at this event time (every event of a bucket starting at or after it has an offset ≥ `from`).
   */
  readonly coverageFromMs: number | null;
}

/** Hot resolutions in seconds. */
export type Resolution = 1 | 10 | 60;
export const RESOLUTIONS: readonly Resolution[] = [1, 10, 60];

/** What one flush adds to one series in one bucket of one resolution. */
export interface SeriesDelta {
  readonly tenant: string;
  /** Index into `Definition.groupings`; only groupings with `hot`. */
  readonly grouping: number;
  /** Dimension values in the order of the grouping's dimensions. */
  readonly values: readonly string[];
  readonly resolution: Resolution;
  /** Bucket start, epoch seconds, a multiple of the resolution. */
  readonly bucketS: number;
  /**
   * By component index. count, sum: the integer to add (fixed point; exact below 2^53). min, max: the candidate, NaN where the
   * flush saw no value. Sketch components: NaN.
   */
  readonly numeric: Float64Array;
  /**
   * By component index: an encoded delta (see sketch/), null where nothing changed or the component is numeric. Deltas are
   * lists of entries: appending one to another is merging them. Only at resolutions 1 and 10: minutes of sketches come from
   * 10 s panes (recent) or the cold tier (older).
   */
  readonly sketches: readonly (Uint8Array | null)[];
}

/** A column of raw rows, ready to be written as a Native block. All have `rows` entries. */
export type RawColumn =
  | { readonly name: string; readonly type: 'Int64' | 'UInt64' | 'DateTime64(3)' | 'UInt32' | 'UInt16'; readonly data: Float64Array }
  /** Fixed-point number or null (NaN in `data`). */
  | { readonly name: string; readonly type: 'Nullable(Int64)'; readonly data: Float64Array }
  /** Few distinct strings: entry i is `dictionary[ids[i]]`. */
  | { readonly name: string; readonly type: 'LowCardinality(String)'; readonly ids: Uint32Array; readonly dictionary: readonly string[] }
  /** One entry after the other: its length in bytes as LEB128, its UTF-8 bytes. */
  | { readonly name: string; readonly type: 'String'; readonly encoded: Uint8Array };

/**
 * Applied events of one flush. Columns, in this order: `tenant` LowCardinality, `topic` LowCardinality, `partition` UInt32,
 * `offset` UInt64, `time` DateTime64(3), `log_time` DateTime64(3), then one per Definition.fields under its name, except the
 * fields of event.time and event.tenant: number fields Nullable(Int64) fixed point, interned strings LowCardinality(String),
 * other strings String. A missing string is ''. A dimension's value is the kept one (`__other__` beyond the cap).
 */
export interface RawRows {
  readonly rows: number;
  readonly columns: readonly RawColumn[];
  /** Epoch minutes (ms / 60,000) that have rows in it, ascending. */
  readonly minutes: readonly number[];
}

export interface Flush {
  /** Owned partitions that moved. */
  readonly partitions: readonly PartitionAdvance[];
  /** Every partition of the source, so that readers can see which are missing. */
  readonly allPartitions: readonly PartitionId[];
  /** A list says the same as columns, one delta by itself; a series may come more than once per bucket. */
  readonly deltas: readonly SeriesDelta[] | DeltaColumns;
  readonly raw: RawRows;
}
