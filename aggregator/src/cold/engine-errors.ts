// Turns what ClickHouse, chDB and sockets throw into TidemarkErrors: what the caller may do next is decided here alone.

import { TidemarkError, type ErrorClass } from '../errors.js';

/** A read changed nothing, whatever happened; a write may have. */
export type StatementKind = 'read' | 'write';

interface Verdict {
  readonly errorClass: ErrorClass;
  readonly code: string;
  readonly remedy: string;
}

const LIMIT: Verdict = { errorClass: 'limit', code: 'COLD_LIMIT', remedy: 'Ask for a shorter range, a coarser bucket or fewer groups.' };
const DEADLINE: Verdict = {
  errorClass: 'deadline',
  code: 'COLD_DEADLINE',
  remedy: 'Ask for a shorter range or a coarser bucket, or raise query.deadline.',
};
const CANCELLED: Verdict = { errorClass: 'cancelled', code: 'COLD_CANCELLED', remedy: '' };
const UNKNOWN: Verdict = {
  errorClass: 'unknown_outcome',
  code: 'COLD_UNKNOWN_OUTCOME',
  remedy: 'Repeat the same statement: it is idempotent.',
};
const ACCESS: Verdict = {
  errorClass: 'unavailable',
  code: 'COLD_ACCESS_DENIED',
  remedy:
    'Check cold.username, cold.password and the grants of that user (SELECT, INSERT, ALTER, CREATE, OPTIMIZE, KILL QUERY, system tables).',
};
const BUSY: Verdict = {
  errorClass: 'retryable',
  code: 'COLD_BUSY',
  remedy: 'Try again in a moment; if it stays, the server needs more resources.',
};
const DOWN: Verdict = {
  errorClass: 'unavailable',
  code: 'COLD_UNAVAILABLE',
  remedy: 'Check that ClickHouse runs and that cold.url reaches it.',
};
const DISK: Verdict = {
  errorClass: 'unavailable',
  code: 'COLD_DISK_FULL',
  remedy: 'Free disk space for ClickHouse, or shorten retention.',
};
const PATTERN: Verdict = {
  errorClass: 'invalid',
  code: 'COLD_BAD_PATTERN',
  remedy: 'Use an RE2 regular expression: no look-around, no back-references.',
};

/** Codes of ClickHouse's ErrorCodes.cpp. */
const BY_CODE: ReadonlyMap<number, Verdict> = new Map<number, Verdict>([
  [158, LIMIT],
  [396, LIMIT],
  [307, LIMIT],
  [241, LIMIT],
  [191, LIMIT],
  [173, LIMIT],
  [159, DEADLINE],
  [160, DEADLINE],
  [394, CANCELLED],
  [734, CANCELLED],
  [319, UNKNOWN],
  [209, UNKNOWN],
  [210, UNKNOWN],
  [236, UNKNOWN],
  [286, UNKNOWN],
  [192, ACCESS],
  [193, ACCESS],
  [194, ACCESS],
  [497, ACCESS],
  [516, ACCESS],
  [164, ACCESS],
  [202, BUSY],
  [252, BUSY],
  [473, BUSY],
  [620, BUSY],
  [289, BUSY],
  [198, DOWN],
  [225, DOWN],
  [242, DOWN],
  [279, DOWN],
  [999, DOWN],
  [32, DOWN],
  [243, DISK],
  [1002, DOWN],
  [427, PATTERN],
]);

/** Socket errors after which certainly nothing was executed. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);
const CERTIFICATE = /certificate|CERT_|self[- ]signed|SSL|TLS|EPROTO/i;

/** What an aborted signal means: the reason if it is a TidemarkError, else deadline for timeouts, else cancelled. */
export function abortError(signal: AbortSignal): TidemarkError {
  const reason: unknown = signal.reason;
  if (reason instanceof TidemarkError) {
    return reason;
  }
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new TidemarkError('deadline', DEADLINE.code, 'the query ran into its deadline', DEADLINE.remedy, { cause: reason });
  }
  return new TidemarkError('cancelled', CANCELLED.code, 'the statement was cancelled', '', { cause: reason });
}

/** @param error whatever a client threw */
export function classify(error: unknown, kind: StatementKind, signal?: AbortSignal): TidemarkError {
  if (error instanceof TidemarkError) {
    return error;
  }
  if (signal?.aborted === true) {
    return abortError(signal);
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = clickhouseCode(error);
  if (code !== null) {
    return fromClickhouse(code, message, kind, error);
  }
  const socket = socketCode(error);
  if (NOT_SENT.has(socket)) {
    return made(DOWN, `ClickHouse does not answer: ${message}`, error);
  }
  if (CERTIFICATE.test(socket) || CERTIFICATE.test(message)) {
    return made(
      { ...DOWN, code: 'COLD_TLS', remedy: 'Check cold.tls (ca, cert, key, serverName) and the server certificate.' },
      message,
      error,
    );
  }
  // A broken connection, a time-out, a proxy's error page: the statement may have run.
  return made(kind === 'read' ? DOWN : UNKNOWN, `the connection to ClickHouse broke: ${message}`, error);
}

function fromClickhouse(code: number, message: string, kind: StatementKind, cause: unknown): TidemarkError {
  const text = `ClickHouse error ${code}: ${message.slice(0, 1000)}`;
  const verdict = BY_CODE.get(code);
  if (verdict === undefined) {
    return kind === 'read'
      ? new TidemarkError(
          'unavailable',
          'COLD_STATEMENT_FAILED',
          text,
          'Run `tidemark migrate`; if it stays, report the statement and this message.',
          { cause },
        )
      : new TidemarkError('fatal', 'COLD_STATEMENT_FAILED', text, 'Run `tidemark migrate`; if it stays, report this message.', { cause });
  }
  if (kind === 'write') {
    // Limits and cancellations of a write leave open what was stored, and nobody asked a wrong question.
    if (verdict.errorClass === 'limit' || verdict.errorClass === 'deadline' || verdict.errorClass === 'cancelled') {
      return made(
        { ...UNKNOWN, remedy: verdict.remedy === '' ? UNKNOWN.remedy : `Give ClickHouse more memory or time. ${UNKNOWN.remedy}` },
        text,
        cause,
      );
    }
  } else if (verdict === UNKNOWN) {
    return made(DOWN, text, cause);
  }
  return made(verdict, text, cause);
}

function made(verdict: Verdict, message: string, cause: unknown): TidemarkError {
  return new TidemarkError(verdict.errorClass, verdict.code, message, verdict.remedy, { cause });
}

function clickhouseCode(error: unknown): number | null {
  if (typeof error === 'object' && error !== null && 'type' in error && 'code' in error) {
    const code = Number(error.code);
    if (Number.isInteger(code) && code > 0) {
      return code;
    }
  }
  const match = /Code: (\d+)\. DB::/.exec(error instanceof Error ? error.message : '');
  return match === null ? null : Number(match[1]);
}

/** Follows `cause` and AggregateError (Node tries several addresses) to a socket's code. */
function socketCode(error: unknown): string {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    if ('code' in at && typeof at.code === 'string') {
      return at.code;
    }
    if (at instanceof AggregateError && at.errors.length > 0) {
      at = at.errors[0];
    } else {
      at = 'cause' in at ? at.cause : null;
    }
  }
  return '';
}
