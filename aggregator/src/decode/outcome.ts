// What decoding one record can end in, as a small integer for the hot path, and the dead-letter reason that it stands for.
// Invariant: code 0 is success, every other code has exactly one reason; the numbers are never stored.

import type { DeadLetterReason } from '../source/log.js';

export const DecodeCode = {
  ok: 0,
  empty: 1,
  tooLarge: 2,
  invalidUtf8: 3,
  malformedJson: 4,
  notAnObject: 5,
  tooDeep: 6,
  wrongType: 7,
  numberOutOfRange: 8,
  missingTime: 9,
  invalidTime: 10,
  unknownTenant: 11,
  timeTooOld: 12,
  timeInFuture: 13,
} as const;

/** 0 is success; see `reasonOf` for the others. */
export type DecodeCode = (typeof DecodeCode)[keyof typeof DecodeCode];

const REASONS: readonly (DeadLetterReason | null)[] = [
  null,
  'empty',
  'too_large',
  'invalid_utf8',
  'malformed_json',
  'not_an_object',
  'too_deep',
  'wrong_type',
  'number_out_of_range',
  'missing_time',
  'invalid_time',
  'unknown_tenant',
  'time_too_old',
  'time_in_future',
];

/**
 * The dead-letter reason of a refusal.
 * @throws RangeError for `DecodeCode.ok`, which is no refusal
 */
export function reasonOf(code: DecodeCode): DeadLetterReason {
  const reason = REASONS[code];
  if (reason === null) throw new RangeError('a decoded record has no dead-letter reason');
  return reason;
}
