// Cancellation and fairness of long reads: a signal is honoured between chunks, and the event loop is given back in time.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { TidemarkError } from '../errors.js';

/** @throws TidemarkError the signal's own reason, or cancelled */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    throw reason instanceof TidemarkError
      ? reason
      : new TidemarkError('cancelled', 'READ_CANCELLED', 'The read was cancelled.', '', { cause: reason });
  }
}

/** Runs `work` for every item, at most `limit` at a time; stops at the first error or when `signal` aborts. */
export async function eachLimited<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      throwIfAborted(signal);
      try {
        await work(items[next++]);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  throwIfAborted(signal);
}

const LONGEST_TURN_MS = 15;

/** Gives the event loop back whenever the caller has computed for some milliseconds. */
export class Turns {
  readonly #monotonic: () => number;
  readonly #signal: AbortSignal;
  #since: number;

  constructor(monotonic: () => number, signal: AbortSignal) {
    this.#monotonic = monotonic;
    this.#signal = signal;
    this.#since = monotonic();
  }

  /** True when it is time to await `yield`. */
  get due(): boolean {
    return this.#monotonic() - this.#since > LONGEST_TURN_MS;
  }

  /** @throws TidemarkError when the signal has aborted */
  async yield(): Promise<void> {
    await nextTurn();
    throwIfAborted(this.#signal);
    this.#since = this.#monotonic();
  }
}
