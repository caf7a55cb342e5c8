import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interner } from '../decode/interner.js';
import { ArrayPool } from './array-pool.js';
import { compactTop, HeavyHittersReader, TopAccumulator } from './heavy-hitters.js';
import { concat } from './sketch.fixture.js';

type Adds = readonly (readonly [string, number])[];

const item = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'c', 'p-1', 'p-2', 'ü', '日本', '🙂', 'x'.repeat(200)),
  fc.integer({ min: 0, max: 60 }).map((i) => `p-${i}`),
);
const adds = fc.array(fc.tuple(item, fc.integer({ min: 0, max: 1_000 })), { maxLength: 120 });

function fill(accumulator: TopAccumulator, names: Interner, values: Adds): TopAccumulator {
  for (const [name, weight] of values) accumulator.add(names.internString(name), weight);
  return accumulator;
}

function plain(values: Adds): Map<string, number> {
  const weights = new Map<string, number>();
  for (const [name, weight] of values) weights.set(name, (weights.get(name) ?? 0) + weight);
  return weights;
}

function readerOf(...deltas: (Uint8Array | null)[]): HeavyHittersReader {
  const reader = new HeavyHittersReader();
  reader.merge(concat(deltas));
  return reader;
}

function inOrder(weights: ReadonlyMap<string, number>): { item: string; weight: number }[] {
  return [...weights].map(([name, weight]) => ({ item: name, weight })).sort((a, b) => b.weight - a.weight || (a.item < b.item ? -1 : 1));
}

describe('top lists', () => {
  it('are exact and ordered while nothing is cut', () => {
    fc.assert(
      fc.property(adds, (values) => {
        const names = new Interner();
        const reader = readerOf(fill(new TopAccumulator(), names, values).encode(1_000, names));
        expect(reader.items(1_000)).toEqual(inOrder(plain(values)));
        expect(reader.error()).toBe(0);
        expect(reader.items(3)).toEqual(inOrder(plain(values)).slice(0, 3));
      }),
    );
  });

  it('when cut are never too high, and too low by at most the stated error', () => {
    fc.assert(
      fc.property(fc.array(adds, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 12 }), (panes, keep) => {
        const names = new Interner();
        const deltas = panes.map((values) => fill(new TopAccumulator(), names, values).encode(keep, names));
        const reader = readerOf(...deltas);
        const exact = plain(panes.flat());
        const read = new Map(reader.items(10_000).map((entry) => [entry.item, entry.weight]));
        for (const [name, weight] of exact) {
          const answered = read.get(name) ?? 0;
          expect(answered).toBeLessThanOrEqual(weight);
          expect(weight - answered).toBeLessThanOrEqual(reader.error());
        }
        const largestDropped = panes.map((values) => inOrder(plain(values))[keep]?.weight ?? 0);
        expect(reader.error()).toBe(largestDropped.reduce((sum, weight) => sum + weight, 0));
      }),
    );
  });

  it('keep that promise through compaction', () => {
    fc.assert(
      fc.property(fc.array(adds, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 12 }), (panes, keep) => {
        const names = new Interner();
        const deltas = panes.map((values) => fill(new TopAccumulator(), names, values).encode(keep, names));
        const whole = readerOf(...deltas);
        const reader = readerOf(compactTop(concat(deltas), keep));
        expect(reader.items(keep).length).toBe(Math.min(keep, whole.items(10_000).length));
        expect(reader.items(keep).map((entry) => entry.weight)).toEqual(whole.items(keep).map((entry) => entry.weight));
        expect(reader.error()).toBe(whole.error() + (whole.items(10_000)[keep]?.weight ?? 0));
        const uncut = readerOf(compactTop(concat(deltas), 10_000));
        expect(uncut.items(10_000)).toEqual(whole.items(10_000));
        expect(uncut.error()).toBe(whole.error());
      }),
    );
  });

  it('merge by concatenation and by mergeFrom alike', () => {
    fc.assert(
      fc.property(adds, adds, (a, b) => {
        const names = new Interner();
        const left = fill(new TopAccumulator(), names, a);
        const right = fill(new TopAccumulator(), names, b);
        const joined = readerOf(left.encode(1_000, names), right.encode(1_000, names));
        left.mergeFrom(right);
        expect(readerOf(left.encode(1_000, names)).items(1_000)).toEqual(joined.items(1_000));
      }),
    );
  });

  it('ignore NaN weights and bound negative ones both ways', () => {
    const names = new Interner();
    const accumulator = fill(new TopAccumulator(), names, [
      ['a', Number.NaN],
      ['b', -10],
      ['c', 4],
      ['d', 3],
    ]);
    const reader = readerOf(accumulator.encode(1, names));
    expect(reader.items(5)).toEqual([{ item: 'b', weight: -10 }]);
    expect(reader.error()).toBe(4);
  });

  it('of a torn tail are read as far as they go', () => {
    const names = new Interner();
    const delta = fill(new TopAccumulator(), names, [
      ['a', 1],
      ['bb', 2],
    ]).encode(10, names);
    expect(readerOf(delta!.subarray(0, delta!.length - 3)).items(10)).toHaveLength(1);
  });

  it('leave nothing behind after reset, in accumulator and pool', () => {
    const pool = new ArrayPool();
    fc.assert(
      fc.property(adds, (values) => {
        const names = new Interner();
        const accumulator = fill(new TopAccumulator(pool), names, values);
        expect(readerOf(accumulator.encode(1_000, names)).items(1_000)).toEqual(inOrder(plain(values)));
        accumulator.reset();
        expect(accumulator.encode(10, names)).toBeNull();
      }),
    );
  });
});
