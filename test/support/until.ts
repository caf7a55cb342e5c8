// Waits for a condition in a process that the test does not share: asked again and again, up to a deadline.

import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves with the first value that is neither false, null nor undefined. What `ask` throws counts as not yet.
 * @throws Error naming `what`, with the last answer or error, when `withinMs` have passed
 */
export async function until<T>(
  what: string,
  withinMs: number,
  ask: () => Promise<T | false | null | undefined>,
  everyMs = 100,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await ask();
      if (value !== false && value !== null && value !== undefined) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms until ${what}; last: ${String(last)}`, { cause: last });
    await delay(everyMs);
  }
}
