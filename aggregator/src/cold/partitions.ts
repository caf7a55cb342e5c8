// Where the partitions of the rollups begin and end, and how a statement names them. Must agree with the layout's partition keys.

import { DAY_MS, MINUTE_PARTITION_MS, type RollupResolution } from './layout.js';
import type { Span } from './spans.js';
import { sqlInt, sqlString } from './sql.js';

/** The partition that holds a bucket. */
export function partitionSpan(resolution: RollupResolution, atMs: number): Span {
  if (resolution === '1m') {
    const fromMs = Math.floor(atMs / MINUTE_PARTITION_MS) * MINUTE_PARTITION_MS;
    return { fromMs, toMs: fromMs + MINUTE_PARTITION_MS };
  }
  if (resolution === '1h') {
    // Monday of the week: the epoch was a Thursday.
    const day = Math.floor(atMs / DAY_MS);
    const fromMs = (day - ((day + 3) % 7)) * DAY_MS;
    return { fromMs, toMs: fromMs + 7 * DAY_MS };
  }
  const year = new Date(atMs).getUTCFullYear();
  return { fromMs: Date.UTC(year, 0, 1), toMs: Date.UTC(year + 1, 0, 1) };
}

/** Its name as a literal. */
export function partitionLiteral(resolution: RollupResolution, atMs: number): string {
  const { fromMs } = partitionSpan(resolution, atMs);
  const text = new Date(fromMs).toISOString();
  if (resolution === '1m') return sqlString(text.slice(0, 19).replace('T', ' '));
  return resolution === '1h' ? sqlString(text.slice(0, 10)) : sqlInt(new Date(fromMs).getUTCFullYear());
}

/** Partitions that hold a part of a span, ascending. */
export function partitionsOf(resolution: RollupResolution, span: Span): readonly Span[] {
  const partitions: Span[] = [];
  for (let at = span.fromMs; at < span.toMs; at = partitions[partitions.length - 1].toMs) partitions.push(partitionSpan(resolution, at));
  return partitions;
}
