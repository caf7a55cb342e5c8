// Anomalies that watches have found, in a table of their own. A row is one episode of one series; a later version replaces it.
// Invariant: writing the same episode again changes nothing but its version, so two watching processes are harmless.

import { TidemarkError } from '../errors.js';
import type { Definition } from '../definition/model.js';
import type { Engine } from './engine.js';
import type { TableSpec } from './layout.js';
import { decodeNative } from './native-reader.js';
import type { Names } from './schema.js';
import { sqlFloat, sqlInt, sqlString, sqlStrings } from './sql.js';

/** A value of a dimension that did its part. */
export interface Contributor {
  readonly dimension: string;
  readonly value: string;
  /** How much more (or less) than before the episode, in the measure's unit. */
  readonly change: number;
  /** Part of the whole change, where parts add up; null where they do not. */
  readonly share: number | null;
}

export interface AnomalyRecord {
  readonly tenant: string;
  readonly watch: string;
  /** The series' dimension values, by name, in the order of the watch's groupBy. */
  readonly labels: Readonly<Record<string, string>>;
  /** Begin of the episode and end of its last bucket, epoch ms. With the labels, the identity. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Start of the worst bucket, and what stood there. */
  readonly peakMs: number;
  readonly value: number | null;
  readonly expected: number | null;
  readonly score: number;
  readonly reason: string;
  readonly open: boolean;
  readonly contributors: readonly Contributor[];
}

export interface AnomaliesRead {
  readonly tenant: string;
  /** Episodes that overlap [fromMs, toMs). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Names of watches; empty: all. */
  readonly watches: readonly string[];
  readonly minScore: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

export const ANOMALIES_TABLE = 'anomalies';

export function anomaliesTable(definition: Definition): TableSpec {
  const { rollup1hMs } = definition.retention;
  const column = (name: string, type: string): TableSpec['columns'][number] => ({ name, type, defaultSql: '' });
  return {
    name: ANOMALIES_TABLE,
    columns: [
      column('tenant', 'LowCardinality(String)'),
      column('watch', 'LowCardinality(String)'),
      column('series', 'String'),
      column('from_time', "DateTime64(3, 'UTC')"),
      column('to_time', "DateTime64(3, 'UTC')"),
      column('peak_time', "DateTime64(3, 'UTC')"),
      column('value', 'Nullable(Float64)'),
      column('expected', 'Nullable(Float64)'),
      column('score', 'Float64'),
      column('reason', 'String'),
      column('open', 'UInt8'),
      column('contributors', 'String'),
      column('gone', 'UInt8'),
      column('version', 'UInt64'),
    ],
    version: 'version',
    aggregating: false,
    partitionBy: 'toYYYYMM(from_time)',
    orderBy: ['tenant', 'watch', 'series', 'from_time'],
    ttl: rollup1hMs === 0 ? '' : `toDateTime(from_time) + toIntervalSecond(${sqlInt(Math.ceil(rollup1hMs / 1000))})`,
    settings: [],
    shardBy: 'cityHash64(tenant, watch, series)',
  };
}

/** The same text for the same series: names and values in their order. */
export function seriesKey(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels));
}

/**
 * @param gone episodes that later data took back
 * @param version larger than that of what is replaced
 * @throws TidemarkError unavailable, unknown_outcome: write again
 */
export async function writeAnomalies(
  engine: Engine,
  names: Names,
  records: readonly AnomalyRecord[],
  gone: readonly AnomalyRecord[],
  version: number,
): Promise<void> {
  const rows = [...records.map((record) => rowSql(record, false, version)), ...gone.map((record) => rowSql(record, true, version))];
  if (rows.length === 0) return;
  const sql = `INSERT INTO ${names.table(ANOMALIES_TABLE)} (tenant, watch, series, from_time, to_time, peak_time, value, expected, score, reason, open, contributors, gone, version) VALUES ${rows.join(', ')}`;
  await engine.command(sql, { lane: 'control' });
}

