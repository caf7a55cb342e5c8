// The seam between the cold tier's SQL and what executes it: chDB in this process, or a ClickHouse server over HTTP.
// Invariant: an engine never repeats a write and never changes a statement; errors come out classified (engine-errors.ts).
// Settings are pinned here once and sent when a connection is opened: settings given per query leak into chDB's session.

/**
 * Statements of one lane may wait for each other, those of different lanes never do.
 * insert: raw rows. compaction: long statements. control: marks, state and schema, all short. query: what people ask.
 */
export type Lane = 'insert' | 'compaction' | 'control' | 'query';

export interface StatementOptions {
  readonly lane: Lane;
  /** Aborting rejects at once and cancels the statement as far as the engine can. */
  readonly signal?: AbortSignal;
}

export interface Engine {
  readonly kind: 'chdb' | 'http';
  /** Opens connections and pins the settings. @returns the engine's version. @throws TidemarkError unavailable, with what to do. */
  start(): Promise<{ readonly version: string }>;
  /** Runs a SELECT (without FORMAT) and returns its result as Native blocks, see native-reader.ts. */
  query(sql: string, options: StatementOptions): Promise<Uint8Array>;
  /** Runs a statement without a result. */
  command(sql: string, options: StatementOptions): Promise<void>;
  /**
   * Inserts Native blocks.
   * @param table quoted name @param columns quoted names, in the order of the block
   * @throws TidemarkError unavailable (nothing was stored) or unknown_outcome
   */
  insertNative(table: string, columns: readonly string[], blocks: Uint8Array, options: StatementOptions): Promise<void>;
  /** @throws TidemarkError unavailable */
  ping(): Promise<void>;
  /** Waits for running statements and closes everything. */
  stop(): Promise<void>;
}

/** Part of every session. The reason stands beside what is not obvious. */
export const PINNED_SETTINGS: Readonly<Record<string, string>> = {
  // An insert that has resolved must be visible to the next statement: the compaction protocol rests on it.
  async_insert: '0',
  // Rows have an identity of their own; block deduplication would swallow equal marks on replicated tables.
  insert_deduplicate: '0',
  deduplicate_blocks_in_dependent_materialized_views: '0',
  // A flush may hold late rows of any number of days.
  max_partitions_per_insert_block: '0',
  max_query_size: '16777216',
  // Sound because every table's partition is a function of its sorting key.
  do_not_merge_across_partitions_select_final: '1',
  optimize_skip_merged_partitions: '1',
  force_grouping_standard_compatibility: '1',
  final: '0',
  join_use_nulls: '0',
  group_by_use_nulls: '0',
  transform_null_in: '0',
  aggregate_functions_null_for_empty: '0',
  prefer_column_name_to_alias: '0',
  short_circuit_function_evaluation: 'enable',
  use_query_cache: '0',
  session_timezone: 'UTC',
  max_bytes_before_external_group_by: '2000000000',
  // Refused in time, an insert is repeated until there is room. At the very end of a disk the engine may take it and keep a part
  // whose marks file is empty, which nothing can read (seen with 26.7; docs/guarantees.md).
  min_free_disk_bytes_to_perform_insert: String(256 * 1024 * 1024),
};

/** Pinned as well where tables are distributed: writes are done when they are done, and all reads and writes prefer one replica. */
export const CLUSTER_SETTINGS: Readonly<Record<string, string>> = {
  distributed_foreground_insert: '1',
  load_balancing: 'in_order',
  prefer_localhost_replica: '0',
  distributed_product_mode: 'global',
};

/** Oldest server with everything that the statements use. */
export const LEAST_VERSION: readonly [number, number] = [25, 3];
