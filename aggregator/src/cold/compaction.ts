// Compaction: raw events of closed minutes into rollup_1m, those into rollup_1h, those into rollup_1d; again where late rows came.
// Invariant: an intent (`closing`) is published before anything is read for it, and `closed` only after everything is written,
// see marks.ts. Nothing here needs a lock: whatever two processes do at once, the row that knows more events wins.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { Failpoints } from '../failpoints.js';
import { abortError } from './engine-errors.js';
import { CompactionBatches } from './compaction-batches.js';
import { compactRaw, compactRollup } from './compaction-sql.js';
import type { DefinitionHistory } from './definition-history.js';
import type { Engine } from './engine.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, ROLLUP_MS, rollupTable, type RollupResolution } from './layout.js';
import { type CompactionMarks, dayOfMinute, type DirtyEntry } from './marks.js';
import { writtenFromMs, type Gone } from './retention.js';
import { partitionLiteral, partitionsOf } from './partitions.js';
import type { Names } from './schema.js';
import { hourOf, joinSpans, minuteSpan, type Span } from './spans.js';
import { onCluster } from './sql.js';
import { compactWindows, readyWindows, windowsMark, WINDOWS_TABLE } from './windows.js';

export interface CompactorOptions {
  readonly definition: Definition;
  readonly engine: Engine;
  readonly names: Names;
  readonly marks: CompactionMarks;
  readonly clock: Clock;
  /** Told after each step, so that readers of this process see it at once. */
  readonly onChange: () => void;
  /** Rows aggregated by one statement at most, unless a single bucket has more. */
  readonly batchRows: number;
  readonly failpoints: Failpoints;
}

