// What the engine process was asked during a run, by kind of statement: where its time goes.

import type { ServedQuery } from '../../test/support/clickhouse-http.js';

const KINDS: readonly (readonly [string, RegExp])[] = [
  ['insert raw rows', /^INSERT INTO \S*events\S* .*FORMAT (Native|JSONEachRow)/s],
  ['compact minutes', /^INSERT INTO \S*rollup_1m/s],
  ['compact hours', /^INSERT INTO \S*rollup_1h/s],
  ['compact days', /^INSERT INTO \S*rollup_1d/s],
  ['ready windows', /^INSERT INTO \S*window/s],
  ['compaction marks', /(compaction_marks|dirty_minutes|day_revisions)/s],
  ['merge parts', /^OPTIMIZE/s],
  ['count rows per bucket', /^SELECT intDiv\(toUnixTimestamp/s],
];

/** Lines with calls and their time on the clock, most first. */
export function summariseStatements(log: readonly ServedQuery[]): readonly string[] {
  const kinds = new Map<string, { calls: number; ms: number; longestMs: number }>();
  for (const { sql, durationMs } of log) {
    const name = KINDS.find(([, pattern]) => pattern.test(sql))?.[0] ?? `other: ${sql.replace(/\s+/g, ' ').slice(0, 60)}`;
    const kind = kinds.get(name) ?? { calls: 0, ms: 0, longestMs: 0 };
    kinds.set(name, { calls: kind.calls + 1, ms: kind.ms + durationMs, longestMs: Math.max(kind.longestMs, durationMs) });
  }
  return [...kinds]
    .sort(([, a], [, b]) => b.ms - a.ms)
    .slice(0, 14)
    .map(
      ([name, { calls, ms, longestMs }]) =>
        `${(ms / 1_000).toFixed(2).padStart(8)} s ${String(calls).padStart(6)} calls, longest ${longestMs.toFixed(0).padStart(6)} ms  ${name}`,
    );
}
