// The cold tier over an engine: ties inserts, compaction state and reads together.
// Invariant: an insert has resolved only when its rows are stored and, where their minute was closed, marked as dirty.

import { randomUUID } from 'node:crypto';
import { readAnomalies, writeAnomalies, type AnomaliesRead, type AnomalyRecord } from './anomaly-store.js';
import type { Clock } from '../clock.js';
import type { Component, Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { NO_FAILPOINTS, type Failpoints } from '../failpoints.js';
import type { TierRead, TierResult } from '../query/tier-read.js';
import type { RawRows } from '../window/flush-batch.js';
import type { StoredRows } from '../window/stored-events.js';
import type { ColdTier, CompactionState, EventsRead, EventsResult, MigrationStep, StoredRead } from './cold-tier.js';
import { Compactor } from './compaction.js';
import { componentItem, DefinitionHistory, groupingItem, readHistory } from './definition-history.js';
import type { Engine } from './engine.js';
import { DAY_MS, MINUTE_MS, rawFields, type RollupResolution } from './layout.js';
import { CompactionMarks, type Marks } from './marks.js';
import { Migrations } from './migrations.js';
import { BlockMemory, encodeNative } from './native.js';
import { decodeNative } from './native-reader.js';
import { admittedValues, newestEventMs, newestOffsets, oldestDataMs, readEvents, smallestGrouping } from './read-events.js';
import type { RollupReach } from './read-plan.js';
import { readStored } from './read-stored.js';
import { runRead } from './read.js';
import { readableFromMs } from './retention.js';
import { replay, type ReplayProgress, type ReplayReport } from './replay.js';
import { describeTables, Names } from './schema.js';
import type { Span } from './spans.js';
import { identifier, sqlString } from './sql.js';
import { windowsMark } from './windows.js';

export interface ColdTierOptions {
  /** How old the answer of `state` may be. @default 250 */
  readonly stateTtlMs?: number;
  /** Names dirty entries. @default random UUIDs */
  readonly newId?: () => string;
  /** See CompactorOptions. @default 1,000,000 */
  readonly batchRows?: number;
  /** @default none */
  readonly failpoints?: Failpoints;
}

/**
 * Where each event is a series of its own, every row makes a group with its sketches in each grouping, in several passes at once: a
 * million rows took the engine beyond 18 GiB.
 */
const BATCH_ROWS = 250_000;

interface KnownState {
  readonly marks: Marks;
  readonly dirtyMinutes: readonly number[];
  readonly revisionByDay: ReadonlyMap<number, number>;
  readonly dataFromMs: number;
}

/** Another process may write events older than all others: rare, and until they are known the buckets before them are unknown, not wrong. */
const DATA_FROM_TTL_STATES = 40;

/** @throws TidemarkError invalid for names that cannot be columns */
export function createColdTier(definition: Definition, engine: Engine, clock: Clock, options: ColdTierOptions = {}): ColdTier {
  rawFields(definition);
  return new EngineColdTier(definition, engine, clock, options);
}

class EngineColdTier implements ColdTier {
  readonly #definition: Definition;
  readonly #engine: Engine;
  readonly #blocks = new BlockMemory();
  readonly #clock: Clock;
  readonly #names: Names;
  readonly #marks: CompactionMarks;
  readonly #migrations: Migrations;
  readonly #compactor: Compactor;
  readonly #newId: () => string;
  readonly #stateTtlMs: number;
  readonly #windows: string | null;
  readonly #batchRows: number;
  readonly #failpoints: Failpoints;
  #history = new DefinitionHistory([]);
  #known: { readonly atMs: number; readonly state: Promise<KnownState> } | null = null;
  #dataFrom = { atMs: 0, ms: Number.POSITIVE_INFINITY };

  constructor(definition: Definition, engine: Engine, clock: Clock, options: ColdTierOptions) {
    this.#definition = definition;
    this.#engine = engine;
    this.#clock = clock;
    this.#names = new Names(definition.cold);
    this.#marks = new CompactionMarks(engine, this.#names);
    this.#migrations = new Migrations(definition, engine, clock);
    this.#newId = options.newId ?? randomUUID;
    this.#stateTtlMs = options.stateTtlMs ?? 250;
    this.#windows = windowsMark(definition);
    this.#batchRows = options.batchRows ?? BATCH_ROWS;
    this.#failpoints = options.failpoints ?? NO_FAILPOINTS;
    this.#compactor = new Compactor({
      definition,
      engine,
      names: this.#names,
      marks: this.#marks,
      clock,
      failpoints: this.#failpoints,
      onChange: () => {
        this.#known = null;
      },
      batchRows: this.#batchRows,
    });
  }

  async start(): Promise<void> {
    await this.#engine.start();
    const tables = decodeNative(await this.#engine.query(describeTables(this.#definition.cold), { lane: 'control' }));
    if (tables.strings('name').includes('definitions')) {
      this.#history = await readHistory(this.#engine, this.#names);
    }
  }

  async migrate(onProgress: (step: MigrationStep) => void): Promise<readonly MigrationStep[]> {
    const steps = await this.#migrations.run(onProgress);
    this.#history = await readHistory(this.#engine, this.#names);
    this.#known = null;
    return steps;
  }

  migrations(): Promise<readonly MigrationStep[]> {
    return this.#migrations.list();
  }

  async insert(rows: RawRows): Promise<void> {
    if (rows.rows === 0) {
      return;
    }
    const columns = rows.columns.map((column) => identifier(column.name));
    const block = encodeNative(rows, this.#blocks);
    await this.#engine.insertNative(this.#names.table('events'), columns, block, { lane: 'insert' });
    // Not after an error: a request that was given up may still be sending it.
    this.#blocks.give(block);
    await this.#failpoints.reach('flush.rows-inserted');
    if (rows.minutes.some((minute) => minute * MINUTE_MS < this.#dataFrom.ms)) {
      this.#dataFrom = { atMs: 0, ms: Number.POSITIVE_INFINITY };
      this.#known = null;
    }
    // Only now: a compaction that has not seen these rows published its intent before this is read.
    const { closing } = await this.#marks.read();
    const oldest = this.#clock.now() - this.#definition.retention.rawMs;
    const late = rows.minutes.filter((minute) => minute * MINUTE_MS < closing['1m'] && minute * MINUTE_MS >= oldest);
    if (late.length > 0) {
      const entry = this.#newId();
      await this.#marks.markDirty(
        late.map((minute) => ({ minute, entry })),
        this.#clock.now(),
      );
      this.#known = null;
    }
  }

  async state(): Promise<CompactionState> {
    const { marks, dirtyMinutes, revisionByDay, dataFromMs } = await this.#state();
    return { closedUntilMs: marks.closed['1m'], dirtyMinutes, revisionByDay, dataFromMs };
  }

  async compact(untilMs: number, signal: AbortSignal, onProgress: (closedUntilMs: number) => void = () => undefined): Promise<void> {
    // Two definitions run side by side while processes are exchanged one by one. Rows that the older one wrote would lack what the
    // later one added, and nothing would ever give it to them.
    const history = await readHistory(this.#engine, this.#names);
    if (!history.isCurrent(this.#definition)) {
      throw new TidemarkError(
        'invalid',
        'COLD_DEFINITION_SUPERSEDED',
        `another definition was applied to database ${this.#definition.cold.database} later; this process would compact without what that one added`,
        'Restart this process with the same definition. Until then those that have it compact.',
      );
    }
    await this.#compactor.compact(untilMs, history, signal, onProgress);
  }

  async read(read: TierRead): Promise<TierResult> {
    const state = await this.#state();
    return runRead(this.#reader(), read, this.#reach(read, state));
  }

  readRaw(read: TierRead): Promise<TierResult> {
    const never = { '1m': 0, '1h': 0, '1d': 0 };
    return runRead(this.#reader(), read, { closed: never, keptFrom: never, dirtyMinutes: [], lacking: [], closedWindows: 0 });
  }

  async replay(span: Span, signal: AbortSignal, onProgress: (progress: ReplayProgress) => void): Promise<ReplayReport> {
    const report = await replay(
      {
        definition: this.#definition,
        engine: this.#engine,
        names: this.#names,
        marks: this.#marks,
        clock: this.#clock,
        newId: this.#newId,
        batchRows: this.#batchRows,
      },
      span,
      signal,
      onProgress,
    );
    this.#known = null;
    return report;
  }

  readEvents(read: EventsRead): Promise<EventsResult> {
    return readEvents(this.#definition, this.#engine, this.#names, read);
  }

  readStored(read: StoredRead): Promise<StoredRows | null> {
    return readStored(this.#definition, this.#engine, this.#names, read);
  }

  async readValues(
    tenant: string,
    dimension: number,
    fromMs: number,
    toMs: number,
    search: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const grouping = smallestGrouping(this.#definition, dimension);
    if (grouping === null) {
      throw new TidemarkError(
        'invalid',
        'COLD_NO_GROUPING',
        `no grouping keeps dimension ${dimension}`,
        'Add a grouping with this dimension to the definition.',
      );
    }
    const result = await this.read({
      tenant,
      grouping: grouping.index,
      groupBy: [dimension],
      filters: [],
      outputs: [{ component: 0, stat: 'value' }],
      fromMs: Math.floor(fromMs / 1000) * 1000,
      toMs: Math.max(Math.floor(fromMs / 1000) + 1, Math.ceil(toMs / 1000)) * 1000,
      bucketMs: 0,
      windowSizeMs: null,
      maxRows: 10_000_000,
      signal,
    });
    const wanted = search.toLowerCase();
    return result.groups
      .map((group) => ({ value: group.values[0], count: group.numbers[0][0] }))
      .filter(({ value }) => value !== '' && value.toLowerCase().includes(wanted))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
      .slice(0, limit)
      .map(({ value }) => value);
  }

  readAnomalies(read: AnomaliesRead): Promise<readonly AnomalyRecord[]> {
    return readAnomalies(this.#engine, this.#names, read);
  }

  writeAnomalies(records: readonly AnomalyRecord[], gone: readonly AnomalyRecord[], version: number): Promise<void> {
    return writeAnomalies(this.#engine, this.#names, records, gone, version);
  }

  newestEventMs(partition: string, belowOffset: number): Promise<number> {
    return newestEventMs(this.#engine, this.#names, partition, belowOffset);
  }

  newestOffsets(): Promise<ReadonlyMap<string, number>> {
    return newestOffsets(this.#engine, this.#names, this.#clock.now());
  }

  async admittedValues(dimension: number, days: number): Promise<readonly { readonly tenant: string; readonly value: string }[]> {
    const { marks } = await this.#state();
    return admittedValues(this.#definition, this.#engine, this.#names, dimension, this.#clock.now() - days * DAY_MS, marks.closed);
  }

  async health(): Promise<{ readonly ok: boolean; readonly detail: string; readonly rawRows: number; readonly diskBytes: number }> {
    try {
      const database = sqlString(this.#definition.cold.database);
      const sql = `SELECT sumIf(rows, startsWith(table, 'events')) AS rawRows, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = ${database}`;
      const result = decodeNative(await this.#engine.query(sql, { lane: 'control' }));
      return {
        ok: true,
        detail: this.#engine.kind === 'chdb' ? 'embedded chDB' : 'ClickHouse',
        rawRows: result.numbers('rawRows')[0],
        diskBytes: result.numbers('bytes')[0],
      };
    } catch (error) {
      if (error instanceof TidemarkError) {
        return { ok: false, detail: `${error.message} ${error.remedy}`.trim(), rawRows: 0, diskBytes: 0 };
      }
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  #reader(): Parameters<typeof runRead>[0] {
    return { definition: this.#definition, engine: this.#engine, names: this.#names, clock: this.#clock, history: this.#history };
  }

  /** What this read may take from rollups. */
  #reach(read: TierRead, state: KnownState): RollupReach {
    const now = this.#clock.now();
    const keptFrom = (resolution: RollupResolution): number => readableFromMs(this.#definition, resolution, now, state.marks.gone);
    const components: Component[] = read.outputs.flatMap((output) => this.#definition.components[output.component] ?? []);
    const grouping = this.#definition.groupings[read.grouping];
    const items = new Set([
      ...components.map(componentItem),
      ...(grouping === undefined ? [] : [groupingItem(this.#definition, grouping)]),
    ]);
    return {
      closed: state.marks.closed,
      keptFrom: { '1m': keptFrom('1m'), '1h': keptFrom('1h'), '1d': keptFrom('1d') },
      dirtyMinutes: state.dirtyMinutes,
      lacking: this.#history.lacking(items, state.marks.backfilled),
      closedWindows: this.#windows === null ? 0 : (state.marks.windows.get(this.#windows)?.closed ?? 0),
    };
  }

  #state(): Promise<KnownState> {
    const now = this.#clock.monotonic();
    if (this.#known !== null && now - this.#known.atMs < this.#stateTtlMs) {
      return this.#known.state;
    }
    const known = { atMs: now, state: this.#readState() };
    this.#known = known;
    known.state.catch(() => {
      if (this.#known === known) {
        this.#known = null;
      }
    });
    return known.state;
  }

  /**
   * The order matters: an entry is seen for every minute that the marks, read before, call closed; and a recompaction that took
   * its entry away has raised the revision before, so the revision read last is not older than the entries.
   */
  async #readState(): Promise<KnownState> {
    const marks = await this.#marks.read();
    const dirty = await this.#marks.dirty(marks.closed['1m']);
    const revisionByDay = await this.#marks.revisions();
    const dataFromMs = await this.#readDataFrom();
    return { marks, dirtyMinutes: [...new Set(dirty.map((entry) => entry.minute))], revisionByDay, dataFromMs };
  }

  async #readDataFrom(): Promise<number> {
    const now = this.#clock.monotonic();
    const { atMs, ms } = this.#dataFrom;
    if (Number.isFinite(ms) && now - atMs < this.#stateTtlMs * DATA_FROM_TTL_STATES) {
      return ms;
    }
    this.#dataFrom = { atMs: now, ms: await oldestDataMs(this.#engine, this.#names) };
    return this.#dataFrom.ms;
  }
}
