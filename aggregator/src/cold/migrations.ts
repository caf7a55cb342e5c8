// Brings a database to what this program and its definition need: numbered steps, then the definition's own columns and retention.
// Invariant: every step may run twice and in two processes at once; a step is recorded only after it was done.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { MigrationStep } from './cold-tier.js';
import { appendHistory, readHistory } from './definition-history.js';
import type { Engine } from './engine.js';
import { MINUTE_MS, retentionMs, ROLLUPS, rollupTable, tablesOf, type TableSpec } from './layout.js';
import { CompactionMarks } from './marks.js';
import { decodeNative } from './native-reader.js';
import { goneUntilMs } from './retention.js';
import {
  alterations,
  createDatabase,
  createTable,
  describeColumns,
  describeTables,
  liveRetentionMs,
  localName,
  Names,
  type LiveColumn,
  type LiveTable,
} from './schema.js';
import { sqlInt, sqlString } from './sql.js';
import { windowColumns, WINDOWS_TABLE } from './windows.js';

interface Step {
  readonly version: number;
  readonly name: string;
  run(): Promise<void>;
}

export class Migrations {
  readonly #definition: Definition;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #names: Names;

  constructor(definition: Definition, engine: Engine, clock: Clock) {
    this.#definition = definition;
    this.#engine = engine;
    this.#clock = clock;
    this.#names = new Names(definition.cold);
  }

