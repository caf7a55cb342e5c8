// Reads that are not aggregates: raw events newest first, a dimension's values, the newest event of a partition.

import type { Definition } from '../definition/model.js';
import type { EventsRead, EventsResult } from './cold-tier.js';
import { rawSpans } from './spans.js';
import type { Engine } from './engine.js';
import { fieldAlias, fieldsOf, filterSql, rawColumn } from './event-sql.js';
import { dimensionColumn, groupingName, MINUTE_MS, rawFields, ROLLUP_MS, ROLLUPS, rollupTable, type RollupResolution } from './layout.js';
import { decodeNative, type NativeResult } from './native-reader.js';
import { condition } from './pieces.js';
import type { Names } from './schema.js';
import { identifier, sqlInt, sqlString } from './sql.js';

type Cell = number | string | null;

interface EventColumn {
  readonly name: string;
  readonly type: 'time' | 'number' | 'string';
  readonly sql: string;
  readonly scale: number;
}

/** First stretch looked at, from the newest end; each further one is four times as long. */
const FIRST_STRETCH_MS = 5 * MINUTE_MS;

/** Looks from the newest end in growing stretches, so that the newest few of a long range cost what they are. */
export async function readEvents(definition: Definition, engine: Engine, names: Names, read: EventsRead): Promise<EventsResult> {
  const columns = eventColumns(definition);
  const counted = countedSql(definition, read.components);
  const rows: (readonly Cell[])[] = [];
  let toMs = read.toMs;
  let stretchMs = FIRST_STRETCH_MS;
  while (rows.length < read.limit && toMs > read.fromMs) {
    const fromMs = Math.max(read.fromMs, toMs - stretchMs);
    const where = [
      `tenant = ${sqlString(read.tenant)}`,
      rawSpans([{ fromMs, toMs }]),
      ...read.filters.map((filter) => `(${filterSql(rawColumn(definition, definition.dimensions[filter.dimension].field), filter)})`),
      ...counted.where,
    ];
    const sql = `${counted.aliases}SELECT ${columns.map((column, i) => `${column.sql} AS e${i}`).join(', ')}
FROM ${names.table('events')} FINAL WHERE ${where.join(' AND ')}
ORDER BY time DESC, topic, partition, offset DESC LIMIT ${sqlInt(read.limit - rows.length)}`;
    const result = decodeNative(await engine.query(sql, { lane: 'query', signal: read.signal }));
    rows.push(...toRows(columns, result));
    toMs = fromMs;
    stretchMs *= 4;
  }
  return { columns: columns.map(({ name, type }) => ({ name, type })), rows };
}

/** An event counts where it does for any of the components. */
function countedSql(definition: Definition, indices: readonly number[]): { readonly aliases: string; readonly where: readonly string[] } {
  const components = indices.map((index) => definition.components[index]);
  const conditions = components.map((component) => condition(definition, component));
  if (components.length === 0 || conditions.includes('1')) return { aliases: '', where: [] };
  const all = components.flatMap(({ field, weightField, where }) => [field, weightField, ...fieldsOf(where)]);
  const fields = [...new Set(all.filter((field) => field >= 0))];
  return {
    aliases: `WITH ${fields.map((field) => `${rawColumn(definition, field)} AS ${fieldAlias(field)}`).join(', ')} `,
    where: [conditions.map((one) => `(${one})`).join(' OR ')].map((any) => `(${any})`),
  };
}

function eventColumns(definition: Definition): readonly EventColumn[] {
  return [
    { name: 'time', type: 'time', sql: 'toUnixTimestamp64Milli(time)', scale: 1 },
    ...rawFields(definition).map((field): EventColumn => {
      const column = identifier(field.name);
      return field.type === 'string'
        ? { name: field.name, type: 'string', sql: `CAST(${column} AS String)`, scale: 1 }
        : { name: field.name, type: 'number', sql: column, scale: 10 ** field.decimals };
    }),
    { name: 'log_time', type: 'time', sql: 'toUnixTimestamp64Milli(log_time)', scale: 1 },
    { name: 'topic', type: 'string', sql: 'CAST(topic AS String)', scale: 1 },
    { name: 'partition', type: 'number', sql: 'partition', scale: 1 },
    { name: 'offset', type: 'number', sql: 'offset', scale: 1 },
  ];
}

function toRows(columns: readonly EventColumn[], result: NativeResult): (readonly Cell[])[] {
  const cells = columns.map((column, i): ((row: number) => Cell) => {
    if (column.type === 'string') {
      const values = result.strings(`e${i}`);
      // A missing text is stored as '' and shown as missing.
      return (row) => (values[row] === '' ? null : values[row]);
    }
    const values = result.numbers(`e${i}`);
    return (row) => (Number.isNaN(values[row]) ? null : values[row] / column.scale);
  });
  return Array.from({ length: result.rows }, (_, row) => cells.map((cell) => cell(row)));
}

/**
 * Every kept value of a dimension since `fromMs`, of all tenants: from the coarsest rollup's rows where one holds the dimension,
 * and from raw rows where nothing is compacted yet.
 */