function rowSql(record: AnomalyRecord, gone: boolean, version: number): string {
  const time = (ms: number): string => `fromUnixTimestamp64Milli(${sqlInt(Math.round(ms))}, 'UTC')`;
  const number = (value: number | null): string => (value === null ? 'NULL' : sqlFloat(value));
  return `(${[
    sqlString(record.tenant),
    sqlString(record.watch),
    sqlString(seriesKey(record.labels)),
    time(record.fromMs),
    time(record.toMs),
    time(record.peakMs),
    number(record.value),
    number(record.expected),
    sqlFloat(record.score),
    sqlString(record.reason),
    record.open ? '1' : '0',
    sqlString(JSON.stringify(record.contributors)),
    gone ? '1' : '0',
    sqlInt(version),
  ].join(', ')})`;
}

/** Newest first. @throws TidemarkError unavailable, cancelled */
export async function readAnomalies(engine: Engine, names: Names, read: AnomaliesRead): Promise<readonly AnomalyRecord[]> {
  const time = (ms: number): string => `fromUnixTimestamp64Milli(${sqlInt(Math.round(ms))}, 'UTC')`;
  const where = [
    `tenant = ${sqlString(read.tenant)}`,
    `from_time < ${time(read.toMs)}`,
    `to_time > ${time(read.fromMs)}`,
    `score >= ${sqlFloat(read.minScore)}`,
    'gone = 0',
    ...(read.watches.length === 0 ? [] : [`watch IN ${sqlStrings(read.watches)}`]),
  ];
  const sql = `SELECT CAST(watch AS String) AS w, series, toUnixTimestamp64Milli(from_time) AS b, toUnixTimestamp64Milli(to_time) AS e,
  toUnixTimestamp64Milli(peak_time) AS p, value, expected, score, reason, open, contributors
FROM ${names.table(ANOMALIES_TABLE)} FINAL WHERE ${where.join(' AND ')}
ORDER BY from_time DESC, w, series LIMIT ${sqlInt(read.limit)}`;
  const result = decodeNative(await engine.query(sql, { lane: 'query', signal: read.signal }));
  const [begin, end, peak, value, expected, score, open] = ['b', 'e', 'p', 'value', 'expected', 'score', 'open'].map((name) =>
    result.numbers(name),
  );
  const [watches, series, reasons, contributors] = ['w', 'series', 'reason', 'contributors'].map((name) => result.strings(name));
  const orNull = (number: number): number | null => (Number.isNaN(number) ? null : number);
  return watches.map((watch, i) => ({
    tenant: read.tenant,
    watch,
    labels: labelsOf(series[i]),
    fromMs: begin[i],
    toMs: end[i],
    peakMs: peak[i],
    value: orNull(value[i]),
    expected: orNull(expected[i]),
    score: score[i],
    reason: reasons[i],
    open: open[i] === 1,
    contributors: contributorsOf(contributors[i]),
  }));
}

function labelsOf(text: string): Record<string, string> {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw strange();
  return Object.fromEntries(parsed.map((pair: unknown) => (Array.isArray(pair) ? [String(pair[0]), String(pair[1])] : ['', ''])));
}

function contributorsOf(text: string): readonly Contributor[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw strange();
  return parsed.flatMap((one: unknown): Contributor[] => {
    if (typeof one !== 'object' || one === null || !('dimension' in one) || !('value' in one) || !('change' in one)) return [];
    const share = 'share' in one && typeof one.share === 'number' ? one.share : null;
    return [{ dimension: String(one.dimension), value: String(one.value), change: Number(one.change), share }];
  });
}

function strange(): TidemarkError {
  return new TidemarkError(
    'fatal',
    'COLD_BAD_ANOMALY',
    'the table of anomalies holds something else',
    'Drop the table `anomalies`; watches fill it anew.',
  );
}
