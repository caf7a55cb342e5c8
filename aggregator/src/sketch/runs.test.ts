import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interner } from '../decode/interner.js';
import { DdSketchReader, QuantilesAccumulator } from './ddsketch.js';
import { HeavyHittersReader, TopAccumulator } from './heavy-hitters.js';
import { HyperLogLogReader, MAX_SPARSE_WRITTEN, UniqueAccumulator } from './hyperloglog.js';
import { quantilesWord, RunEncoder, topWord, uniqueWord } from './runs.js';
import { randomHashes } from './sketch.fixture.js';

/** One for all cases: what a run leaves behind would show in the next. */
const encoder = new RunEncoder();

function sortedWords(delta: Uint8Array | null): number[] {
  if (delta === null) return [];
  const view = new DataView(delta.buffer, delta.byteOffset, delta.byteLength);
  return Array.from({ length: delta.length / 4 }, (_, i) => view.getInt32(i * 4, true)).sort((a, b) => a - b);
}

describe('runs encode as the accumulators do', () => {
  it('distinct values, few and many, with repeats', () => {
    const sizes = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 3_000 }));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 400 }), fc.integer(), (count, distinct, seed) => {
        const next = randomHashes(seed);
        const values = Array.from({ length: distinct }, () => next());
        const accumulator = new UniqueAccumulator();
        const words = new Int32Array(count);
        for (let i = 0; i < count; i++) {
          const [lo, hi] = values[(i * 7) % distinct];
          accumulator.add(lo, hi);
          words[i] = uniqueWord(lo, hi);
        }
        expect(sortedWords(encoder.unique(words, count))).toEqual(sortedWords(accumulator.encode()));
      }),
    );
  });

  it('of distinct values with the same index the highest rank', () => {
    const index = 0x1234 << 6;
    for (const extra of [0, 20]) {
      const words = Int32Array.from([...Array.from({ length: extra }, (_, i) => (0x9999 + i * 17) << 6), index | 3, index | 9, index | 4]);
      const reader = new HyperLogLogReader();
      reader.merge(encoder.unique(words, words.length) ?? new Uint8Array(0));
      expect(sortedWords(reader.encode())).toContain(index | 9);
      expect(Math.round(reader.estimate())).toBe(extra + 1);
    }
  });

  it('distinct values beyond what is kept sparse', () => {
    for (const count of [MAX_SPARSE_WRITTEN, MAX_SPARSE_WRITTEN + 1, 50_000]) {
      const next = randomHashes(count);
      const accumulator = new UniqueAccumulator();
      const words = new Int32Array(count);
      for (let i = 0; i < count; i++) {
        const [lo, hi] = next();
        accumulator.add(lo, hi);
        words[i] = uniqueWord(lo, hi);
      }
      const delta = encoder.unique(words, count);
      expect(sortedWords(delta)).toEqual(sortedWords(accumulator.encode()));
    }
  });

  it('numbers of any size and sign, NaN ignored', () => {
    const value = fc.oneof(fc.integer({ min: -5_000, max: 5_000 }), fc.maxSafeInteger(), fc.constantFrom(0, -0, 1, 2 ** 52, -(2 ** 52)));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), (values) => {
        const accumulator = new QuantilesAccumulator();
        values.forEach((v) => accumulator.add(v));
        const words = Int32Array.from(values, quantilesWord);
        expect(sortedWords(encoder.quantiles(words, words.length))).toEqual(sortedWords(accumulator.encode()));
      }),
    );
    expect(quantilesWord(Number.NaN)).toBe(0);
    expect(quantilesWord(Number.NEGATIVE_INFINITY)).toBeGreaterThan(0);
  });

  it('more of one number than an entry can count', () => {
    const words = new Int32Array(200_001).fill(quantilesWord(42));
    const reader = new DdSketchReader();
    reader.merge(encoder.quantiles(words, words.length) ?? new Uint8Array(0));
    expect(reader.count()).toBe(200_001);
  });

  it('items with and without weights, cut to the heaviest', () => {
    const add = fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 100 }));
    const names = new Interner();
    fc.assert(
      fc.property(fc.array(add, { maxLength: 150 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (adds, keep, weighted) => {
        const accumulator = new TopAccumulator();
        const ids = adds.map(([item]) => names.internString(`item-${item}`));
        adds.forEach(([, weight], i) => accumulator.add(ids[i], weighted ? weight : 1));
        const words = Int32Array.from(ids, topWord);
        const weights = weighted ? Float64Array.from(adds, ([, weight]) => weight) : null;
        const ours = new HeavyHittersReader();
        ours.merge(encoder.top(words, weights, words.length, keep, names) ?? new Uint8Array(0));
        const theirs = new HeavyHittersReader();
        theirs.merge(accumulator.encode(keep, names) ?? new Uint8Array(0));
        // Which of several items of the same weight stays is left open.
        const weightsOf = (reader: HeavyHittersReader): number[] => reader.items(1_000).map(({ weight }) => weight);
        expect(weightsOf(ours)).toEqual(weightsOf(theirs));
        expect(ours.error()).toBe(theirs.error());
      }),
    );
  });

  it('into memory that is never written again', () => {
    const first = encoder.unique(Int32Array.from([64, 128]), 2);
    const copy = Uint8Array.from(first ?? []);
    for (let i = 1; i < 300_000; i++) encoder.unique(Int32Array.from([i << 6, (i + 1) << 6]), 2);
    expect(first).toEqual(copy);
  });
});
