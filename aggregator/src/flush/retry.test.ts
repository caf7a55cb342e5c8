import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import { untilDone, type RetryReport } from './retry.js';

const quiet: RetryReport = { failed: () => undefined };
const away = new TidemarkError('unavailable', 'AWAY', 'The store is away.');

describe('untilDone', () => {
  it('repeats what is a matter of waiting, and reports each attempt', async () => {
    const attempts: number[] = [];
    let left = 2;
    const done = await untilDone(
      'step',
      new AbortController().signal,
      { failed: (_step, _error, attempt) => attempts.push(attempt) },
      async () => {
        if (left-- > 0) throw away;
        return Promise.resolve('done');
      },
    );
    expect(done).toBe('done');
    expect(attempts).toEqual([1, 2]);
  });

  it('hands on at once what waiting does not mend', async () => {
    for (const error of [new TidemarkError('fenced', 'F', ''), new TidemarkError('fatal', 'F', ''), new Error('unforeseen')]) {
      await expect(untilDone('step', new AbortController().signal, quiet, () => Promise.reject(error))).rejects.toBe(error);
    }
  });

  it('ends with the last error when it is told to stop while it waits', async () => {
    const stop = new AbortController();
    const report: RetryReport = { failed: () => stop.abort() };
    await expect(untilDone('step', stop.signal, report, () => Promise.reject(away))).rejects.toBe(away);
  });

  // A stop gave a hanging flush up; when the store answered after all, its next steps ran against tiers that were being closed.
  it('does not begin a step of work that was given up', async () => {
    let begun = false;
    const step = async (): Promise<void> => {
      begun = true;
      await Promise.resolve();
    };
    await expect(untilDone('hot apply', AbortSignal.abort(), quiet, step)).rejects.toMatchObject({
      errorClass: 'cancelled',
      code: 'STOPPED',
    });
    expect(begun).toBe(false);
  });
});
