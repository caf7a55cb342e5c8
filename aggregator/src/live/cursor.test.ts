import { describe, expect, it } from 'vitest';
import { decodeCursor, digest, encodeCursor, type LogPosition, type Standing } from './cursor.js';

const POSITION: LogPosition = new Map([
  ['t/10', { offset: 7, maxEventTimeMs: 1_767_225_600_000, late: 2 }],
  ['t/2', { offset: 9_007_199_254_740_000, maxEventTimeMs: 0, late: 0 }],
]);
const STANDING: Standing = { position: POSITION, settledMs: 1_767_225_599_000, endMs: 1_767_225_610_000 };

describe('a cursor', () => {
  it('comes back as it went, on a process that knows the same partitions', () => {
    const text = encodeCursor(STANDING, 'q');
    expect(text).toMatch(/^[\w-]+$/);
    const read = decodeCursor(text, 'q', ['t/2', 't/10']);
    expect(read).toEqual(STANDING);
  });

  it('of another question, other partitions, an unknown position or no cursor at all is none', () => {
    const text = encodeCursor(STANDING, 'q');
    expect(decodeCursor(text, 'other', ['t/2', 't/10'])).toBeNull();
    expect(decodeCursor(text, 'q', ['t/2', 't/11'])).toBeNull();
    expect(decodeCursor(text, 'q', ['t/2'])).toBeNull();
    expect(decodeCursor(encodeCursor({ ...STANDING, position: null }, 'q'), 'q', [])).toBeNull();
    for (const bad of ['', 'nonsense', Buffer.from('[1,2]').toString('base64url'), Buffer.from('{').toString('base64url')]) {
      expect(decodeCursor(bad, 'q', ['t/2', 't/10'])).toBeNull();
    }
  });

  it('stays small: beyond 256 partitions it says nothing, and a resume gives a snapshot', () => {
    const many = new Map(Array.from({ length: 257 }, (_, i) => [`t/${i}`, { offset: i, maxEventTimeMs: 1, late: 0 }]));
    const text = encodeCursor({ ...STANDING, position: many }, 'q');
    expect(text.length).toBeLessThan(200);
    expect(decodeCursor(text, 'q', many.keys())).toBeNull();
  });

  it('names questions by what they are', () => {
    expect(digest({ a: 1 })).toBe(digest({ a: 1 }));
    expect(digest({ a: 1 })).not.toBe(digest({ a: 2 }));
  });
});
