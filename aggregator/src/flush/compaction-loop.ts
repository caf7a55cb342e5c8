// Calls the cold tier's compaction as the watermark moves on. One process at a time works (a lease in the hot tier); two at
// once would only do the same work twice. Invariant: only buckets that the group's watermark has passed are closed.

import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { HotTier } from '../hot/hot-tier.js';
import { Rounds } from './rounds.js';

const LEASE_NAME = 'compaction';
const LEASE_MS = 30_000;
const MINUTE_MS = 60_000;

export interface CompactionEvents {
  compacted(untilMs: number, durationMs: number): void;
  failed(error: unknown): void;
}

export class CompactionLoop {
  readonly #cold: ColdTier;
  readonly #hot: HotTier;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #watermarkMs: () => Promise<number>;
  readonly #events: CompactionEvents;
  readonly #rounds: Rounds;

  /** @param watermarkMs the group's watermark, epoch ms; 0 when it is not known */
  constructor(cold: ColdTier, hot: HotTier, clock: Clock, owner: string, watermarkMs: () => Promise<number>, events: CompactionEvents) {
    this.#cold = cold;
    this.#hot = hot;
    this.#clock = clock;
    this.#owner = owner;
    this.#watermarkMs = watermarkMs;
    this.#events = events;
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
    const startedMs = this.#clock.monotonic();
    const untilMs = Math.floor((await this.#watermarkMs()) / MINUTE_MS) * MINUTE_MS;
    if (untilMs <= 0 || signal.aborted || !(await this.#hot.lease(LEASE_NAME, this.#owner, LEASE_MS))) {
      return;
    }
    const renewal = setInterval(() => {
      this.#hot.lease(LEASE_NAME, this.#owner, LEASE_MS).catch(() => undefined);
    }, LEASE_MS / 3);
    try {
      await this.#cold.compact(untilMs, signal);
    } finally {
      clearInterval(renewal);
    }
    this.#events.compacted(untilMs, this.#clock.monotonic() - startedMs);
  }
}
