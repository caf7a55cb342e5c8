// The cold tier's tables as derived from the definition: names, columns, order, partitions, retention. Pure; schema.ts turns it
// into statements.
// Invariant: every table's partition is a function of its sorting key, so that rows of one identity always meet in one partition.

import type { Component, Definition, Dimension, Field, Grouping } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { anomaliesTable } from './anomaly-store.js';
import { componentColumns, type ColumnSpec } from './pieces.js';
import { identifier, sqlInt } from './sql.js';

export type RollupResolution = '1m' | '1h' | '1d';
export const ROLLUPS: readonly RollupResolution[] = ['1m', '1h', '1d'];

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const ROLLUP_MS: Readonly<Record<RollupResolution, number>> = { '1m': MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS };
/** Closed minutes of one partition are merged into one part, which is read without the cost of FINAL. */
export const MINUTE_PARTITION_MS = 4 * HOUR_MS;

export interface TableSpec {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  /** Column whose largest value wins among rows of one key; '' for the last inserted, null for a plain MergeTree. */
  readonly version: string | null;
  /** Aggregating: rows of one key are combined by the columns' SimpleAggregateFunctions. */
  readonly aggregating: boolean;
  readonly partitionBy: string;
  readonly orderBy: readonly string[];
  /** '' : kept for ever. */
  readonly ttl: string;
  readonly settings: readonly string[];
  /** Cluster: which shard a row belongs to; rows of one key on one shard. */
  readonly shardBy: string;
}

/** Times end in 2106: a longer retention would wrap around and drop everything at once. It is for ever, then. */
const LONGEST_TTL_MS = 40 * 365 * DAY_MS;

const RESERVED = ['tenant', 'topic', 'partition', 'offset', 'time', 'log_time'];

function spec(name: string, type: string, defaultSql = ''): ColumnSpec {
  return { name, type, defaultSql };
}

/** Fields that have a raw column of their own, in the order of RawRows. @throws TidemarkError invalid on a reserved or unusable name */
export function rawFields(definition: Definition): readonly Field[] {
  const fields = definition.fields.filter((f) => f.index !== definition.event.time && f.index !== definition.event.tenant);
  for (const field of fields) {
    identifier(field.name);
    if (RESERVED.includes(field.name)) {
      throw new TidemarkError(
        'invalid',
        'COLD_RESERVED_NAME',
        `a field cannot be named ${field.name}: the raw table has a column of this name already`,
        'Rename the field.',
      );
    }
  }
  return fields;
}

export function rawFieldType(field: Field): string {
  if (field.type !== 'string') {
    return 'Nullable(Int64)';
  }
  return field.interned ? 'LowCardinality(String)' : 'String';
}

/** Dimensions that at least one grouping has; the others need no column in the rollups. */
export function rollupDimensions(definition: Definition): readonly Dimension[] {
  const used = new Set(definition.groupings.flatMap((g) => g.dimensions));
  return definition.dimensions.filter((d) => used.has(d.index));
}

export function dimensionColumn(dimension: Dimension): string {
  return identifier(`d_${dimension.name}`);
}

/** What a rollup row's `grouping` says: `none`, or dimension names joined by commas. Stable over definition changes. */
export function groupingName(definition: Definition, grouping: Grouping): string {
  return grouping.dimensions.length === 0 ? 'none' : grouping.dimensions.map((d) => definition.dimensions[d].name).join(',');
}

export function rollupTable(resolution: RollupResolution): string {
  return `rollup_${resolution}`;
}

export function retentionMs(definition: Definition, resolution: RollupResolution): number {
  const { rollup1mMs, rollup1hMs, rollup1dMs } = definition.retention;
  return { '1m': rollup1mMs, '1h': rollup1hMs, '1d': rollup1dMs }[resolution];
}

function ttl(column: string, retention: number): string {
  return retention === 0 || retention > LONGEST_TTL_MS ? '' : `${column} + toIntervalSecond(${sqlInt(Math.ceil(retention / 1000))})`;
}

function eventsTable(definition: Definition): TableSpec {
  return {
    name: 'events',
    columns: [
      spec('tenant', 'LowCardinality(String)'),
      spec('topic', 'LowCardinality(String)'),
      spec('partition', 'UInt32'),
      spec('offset', 'UInt64'),
      spec('time', "DateTime64(3, 'UTC')"),
      spec('log_time', "DateTime64(3, 'UTC')"),
      ...rawFields(definition).map((field) => spec(field.name, rawFieldType(field))),
    ],
    version: '',
    aggregating: false,
    partitionBy: 'toYYYYMMDD(time)',
    orderBy: ['tenant', 'toStartOfMinute(time)', 'topic', 'partition', 'offset'],
    ttl: ttl('toDateTime(time)', definition.retention.rawMs),
    settings: ['ttl_only_drop_parts = 1'],
    shardBy: 'cityHash64(topic, partition)',
  };
}

