// Between the log and the tiers: takes batches, gathers them, and flushes in an order that survives anything.
// The order of a flush: dead letters → cold (idempotent rows) → hot (markers by compare-and-set) → commit. So the cold tier
// never lacks what a marker claims, and the commit is a lower bound of both. Only this class moves positions.

import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { HotTier } from '../hot/hot-tier.js';
import { NO_FAILPOINTS, type Failpoints } from '../failpoints.js';
import { within } from '../query/patience.js';
import type { AssignedPartition, DeadLetter, DeadLetterSink, LogConsumer, LogSource, PartitionId, RecordBatch } from '../source/log.js';
import type { Accumulation } from '../window/accumulation.js';
import { EventProcessor } from '../window/event-processor.js';
import type { PartitionProcessor } from '../window/partition-processor.js';
import { Assignment } from './assignment.js';
import { CatchUp, SLICE_RECORDS, type OwnedPartition } from './catch-up.js';
import { Flusher, type FlushReport } from './flusher.js';
import type { RecoveryPlan } from './recovery.js';

/** How long a rebalance waits for the last flush; what is not done by then is read again by the next owner. */
const REVOKE_BUDGET_MS = 5_000;
/** The same at the end of the process: leaving the group in time matters more than a flush that a store keeps waiting. */
const DRAIN_BUDGET_MS = 5_000;
/** Refused records kept for one flush. */
const MOST_DEAD_LETTER_BYTES = 32 * 1024 * 1024;

export type PipelineState = 'idle' | 'recovering' | 'running' | 'draining' | 'stopped' | 'failed';

export interface PipelineEvents {
  /** After each completed flush. */
  flushed(report: FlushReport): void;
  retrying(step: string, error: TidemarkError, attempt: number): void;
  recovering(plans: readonly RecoveryPlan[]): void;
  fenced(reason: string): void;
  /** The process must end: recovery at the next start does the rest. */
  fatal(error: unknown): void;
}

export class Pipeline implements LogConsumer {
  readonly processor: EventProcessor;
  readonly #definition: Definition;
  readonly #clock: Clock;
  readonly #hot: HotTier;
  readonly #source: LogSource;
  readonly #flusher: Flusher;
  readonly #catchUp: CatchUp;
  readonly #assignment: Assignment;
  readonly #failpoints: Failpoints;
  readonly #events: PipelineEvents;
  #state: PipelineState = 'idle';
  #generation = -1;
  #owned = new Map<PartitionId, OwnedPartition>();
  /** Of the assignment that just ended: mostly the same partitions come back. */
  #retired = new Map<PartitionId, PartitionProcessor>();
  #allPartitions: readonly PartitionId[] = [];
  #open: Accumulation | null = null;
  #flushing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #abort = new AbortController();
  /** Work on batches and assignments is done one after the other, slice by slice. */
  #pausedForDictionaries: Promise<void> | null = null;

