import type { DataFrame } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { ageWords, answerWords } from './answer-words';

const frame = (custom: object, length = 3): DataFrame => ({
  fields: [],
  length,
  meta: { custom: { ...custom }, executedQueryString: 'plan' },
});
const clock = (timeMs: number): string => new Date(timeMs).toISOString().slice(11, 19);

describe('the words of an answer', () => {
  it('say tiers, buckets, rows, time, age and what is unfinished', () => {
    const words = answerWords(
      frame({
        plan: {
          bucketMs: 10_000,
          windowMs: 300_000,
          reads: [
            { tier: 'cold', durationMs: 46.2 },
            { tier: 'hot', durationMs: 2 },
            { tier: 'hot', durationMs: 1 },
          ],
        },
        freshness: { ageMs: 1_234, complete: true },
        partialFrom: 3_600_000,
        cache: { hits: 2 },
        live: { connected: true },
      }),
      clock,
    );
    expect(words).toEqual({
      parts: [
        'cold + hot',
        '10s buckets over 5m',
        '3 rows',
        '46 ms',
        'newest event 1.2 s old',
        'unfinished from 01:00:00',
        'live',
        '2 from cache',
      ],
      behind: false,
      warning: '',
      detail: 'plan',
    });
  });

  it('warn where newest data may be missing, or is old', () => {
    expect(answerWords(frame({ freshness: { ageMs: 10, complete: false, reason: 'Partition 2 is missing.' } }), clock)).toMatchObject({
      behind: true,
      warning: 'Partition 2 is missing.',
    });
    expect(answerWords(frame({ freshness: { ageMs: 61_000 } }), clock)?.behind).toBe(true);
  });

  it('are none for frames of other sources, and survive whatever stands in meta', () => {
    expect(answerWords({ fields: [], length: 0 }, clock)).toBeNull();
    expect(answerWords(frame({ plan: 'x', freshness: 7, partialFrom: 'y', cache: null }, 0), clock)?.parts).toEqual(['no rows']);
  });

  it('tell ages as people do', () => {
    expect([900, 4_200, 180_000, 7_200_000].map(ageWords)).toEqual(['900 ms', '4.2 s', '3 min', '2 h']);
  });
});
