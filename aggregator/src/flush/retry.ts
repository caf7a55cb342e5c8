// Repeats a step of a flush until it is done. Only steps that are harmless when repeated go through here.

import { setTimeout as sleep } from 'node:timers/promises';
import { TidemarkError } from '../errors.js';

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 3_000;

export interface RetryReport {
  /** Called before each wait. */
  failed(step: string, error: TidemarkError, attempt: number): void;
}

/**
 * Runs `step` until it succeeds, with exponential back-off.
 * @throws whatever is not a matter of waiting (fenced, fatal, invalid), the last error when `signal` aborts while it waits, and
 * `cancelled` when it had aborted before: a flush that was given up must not go on with its next step
 */
export async function untilDone<T>(name: string, signal: AbortSignal, report: RetryReport, step: () => Promise<T>): Promise<T> {
  if (signal.aborted) {
    throw new TidemarkError('cancelled', 'STOPPED', `Not begun, because the work was given up: ${name}.`);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof TidemarkError) || !mayRepeat(error) || signal.aborted) {
        throw error;
      }
      report.failed(name, error, attempt);
      const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 10));
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) {
        throw error;
      }
    }
  }
}

function mayRepeat(error: TidemarkError): boolean {
  return (
    error.errorClass === 'retryable' ||
    error.errorClass === 'unavailable' ||
    error.errorClass === 'unknown_outcome' ||
    error.errorClass === 'deadline'
  );
}