  constructor(
    definition: Definition,
    clock: Clock,
    hot: HotTier,
    cold: ColdTier,
    source: LogSource,
    deadLetters: DeadLetterSink,
    events: PipelineEvents,
    failpoints: Failpoints = NO_FAILPOINTS,
  ) {
    this.#definition = definition;
    this.#clock = clock;
    this.#hot = hot;
    this.#source = source;
    this.#events = events;
    this.processor = new EventProcessor(definition, clock);
    this.#failpoints = failpoints;
    this.#flusher = new Flusher(this.processor, clock, hot, cold, source, deadLetters, events, failpoints);
    const retry = <T>(step: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> => this.#flusher.retry(step, signal, run);
    this.#catchUp = new CatchUp({
      processor: this.processor,
      maxRows: definition.flush.maxRows,
      failpoints,
      sharedFlush: async () => this.#flushing?.catch(() => undefined),
      flush: (accumulation, toCold, shards, commit) => this.#flush(accumulation, toCold, shards, commit),
      newestEventMs: (partition, below, signal) => retry('newest event', signal, () => cold.newestEventMs(partition, below)),
      signal: () => this.#abort.signal,
    });
    const recovering = (plans: readonly RecoveryPlan[]): void => this.#events.recovering(plans);
    this.#assignment = new Assignment({ definition, hot, cold, catchUp: this.#catchUp, failpoints, retry, recovering });
  }

  get state(): PipelineState {
    return this.#state;
  }

  get partitions(): readonly PartitionProcessor[] {
    return [...this.#owned.values()].map((o) => o.processor);
  }

  get allPartitions(): readonly PartitionId[] {
    return this.#allPartitions;
  }

  /** Starts the flush timer. The source is started by the caller. */
  start(): void {
    this.#timer = setInterval(() => this.#tick(), this.#definition.flush.intervalMs);
  }

  async assigned(
    generation: number,
    partitions: readonly AssignedPartition[],
    allPartitions: readonly PartitionId[],
  ): Promise<ReadonlyMap<PartitionId, number>> {
    this.#state = 'recovering';
    this.#generation = generation;
    // A flush of the former assignment either ends by itself or is told to give up; its markers decide what counts.
    this.#abort.abort();
    await this.#underWay();
    this.#abort = new AbortController();
    this.#open = null;
    this.#owned = new Map();
    this.#allPartitions = allPartitions;
    const recovered = await this.#assignment.recover(partitions, this.#retired, this.#abort.signal);
    this.#retired = new Map();
    if (recovered === null) {
      await this.#source.reassign();
      return new Map(partitions.map((p) => [p.id, p.logEnd]));
    }
    this.#owned = recovered.owned;
    if (this.#generation === generation) {
      this.#state = 'running';
    }
    return recovered.readFrom;
  }

  async revoked(): Promise<void> {
    if (this.#state !== 'running') {
      return;
    }
    this.#state = 'recovering';
    const abort = this.#abort;
    const limit = setTimeout(() => abort.abort(), REVOKE_BUDGET_MS);
    await this.#underWay();
    await this.#flushOpen().catch(() => undefined);
    clearTimeout(limit);
    await this.#failpoints.reach('recovery.given-up');
    this.#retired = new Map([...this.#owned].map(([id, owned]) => [id, owned.processor]));
    this.#owned = new Map();
    this.#open = null;
  }

  async batch(batch: RecordBatch): Promise<void> {
    let at = 0;
    while (at < batch.count) {
      await this.#pausedForDictionaries;
      const owned = this.#owned.get(batch.partition);
      if (batch.generation !== this.#generation || this.#state !== 'running' || owned === undefined) {
        return;
      }
      owned.processor.logEnd = Math.max(owned.processor.logEnd, batch.logEnd);
      if (owned.catchingUp !== null) {
        await owned.catchingUp;
        continue;
      }
      if (owned.segments.length > 0) {
        at = await this.#catchUp.take(owned, batch, at);
        continue;
      }
      this.#open ??= this.processor.open();
      at = this.processor.process(batch, at, SLICE_RECORDS, Number.POSITIVE_INFINITY, owned.processor, this.#open);
      if (owned.processor.next >= owned.processor.logEnd) {
        // As old as what is known of the end: meanwhile the batch may have waited for a flush, or the process have stood still.
        owned.processor.caughtUpAtMs = batch.logEndAtMs ?? this.#clock.now();
      }
      await this.#flushIfLarge();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A batch that nobody can decode: counted and kept as one dead letter; reading goes on behind it. */
  async undecodable(
    partition: PartitionId,
    generation: number,
    fromOffset: number,
    toOffset: number,
    detail: string,
    bytes: Uint8Array,
  ): Promise<void> {
    const owned = this.#owned.get(partition);
    if (generation !== this.#generation || this.#state !== 'running' || owned === undefined || toOffset <= owned.processor.next) {
      return;
    }
    const letter = { partition, timestampMs: this.#clock.now(), reason: 'undecodable_batch', detail, value: bytes } as const;
    const refuse = (until: number, into: Accumulation): void =>
      this.#refuse(owned.processor, Math.max(fromOffset, owned.processor.next), until, letter, into);
    while (owned.segments.length > 0 && owned.processor.next < toOffset) {
      if (this.#owned.get(partition) !== owned) {
        return;
      }
      if (owned.catchingUp !== null) {
        await owned.catchingUp;
        continue;
      }
      await this.#catchUp.alone(owned, (segment, accumulation) => refuse(Math.min(toOffset, segment.to), accumulation));
    }
    if (owned.processor.next < toOffset && this.#owned.get(partition) === owned) {
      this.#open ??= this.processor.open();
      refuse(toOffset, this.#open);
      await this.#flushIfLarge();
    }
  }

  /** Counts records that were never seen one by one; one letter stands for all of them. */
  #refuse(processor: PartitionProcessor, from: number, until: number, letter: Omit<DeadLetter, 'offset'>, into: Accumulation): void {
    const counted = until - Math.max(from, processor.applyFrom);
    processor.next = Math.max(processor.next, until);
    if (counted > 0) {
      processor.consumed += counted;
      processor.deadLettered += counted;
      into.refuse({ ...letter, offset: from });
      into.touch(processor);
    }
  }

  idle(partition: PartitionId, logEnd: number, logEndAtMs = this.#clock.now()): void {
    const owned = this.#owned.get(partition);
    if (owned === undefined || this.#state !== 'running') {
      return;
    }
    const processor = owned.processor;
    processor.logEnd = Math.max(processor.logEnd, logEnd);
    owned.emptyUpTo = logEnd;
    if (owned.segments.length === 0) {
      // Control records at the end have no value: an empty fetch up to the log's end means that all is read. The position passes them,
      // else the partition would never count as idle and would hold back the whole group's watermark.
      processor.caughtUpAtMs = logEndAtMs;
      if (logEnd > processor.next) {
        processor.next = logEnd;
        if (logEnd > processor.sealed) {
          this.#open ??= this.processor.open();
          this.#open.touch(processor);
        }
      }
    }
  }

  /**
   * Flushes and commits what was taken, takes nothing more; gives up after `DRAIN_BUDGET_MS`, when the next start reads the rest again.
   * The source is stopped by the caller afterwards.
   */
  async drain(): Promise<void> {
    if (this.#timer !== null) {
      clearInterval(this.#timer);
    }
    if (this.#state !== 'running') {
      this.#state = 'stopped';
      this.#abort.abort();
      await within(this.#flushing ?? Promise.resolve(), DRAIN_BUDGET_MS);
      return;
    }
    this.#state = 'draining';
    const flushed = (async () => {
      await this.#flushing?.catch(() => undefined);
      await this.#flushOpen();
    })();
    await within(flushed, DRAIN_BUDGET_MS);
    this.#state = 'stopped';
    this.#abort.abort();
  }

  #tick(): void {
    if (this.#flushing !== null || this.#state !== 'running') {
      return;
    }
    const catchingUp = [...this.#owned.values()].some((owned) => owned.catchingUp !== null);
    if (!catchingUp && this.processor.dictionariesAreLarge()) {
      this.#renewDictionaries();
      return;
    }
    for (const owned of this.#owned.values()) {
      if (owned.segments.length > 0 && owned.catchingUp === null && owned.emptyUpTo >= owned.segments[0].to) {
        this.#catchUp.passEnd(owned).catch((error: unknown) => this.#fail(error));
      }
    }
    const untouched = [...this.#owned.values()].filter((o) => o.segments.length === 0 && o.uncovered.size > 0);
    if (untouched.length > 0) {
      // A partition without records gets its marker too, else its coverage would stay unknown.
      this.#open ??= this.processor.open();
      untouched.forEach((o) => this.#open?.touch(o.processor));
    }
    if (this.#open !== null && !this.#open.isEmpty) {
      this.#startFlush();
    }
  }

  /** Counts as a flush: nothing else is flushed meanwhile, and no batch is taken. */
  #renewDictionaries(): void {
    const renewed = (async () => {
      await this.#flushOpen();
      if (this.#open === null) {
        this.processor.forgetDictionaries();
      }
    })()
      .catch(() => undefined)
      .finally(() => {
        this.#flushing = null;
        this.#pausedForDictionaries = null;
      });
    this.#flushing = renewed;
    this.#pausedForDictionaries = renewed;
  }

  /** Resolves when no flush is under way, neither of what all partitions share nor of one that catches up. */
  async #underWay(): Promise<void> {
    for (const { catchingUp } of this.#owned.values()) {
      await catchingUp;
    }
    await this.#flushing?.catch(() => undefined);
  }

  /** Back-pressure: what is gathered has a bound, however long a store keeps the flush before waiting. */
  async #flushIfLarge(): Promise<void> {
    const open = this.#open;
    if (open !== null && (open.raw.rows >= this.#definition.flush.maxRows || open.deadLetterBytes >= MOST_DEAD_LETTER_BYTES)) {
      await this.#flushing?.catch(() => undefined);
      this.#startFlush();
    }
  }

  #startFlush(): void {
    const running = this.#flushOpen();
    this.#flushing = running
      .catch(() => undefined)
      .finally(() => {
        this.#flushing = null;
      });
  }

  async #flushOpen(): Promise<void> {
    const accumulation = this.#open;
    this.#open = null;
    if (accumulation === null || accumulation.isEmpty) {
      return;
    }
    const everyShard = Array.from({ length: this.#hot.shards }, (_, i) => i);
    await this.#flush(accumulation, true, everyShard, true);
  }

  /** Runs one flush to its end; turns a fence into recovery and anything unexpected into the end of the process. */
  async #flush(accumulation: Accumulation, cold: boolean, shards: readonly number[], commit: boolean): Promise<boolean> {
    const signal = this.#abort.signal;
    const generation = this.#generation;
    const ownedNow = this.#owned;
    const moves = accumulation.close();
    try {
      await this.#flusher.flush({
        accumulation,
        moves,
        allPartitions: this.#allPartitions,
        cold,
        shards,
        commit,
        coverageFromMs: (shard, partition) => {
          const owned = ownedNow.get(partition);
          return owned !== undefined && owned.uncovered.has(shard) ? owned.coverageFromMs : null;
        },
        signal,
      });
      for (const move of moves) {
        const owned = ownedNow.get(move.partition);
        shards.forEach((shard) => owned?.uncovered.delete(shard));
      }
      return true;
    } catch (error) {
      if (signal.aborted || generation !== this.#generation) {
        return false;
      }
      this.#owned = new Map();
      this.#open = null;
      if (error instanceof TidemarkError && error.errorClass === 'fenced') {
        this.#state = 'recovering';
        this.#events.fenced(error.message);
        if (error.code === 'HOT_FENCED') {
          this.#source.reassign().catch((reason: unknown) => this.#fail(reason));
        } // else the group has moved on, and the source brings the next assignment.
      } else {
        this.#fail(error);
      }
      return false;
    }
  }

  #fail(error: unknown): void {
    this.#state = 'failed';
    this.#events.fatal(error);
  }
}
