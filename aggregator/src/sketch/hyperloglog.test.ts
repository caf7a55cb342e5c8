import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrayPool } from './array-pool.js';
import { compactUnique, DENSE_PRECISION, HyperLogLogReader, UniqueAccumulator } from './hyperloglog.js';
import { sparseEntry } from './sparse-registers.js';
import { ByteHash } from '../decode/hash.js';
import { concat, randomHashes } from './sketch.fixture.js';

const SIZES = [10, 1_000, 5_000, 20_000, 50_000, 200_000, 1_000_000];

/** Rank and index by the letter: the 64 bits as text. */
function plainEntry(lo: number, hi: number): { index: number; rank: number } {
  const bits = (hi >>> 0).toString(2).padStart(32, '0') + (lo >>> 0).toString(2).padStart(32, '0');
  const one = bits.indexOf('1', 25);
  return { index: Number.parseInt(bits.slice(0, 25), 2), rank: one < 0 ? 40 : one - 24 };
}

function estimateOf(...deltas: (Uint8Array | null)[]): number {
  const reader = new HyperLogLogReader();
  reader.merge(concat(deltas));
  return reader.estimate();
}

/** Dense registers by the letter. */
function plainRegisters(hashes: readonly (readonly [number, number])[]): Uint8Array {
  const registers = new Uint8Array(2 ** DENSE_PRECISION);
  for (const [lo, hi] of hashes) {
    const bits = (hi >>> 0).toString(2).padStart(32, '0') + (lo >>> 0).toString(2).padStart(32, '0');
    const index = Number.parseInt(bits.slice(0, DENSE_PRECISION), 2);
    const one = bits.indexOf('1', DENSE_PRECISION);
    const rank = one < 0 ? 65 - DENSE_PRECISION : one - DENSE_PRECISION + 1;
    registers[index] = Math.max(registers[index], rank);
  }
  return registers;
}

describe('sparse entries', () => {
  it('hold the top 25 bits and the rank of the rest', () => {
    const word = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1, 0x7f, 0x80, -0x80000000));
    fc.assert(
      fc.property(word, word, (lo, hi) => {
        const entry = sparseEntry(lo, hi);
        expect({ index: entry >>> 6, rank: entry & 0x3f }).toEqual(plainEntry(lo, hi));
        expect(entry).toBeGreaterThan(0);
      }),
    );
  });
});

describe('unique counts', () => {
  it.each(SIZES)('are within 2 %% at %i values over seeds', (size) => {
    for (let seed = 1; seed <= (size > 100_000 ? 5 : 12); seed++) {
      const next = randomHashes(seed * 1_000 + size);
      const accumulator = new UniqueAccumulator();
      const panes = [new UniqueAccumulator(), new UniqueAccumulator(), new UniqueAccumulator()];
      for (let i = 0; i < size; i++) {
        const [lo, hi] = next();
        accumulator.add(lo, hi);
        panes[i % 3].add(lo, hi);
        panes[(i * 7) % 3].add(lo, hi);
      }
      for (const estimate of [estimateOf(accumulator.encode()), estimateOf(...panes.map((pane) => pane.encode()))]) {
        expect(Math.abs(estimate - size) / size, `seed ${seed}: ${estimate}`).toBeLessThanOrEqual(0.02);
      }
    }
  });

  it('are exact to the unit for a few hundred values', () => {
    const next = randomHashes(5);
    const accumulator = new UniqueAccumulator();
    for (let i = 0; i < 300; i++) accumulator.add(...next());
    expect(Math.round(estimateOf(accumulator.encode()))).toBe(300);
  });

  it('hold for the byte hash of running ids, not only for random bits', () => {
    const hash = new ByteHash();
    for (const prefix of ['u-', 'user_0000', '']) {
      for (const size of [1_000, 50_000, 300_000]) {
        const accumulator = new UniqueAccumulator();
        for (let i = 0; i < size; i++) {
          const bytes = Buffer.from(`${prefix}${i}`);
          hash.of(bytes, 0, bytes.length);
          accumulator.add(hash.lo, hash.hi);
        }
        expect(Math.abs(estimateOf(accumulator.encode()) - size) / size).toBeLessThanOrEqual(0.02);
      }
    }
  });

  it('do not change when a value comes again', () => {
    const accumulator = new UniqueAccumulator();
    const hashes = Array.from({ length: 20_000 }, randomHashes(9));
    for (const [lo, hi] of hashes) accumulator.add(lo, hi);
    const before = accumulator.encode();
    for (const [lo, hi] of hashes) accumulator.add(lo, hi);
    expect(accumulator.encode()).toEqual(before);
  });

  it('take signed and unsigned halves alike', () => {
    const signed = new UniqueAccumulator();
    const unsigned = new UniqueAccumulator();
    const next = randomHashes(3);
    for (let i = 0; i < 30_000; i++) {
      const [lo, hi] = next();
      signed.add(lo, hi);
      unsigned.add(lo >>> 0, hi >>> 0);
    }
    expect(unsigned.encode()).toEqual(signed.encode());
  });

  it('keep exactly the registers of a plain dense HyperLogLog beyond the sparse form', () => {
    const hashes = Array.from({ length: 60_000 }, randomHashes(11));
    const accumulator = new UniqueAccumulator();
    for (const [lo, hi] of hashes) accumulator.add(lo, hi);
    expect(accumulator.encode()?.subarray(4)).toEqual(plainRegisters(hashes));
  });
});