const FINER = { '1h': '1m', '1d': '1h' } as const;

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #batches: CompactionBatches;
  #gone: Gone = { '1m': 0, '1h': 0, '1d': 0 };

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#batches = new CompactionBatches(options.engine, options.names, options.batchRows);
  }

  /** See ColdTier.compact. */
  async compact(
    untilMs: number,
    history: DefinitionHistory,
    signal: AbortSignal,
    onProgress: (closedUntilMs: number) => void,
  ): Promise<void> {
    const until = Math.floor(untilMs / MINUTE_MS) * MINUTE_MS;
    await this.#options.failpoints.reach('compaction.begun');
    this.#gone = (await this.#options.marks.read()).gone;
    await this.#closeMinutes(until, signal, onProgress);
    await this.#recompactDirty(signal);
    await this.#closeWindows(signal);
    await this.#closeCoarse('1h', signal);
    await this.#closeCoarse('1d', signal);
    await this.#backfill(history, signal);
  }

  async #closeMinutes(until: number, signal: AbortSignal, onProgress: (closedUntilMs: number) => void): Promise<void> {
    const { marks, definition, failpoints } = this.#options;
    const { closing, closed } = await marks.read();
    if (until <= closed['1m']) {
      return;
    }
    if (until > closing['1m']) {
      await marks.publish('closing', '1m', until);
      await failpoints.reach('compaction.intent-published');
    }
    const start = closed['1m'] === 0 ? await this.#batches.firstRawMinuteMs(until) : closed['1m'];
    // Rows that would be dropped at once are not written; hours and days of then come from raw rows directly.
    const kept = Math.min(until, Math.max(start, Math.ceil(this.#keptFrom('1m') / MINUTE_MS) * MINUTE_MS));
    for (const batch of [
      { fromMs: start, toMs: kept, rows: 0 },
      ...(await this.#batches.cut({ fromMs: kept, toMs: until }, MINUTE_MS, 'raw', signal)),
    ]) {
      if (batch.toMs <= batch.fromMs) {
        continue;
      }
      stopOn(signal);
      if (batch.rows > 0) {
        await this.#write(compactRaw(definition, this.#options.names, '1m', [batch]));
        await failpoints.reach('compaction.minutes-written');
      }
      await marks.publish('closed', '1m', batch.toMs);
      await failpoints.reach('compaction.minutes-closed');
      this.#options.onChange();
      onProgress(batch.toMs);
    }
    if (start >= until) {
      await marks.publish('closed', '1m', until);
      this.#options.onChange();
    }
  }

  /** Writes the ready windows that end with closed minutes. */
  async #closeWindows(signal: AbortSignal): Promise<void> {
    const { marks, definition, names } = this.#options;
    const mark = windowsMark(definition);
    if (mark === null) {
      return;
    }
    const { closed, windows } = await marks.read();
    const known = windows.get(mark) ?? { closing: 0, closed: 0 };
    const until = closed['1m'];
    if (until <= known.closed) {
      return;
    }
    if (until > known.closing) {
      await marks.publish('closing', mark, until);
    }
    const first = known.closed === 0 ? await this.#batches.firstRawMinuteMs(until) : known.closed;
    const start = Math.min(until, Math.max(first, Math.ceil(this.#keptFrom('1m') / MINUTE_MS) * MINUTE_MS));
    for (const batch of await this.#batches.cut({ fromMs: start, toMs: until }, MINUTE_MS, '1m', signal)) {
      stopOn(signal);
      // Written even without rows of its own: windows that end here reach back.
      await this.#write(compactWindows(definition, names, batch));
      await this.#options.failpoints.reach('compaction.windows-written');
      await marks.publish('closed', mark, batch.toMs);
      this.#options.onChange();
    }
    if (start >= until) {
      await marks.publish('closed', mark, until);
      this.#options.onChange();
    }
  }

  /** Writes the buckets of a coarser rollup that are complete. */
  async #closeCoarse(resolution: '1h' | '1d', signal: AbortSignal): Promise<void> {
    const { marks } = this.#options;
    const { closing, closed } = await marks.read();
    const size = ROLLUP_MS[resolution];
    const until = Math.floor(closed[FINER[resolution]] / size) * size;
    if (until <= closed[resolution]) {
      return;
    }
    if (until > closing[resolution]) {
      await marks.publish('closing', resolution, until);
    }
    const first = closed[resolution] === 0 ? await this.#batches.firstRawMinuteMs(until) : closed[resolution];
    const start = Math.floor(first / size) * size;
    const fromRaw = Math.min(until, Math.max(start, Math.ceil(this.#keptFrom(FINER[resolution]) / size) * size));
    const batches = [
      ...(await this.#batches.cut({ fromMs: start, toMs: fromRaw }, size, 'raw', signal)).map((batch) => ({
        ...batch,
        source: 'raw' as const,
      })),
      ...(await this.#batches.cut({ fromMs: fromRaw, toMs: until }, size, FINER[resolution], signal)).map((batch) => ({
        ...batch,
        source: FINER[resolution],
      })),
    ];
    for (const batch of batches) {
      stopOn(signal);
      if (batch.rows > 0) {
        await this.#writeCoarse(resolution, batch, batch.source);
        await this.#options.failpoints.reach('compaction.coarse-written');
      }
      await marks.publish('closed', resolution, batch.toMs);
      this.#options.onChange();
    }
    await this.#mergeParts(resolution, { fromMs: start, toMs: until }, signal);
  }

  /** Day by day: minutes from raw rows, then the hours and the day that hold them, then the revision, last the entries. */
  async #recompactDirty(signal: AbortSignal): Promise<void> {
    const { marks, clock, definition, failpoints } = this.#options;
    const { closed } = await marks.read();
    const byDay = new Map<number, DirtyEntry[]>();
    for (const entry of await marks.dirty(closed['1m'])) {
      const day = dayOfMinute(entry.minute);
      byDay.set(day, [...(byDay.get(day) ?? []), entry]);
    }
    for (const [day, entries] of byDay) {
      stopOn(signal);
      const oldest = clock.now() - definition.retention.rawMs;
      const minutes = [...new Set(entries.map((entry) => entry.minute))].filter((minute) => minute * MINUTE_MS >= oldest);
      await this.#rewrite(minutes, signal);
      await this.#rewriteDay(day, signal);
      await failpoints.reach('compaction.minutes-rewritten');
      await marks.bumpRevisions([day]);
      await failpoints.reach('compaction.revision-raised');
      await marks.markCleaned(entries, clock.now());
      await failpoints.reach('compaction.entries-cleaned');
      this.#options.onChange();
    }
  }

  /** Recomputes minutes (ascending), and windows and hours that may have been computed from them. Minutes without raw rows stay. */
  async #rewrite(minutes: readonly number[], signal: AbortSignal): Promise<void> {
    const { definition, names, marks } = this.#options;
    const counts = await this.#batches.rowsPerBucket(joinSpans(minutes.map(minuteSpan)), MINUTE_MS, 'raw', signal);
    const present = minutes.filter((minute) => counts.has(minute * MINUTE_MS));
    const kept = present.filter((minute) => minute * MINUTE_MS >= this.#keptFrom('1m'));
    for (const spans of this.#batches.pack(kept, counts)) {
      stopOn(signal);
      await this.#write(compactRaw(definition, names, '1m', spans));
    }
    // Read after the minutes were written: whoever publishes these later reads those minutes.
    const { closing, windows } = await marks.read();
    const mark = windowsMark(definition);
    for (const span of mark === null ? [] : windowsTouched(definition, kept, windows.get(mark)?.closing ?? 0)) {
      stopOn(signal);
      await this.#write(compactWindows(definition, names, span));
    }
    for (const hour of new Set(present.map((minute) => hourOf(minute * MINUTE_MS)))) {
      if (hour + HOUR_MS <= closing['1h'] && hour >= this.#keptFrom('1h')) {
        stopOn(signal);
        await this.#writeCoarse('1h', { fromMs: hour, toMs: hour + HOUR_MS }, hour < this.#keptFrom('1m') ? 'raw' : '1m');
      }
    }
  }

  /** Recomputes a day that may have been computed already. To be called after its hours. */
  async #rewriteDay(day: number, signal: AbortSignal): Promise<void> {
    const span = { fromMs: day * DAY_MS, toMs: (day + 1) * DAY_MS };
    const { closing } = await this.#options.marks.read();
    if (span.toMs <= closing['1d'] && span.fromMs >= this.#keptFrom('1d')) {
      stopOn(signal);
      await this.#writeCoarse('1d', span, span.fromMs < this.#keptFrom('1h') ? 'raw' : '1h');
    }
  }

  /** Gives history what a later definition added, from the newest hour back, as far as raw rows are kept. */
  async #backfill(history: DefinitionHistory, signal: AbortSignal): Promise<void> {
    const { marks, onChange } = this.#options;
    const { backfilled } = await marks.read();
    for (const { row, span } of history.unfinished(backfilled)) {
      let to = span.toMs;
      while (to > span.fromMs) {
        stopOn(signal);
        const from = Math.max(span.fromMs, hourOf(to - 1));
        const minutes = Array.from({ length: Math.ceil((to - from) / MINUTE_MS) }, (_, i) => Math.floor(from / MINUTE_MS) + i);
        await this.#rewrite(minutes, signal);
        // A day is not read from its row before all of it is done, so it is written once.
        if (from % DAY_MS === 0 || from === span.fromMs) {
          await this.#rewriteDay(dayOfMinute(minutes[0]), signal);
        }
        await marks.bumpRevisions([dayOfMinute(minutes[0])]);
        await marks.publishBackfilled(row.appliedMs, row.backfill.toMs - from);
        onChange();
        to = from;
      }
    }
  }

  async #writeCoarse(resolution: '1h' | '1d', span: Span, source: 'raw' | RollupResolution): Promise<void> {
    const { definition, names } = this.#options;
    await this.#write(
      source === 'raw' ? compactRaw(definition, names, resolution, [span]) : compactRollup(definition, names, source, resolution, [span]),
    );
  }

  /** Writes are never cut off in the middle: abort takes effect between them. */
  async #write(sql: string): Promise<void> {
    await this.#options.engine.command(sql, { lane: 'compaction' });
  }

  #keptFrom(resolution: RollupResolution): number {
    const { definition, clock } = this.#options;
    return writtenFromMs(definition, resolution, clock.now(), this.#gone);
  }

  /**
   * Merges partitions of the finer rollup that got their last rows into one part each: FINAL costs nothing there. Not needed
   * for any answer to be right.
   */
  async #mergeParts(closed: '1h' | '1d', span: Span, signal: AbortSignal): Promise<void> {
    const { engine, definition, names } = this.#options;
    const { cluster } = definition.cold;
    const resolution = closed === '1h' ? '1m' : '1h';
    const fromMs = Math.max(span.fromMs, this.#keptFrom(resolution));
    const partitions = partitionsOf(resolution, { fromMs, toMs: span.toMs }).map((one) => partitionLiteral(resolution, one.fromMs));
    const tables = [rollupTable(resolution), ...(resolution === '1m' && windowsMark(definition) !== null ? [WINDOWS_TABLE] : [])];
    for (const partition of partitions) {
      for (const table of tables) {
        stopOn(signal);
        await engine.command(`OPTIMIZE TABLE ${names.local(table)}${onCluster(cluster)} PARTITION ${partition} FINAL`, {
          lane: 'compaction',
        });
      }
    }
  }
}

/** Spans of the minutes whose windows, as far as they may have been written, hold one of the given minutes. */
function windowsTouched(definition: Definition, minutes: readonly number[], closing: number): readonly Span[] {
  const longest = Math.max(...readyWindows(definition).map((window) => window.sizeMs));
  const spans = minutes.map((minute) => ({ fromMs: minute * MINUTE_MS, toMs: Math.min(closing, minute * MINUTE_MS + longest) }));
  return joinSpans(spans.filter((span) => span.toMs > span.fromMs));
}

function stopOn(signal: AbortSignal): void {
  if (signal.aborted) {
    throw abortError(signal);
  }
}
