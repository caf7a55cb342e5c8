// One flush, step by step, each repeated until it is done. Knows the order and nothing else; the pipeline decides what and when.

import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import { TidemarkError } from '../errors.js';
import type { Failpoints } from '../failpoints.js';
import type { HotTier } from '../hot/hot-tier.js';
import type { DeadLetterSink, LogSource, PartitionId } from '../source/log.js';
import type { Accumulation, PartitionMove } from '../window/accumulation.js';
import type { EventProcessor } from '../window/event-processor.js';
import type { Flush } from '../window/flush-batch.js';
import { changedSeconds, type SecondRange } from './changed-seconds.js';
import { encodePosition } from './position.js';
import { untilDone, type RetryReport } from './retry.js';

export interface FlushJob {
  readonly accumulation: Accumulation;
  readonly moves: readonly PartitionMove[];
  readonly allPartitions: readonly PartitionId[];
  /** Whether raw rows are written (false while catching up stretches that the cold tier has). */
  readonly cold: boolean;
  readonly shards: readonly number[];
  readonly commit: boolean;
  /** For a shard without a marker of this partition: the event time its coverage starts at; else null. */
  coverageFromMs(shard: number, partition: PartitionId): number | null;
  readonly signal: AbortSignal;
}

export interface FlushReport {
  readonly rows: number;
  readonly deltas: number;
  readonly deadLetters: number;
  readonly moves: readonly PartitionMove[];
  /** Seconds of event time with rows in this flush. */
  readonly changed: readonly SecondRange[];
  /** When both tiers had it, epoch ms. */
  readonly queryableAtMs: number;
  readonly durationMs: {
    readonly seal: number;
    readonly deadLetters: number;
    readonly cold: number;
    readonly hot: number;
    readonly commit: number;
  };
  /** From the oldest record's log timestamp to the moment it could be asked for, ms; NaN without rows. */
  readonly eventToQueryableMs: number;
}

export class Flusher {
  readonly #processor: EventProcessor;
  readonly #clock: Clock;
  readonly #hot: HotTier;
  readonly #cold: ColdTier;
  readonly #source: LogSource;
  readonly #deadLetters: DeadLetterSink;
  readonly #events: { flushed(report: FlushReport): void; retrying: RetryReport['failed'] };
  readonly #failpoints: Failpoints;

  constructor(
    processor: EventProcessor,
    clock: Clock,
    hot: HotTier,
    cold: ColdTier,
    source: LogSource,
    deadLetters: DeadLetterSink,
    events: { flushed(report: FlushReport): void; retrying: RetryReport['failed'] },
    failpoints: Failpoints,
  ) {
    this.#processor = processor;
    this.#clock = clock;
    this.#hot = hot;
    this.#cold = cold;
    this.#source = source;
    this.#deadLetters = deadLetters;
    this.#events = events;
    this.#failpoints = failpoints;
  }

  retry<T>(step: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    return untilDone(step, signal, { failed: (name, error, attempt) => this.#events.retrying(name, error, attempt) }, run);
  }

  /** @throws TidemarkError fenced when somebody else owns a position; any other error is fatal or the signal's */
  async flush(job: FlushJob): Promise<void> {
    const { accumulation, signal } = job;
    await this.#failpoints.reach('flush.begun');
    const t0 = this.#clock.monotonic();
    if (
      accumulation.unanswered.some((values) => values.size > 0) &&
      (await this.retry('check admitted values', signal, () => this.#hot.admissionsMissing()))
    ) {
      // In an empty registry a newcomer would take the place of a value in use.
      throw new TidemarkError(
        'fenced',
        'HOT_FENCED',
        'The hot tier has lost the registry of admitted dimension values.',
        'Nothing to do: the process fills it from the cold tier and goes on from the markers.',
      );
    }
    const { deltas, raw } = await this.retry('seal', signal, () => this.#processor.seal(accumulation, this.#hot));
    await this.#failpoints.reach('flush.sealed');
    const t1 = this.#clock.monotonic();
    if (accumulation.deadLetters.length > 0) {
      await this.retry('dead letters', signal, () => this.#deadLetters.write(accumulation.deadLetters));
      await this.#failpoints.reach('flush.dead-letters-written');
    }
    const t2 = this.#clock.monotonic();
    if (job.cold && raw.rows > 0) {
      await this.retry('cold insert', signal, () => this.#cold.insert(raw));
    }
    await this.#failpoints.reach('flush.cold-written');
    const t3 = this.#clock.monotonic();
    for (const group of this.#shardGroups(job)) {
      const flush: Flush = {
        partitions: job.moves.map((move) => ({
          partition: move.partition,
          from: move.from,
          state: move.state,
          coverageFromMs: job.coverageFromMs(group[0], move.partition),
        })),
        allPartitions: job.allPartitions,
        deltas,
        raw,
      };
      const result = await this.retry('hot apply', signal, () => this.#hot.apply(flush, group));
      if (result.outcome === 'fenced') {
        throw new TidemarkError(
          'fenced',
          'HOT_FENCED',
          `Shard ${result.shard} has ${result.partition} at ${result.marker ?? 'no marker'}, not where this process left it.`,
          'Nothing to do: the process reads the markers again and goes on from the lowest.',
        );
      }
    }
    await this.#failpoints.reach('flush.hot-applied');
    const t4 = this.#clock.monotonic();
    const queryableAtMs = this.#clock.now();
    if (job.commit) {
      await this.retry('commit', signal, () =>
        this.#source.commit(job.moves.map((m) => ({ partition: m.partition, offset: m.state.offset, metadata: encodePosition(m.state) }))),
      );
    }
    await this.#failpoints.reach('flush.committed');
    const t5 = this.#clock.monotonic();
    this.#events.flushed({
      rows: raw.rows,
      deltas: deltas.length,
      deadLetters: accumulation.deadLetters.length,
      moves: job.moves,
      changed: changedSeconds(raw),
      queryableAtMs,
      durationMs: { seal: t1 - t0, deadLetters: t2 - t1, cold: t3 - t2, hot: t4 - t3, commit: t5 - t4 },
      eventToQueryableMs: accumulation.oldestLogTimeMs > 0 ? queryableAtMs - accumulation.oldestLogTimeMs : Number.NaN,
    });
    this.#processor.release(accumulation);
  }

  /** Shards for which every partition's advance looks the same take one call together. */
  #shardGroups(job: FlushJob): number[][] {
    const groups = new Map<string, number[]>();
    for (const shard of job.shards) {
      const key = job.moves.map((m) => job.coverageFromMs(shard, m.partition) ?? '-').join('|');
      const group = groups.get(key) ?? [];
      group.push(shard);
      groups.set(key, group);
    }
    return [...groups.values()];
  }
}