describe('unique deltas', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 12_000 })), { minLength: 1, maxLength: 5 });

  it('merge by concatenation, by mergeFrom and by compaction alike', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 1e6 }), (counts, seed) => {
        const next = randomHashes(seed);
        const shared = Array.from({ length: 40 }, next);
        const whole = new UniqueAccumulator();
        const merged = new UniqueAccumulator();
        const deltas = counts.map((count) => {
          const pane = new UniqueAccumulator();
          for (let i = 0; i < count; i++) {
            const [lo, hi] = i % 5 === 0 ? shared[i % 40] : next();
            pane.add(lo, hi);
            whole.add(lo, hi);
          }
          merged.mergeFrom(pane);
          return pane.encode();
        });
        const expected = sortedEntries(whole.encode());
        expect(sortedEntries(merged.encode())).toEqual(expected);
        expect(sortedEntries(compactUnique(concat(deltas)))).toEqual(expected);
        expect(sortedEntries(compactUnique(compactUnique(concat(deltas))))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('are null when empty, and take 4 bytes for one value', () => {
    const accumulator = new UniqueAccumulator();
    expect(accumulator.encode()).toBeNull();
    accumulator.add(1, 2);
    expect(accumulator.encode()).toHaveLength(4);
    expect(compactUnique(new Uint8Array(0))).toHaveLength(0);
  });

  it('never exceed one dense block after compaction', () => {
    const next = randomHashes(21);
    const deltas = Array.from({ length: 12 }, () => {
      const pane = new UniqueAccumulator();
      for (let i = 0; i < 6_000; i++) pane.add(...next());
      return pane.encode();
    });
    expect(compactUnique(concat(deltas)).length).toBe(4 + 2 ** DENSE_PRECISION);
    expect(Math.abs(estimateOf(compactUnique(concat(deltas))) / 72_000 - 1)).toBeLessThan(0.02);
  });

  it('can be asked together with another without taking it in, from any place in memory', () => {
    const size = fc.constantFrom(0, 1, 50, 3_000, 9_000, 30_000);
    fc.assert(
      fc.property(size, size, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 1e6 }), (first, second, shift, seed) => {
        const next = randomHashes(seed);
        const shared = Array.from({ length: 2_000 }, () => next());
        const [a, b] = [first, second].map((count) => {
          const accumulator = new UniqueAccumulator();
          for (let i = 0; i < count; i++) accumulator.add(...(i < shared.length ? shared[i] : next()));
          const delta = accumulator.encode() ?? new Uint8Array(0);
          // As Redis' client hands them on: parts of a larger buffer.
          const elsewhere = Buffer.alloc(delta.length + shift).subarray(shift);
          elsewhere.set(delta);
          return elsewhere;
        });
        const reader = new HyperLogLogReader();
        reader.merge(a);
        const alone = reader.estimate();
        expect(reader.estimateWith(b)).toBe(estimateOf(a, b));
        if (second < 9_000) expect(reader.estimate()).toBe(alone);
        const given = [Buffer.from(a), Buffer.from(b)];
        reader.merge(b);
        expect(reader.estimate()).toBe(estimateOf(a, b));
        expect([a, b].map((delta) => Buffer.compare(delta, given[delta === a ? 0 : 1]))).toEqual([0, 0]);
      }),
      { numRuns: 80 },
    );
  });

  it('of a torn tail are read as far as they go', () => {
    const accumulator = new UniqueAccumulator();
    const next = randomHashes(1);
    for (let i = 0; i < 10; i++) accumulator.add(...next());
    const delta = accumulator.encode();
    expect(Math.round(estimateOf(delta!.subarray(0, 38)))).toBe(9);
  });

  it('leave nothing behind after reset, in accumulator, pool and reader', () => {
    const pool = new ArrayPool();
    const reader = new HyperLogLogReader();
    for (const size of [1, 10, 9_000, 20_000, 3]) {
      const accumulator = new UniqueAccumulator(pool);
      const next = randomHashes(size);
      for (let i = 0; i < size; i++) accumulator.add(...next());
      const fresh = new UniqueAccumulator();
      const again = randomHashes(size);
      for (let i = 0; i < size; i++) fresh.add(...again());
      expect(sortedEntries(accumulator.encode())).toEqual(sortedEntries(fresh.encode()));
      reader.reset();
      reader.merge(concat([accumulator.encode()]));
      expect(Math.abs(reader.estimate() / size - 1)).toBeLessThan(0.02);
      accumulator.reset();
      expect(accumulator.encode()).toBeNull();
    }
    reader.reset();
    expect(reader.estimate()).toBe(0);
  });
});

/** Sparse deltas are sets: their order does not matter. */
function sortedEntries(delta: Uint8Array | null): readonly number[] {
  if (delta === null) return [];
  const words = Array.from({ length: delta.length / 4 }, (_, i) => new DataView(delta.buffer, delta.byteOffset).getInt32(i * 4, true));
  return words[0] < 0 ? words : words.sort((a, b) => a - b);
}
