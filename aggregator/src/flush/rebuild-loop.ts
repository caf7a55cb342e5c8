// Gives a hot tier back what it had: after Redis lost its data, or a process that keeps its windows in memory was started anew. Works
// backwards from where the coverage begins, one stretch of raw rows after the other, while flushes and queries go on.
// Invariant: a stretch is added together with the coverage that it stands for, by compare-and-set, so that it may be given up, repeated
// or done by two processes at once; a lease only spares them the work.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import { NO_FAILPOINTS, type Failpoints } from '../failpoints.js';
import type { HotTier } from '../hot/hot-tier.js';
import { paneFields, panesOfStored } from '../window/stored-panes.js';
import { nextStretch, type Stretch } from './rebuild-plan.js';
import { Rounds } from './rounds.js';

const LEASE_NAME = 'rebuild';
const LEASE_MS = 30_000;
const MINUTE_MS = 60_000;
/** What a stretch should have, and what it may have at most. */
const WANTED_ROWS = 100_000;
const MOST_ROWS = 400_000;
const FIRST_LENGTH_MS = MINUTE_MS;
const LEAST_LENGTH_MS = 1_000;
const MOST_LENGTH_MS = 2 * 3_600_000;
/** Of the time, so much is left to flushes and queries. */
const REST_SHARE = 0.5;

export interface RebuildEvents {
  /** A round with something to do has begun: coverage begins at `fromMs`. */
  began(fromMs: number): void;
  added(rows: number, stretch: Stretch): void;
  /** Everything that is kept is there again. */
  finished(rows: number, durationMs: number): void;
  failed(error: unknown): void;
}

export interface RebuildParts {
  readonly definition: Definition;
  readonly hot: HotTier;
  readonly cold: ColdTier;
  readonly clock: Clock;
  /** Names this process in the lease. */
  readonly owner: string;
  readonly events: RebuildEvents;
  /** @default none */
  readonly failpoints?: Failpoints;
}

export class RebuildLoop {
  readonly #parts: RebuildParts;
  readonly #failpoints: Failpoints;
  readonly #rounds: Rounds;
  #lengthMs = FIRST_LENGTH_MS;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
    this.#failpoints = parts.failpoints ?? NO_FAILPOINTS;
    const { hot, owner, events } = parts;
    this.#rounds = new Rounds(
      { hot, name: LEASE_NAME, owner },
      (signal) => this.#round(signal),
      (error) => events.failed(error),
    );
  }

  start(intervalMs: number): void {
    this.#rounds.start(intervalMs);
  }

  /** See Rounds. */
  runOnce(): Promise<void> {
    return this.#rounds.runOnce();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { hot, owner, events, clock } = this.#parts;
    const first = await this.#next();
    if (first === null || !(await hot.lease(LEASE_NAME, owner, LEASE_MS))) {
      return;
    }
    const startedMs = clock.monotonic();
    events.began(first.toMs);
    await this.#failpoints.reach('rebuild.begun');
    const rows = await this.#addAll(first, signal);
    if (!signal.aborted) {
      events.finished(rows, clock.monotonic() - startedMs);
    }
  }

  async #addAll(first: Stretch, signal: AbortSignal): Promise<number> {
    const { hot, owner, clock } = this.#parts;
    let rows = 0;
    for (let stretch: Stretch | null = first; stretch !== null && !signal.aborted; stretch = await this.#next()) {
      if (!(await hot.lease(LEASE_NAME, owner, LEASE_MS))) {
        break;
      }
      const beganMs = clock.monotonic();
      rows += await this.#add(stretch, signal);
      await sleep((clock.monotonic() - beganMs) * REST_SHARE, undefined, { signal }).catch(() => undefined);
    }
    return rows;
  }

  async #next(): Promise<Stretch | null> {
    const { definition, hot, clock } = this.#parts;
    const { hot1sMs, hot10sMs, hot1mMs, rawMs } = definition.retention;
    const keptMs = Math.min(Math.max(hot1sMs, hot10sMs, hot1mMs), rawMs - MINUTE_MS);
    const goalMs = Math.floor((clock.now() - keptMs) / MINUTE_MS) * MINUTE_MS;
    return nextStretch(await hot.reaches(), goalMs, this.#lengthMs);
  }

  /** @returns rows that were added */
  async #add(stretch: Stretch, signal: AbortSignal): Promise<number> {
    const { definition, hot, cold, clock, events } = this.#parts;
    const nowMs = clock.now();
    const { hot1sMs, hot10sMs } = definition.retention;
    const stored = await cold.readStored({
      fromMs: stretch.fromMs,
      toMs: stretch.toMs,
      partitions: stretch.partitions.map(({ partition, baseOffset, fromMs }) => ({
        partition,
        belowOffset: baseOffset,
        untilMs: fromMs,
      })),
      fields: paneFields(definition, stretch.toMs >= nowMs - Math.max(hot1sMs, hot10sMs)),
      maxRows: this.#lengthMs <= LEAST_LENGTH_MS ? Number.POSITIVE_INFINITY : MOST_ROWS,
      signal,
    });
    if (stored === null) {
      this.#lengthMs = Math.max(LEAST_LENGTH_MS, Math.floor(this.#lengthMs / 4));
      return 0;
    }
    await this.#failpoints.reach('rebuild.rows-read');
    const deltas = await panesOfStored(definition, stored, nowMs, signal);
    const added = await hot.extend({ epochs: stretch.epochs, partitions: stretch.partitions, deltas }, stretch.shards);
    await this.#failpoints.reach('rebuild.stretch-added');
    const factor = Math.min(4, Math.max(0.25, WANTED_ROWS / Math.max(1, stored.rows)));
    this.#lengthMs = Math.min(MOST_LENGTH_MS, Math.max(LEAST_LENGTH_MS, Math.floor(this.#lengthMs * factor)));
    if (!added) {
      return 0;
    }
    events.added(stored.rows, stretch);
    return stored.rows;
  }
}