  /** What was done and what is to be done, in order. Changes nothing. */
  async list(): Promise<readonly MigrationStep[]> {
    const { columns, tables } = await this.#live();
    const done = await this.#recorded(tables);
    const steps: MigrationStep[] = this.#steps().map(({ version, name }) => ({
      version,
      name,
      state: done.has(version) ? 'applied' : 'pending',
    }));
    const complete = steps.every((step) => step.state === 'applied');
    const missing = this.#tables().some(
      (table) => !tables.some((live) => live.name === localName(table.name, this.#definition.cold.cluster)),
    );
    const current =
      complete &&
      !missing &&
      alterations(this.#definition, columns, tables).length === 0 &&
      (await readHistory(this.#engine, this.#names)).isCurrent(this.#definition);
    return [...steps, { ...this.#definitionStep(), state: current ? 'applied' : 'pending' }];
  }

  /** @throws TidemarkError invalid for a definition that the stored data cannot follow, with the reason */
  async run(onProgress: (step: MigrationStep) => void): Promise<readonly MigrationStep[]> {
    const { tables } = await this.#live();
    const done = await this.#recorded(tables);
    for (const step of this.#steps()) {
      if (!done.has(step.version)) {
        onProgress({ version: step.version, name: step.name, state: 'pending' });
        await step.run();
        await this.#record(step);
      }
      onProgress({ version: step.version, name: step.name, state: 'applied' });
    }
    await this.#followDefinition();
    onProgress({ ...this.#definitionStep(), state: 'applied' });
    return this.list();
  }

  #tables(): readonly TableSpec[] {
    return tablesOf(this.#definition, windowColumns(this.#definition));
  }

  #steps(): readonly Step[] {
    const tables = this.#tables();
    const create = (wanted: (name: string) => boolean) => async (): Promise<void> => {
      for (const table of tables.filter(({ name }) => wanted(name))) {
        for (const statement of createTable(table, this.#definition.cold)) {
          await this.#command(statement);
        }
      }
    };
    const isData = (name: string): boolean => name === 'events' || name.startsWith('rollup_') || name === WINDOWS_TABLE;
    return [
      {
        version: 1,
        name: 'database and bookkeeping tables',
        run: async () => {
          await this.#command(createDatabase(this.#definition.cold));
          await create((name) => !isData(name))();
        },
      },
      { version: 2, name: 'raw events', run: create((name) => name === 'events') },
      { version: 3, name: 'rollups by minute, hour and day', run: create((name) => name.startsWith('rollup_') || name === WINDOWS_TABLE) },
    ];
  }

  #definitionStep(): { readonly version: number; readonly name: string } {
    return {
      version: this.#steps().length + 1,
      name: `columns and retention of definition ${this.#definition.name} (${this.#definition.layoutHash.slice(0, 12)})`,
    };
  }

  async #followDefinition(): Promise<void> {
    const history = await readHistory(this.#engine, this.#names);
    history.check(this.#definition);
    for (const table of this.#tables()) {
      for (const statement of createTable(table, this.#definition.cold)) {
        await this.#command(statement);
      }
    }
    const { columns, tables } = await this.#live();
    await this.#rememberGone(tables);
    for (const statement of alterations(this.#definition, columns, tables)) {
      await this.#command(statement);
    }
    if (!history.isCurrent(this.#definition)) {
      const marks = await new CompactionMarks(this.#engine, this.#names).read();
      const row = history.next(
        this.#definition,
        this.#clock.now(),
        await this.#oldestRawMs(),
        marks.closing['1m'],
        await this.#oldestRollupMs(),
      );
      await appendHistory(this.#engine, this.#names, this.#definition, row);
    }
  }

  /** Under a longer retention, rows that the shorter one dropped would look like times without events. */
  async #rememberGone(tables: readonly LiveTable[]): Promise<void> {
    const marks = new CompactionMarks(this.#engine, this.#names);
    for (const resolution of ROLLUPS) {
      const live = tables.find((table) => table.name === localName(rollupTable(resolution), this.#definition.cold.cluster));
      const before = live === undefined ? 0 : liveRetentionMs(live);
      if (before !== 0 && before !== retentionMs(this.#definition, resolution)) {
        await marks.publish('gone', resolution, goneUntilMs(before, this.#clock.now()));
      }
    }
  }

  /** First minute of which all raw rows are still kept, or +Infinity. */
  async #oldestRawMs(): Promise<number> {
    const sql = `SELECT count() AS n, toUnixTimestamp64Milli(min(time)) AS oldest FROM ${this.#names.table('events')}`;
    const result = decodeNative(await this.#engine.query(sql, { lane: 'control' }));
    if (result.numbers('n')[0] === 0) {
      return Infinity;
    }
    const kept = this.#clock.now() - this.#definition.retention.rawMs;
    return Math.max(Math.floor(result.numbers('oldest')[0] / MINUTE_MS), Math.ceil(kept / MINUTE_MS)) * MINUTE_MS;
  }

  async #oldestRollupMs(): Promise<number> {
    const parts = ROLLUPS.map(
      (resolution) => `SELECT count() AS n, min(bucket) AS first FROM ${this.#names.table(rollupTable(resolution))}`,
    );
    const sql = `SELECT sum(n) AS rows, toUnixTimestamp(minIf(first, n > 0)) AS oldest FROM (${parts.join(' UNION ALL ')})`;
    const result = decodeNative(await this.#engine.query(sql, { lane: 'control' }));
    return result.numbers('rows')[0] === 0 ? Infinity : result.numbers('oldest')[0] * 1000;
  }

  async #live(): Promise<{ readonly columns: readonly LiveColumn[]; readonly tables: readonly LiveTable[] }> {
    const { cold } = this.#definition;
    const columns = decodeNative(await this.#engine.query(describeColumns(cold), { lane: 'control' }));
    const tables = decodeNative(await this.#engine.query(describeTables(cold), { lane: 'control' }));
    const [names, types] = [columns.strings('name'), columns.strings('type')];
    const [engines, keys] = [tables.strings('engine'), tables.strings('sortingKey')];
    return {
      columns: columns.strings('table').map((table, i) => ({ table, name: names[i], type: types[i] })),
      tables: tables.strings('name').map((name, i) => ({ name, engine: engines[i], sortingKey: keys[i] })),
    };
  }

  async #recorded(tables: readonly LiveTable[]): Promise<ReadonlySet<number>> {
    if (!tables.some((table) => table.name === localName('schema_steps', this.#definition.cold.cluster))) {
      return new Set();
    }
    const result = decodeNative(
      await this.#engine.query(`SELECT DISTINCT version FROM ${this.#names.table('schema_steps')}`, { lane: 'control' }),
    );
    return new Set(result.numbers('version'));
  }

  async #record(step: Step): Promise<void> {
    const values = [sqlInt(step.version), sqlString(step.name), sqlInt(this.#clock.now())].join(', ');
    await this.#command(`INSERT INTO ${this.#names.table('schema_steps')} (version, name, applied_ms) VALUES (${values})`);
  }

  async #command(sql: string): Promise<void> {
    await this.#engine.command(sql, { lane: 'control' });
  }
}
