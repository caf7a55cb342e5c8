import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextColumn } from './text-column.js';

/** The form of the Native format, byte by byte. */
function plainly(texts: readonly Uint8Array[]): number[] {
  return texts.flatMap((text) => {
    const length: number[] = [];
    for (let rest = text.length; ; rest >>>= 7) {
      length.push(rest >= 0x80 ? (rest & 0x7f) | 0x80 : rest);
      if (rest < 0x80) return [...length, ...text];
    }
  });
}

const text = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 60, maxLength: 70 }),
  fc.uint8Array({ minLength: 120, maxLength: 20_000 }),
);

describe('a text column', () => {
  it('holds what was appended, from wherever in an array it came, and nothing of before it was cleared', () => {
    const column = new TextColumn();
    fc.assert(
      fc.property(fc.array(fc.record({ before: fc.nat(5), text, after: fc.nat(5), apart: fc.boolean() })), (entries) => {
        column.clear();
        const joined = Buffer.concat(entries.flatMap((e) => [Buffer.alloc(e.before, 1), e.text, Buffer.alloc(e.after, 2)]));
        let at = 0;
        for (const e of entries) {
          const start = at + e.before;
          if (e.apart) column.append(e.text, 0, e.text.length);
          else if (e.text.length === 0) column.appendEmpty();
          else column.append(joined, start, start + e.text.length);
          at = start + e.text.length + e.after;
        }
        expect(Buffer.from(column.encoded).equals(Buffer.from(plainly(entries.map((e) => e.text))))).toBe(true);
      }),
    );
  });
});
