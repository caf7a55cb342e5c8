import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteHash, finishHash } from './hash.js';
import { Scanner } from './scanner.js';

function hashOf(text: string): string {
  const hash = new ByteHash();
  const bytes = Buffer.from(text);
  hash.of(bytes, 0, bytes.length);
  return `${hash.lo}/${hash.hi}`;
}

describe('the hash', () => {
  it('computed while scanning is that of the bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => {
        const token = Buffer.from(`${JSON.stringify(text)}${' '.repeat(32)}`);
        const scanner = new Scanner();
        scanner.bytes = new Uint8Array(token);
        scanner.view = new DataView(scanner.bytes.buffer);
        scanner.end = token.length - 32;
        expect(scanner.string(1)).toBe(scanner.end);
        const length = scanner.stop - scanner.start;
        expect(`${finishHash(scanner.laneLo, length)}/${finishHash(scanner.laneHi, length)}`).toBe(hashOf(text));
      }),
    );
  });

  it('never changes: sketches of earlier flushes hold it', () => {
    expect(['', 'a', 'abcd', 'user-12345', 'ü🙂'].map(hashOf)).toMatchInlineSnapshot(`
      [
        "-222100203/235597709",
        "1320110813/1413964415",
        "470872598/999158139",
        "1157641357/673402898",
        "-397967510/-1192452890",
      ]
    `);
  });

  it('does not collide on a million running ids, in 64 bits', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 250_000; i++) for (const prefix of ['u-', 'user_', 's-000', '']) seen.add(hashOf(`${prefix}${i}`));
    expect(seen.size).toBe(1_000_000);
  });

  it('spreads each bit of running ids evenly', () => {
    const counts = new Uint32Array(64);
    const hash = new ByteHash();
    for (let i = 0; i < 100_000; i++) {
      const bytes = Buffer.from(`u-${i}`);
      hash.of(bytes, 0, bytes.length);
      for (let bit = 0; bit < 32; bit++) {
        counts[bit] += (hash.lo >>> bit) & 1;
        counts[32 + bit] += (hash.hi >>> bit) & 1;
      }
    }
    // Five standard deviations of 100,000 fair coins.
    for (const count of counts) expect(Math.abs(count - 50_000)).toBeLessThan(800);
  });
});
