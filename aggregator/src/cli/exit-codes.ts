// Exit codes of every command, as the help says them.

import { TidemarkError } from '../errors.js';
import { DefinitionError } from '../definition/problem.js';

export const EXIT = {
  ok: 0,
  /** Something failed that is neither the caller's input nor a store that does not answer. */
  failure: 1,
  /** The definition, an option or a query is wrong. */
  invalid: 2,
  /** A store or the aggregator does not answer. */
  unavailable: 3,
} as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof DefinitionError) {
    return EXIT.invalid;
  }
  if (error instanceof TidemarkError) {
    switch (error.errorClass) {
      case 'invalid':
      case 'limit':
        return EXIT.invalid;
      case 'unavailable':
      case 'unknown_outcome':
      case 'retryable':
      case 'deadline':
        return EXIT.unavailable;
      default:
        return EXIT.failure;
    }
  }
  return EXIT.failure;
}

/** What is printed for an error: the message, and what to do. A stack only for what nobody foresaw. */
export function describeError(error: unknown): string {
  if (error instanceof DefinitionError) {
    return error.message;
  }
  if (error instanceof TidemarkError) {
    return error.remedy === '' ? `error: ${error.message}` : `error: ${error.message}\n  ${error.remedy}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
