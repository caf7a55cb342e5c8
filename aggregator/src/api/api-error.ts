// Refusals of the HTTP layer, and the one body that every error goes out in: {error: {code, message, remedy, refId?, path?}}.
// Invariant: nothing of an unforeseen error leaves the process but that it happened.

import type { Problem } from '../query/problem.js';
import { problemOf, statusOf } from '../query/problem.js';

export interface ErrorBody {
  readonly error: Problem;
}

export class ApiError extends Error {
  /**
   * @param status HTTP status
   * @param headers more headers of the answer, e.g. Retry-After
   */
  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.message);
    this.name = 'ApiError';
  }
}

export function apiError(
  status: number,
  code: string,
  message: string,
  remedy: string,
  headers: Readonly<Record<string, string>> = {},
): ApiError {
  return new ApiError(status, { code, message, remedy }, headers);
}

/** @param afterMs when it may be tried again */
export function tooMany(code: string, message: string, remedy: string, afterMs: number): ApiError {
  return apiError(429, code, message, remedy, { 'retry-after': String(Math.max(1, Math.ceil(afterMs / 1_000))) });
}

export interface Refusal {
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer to any error that a request ended in. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof ApiError) return { status: error.status, body: { error: error.problem }, headers: error.headers };
  const framework = frameworkStatus(error);
  if (framework !== null) {
    const problem = {
      code: 'BAD_REQUEST',
      message: 'The request could not be read.',
      remedy: 'Check the method, the address and the headers.',
    };
    return { status: framework, body: { error: problem }, headers: {} };
  }
  const status = statusOf(error);
  return { status, body: { error: problemOf(error) }, headers: status === 503 ? { 'retry-after': '1' } : {} };
}

/** Fastify's own refusals (a broken address, a bad header) have a status of 4xx; their text is not for the outside. */
function frameworkStatus(error: unknown): number | null {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return null;
  const { code, statusCode } = error;
  const known =
    typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return known ? statusCode : null;
}
