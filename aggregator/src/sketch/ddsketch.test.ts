import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrayPool } from './array-pool.js';
import { binOf, BIN_OFFSET, BinTable, coarseBin, coarseBinBounds, valueOfBin } from './ddsketch-bins.js';
import { compactQuantiles, DdSketchReader, QuantilesAccumulator } from './ddsketch.js';
import { concat } from './sketch.fixture.js';

const QS = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];
const fixedPoint = fc.oneof(
  fc.integer({ min: -2_000, max: 5_000 }),
  fc.integer(),
  fc.maxSafeInteger().map((v) => Math.trunc(v / 2)),
  fc.constantFrom(0, 1, -1, 1023, 1024, 1025, 2 ** 31 - 1, 2 ** 31, 2 ** 52, -(2 ** 52)),
);

function readerOf(...deltas: (Uint8Array | null)[]): DdSketchReader {
  const reader = new DdSketchReader();
  reader.merge(concat(deltas));
  return reader;
}

function accumulatorOf(values: readonly number[]): QuantilesAccumulator {
  const accumulator = new QuantilesAccumulator();
  for (const value of values) accumulator.add(value);
  return accumulator;
}

describe('bins', () => {
  it('from the table are those of the plain formula', () => {
    const table = new BinTable();
    for (let value = -10; value < 70_000; value++) expect(table.binOf(value)).toBe(binOf(value));
    fc.assert(
      fc.property(fc.oneof(fixedPoint, fc.double({ noNaN: true }), fc.integer({ min: 1, max: 2 ** 31 - 1 })), (value) => {
        expect(table.binOf(value)).toBe(binOf(value));
      }),
      { numRuns: 20_000 },
    );
  });

  it('at their edges are those of the plain formula', () => {
    const table = new BinTable();
    for (let bin = BIN_OFFSET; bin < BIN_OFFSET + 1_075; bin++) {
      const edge = Math.round((1.01 / 0.99) ** (bin - BIN_OFFSET));
      for (let value = edge - 2; value <= edge + 2; value++) expect(table.binOf(value)).toBe(binOf(value));
    }
  });

  it('stand for each of their values within 1 %', () => {
    fc.assert(
      fc.property(fc.oneof(fixedPoint, fc.double({ min: 1e-100, max: 1e100, noNaN: true })), (value) => {
        expect(Math.abs(valueOfBin(binOf(value)) - value)).toBeLessThanOrEqual(Math.abs(value) * 0.010_000_001);
      }),
    );
  });

  it('sort as their values do', () => {
    fc.assert(
      fc.property(fixedPoint, fixedPoint, (a, b) => {
        expect(Math.sign(binOf(a) - binOf(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('have coarse bins that hold 16 of them and name their bounds', () => {
    fc.assert(
      fc.property(fixedPoint, (value) => {
        const coarse = coarseBin(binOf(value));
        const { from, to } = coarseBinBounds(coarse);
        const slack = Math.abs(value) * 1e-9;
        expect(value).toBeGreaterThanOrEqual(from - slack);
        expect(value).toBeLessThanOrEqual(to + slack);
        expect(coarseBin(binOf(-value))).toBe(-coarse + 0);
      }),
    );
    const sizes = new Map<number, number>();
    for (let bin = 16_000; bin < 17_600; bin++) sizes.set(coarseBin(bin), (sizes.get(coarseBin(bin)) ?? 0) + 1);
    expect(new Set(sizes.values())).toEqual(new Set([16]));
  });
});

describe('quantiles', () => {
  it('are within 1 % of the value at rank floor(q (n - 1))', () => {
    fc.assert(
      fc.property(fc.array(fixedPoint, { minLength: 1, maxLength: 300 }), (values) => {
        const reader = readerOf(accumulatorOf(values).encode());
        const sorted = Float64Array.from(values).sort();
        expect(reader.count()).toBe(values.length);
        for (const q of QS) {
          const exact = sorted[Math.floor(q * (values.length - 1))];
          expect(Math.abs(reader.quantile(q) - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.010_000_001);
        }
      }),
    );
  });

  it('of nothing are NaN', () => {
    expect(new DdSketchReader().quantile(0.5)).toBeNaN();
    expect(accumulatorOf([Number.NaN]).encode()).toBeNull();
  });

  it('survive counts beyond what one entry holds', () => {
    const accumulator = new QuantilesAccumulator();
    for (let i = 0; i < 200_000; i++) accumulator.add(i % 4 === 0 ? 500 : 7);
    const reader = readerOf(accumulator.encode(), accumulator.encode());
    expect(reader.count()).toBe(400_000);
    expect(reader.quantile(0.5)).toBeCloseTo(7, 0);
    expect(Math.abs(reader.quantile(0.9) / 500 - 1)).toBeLessThanOrEqual(0.01);
  });

  it('have a histogram that counts every value once', () => {
    fc.assert(
      fc.property(fc.array(fixedPoint, { maxLength: 200 }), (values) => {
        const expected = new Map<number, number>();
        for (const value of values) expected.set(coarseBin(binOf(value)), (expected.get(coarseBin(binOf(value))) ?? 0) + 1);
        const histogram = readerOf(accumulatorOf(values).encode()).histogram();
        expect(new Map([...histogram].sort())).toEqual(new Map([...expected].sort()));
        expect([...histogram.keys()]).toEqual([...histogram.keys()].sort((a, b) => a - b));
      }),
    );
  });
});

describe('quantile deltas', () => {
  it('merge by concatenation, by mergeFrom and by compaction alike', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fixedPoint, { maxLength: 80 }), { minLength: 1, maxLength: 5 }), (panes) => {
        const merged = new QuantilesAccumulator();
        const deltas = panes.map((values) => {
          const pane = accumulatorOf(values);
          merged.mergeFrom(pane);
          return pane.encode();
        });
        const expected = bins(accumulatorOf(panes.flat()).encode());
        expect(bins(merged.encode())).toEqual(expected);
        expect(bins(concat(deltas))).toEqual(expected);
        const compact = compactQuantiles(concat(deltas));
        expect(bins(compact)).toEqual(expected);
        expect(compact.length).toBe(expected.size * 4);
      }),
    );
  });

  it('leave nothing behind after reset, in accumulator, pool and reader', () => {
    const pool = new ArrayPool();
    const reader = new DdSketchReader();
    fc.assert(
      fc.property(fc.array(fixedPoint, { maxLength: 60 }), (values) => {
        const accumulator = new QuantilesAccumulator(pool);
        for (const value of values) accumulator.add(value);
        expect(bins(accumulator.encode())).toEqual(bins(accumulatorOf(values).encode()));
        reader.reset();
        reader.merge(concat([accumulator.encode()]));
        expect(reader.count()).toBe(values.length);
        expect(reader.quantile(0.5)).toBe(readerOf(accumulatorOf(values).encode()).quantile(0.5));
        accumulator.reset();
        expect(accumulator.encode()).toBeNull();
      }),
    );
  });
});

function bins(delta: Uint8Array | null): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  if (delta === null) return counts;
  const view = new DataView(delta.buffer, delta.byteOffset, delta.byteLength);
  for (let at = 0; at < delta.length; at += 4) {
    const bin = view.getInt16(at + 2, true);
    counts.set(bin, (counts.get(bin) ?? 0) + view.getUint16(at, true) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => a - b));
}