export async function admittedValues(
  definition: Definition,
  engine: Engine,
  names: Names,
  dimension: number,
  fromMs: number,
  closed: Readonly<Record<RollupResolution, number>>,
): Promise<readonly { readonly tenant: string; readonly value: string }[]> {
  const { field } = definition.dimensions[dimension];
  const grouping = smallestGrouping(definition, dimension);
  const parts: string[] = [];
  let rawFrom = fromMs;
  if (grouping !== null) {
    const column = dimensionColumn(definition.dimensions[dimension]);
    let from = fromMs;
    for (const resolution of ['1h', '1m'] as const) {
      if (closed[resolution] > from) {
        const name = sqlString(groupingName(definition, grouping));
        const bucket = `bucket >= toDateTime(${sqlInt(Math.floor(from / 3_600_000) * 3600)}, 'UTC')`;
        parts.push(`SELECT tenant, ${column} AS value FROM ${names.table(rollupTable(resolution))} WHERE grouping = ${name} AND ${bucket}`);
        from = closed[resolution];
      }
    }
    rawFrom = from;
  }
  parts.push(`SELECT tenant, ${rawColumn(definition, field)} AS value FROM ${names.table('events')} WHERE ${rawSince(rawFrom)}`);
  const sql = `SELECT CAST(tenant AS String) AS t, CAST(value AS String) AS v FROM (${parts.join(' UNION ALL ')}) WHERE value NOT IN ('', '__other__') GROUP BY t, v ORDER BY t, v`;
  const result = decodeNative(await engine.query(sql, { lane: 'query' }));
  const values = result.strings('v');
  return result.strings('t').map((tenant, i) => ({ tenant, value: values[i] }));
}

function rawSince(fromMs: number): string {
  return `time >= fromUnixTimestamp64Milli(${sqlInt(Math.floor(fromMs))}, 'UTC') AND toStartOfMinute(time) >= toDateTime(${sqlInt(Math.floor(fromMs / MINUTE_MS) * 60)}, 'UTC')`;
}

/** The grouping with the fewest dimensions that has this one. */
export function smallestGrouping(definition: Definition, dimension: number): Definition['groupings'][number] | null {
  const holding = definition.groupings.filter((grouping) => grouping.dimensions.includes(dimension));
  return holding.length === 0 ? null : holding.reduce((a, b) => (b.dimensions.length < a.dimensions.length ? b : a));
}

/** See ColdTier.newestEventMs. */
export async function newestEventMs(engine: Engine, names: Names, partition: string, belowOffset: number): Promise<number> {
  const slash = partition.lastIndexOf('/');
  const sql = `SELECT count() AS n, toUnixTimestamp64Milli(max(time)) AS newest FROM ${names.table('events')}
WHERE topic = ${sqlString(partition.slice(0, slash))} AND partition = ${sqlInt(Number(partition.slice(slash + 1)))} AND offset < ${sqlInt(belowOffset)}`;
  const result = decodeNative(await engine.query(sql, { lane: 'query' }));
  return result.numbers('n')[0] === 0 ? 0 : result.numbers('newest')[0];
}

/** What counts as the newest minutes in `newestOffsets`. */
const NEWEST_MS = 15 * MINUTE_MS;

/** See ColdTier.newestOffsets. Where nothing came lately, the minutes before the newest event. */
export async function newestOffsets(engine: Engine, names: Names, nowMs: number): Promise<ReadonlyMap<string, number>> {
  const newest = `SELECT if(count() = 0, 0, toUnixTimestamp64Milli(max(time))) AS newest FROM ${names.table('events')}`;
  const newestMs = decodeNative(await engine.query(newest, { lane: 'control' })).numbers('newest')[0];
  const sql = `SELECT CAST(topic AS String) AS t, partition, max(offset) + 1 AS until FROM ${names.table('events')}
WHERE ${rawSince(Math.max(0, Math.min(nowMs, newestMs) - NEWEST_MS))} GROUP BY t, partition`;
  const result = decodeNative(await engine.query(sql, { lane: 'query' }));
  const [partitions, offsets] = [result.numbers('partition'), result.numbers('until')];
  return new Map(result.strings('t').map((topic, i) => [`${topic}/${partitions[i]}`, offsets[i]]));
}

/** See CompactionState.dataFromMs. min and count alone are answered from the parts' own bounds, whatever the number of rows. */
export async function oldestDataMs(engine: Engine, names: Names): Promise<number> {
  const parts = [
    `SELECT 'raw' AS source, if(count() = 0, -1, toUnixTimestamp64Milli(min(time))) AS oldest FROM ${names.table('events')}`,
    ...ROLLUPS.map(
      (resolution) =>
        `SELECT '${resolution}' AS source, if(count() = 0, -1, toInt64(toUnixTimestamp(min(bucket))) * 1000) AS oldest FROM ${names.table(rollupTable(resolution))}`,
    ),
  ];
  const result = decodeNative(await engine.query(parts.join(' UNION ALL '), { lane: 'control' }));
  const times = result.numbers('oldest');
  const found = new Map(result.strings('source').map((source, i) => [source, times[i]]));
  let oldestMs = Number.POSITIVE_INFINITY;
  const raw = found.get('raw') ?? -1;
  if (raw >= 0) oldestMs = raw;
  for (const resolution of ROLLUPS) {
    const bucket = found.get(resolution) ?? -1;
    // A bucket that holds what is already known begins earlier only because buckets do.
    if (bucket >= 0 && bucket + ROLLUP_MS[resolution] <= oldestMs) oldestMs = bucket;
  }
  return oldestMs;
}
