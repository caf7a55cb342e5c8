import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HyperLogLogReader, UniqueAccumulator } from '../sketch/hyperloglog.js';
import { add, larger, slideNumbers, slideParts, slideUnique, smaller } from './sliding.js';

const shape = fc
  .record({ width: fc.integer({ min: 1, max: 30 }), step: fc.integer({ min: 1, max: 6 }), windows: fc.integer({ min: 1, max: 40 }) })
  .chain((s) =>
    fc.record({
      ...{ width: fc.constant(s.width), step: fc.constant(s.step), windows: fc.constant(s.windows) },
      values: fc.array(fc.integer({ min: -100, max: 100 }), {
        minLength: (s.windows - 1) * s.step + s.width,
        maxLength: (s.windows - 1) * s.step + s.width,
      }),
    }),
  );

describe('sliding windows', () => {
  it('equal the plain combination of each window, for sums, least and greatest', () => {
    fc.assert(
      fc.property(shape, ({ values, width, step, windows }) => {
        // Every third is empty for the extremes.
        const sparse = Float64Array.from(values, (v) => (v % 3 === 0 ? Number.NaN : v));
        const window = (k: number, of: ArrayLike<number>): number[] => Array.from(of).slice(k * step, k * step + width);
        const wanted = (of: ArrayLike<number>, plain: (v: number[]) => number): number[] =>
          Array.from({ length: windows }, (_, k) => plain(window(k, of)));
        expect([...slideNumbers(Float64Array.from(values), width, step, windows, add)]).toEqual(
          wanted(values, (v) => v.reduce((a, b) => a + b, 0)),
        );
        const present = (v: number[]): number[] => v.filter((x) => !Number.isNaN(x));
        expect([...slideNumbers(sparse, width, step, windows, smaller)]).toEqual(
          wanted(sparse, (v) => (present(v).length === 0 ? Number.NaN : Math.min(...present(v)))),
        );
        expect([...slideNumbers(sparse, width, step, windows, larger)]).toEqual(
          wanted(sparse, (v) => (present(v).length === 0 ? Number.NaN : Math.max(...present(v)))),
        );
      }),
    );
  });

  it('stay exact next to sums that are beyond a double', () => {
    const values = Float64Array.from([2 ** 60, 1, 1, 1, 1, 1]);
    expect([...slideNumbers(values, 2, 1, 5, add)].slice(1)).toEqual([2, 2, 2, 2]);
  });

  it('merge parts as a walk over each window would, in about two merges per unit', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ values, width, step, windows }) => {
        let merges = 0;
        const units = values.map((v) => (v % 3 === 0 ? null : [v]));
        const join = (a: number[], b: number[]): number[] => {
          merges++;
          return [...a, ...b];
        };
        const partsOf = await slideParts(units, width, step, join, () => Promise.resolve());
        const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
        for (let k = 0; k < windows; k++) {
          const plain = units.slice(k * step, k * step + width).flatMap((unit) => unit ?? []);
          expect(sorted(partsOf(k).flat())).toEqual(sorted(plain));
        }
        expect(merges).toBeLessThanOrEqual(2 * units.length);
      }),
    );
  });

  it('count distinct values as a reader of each whole window would', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.integer({ min: 1, max: 400 }), async ({ values, width, step, windows }, spread) => {
        fc.pre(step < width);
        const units = values.map((value, unit) => {
          const accumulator = new UniqueAccumulator();
          for (let i = 0; i < Math.abs(value); i++)
            accumulator.add(Math.imul((unit * 7 + i) % spread, 0x9e3779b1), Math.imul(i, 0x85ebca6b));
          const delta = accumulator.encode();
          return delta === null ? [] : [delta];
        });
        const estimates = await slideUnique(units, width, step, windows, new HyperLogLogReader(), () => Promise.resolve());
        const plain = Array.from({ length: windows }, (_, k) => {
          const reader = new HyperLogLogReader();
          for (const unit of units.slice(k * step, k * step + width)) for (const delta of unit) reader.merge(delta);
          return reader.estimate();
        });
        expect([...estimates]).toEqual(plain);
      }),
    );
  });
});
