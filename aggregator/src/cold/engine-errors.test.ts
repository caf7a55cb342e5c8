import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import { abortError, classify } from './engine-errors.js';

const clickhouse = (code: number, type: string): Error => Object.assign(new Error(`${type} happened`), { code: String(code), type });
const socket = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

describe('what an engine throws', () => {
  it.each([
    [clickhouse(241, 'MEMORY_LIMIT_EXCEEDED'), 'limit', 'unknown_outcome'],
    [clickhouse(158, 'TOO_MANY_ROWS'), 'limit', 'unknown_outcome'],
    [clickhouse(159, 'TIMEOUT_EXCEEDED'), 'deadline', 'unknown_outcome'],
    [clickhouse(394, 'QUERY_WAS_CANCELLED'), 'cancelled', 'unknown_outcome'],
    [clickhouse(427, 'CANNOT_COMPILE_REGEXP'), 'invalid', 'invalid'],
    [clickhouse(202, 'TOO_MANY_SIMULTANEOUS_QUERIES'), 'retryable', 'retryable'],
    [clickhouse(252, 'TOO_MANY_PARTS'), 'retryable', 'retryable'],
    [clickhouse(319, 'UNKNOWN_STATUS_OF_INSERT'), 'unavailable', 'unknown_outcome'],
    [clickhouse(516, 'AUTHENTICATION_FAILED'), 'unavailable', 'unavailable'],
    [clickhouse(243, 'NOT_ENOUGH_SPACE'), 'unavailable', 'unavailable'],
    [clickhouse(242, 'TABLE_IS_READ_ONLY'), 'unavailable', 'unavailable'],
    [clickhouse(60, 'UNKNOWN_TABLE'), 'unavailable', 'fatal'],
    [new Error('Code: 60. DB::Exception: no such table'), 'unavailable', 'fatal'],
    [socket('ECONNREFUSED'), 'unavailable', 'unavailable'],
    [new Error('fetch failed', { cause: new AggregateError([socket('ENOTFOUND')]) }), 'unavailable', 'unavailable'],
    [socket('ECONNRESET'), 'unavailable', 'unknown_outcome'],
    [new Error('Timeout error.'), 'unavailable', 'unknown_outcome'],
    ['a thrown string', 'unavailable', 'unknown_outcome'],
  ])('%s is %s for a read and %s for a write', (error, read, write) => {
    expect(classify(error, 'read').errorClass).toBe(read);
    expect(classify(error, 'write').errorClass).toBe(write);
  });

  it('says what to do where somebody can do something', () => {
    for (const code of [241, 516, 243, 427, 60]) expect(classify(clickhouse(code, 'X'), 'read').remedy).not.toBe('');
    expect(classify(new Error('self-signed certificate'), 'read')).toMatchObject({
      code: 'COLD_TLS',
      remedy: expect.stringContaining('cold.tls'),
    });
  });

  it('is what the signal says when that was aborted', () => {
    const reason = new TidemarkError('deadline', 'QUERY_DEADLINE', 'too slow');
    expect(classify(socket('ECONNRESET'), 'read', AbortSignal.abort(reason))).toBe(reason);
    expect(abortError(AbortSignal.abort(new DOMException('x', 'TimeoutError'))).errorClass).toBe('deadline');
    expect(abortError(AbortSignal.abort()).errorClass).toBe('cancelled');
  });
});
