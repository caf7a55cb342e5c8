// What the tiers hold, asked once for all evaluations of one moment. Invariant: a moment that is handed out began after the last
// announcement that was heard when it was asked for, so that no announced flush is missing from it. State: the newest moment.

import type { Clock } from '../clock.js';
import type { Situation } from '../query/situation.js';

export interface Moment {
  readonly situation: Situation;
  /** When the newest flush that is surely in it was done; null: none was heard of. Epoch ms. */
  readonly flushedAtMs: number | null;
}

/** Without announcements a moment is shared this long: time itself moves answers on. */
const SHARED_MS = 200;

export class Moments {
  readonly #clock: Clock;
  readonly #read: () => Promise<Situation>;
  #newest: { readonly moment: Promise<Moment>; readonly atMs: number } | null = null;
  #flushedAtMs: number | null = null;

  constructor(clock: Clock, read: () => Promise<Situation>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Whatever is handed out from now on has this flush in it. */
  flushed(atMs: number): void {
    this.#newest = null;
    this.#flushedAtMs = Math.max(this.#flushedAtMs ?? 0, atMs);
  }

  /** @throws what reading the tiers threw */
  get(): Promise<Moment> {
    const nowMs = this.#clock.monotonic();
    if (this.#newest !== null && nowMs - this.#newest.atMs < SHARED_MS) return this.#newest.moment;
    const flushedAtMs = this.#flushedAtMs;
    const moment = this.#read().then((situation) => ({ situation, flushedAtMs }));
    const newest = { moment, atMs: nowMs };
    this.#newest = newest;
    moment.catch(() => {
      if (this.#newest === newest) this.#newest = null;
    });
    return moment;
  }
}
