import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import { Coalescer } from './coalesce.js';

describe('executions in flight', () => {
  it('are shared by equal keys, and forgotten once they end', async () => {
    const flights = new Coalescer<number>();
    let runs = 0;
    const start = async (): Promise<number> => ++runs;
    const signal = new AbortController().signal;
    const both = await Promise.all([flights.run('a', signal, start), flights.run('a', signal, start), flights.run('b', signal, start)]);
    expect(both.map(({ value, shared }) => [value, shared])).toEqual([
      [1, false],
      [1, true],
      [2, false],
    ]);
    expect(flights.size).toBe(0);
    expect((await flights.run('a', signal, start)).value).toBe(3);
  });

  it('go on when one of several callers leaves, and are aborted when the last has left', async () => {
    const flights = new Coalescer<string>();
    let finish: (value: string) => void = () => undefined;
    let aborted: AbortSignal | null = null;
    const start = (signal: AbortSignal): Promise<string> => {
      aborted = signal;
      return new Promise((resolve) => (finish = resolve));
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const one = flights.run('a', first.signal, start);
    const two = flights.run('a', second.signal, start);
    await Promise.resolve();
    first.abort(new TidemarkError('cancelled', 'CLIENT_GONE', 'gone'));
    await expect(one).rejects.toMatchObject({ code: 'CLIENT_GONE' });
    expect(aborted).toMatchObject({ aborted: false });
    finish('answer');
    expect((await two).value).toBe('answer');

    const three = flights.run('a', second.signal, start);
    await Promise.resolve();
    second.abort();
    await expect(three).rejects.toMatchObject({ errorClass: 'cancelled' });
    expect(aborted).toMatchObject({ aborted: true });
    expect(flights.size).toBe(0);
  });

  it('pass a failure on to every caller', async () => {
    const flights = new Coalescer<number>();
    const signal = new AbortController().signal;
    const start = async (): Promise<number> => Promise.reject(new Error('broken'));
    const both = await Promise.allSettled([flights.run('a', signal, start), flights.run('a', signal, start)]);
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
  });
});
