// Turns the layout into statements: plain tables, or for a cluster Replicated local tables with Distributed ones in front.
// Invariant: every statement may run any number of times, and by several processes at once.

import type { ColdConfig, Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { tablesOf, type TableSpec } from './layout.js';
import type { ColumnSpec } from './pieces.js';
import { windowColumns } from './windows.js';
import { clusterName, identifier, onCluster, sqlString } from './sql.js';

/** A column as the server describes it. */
export interface LiveColumn {
  readonly table: string;
  readonly name: string;
  readonly type: string;
}

export interface LiveTable {
  readonly name: string;
  /** `system.tables.engine_full`. */
  readonly engine: string;
  readonly sortingKey: string;
}

/** Quoted names of the tables of one database. */
export class Names {
  readonly #database: string;
  readonly #cluster: string;

  constructor(cold: Pick<ColdConfig, 'database' | 'cluster'>) {
    this.#database = identifier(cold.database);
    this.#cluster = cold.cluster;
  }

  /** What is read from and written to. */
  table(name: string): string {
    return `${this.#database}.${identifier(name)}`;
  }

  /** What keeps the data: differs from `table` on a cluster. */
  local(name: string): string {
    return `${this.#database}.${identifier(localName(name, this.#cluster))}`;
  }
}

/** @returns the unquoted name of the table that keeps the data */
export function localName(table: string, cluster: string): string {
  return cluster === '' ? table : `${table}_local`;
}

export function createDatabase(cold: ColdConfig): string {
  return `CREATE DATABASE IF NOT EXISTS ${identifier(cold.database)}${onCluster(cold.cluster)}`;
}

/** Statements that create a table where it is missing. */
export function createTable(table: TableSpec, cold: ColdConfig): readonly string[] {
  const names = new Names(cold);
  const on = onCluster(cold.cluster);
  const partition = table.partitionBy === '' ? '' : `\nPARTITION BY ${table.partitionBy}`;
  const ttl = table.ttl === '' ? '' : `\nTTL ${table.ttl}`;
  const settings = table.settings.length === 0 ? '' : `\nSETTINGS ${table.settings.join(', ')}`;
  const create = `CREATE TABLE IF NOT EXISTS ${names.local(table.name)}${on} (
  ${table.columns.map(columnSql).join(',\n  ')}
)
ENGINE = ${engineSql(table, cold.cluster)}${partition}
ORDER BY (${table.orderBy.join(', ')})${ttl}${settings}`;
  if (cold.cluster === '') {
    return [create];
  }
  const distributed = `CREATE TABLE IF NOT EXISTS ${names.table(table.name)}${on} AS ${names.local(table.name)}
ENGINE = Distributed(${clusterName(cold.cluster)}, ${identifier(cold.database)}, ${identifier(localName(table.name, cold.cluster))}, ${table.shardBy})`;
  return [create, distributed];
}

function columnSql(column: ColumnSpec): string {
  return `${identifier(column.name)} ${column.type}${column.defaultSql === '' ? '' : ` DEFAULT ${column.defaultSql}`}`;
}

function engineSql(table: TableSpec, cluster: string): string {
  const family = table.aggregating ? 'AggregatingMergeTree' : table.version === null ? 'MergeTree' : 'ReplacingMergeTree';
  const version = table.version === null || table.version === '' ? [] : [table.version];
  if (cluster === '') {
    return `${family}(${version.join(', ')})`;
  }
  return `Replicated${family}(${["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'", ...version].join(', ')})`;
}

/**
 * Statements that bring live tables to what the definition wants: new columns, new dimensions at the end of the sorting key,
 * changed retention. Empty when nothing is to do; tables that are missing are left to `createTable`.
 * @throws TidemarkError invalid for what cannot be done, with the reason
 */
export function alterations(definition: Definition, columns: readonly LiveColumn[], tables: readonly LiveTable[]): readonly string[] {
  const { cold } = definition;
  const names = new Names(cold);
  const on = onCluster(cold.cluster);
  const statements: string[] = [];
  for (const table of tablesOf(definition, windowColumns(definition))) {
    const local = localName(table.name, cold.cluster);
    const live = tables.find((t) => t.name === local);
    if (live === undefined) {
      continue;
    }
    const present = new Map(columns.filter((c) => c.table === local).map((c) => [c.name, c.type]));
    const added = table.columns.filter((column) => !present.has(column.name));
    for (const column of table.columns) {
      refuseOtherType(table.name, column, present.get(column.name));
    }
    if (added.length > 0) {
      const adds = added.map((column) => `ADD COLUMN IF NOT EXISTS ${columnSql(column)}`);
      const newKeys = added.map((column) => identifier(column.name)).filter((name) => table.orderBy.includes(name));
      // New key columns have to stand last; the rows that exist all have '' there, so their order holds.
      const order = newKeys.length === 0 ? [] : [`MODIFY ORDER BY (${[live.sortingKey, ...newKeys].join(', ')})`];
      statements.push(`ALTER TABLE ${names.local(table.name)}${on} ${[...adds, ...order].join(', ')}`);
      if (cold.cluster !== '') {
        statements.push(`ALTER TABLE ${names.table(table.name)}${on} ${adds.join(', ')}`);
      }
    }
    if (ttlOf(live.engine) !== normalTtl(table.ttl)) {
      statements.push(`ALTER TABLE ${names.local(table.name)}${on} ${table.ttl === '' ? 'REMOVE TTL' : `MODIFY TTL ${table.ttl}`}`);
    }
  }
  return statements;
}

/** Statement that lists the columns of the tables that keep data. */
export function describeColumns(cold: ColdConfig): string {
  return `SELECT table, name, type FROM system.columns WHERE database = ${sqlString(cold.database)}`;
}

export function describeTables(cold: ColdConfig): string {
  return `SELECT name, engine_full AS engine, sorting_key AS sortingKey FROM system.tables WHERE database = ${sqlString(cold.database)}`;
}

function refuseOtherType(table: string, column: ColumnSpec, live: string | undefined): void {
  if (live === undefined || live === column.type) {
    return;
  }
  throw new TidemarkError(
    'invalid',
    'COLD_TYPE_CHANGED',
    `column ${column.name} of ${table} holds ${live}, the definition now wants ${column.type}`,
    'A stored field cannot change its type: give the changed field a new name, the old column stays readable in ClickHouse.',
  );
}

/** The retention that a live table has now, ms; 0: for ever. */
export function liveRetentionMs(table: LiveTable): number {
  const match = /toIntervalSecond\((\d+)\)/.exec(ttlOf(table.engine));
  return match === null ? 0 : Number(match[1]) * 1000;
}

function ttlOf(engine: string): string {
  const match = / TTL (.*?)(?: SETTINGS |$)/.exec(engine);
  return match === null ? '' : normalTtl(match[1]);
}

/** The server writes `DELETE WHERE` back as `WHERE`. */
function normalTtl(ttl: string): string {
  return ttl
    .replace(/\bDELETE\b/g, '')
    .replace(/[`\s]+/g, ' ')
    .trim();
}
