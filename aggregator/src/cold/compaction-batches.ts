// Cuts compaction's work into statements of bounded size, by asking how many rows there are.

import type { Engine } from './engine.js';
import { MINUTE_MS, DAY_MS, ROLLUP_MS, rollupTable, type RollupResolution } from './layout.js';
import { decodeNative } from './native-reader.js';
import type { Names } from './schema.js';
import { bucketSpans, joinSpans, minuteSpan, rawSpans, type Span } from './spans.js';
import { sqlInt } from './sql.js';

export type RowSource = 'raw' | RollupResolution;

export interface Batch extends Span {
  readonly rows: number;
}

const LONGEST_BATCH_MS = DAY_MS;

export class CompactionBatches {
  readonly #engine: Engine;
  readonly #names: Names;
  readonly #batchRows: number;

  /** @param batchRows rows per statement at most, unless a single bucket has more */
  constructor(engine: Engine, names: Names, batchRows: number) {
    this.#engine = engine;
    this.#names = names;
    this.#batchRows = batchRows;
  }

  /** Cuts a span at bucket boundaries. Together the batches are the whole span; stretches without rows are batches of 0 rows. */
  async cut(span: Span, bucketMs: number, source: RowSource, signal: AbortSignal): Promise<readonly Batch[]> {
    if (span.toMs <= span.fromMs) {
      return [];
    }
    const batches: Batch[] = [];
    let from = span.fromMs;
    let rows = 0;
    let end = from;
    const cut = (toMs: number): void => {
      if (toMs > from) {
        batches.push({ fromMs: from, toMs, rows });
      }
      from = toMs;
      rows = 0;
    };
    for (const [bucket, n] of await this.rowsPerBucket([span], bucketMs, source, signal)) {
      if (rows > 0 && (rows + n > this.#batchRows || bucket + bucketMs - from > Math.max(LONGEST_BATCH_MS, bucketMs))) {
        cut(end);
      }
      if (rows === 0 && bucket > from) {
        cut(bucket);
      }
      rows += n;
      end = bucket + bucketMs;
    }
    cut(Math.max(end, from));
    cut(span.toMs);
    return batches;
  }

  /** Groups scattered minutes into lists of spans. @param counts see rowsPerBucket */
  pack(minutes: readonly number[], counts: ReadonlyMap<number, number>): readonly (readonly Span[])[] {
    const batches: Span[][] = [];
    let rows = Infinity;
    for (const span of minutes.map(minuteSpan)) {
      const n = counts.get(span.fromMs) ?? 0;
      if (rows + n > this.#batchRows) {
        batches.push([]);
        rows = 0;
      }
      batches[batches.length - 1].push(span);
      rows += n;
    }
    return batches.map(joinSpans);
  }

  /** By bucket start, epoch ms, ascending. Repeated rows count again, which only makes batches smaller. */
  async rowsPerBucket(
    spans: readonly Span[],
    bucketMs: number,
    source: RowSource,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    if (spans.length === 0) {
      return new Map();
    }
    const seconds = sqlInt(bucketMs / 1000);
    const [time, table, condition] =
      source === 'raw'
        ? ['time', this.#names.table('events'), rawSpans(spans)]
        : ['bucket', this.#names.table(rollupTable(source)), bucketSpans(spans, ROLLUP_MS[source])];
    const start = `intDiv(toUnixTimestamp(${time}), ${seconds}) * ${seconds} AS start`;
    const sql = `SELECT ${start}, count() AS n FROM ${table} WHERE ${condition} GROUP BY start ORDER BY start`;
    const result = decodeNative(await this.#engine.query(sql, { lane: 'compaction', signal }));
    const counts = result.numbers('n');
    return new Map(Array.from(result.numbers('start'), (at, i) => [at * 1000, counts[i]]));
  }

  /** First minute with raw rows, or `untilMs` when there is none before it. To be asked after the intent was published. */
  async firstRawMinuteMs(untilMs: number): Promise<number> {
    const sql = `SELECT count() AS n, toUnixTimestamp64Milli(min(time)) AS first FROM ${this.#names.table('events')}`;
    const result = decodeNative(await this.#engine.query(sql, { lane: 'compaction' }));
    const first = Math.floor(result.numbers('first')[0] / MINUTE_MS) * MINUTE_MS;
    return result.numbers('n')[0] === 0 ? untilMs : Math.min(untilMs, first);
  }
}
