// The seam between a log of events (Kafka, or the embedded log on disk) and the ingest pipeline.
// Invariant: within a partition, records arrive in offset order, and an offset always names the same bytes.
// The pipeline decides positions; a source only reads, seeks, pauses and commits what it is told.

/** `topic/partition`, e.g. `shop.events/3`. The embedded log is `embedded/0`. */
export type PartitionId = string;

/**
 * Consecutive records of one partition as ranges of one byte array (no copies: Kafka values share their fetch buffer).
 * Offsets are numbers: proven safe because 2^53 records at 10^6/s are 285 years.
 */
export interface RecordBatch {
  readonly partition: PartitionId;
  /** Rises by one at each assignment; batches of an older one are to be dropped. */
  readonly generation: number;
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Start and end byte of each value; end -1 is a null value (tombstone). */
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly offset: Float64Array;
  /** Log timestamp (Kafka's CreateTime or LogAppendTime, the embedded log's append time), epoch ms. */
  readonly timestampMs: Float64Array;
  /** Offset after the newest record of the partition as known at this fetch. */
  readonly logEnd: number;
  /** When that was so, epoch ms: a batch may wait long before it is processed. @default now */
  readonly logEndAtMs?: number;
}

export interface AssignedPartition {
  readonly id: PartitionId;
  /** null: nothing was ever committed. */
  readonly committedOffset: number | null;
  /** What was committed with it, '' if none. At most 4,000 bytes. */
  readonly committedMetadata: string;
  /** Oldest offset still readable, and the offset after the newest. */
  readonly logStart: number;
  readonly logEnd: number;
  /** Where the definition's `start` (earliest, latest, timestamp) points, for a partition never committed. */
  readonly startOffset: number;
}

export interface Commit {
  readonly partition: PartitionId;
  /** Next offset to read. */
  readonly offset: number;
  readonly metadata: string;
}

/** What a source calls. All are awaited in order; a rejection is fatal for the source. */
export interface LogConsumer {
  /**
   * Partitions are now owned under `generation`. `allPartitions` is every partition of the topics, owned or not.
   * Returns for each owned partition the offset to read from.
   */
  assigned(
    generation: number,
    partitions: readonly AssignedPartition[],
    allPartitions: readonly PartitionId[],
  ): Promise<ReadonlyMap<PartitionId, number>>;
  /** Ownership of everything ends now: last chance to flush and commit. The source commits through `commit` still. */
  revoked(): Promise<void>;
  /** Takes the batch into memory; resolves late when flushing has fallen behind (back-pressure). */
  batch(batch: RecordBatch): Promise<void>;
  /**
   * Records [fromOffset, toOffset) came in a batch that cannot be decoded (unknown compression, broken CRC): they are dead-lettered
   * as one letter with the batch's bytes (cut at 64 KiB), and reading goes on behind them.
   */
  undecodable(
    partition: PartitionId,
    generation: number,
    fromOffset: number,
    toOffset: number,
    detail: string,
    bytes: Uint8Array,
  ): Promise<void>;
  /** The newest log end seen by a fetch that brought nothing: the partition is idle up to there. @param logEndAtMs as of a batch */
  idle(partition: PartitionId, logEnd: number, logEndAtMs?: number): void;
}

export interface LogSource {
  /** Joins and reads until `stop`. Resolves after the first assignment. */
  start(consumer: LogConsumer): Promise<void>;
  /** Rejects with a retryable or fenced error when the group has moved on. */
  commit(commits: readonly Commit[]): Promise<void>;
  /**
   * Makes the source call `assigned` again for all that it owns (recovery inside a running process). Resolves once noted, so that
   * it may be called from inside a callback; `assigned` follows as soon as no callback runs.
   */
  reassign(): Promise<void>;
  /** Leaves the group; no callback runs after it resolves. Does not call `revoked`. */
  stop(): Promise<void>;
}

/** Where events are put in: HTTP collect and the demo generator write here (Kafka producer or embedded log). */
export interface LogWriter {
  /**
   * Appends values; resolves when all are stored durably (acks=all, or fsync). `key` chooses the partition (the user).
   * @returns per event, in order, where it stands.
   */
  append(
    events: readonly { readonly key: string; readonly value: Uint8Array }[],
  ): Promise<readonly { partition: PartitionId; offset: number }[]>;
  close(): Promise<void>;
}

export type DeadLetterReason =
  | 'malformed_json'
  | 'invalid_utf8'
  | 'not_an_object'
  | 'empty'
  | 'too_large'
  | 'missing_time'
  | 'invalid_time'
  | 'time_too_old'
  | 'time_in_future'
  | 'wrong_type'
  | 'number_out_of_range'
  | 'unknown_tenant'
  | 'undecodable_batch'
  | 'too_deep';

export interface DeadLetter {
  readonly partition: PartitionId;
  readonly offset: number;
  readonly timestampMs: number;
  readonly reason: DeadLetterReason;
  /** For people: which field, what was found, what was expected. */
  readonly detail: string;
  /** The record as it came, cut at 64 KiB. */
  readonly value: Uint8Array;
}

export interface DeadLetterSink {
  /** Resolves when stored; repeating a letter (same partition and offset) is harmless. */
  write(letters: readonly DeadLetter[]): Promise<void>;
  close(): Promise<void>;
}
