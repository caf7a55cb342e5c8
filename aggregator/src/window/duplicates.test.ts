import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateFilter } from './duplicates.js';

/** The rule as a person would state it. */
class PlainFilter {
  readonly #records: { id: number; timeMs: number }[] = [];
  constructor(
    readonly windowMs: number,
    readonly maxEvents: number,
  ) {}
  observe(id: number, timeMs: number): boolean {
    const remembered = this.#records.slice(-(this.maxEvents - 1 || -Infinity));
    const last = this.maxEvents === 1 ? undefined : remembered.filter((r) => r.id === id).at(-1);
    this.#records.push({ id, timeMs });
    return last !== undefined && timeMs - last.timeMs <= this.windowMs;
  }
}

describe('DuplicateFilter', () => {
  it('knows an id again within the window and not after it', () => {
    const filter = new DuplicateFilter({ windowMs: 1000, maxEvents: 100 });
    expect(filter.observe(1, 1, 0, 0)).toBe(false);
    expect(filter.observe(1, 1, 900, 1)).toBe(true);
    expect(filter.observe(1, 1, 1900, 2)).toBe(true);
    expect(filter.observe(1, 1, 2901, 3)).toBe(false);
  });

  it('tells ids apart that share half of their hash', () => {
    const filter = new DuplicateFilter({ windowMs: 1000, maxEvents: 100 });
    expect(filter.observe(7, 1, 0, 0)).toBe(false);
    expect(filter.observe(7, 2, 0, 1)).toBe(false);
    expect(filter.observe(8, 1, 0, 2)).toBe(false);
    expect(filter.observe(7, 2, 0, 3)).toBe(true);
  });

  it('equals the plain rule for any ids, times and sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 25 }), fc.integer({ min: 0, max: 100 })), { maxLength: 400 }),
        (maxEvents, windowMs, records) => {
          const filter = new DuplicateFilter({ windowMs, maxEvents });
          const plain = new PlainFilter(windowMs, maxEvents);
          records.forEach(([id, timeMs], offset) => {
            // A few low bits only, so that probe paths collide.
            expect(filter.observe(id & 3, id, timeMs, offset)).toBe(plain.observe(id, timeMs));
          });
        },
      ),
    );
  });

  it('is rebuilt exactly by reading again from its oldest offset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 3000 }),
        fc.integer({ min: 2, max: 700 }),
        (ids, maxEvents) => {
          const options = { windowMs: 50, maxEvents };
          const whole = new DuplicateFilter(options);
          const half = Math.floor(ids.length / 2);
          ids.slice(0, half).forEach((id, offset) => whole.observe(id, id, offset, offset));
          const rebuilt = new DuplicateFilter(options);
          for (let offset = whole.oldestOffset(half); offset < half; offset++) {
            rebuilt.observe(ids[offset], ids[offset], offset, offset);
          }
          for (let offset = half; offset < ids.length; offset++) {
            expect(rebuilt.observe(ids[offset], ids[offset], offset, offset)).toBe(whole.observe(ids[offset], ids[offset], offset, offset));
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
