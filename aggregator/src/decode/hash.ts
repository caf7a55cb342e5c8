// The one 64-bit hash of string bytes: event ids, interning and unique sketches use it, so equal bytes hash equally everywhere.
// Invariant: the function never changes; hashes of earlier flushes are kept in the hot tier's sketches.
//
// Two 32-bit lanes over little-endian words of 4 bytes, then one of the 0-3 bytes left over, padded by zeros. Each word is mixed
// as in MurmurHash3_x86_32 and then goes into both lanes by different rotations; both are finished by MurmurHash3's fmix32
// with the length in them. The scanner computes the same while it looks for the closing quote; a property test holds them equal.

/** An enum, because a bundler writes its members as literals, and only literals make integer machine code in the scanner. */
export const enum HashWord {
  SeedLo = 0x2f1b3c5d,
  SeedHi = 0x5bd1e995,
  Mix1 = 0xcc9e2d51 | 0,
  Mix2 = 0x1b873593,
  AddLo = 0xe6546b64 | 0,
  AddHi = 0x38495ab5,
}

/** MurmurHash3's 32-bit finalizer (Appleby). @returns int32 */
export function finishHash(lane: number, length: number): number {
  let h = lane ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Hash of a byte range, as two int32; for strings that the scanner did not hash on its way. */
export class ByteHash {
  /** The lanes before they are finished: enough to find a string in a table, and cheaper. */
  laneLo = 0;
  laneHi = 0;
  lo = 0;
  hi = 0;

  of(bytes: Uint8Array, start: number, end: number): void {
    let lo: number = HashWord.SeedLo;
    let hi: number = HashWord.SeedHi;
    for (let p = start; p <= end; p += 4) {
      let word = 0;
      for (let i = Math.min(3, end - p - 1); i >= 0; i--) word = (word << 8) | bytes[p + i];
      let mixed = Math.imul(word, HashWord.Mix1);
      mixed = Math.imul((mixed << 15) | (mixed >>> 17), HashWord.Mix2);
      lo ^= mixed;
      lo = (Math.imul((lo << 13) | (lo >>> 19), 5) + HashWord.AddLo) | 0;
      hi = (hi + mixed) | 0;
      hi = (Math.imul((hi << 17) | (hi >>> 15), 9) + HashWord.AddHi) | 0;
    }
    this.laneLo = lo;
    this.laneHi = hi;
    this.lo = finishHash(lo, end - start);
    this.hi = finishHash(hi, end - start);
  }
}
