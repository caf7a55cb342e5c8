// Recomputes rollups from raw events, whatever stands in them: into a shadow table, partition by partition, each exchanged in one step,
// so that queries go on and never see half of it.
// Invariant: a late row that comes meanwhile is not lost. Its minute is marked dirty by its insert; and a minute whose rollup does
// not count as many rows as there are raw ones after the exchange is marked dirty as well.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { abortError } from './engine-errors.js';
import { CompactionBatches } from './compaction-batches.js';
import { compactRaw } from './compaction-sql.js';
import type { Engine } from './engine.js';
import { MINUTE_MS, ROLLUP_MS, ROLLUPS, rollupTable, type RollupResolution } from './layout.js';
import { type CompactionMarks, dayOfMinute, type Marks } from './marks.js';
import { decodeNative } from './native-reader.js';
import { partitionLiteral, partitionsOf } from './partitions.js';
import { writtenFromMs } from './retention.js';
import type { Names } from './schema.js';
import { bucketSpans, rawSpans, type Span } from './spans.js';
import { compactWindows, readyWindows, windowsMark } from './windows.js';

export interface ReplayOptions {
  readonly definition: Definition;
  readonly engine: Engine;
  readonly names: Names;
  readonly marks: CompactionMarks;
  readonly clock: Clock;
  /** Names dirty entries. */
  readonly newId: () => string;
  /** Rows aggregated by one statement at most, unless a single bucket has more. */
  readonly batchRows: number;
}

export interface ReplayProgress {
  readonly resolution: RollupResolution;
  /** Recomputed and in use up to here, epoch ms. */
  readonly untilMs: number;
}

export interface ReplayReport {
  /** What was recomputed of each rollup; null: nothing of it is closed in the range. */
  readonly spans: Readonly<Record<RollupResolution, Span | null>>;
  /** Minutes that changed meanwhile and are left to compaction. */
  readonly changedMeanwhile: number;
}

/**
 * @throws TidemarkError invalid (raw events are gone, a cluster), unavailable
 */
export async function replay(
  options: ReplayOptions,
  span: Span,
  signal: AbortSignal,
  onProgress: (progress: ReplayProgress) => void,
): Promise<ReplayReport> {
  const { definition, marks, clock } = options;
  if (definition.cold.cluster !== '') {
    throw new TidemarkError(
      'invalid',
      'REPLAY_CLUSTER',
      'partitions of replicated tables are not exchanged',
      'Drop the rollup rows of the range on the cluster and let compaction write them anew.',
    );
  }
  const rawFromMs = clock.now() - definition.retention.rawMs;
  if (span.fromMs < rawFromMs) {
    throw new TidemarkError(
      'invalid',
      'REPLAY_RAW_GONE',
      `raw events before ${new Date(rawFromMs).toISOString()} are not kept, so rollups before it cannot be computed anew`,
      'Begin later, or keep raw events longer (retention.raw).',
    );
  }
  const known = await marks.read();
  const spans: Record<RollupResolution, Span | null> = { '1m': null, '1h': null, '1d': null };
  for (const resolution of ROLLUPS) {
    const wanted = wholeBuckets(options, resolution, span, rawFromMs, known);
    spans[resolution] = wanted;
    if (wanted !== null) await replayRollup(options, resolution, wanted, signal, onProgress);
  }
  const minutes = spans['1m'];
  if (minutes === null) return { spans, changedMeanwhile: 0 };
  await replayWindows(options, minutes);
  const changed = await changedMinutes(options, minutes);
  if (changed.length > 0) {
    const entry = options.newId();
    await marks.markDirty(
      changed.map((minute) => ({ minute, entry })),
      clock.now(),
    );
  }
  const days = new Set<number>();
  for (let minute = minutes.fromMs / MINUTE_MS; minute < minutes.toMs / MINUTE_MS; minute++) days.add(dayOfMinute(minute));
  await marks.bumpRevisions([...days]);
  return { spans, changedMeanwhile: changed.length };
}

