// Identical reads in flight share one execution. Each caller waits with a signal of its own: one that goes away leaves the
// others undisturbed, and only when the last has gone is the execution itself aborted. State: the reads in flight.

import { TidemarkError } from '../errors.js';

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** The reason of an aborted signal as an error of ours. */
export function abortError(signal: AbortSignal): TidemarkError {
  const reason: unknown = signal.reason;
  if (reason instanceof TidemarkError) return reason;
  return new TidemarkError('cancelled', 'QUERY_CANCELLED', 'The query was cancelled.', '', { cause: reason });
}

/** Settles with the promise, or rejects as soon as the signal aborts, whatever the promise does. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    throw abortError(signal);
  }
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export class Coalescer<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /** Executions under way. */
  get size(): number {
    return this.#flights.size;
  }

  /**
   * @param start runs at most once per key at a time; its signal aborts when nobody waits any more
   * @returns the shared value, and whether another caller had started it
   */
  async run(
    key: string,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<T>,
  ): Promise<{ readonly value: T; readonly shared: boolean }> {
    const joined = this.#flights.get(key);
    const flight = joined ?? this.#launch(key, start);
    flight.waiting++;
    try {
      return { value: await untilAborted(flight.promise, signal), shared: joined !== undefined };
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) {
        // Whoever asks from now on must not join an execution that is being aborted.
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.controller.abort(signal.aborted ? abortError(signal) : undefined);
      }
    }
  }

  #launch(key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const promise = Promise.resolve().then(() => start(controller.signal));
    const flight: Flight<T> = { promise, controller, waiting: 0 };
    this.#flights.set(key, flight);
    const remove = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    promise.then(remove, remove);
    return flight;
  }
}
