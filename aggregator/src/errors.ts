// Errors of infrastructure, classified by what the caller may do. Outcomes of single records are values, not errors.

/**
 * retryable: nothing happened, the same call may be repeated. fenced: somebody else owns the position; recover.
 * unknown_outcome: it may have happened; only an idempotent call may be repeated. fatal: end the process.
 * invalid: the caller's input is wrong. unavailable: a store does not answer.
 */
export type ErrorClass =
  'retryable' | 'fenced' | 'unknown_outcome' | 'fatal' | 'invalid' | 'unavailable' | 'deadline' | 'cancelled' | 'limit';

export class TidemarkError extends Error {
  /**
   * @param code stable, upper snake case, e.g. `HOT_UNAVAILABLE`
   * @param remedy one sentence: what a person can do about it
   */
  constructor(
    readonly errorClass: ErrorClass,
    readonly code: string,
    message: string,
    readonly remedy: string = '',
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'TidemarkError';
  }
}