/** The closed buckets that hold a part of the span and of which all raw events are kept. */
function wholeBuckets(
  { definition, clock }: ReplayOptions,
  resolution: RollupResolution,
  span: Span,
  rawFromMs: number,
  { closed, gone }: Marks,
): Span | null {
  const size = ROLLUP_MS[resolution];
  const oldest = Math.max(rawFromMs, writtenFromMs(definition, resolution, clock.now(), gone));
  const fromMs = Math.max(Math.floor(span.fromMs / size), Math.ceil(oldest / size)) * size;
  const toMs = Math.min(Math.ceil(span.toMs / size) * size, closed[resolution]);
  return toMs > fromMs ? { fromMs, toMs } : null;
}

async function replayRollup(
  options: ReplayOptions,
  resolution: RollupResolution,
  span: Span,
  signal: AbortSignal,
  onProgress: (progress: ReplayProgress) => void,
): Promise<void> {
  const { definition, engine, names, batchRows } = options;
  const batches = new CompactionBatches(engine, names, batchRows);
  const [table, shadow] = [rollupTable(resolution), `${rollupTable(resolution)}_replay`];
  const command = (sql: string): Promise<void> => {
    if (signal.aborted) throw abortError(signal);
    return engine.command(sql, { lane: 'compaction' });
  };
  // What an earlier replay that was cut off has left.
  await command(`DROP TABLE IF EXISTS ${names.table(shadow)} SYNC`);
  await command(`CREATE TABLE ${names.table(shadow)} AS ${names.table(table)}`);
  for (const partition of partitionsOf(resolution, span)) {
    const inside = { fromMs: Math.max(partition.fromMs, span.fromMs), toMs: Math.min(partition.toMs, span.toMs) };
    const outside = [
      { fromMs: partition.fromMs, toMs: inside.fromMs },
      { fromMs: inside.toMs, toMs: partition.toMs },
    ].filter((one) => one.toMs > one.fromMs);
    if (outside.length > 0) {
      const where = bucketSpans(outside, ROLLUP_MS[resolution]);
      await command(`INSERT INTO ${names.table(shadow)} SELECT * FROM ${names.table(table)} FINAL WHERE ${where}`);
    }
    for (const batch of await batches.cut(inside, ROLLUP_MS[resolution], 'raw', signal)) {
      if (batch.rows > 0) await command(compactRaw(definition, names, resolution, [batch], shadow));
    }
    const literal = partitionLiteral(resolution, partition.fromMs);
    await command(`ALTER TABLE ${names.table(table)} REPLACE PARTITION ${literal} FROM ${names.table(shadow)}`);
    onProgress({ resolution, untilMs: inside.toMs });
  }
  await command(`DROP TABLE IF EXISTS ${names.table(shadow)} SYNC`);
}

/** Ready windows that reach into the minutes. Their rows have the versions of the old ones; of equal versions the later row wins. */
async function replayWindows({ definition, engine, names, marks }: ReplayOptions, minutes: Span): Promise<void> {
  const mark = windowsMark(definition);
  if (mark === null) return;
  const { windows } = await marks.read();
  const longest = Math.max(...readyWindows(definition).map((window) => window.sizeMs));
  const toMs = Math.min(minutes.toMs + longest, windows.get(mark)?.closed ?? 0);
  if (toMs > minutes.fromMs) await engine.command(compactWindows(definition, names, { ...minutes, toMs }), { lane: 'compaction' });
}

/** Epoch minutes whose rollup was not made of all the raw rows that are there now. */
async function changedMinutes({ engine, names }: ReplayOptions, span: Span): Promise<readonly number[]> {
  const sql = `SELECT minute FROM (
  SELECT intDiv(toUnixTimestamp(time), 60) AS minute, toInt64(count()) AS n FROM ${names.table('events')} FINAL WHERE ${rawSpans([span])} GROUP BY minute
  UNION ALL
  SELECT intDiv(toUnixTimestamp(bucket), 60) AS minute, -toInt64(sum(version)) AS n FROM ${names.table(rollupTable('1m'))} FINAL
  WHERE grouping = 'none' AND ${bucketSpans([span], MINUTE_MS)} GROUP BY minute
) GROUP BY minute HAVING sum(n) != 0 ORDER BY minute`;
  return [...decodeNative(await engine.query(sql, { lane: 'compaction' })).numbers('minute')];
}