const ROLLUP_PARTITION: Readonly<Record<RollupResolution, string>> = {
  '1m': 'toStartOfInterval(bucket, INTERVAL 4 HOUR)',
  '1h': 'toMonday(bucket)',
  '1d': 'toYear(bucket)',
};

function rollup(definition: Definition, resolution: RollupResolution): TableSpec {
  const dimensions = rollupDimensions(definition);
  return {
    name: rollupTable(resolution),
    columns: [
      spec('tenant', 'LowCardinality(String)'),
      spec('grouping', 'LowCardinality(String)'),
      ...dimensions.map((d) => spec(`d_${d.name}`, 'LowCardinality(String)')),
      spec('bucket', "DateTime('UTC')"),
      spec('version', 'UInt64'),
      ...definition.components.flatMap((component: Component) => componentColumns(definition, component)),
    ],
    version: 'version',
    aggregating: false,
    partitionBy: ROLLUP_PARTITION[resolution],
    orderBy: ['tenant', 'grouping', ...dimensions.map(dimensionColumn), 'bucket'],
    ttl: ttl('bucket', retentionMs(definition, resolution)),
    // groupArray takes the values of a sparse column before its zeros, which would shift it against the others.
    settings: ['ttl_only_drop_parts = 1', 'index_granularity = 2048', 'ratio_of_defaults_for_sparse_serialization = 1'],
    shardBy: 'cityHash64(tenant, grouping, bucket)',
  };
}

const BOOKKEEPING: readonly TableSpec[] = [
  {
    name: 'schema_steps',
    columns: [spec('version', 'UInt32'), spec('name', 'String'), spec('applied_ms', 'UInt64')],
    version: '',
    aggregating: false,
    partitionBy: '',
    orderBy: ['version'],
    ttl: '',
    settings: [],
    shardBy: 'version',
  },
  {
    name: 'definitions',
    columns: [
      spec('applied_ms', 'UInt64'),
      spec('layout_hash', 'String'),
      spec('layout', 'String'),
      spec('backfill_from_ms', 'UInt64'),
      spec('backfill_until_ms', 'UInt64'),
      spec('available_from_ms', 'UInt64'),
    ],
    version: '',
    aggregating: false,
    partitionBy: '',
    orderBy: ['applied_ms', 'layout_hash'],
    ttl: '',
    settings: [],
    shardBy: 'applied_ms',
  },
  {
    name: 'compaction_marks',
    columns: [spec('name', 'String'), spec('value', 'SimpleAggregateFunction(max, UInt64)')],
    version: null,
    aggregating: true,
    partitionBy: '',
    orderBy: ['name'],
    ttl: '',
    settings: [],
    shardBy: 'cityHash64(name)',
  },
  {
    name: 'day_revisions',
    columns: [spec('day', 'UInt32'), spec('revision', 'SimpleAggregateFunction(sum, UInt64)')],
    version: null,
    aggregating: true,
    partitionBy: '',
    orderBy: ['day'],
    ttl: '',
    settings: [],
    shardBy: 'day',
  },
  {
    name: 'dirty_minutes',
    columns: [spec('minute', 'UInt32'), spec('entry', 'String'), spec('cleaned', 'UInt8'), spec('at', "DateTime('UTC')")],
    version: 'cleaned',
    aggregating: false,
    partitionBy: '',
    orderBy: ['minute', 'entry'],
    // Should a cleaned mark go before the open one that it replaces, that minute is compacted once more: harmless.
    ttl: 'at + toIntervalDay(7) DELETE WHERE cleaned = 1',
    settings: [],
    shardBy: 'minute',
  },
];

/** Ready values beside the minutes' rows: same keys, partitions and retention. `columns`: what it keeps. */
function windowsTable(definition: Definition, columns: readonly ColumnSpec[]): TableSpec {
  const minutes = rollup(definition, '1m');
  const keys = minutes.columns.slice(0, minutes.columns.findIndex((column) => column.name === 'version') + 1);
  return { ...minutes, name: 'windows_1m', columns: [...keys, ...columns] };
}

/** Every table, in the order of creation. @param windows columns of ready windows, none: no such table */
export function tablesOf(definition: Definition, windows: readonly ColumnSpec[]): readonly TableSpec[] {
  return [
    ...BOOKKEEPING,
    anomaliesTable(definition),
    eventsTable(definition),
    ...ROLLUPS.map((r) => rollup(definition, r)),
    ...(windows.length === 0 ? [] : [windowsTable(definition, windows)]),
  ];
}
