// The cold tier's contract: raw events by identity and rollups by compaction. One implementation of the SQL (tier.ts) over
// an engine seam (engine.ts: chDB in process, or ClickHouse over HTTP).
// Invariant: raw rows have the identity (topic, partition, offset), so writing any of them again changes nothing.

import type { FieldId } from '../definition/model.js';
import type { PartitionId } from '../source/log.js';
import type { RawRows } from '../window/flush-batch.js';
import type { StoredRows } from '../window/stored-events.js';
import type { TierRead, TierResult } from '../query/tier-read.js';
import type { ReplayProgress, ReplayReport } from './replay.js';
import type { Span } from './spans.js';
import type { AnomaliesRead, AnomalyRecord } from './anomaly-store.js';

export interface CompactionState {
  /** Minutes before this are compacted, except the dirty ones. Epoch ms, a multiple of 60,000; 0 when nothing is. */
  readonly closedUntilMs: number;
  /** Epoch minutes that late rows touched after their compaction and that await recompaction, ascending. */
  readonly dirtyMinutes: readonly number[];
  /** Changes whenever a closed minute was recompacted: part of cache keys. By epoch day. */
  readonly revisionByDay: ReadonlyMap<number, number>;
  /** Event time of the oldest event that is kept, at least as a rollup (then its bucket's start), epoch ms; Infinity: there is none. */
  readonly dataFromMs: number;
}

export interface EventsRead {
  readonly tenant: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Indices into Definition.components: only events that count for any of them; empty: all events. */
  readonly components: readonly number[];
  readonly filters: TierRead['filters'];
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Applied events of a stretch of time, of some partitions up to some offset each. */
export interface StoredRead {
  /** Half open, epoch ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of each partition: rows below the offset with event times before `untilMs`. */
  readonly partitions: readonly { readonly partition: PartitionId; readonly belowOffset: number; readonly untilMs: number }[];
  /** Not the event's time and tenant, which come always. */
  readonly fields: readonly FieldId[];
  readonly maxRows: number;
  readonly signal: AbortSignal;
}

export interface EventsResult {
  /** Column names with Grafana-ish types; rows newest first. Fixed-point numbers already divided; times epoch ms. */
  readonly columns: readonly { readonly name: string; readonly type: 'time' | 'number' | 'string' }[];
  readonly rows: readonly (readonly (number | string | null)[])[];
}

export interface MigrationStep {
  readonly version: number;
  readonly name: string;
  readonly state: 'applied' | 'pending';
}

export interface ColdTier {
  /** Connects, checks the engine's version and pins its settings. @throws TidemarkError unavailable, with what to do. */
  start(): Promise<void>;
  /** Versioned steps, plus columns for fields and components that the definition gained. Safe to run twice and by two processes. */
  migrate(onProgress: (step: MigrationStep) => void): Promise<readonly MigrationStep[]>;
  migrations(): Promise<readonly MigrationStep[]>;
  /**
   * Stores raw rows and marks already closed minutes among them as dirty. Idempotent: repeat on any error.
   * @throws TidemarkError unavailable, unknown_outcome
   */
  insert(rows: RawRows): Promise<void>;
  /** What `read` may take from rollups; a few hundred ms old at most. */
  state(): Promise<CompactionState>;
  /**
   * Compacts every minute before `untilMs` that is not yet closed, recompacts dirty ones, then hours and days that are complete.
   * Idempotent; two processes at once are harmless. Works in steps of at most some seconds; stops between them on abort.
   */
  compact(untilMs: number, signal: AbortSignal, onProgress?: (closedUntilMs: number) => void): Promise<void>;
  read(read: TierRead): Promise<TierResult>;
  /** The same from raw events alone, whatever rollups there are: slow, for checks. */
  readRaw(read: TierRead): Promise<TierResult>;
  /** See replay.ts. @throws TidemarkError invalid, unavailable */
  replay(span: Span, signal: AbortSignal, onProgress: (progress: ReplayProgress) => void): Promise<ReplayReport>;
  readEvents(read: EventsRead): Promise<EventsResult>;
  /** Raw rows as they were applied, each once. @returns null when there are more than `maxRows` @throws TidemarkError unavailable */
  readStored(read: StoredRead): Promise<StoredRows | null>;
  /** Distinct kept values of a dimension in a range, most frequent first. */
  readValues(
    tenant: string,
    dimension: number,
    fromMs: number,
    toMs: number,
    search: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** Episodes that watches found, newest first. */
  readAnomalies(read: AnomaliesRead): Promise<readonly AnomalyRecord[]>;
  /** Keeps episodes, and takes back those that later data undid. Idempotent: repeat on any error. @param version the clock's, epoch ms */
  writeAnomalies(records: readonly AnomalyRecord[], gone: readonly AnomalyRecord[], version: number): Promise<void>;
  /** Largest event time among a partition's raw rows below an offset, epoch ms; 0 when there are none. May scan: for recovery only. */
  newestEventMs(partition: string, belowOffset: number): Promise<number>;
  /**
   * By partition, the offset after the newest row among those of the newest minutes: the hot tier is never seen further on than that for
   * longer than a flush, and has been there unless the last flush was cut off.
   */
  newestOffsets(): Promise<ReadonlyMap<string, number>>;
  /** Every kept value of a dimension in the last `days`: refills the admission registry. */
  admittedValues(dimension: number, days: number): Promise<readonly { readonly tenant: string; readonly value: string }[]>;
  health(): Promise<{ readonly ok: boolean; readonly detail: string; readonly rawRows: number; readonly diskBytes: number }>;
  stop(): Promise<void>;
}
