import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { C, hotDefinition } from '../../../test/support/hot-definition.js';
import { addToSlot, decodeSlots, extremeToSlot, HotLayout, loadExtremum, MAX_EXTREMUM, storeExtremum, STRETCH_SLOTS } from './layout.js';

describe('the packed layout', () => {
  it('stores extremes so that order is kept, nothing is 0, and everything reads back', () => {
    const extremum = fc.oneof(
      fc.integer({ min: -MAX_EXTREMUM, max: MAX_EXTREMUM }),
      fc.constantFrom(0, -0, 1, -1, MAX_EXTREMUM, -MAX_EXTREMUM),
    );
    fc.assert(
      fc.property(extremum, extremum, (a, b) => {
        expect(storeExtremum(a)).not.toBe(0);
        expect(loadExtremum(storeExtremum(a))).toBe(a === 0 ? 0 : a);
        expect(Number.isSafeInteger(storeExtremum(a))).toBe(true);
        expect(Math.sign(storeExtremum(a) - storeExtremum(b))).toBe(Math.sign(a - b) + 0);
      }),
    );
    expect(loadExtremum(0)).toBeNaN();
  });

  it('adds like a signed 64-bit integer, whatever the signs and carries', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger(), { maxLength: 20 }), (values) => {
        const view = new DataView(new ArrayBuffer(16));
        for (const value of values) addToSlot(view, 1, value);
        const sum = BigInt.asIntN(
          64,
          values.reduce((total, value) => total + BigInt(value), 0n),
        );
        expect(view.getBigInt64(8)).toBe(sum);
        expect(view.getBigInt64(0)).toBe(0n);
        const out = new Float64Array(1);
        decodeSlots(view, 8, 1, false, out, 0);
        expect(out[0]).toBe(Number(sum));
      }),
    );
  });

  it('keeps the extreme of any sequence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -MAX_EXTREMUM, max: MAX_EXTREMUM }), { minLength: 1, maxLength: 10 }),
        fc.constantFrom('min' as const, 'max' as const),
        (values, kind) => {
          const view = new DataView(new ArrayBuffer(8));
          for (const value of values) extremeToSlot(view, 0, value, kind);
          const out = new Float64Array(1).fill(Number.NaN);
          decodeSlots(view, 0, 1, true, out, 0);
          expect(out[0]).toBe(kind === 'min' ? Math.min(...values) : Math.max(...values));
        },
      ),
    );
  });

  it('gives every numeric component and bucket of a stretch a slot of its own, the earliest events last', () => {
    const layout = new HotLayout(hotDefinition());
    const numeric = [C.events, C.revenue, C.min, C.max, C.errors];
    const slots = new Set<number>();
    for (const component of numeric) {
      for (let i = 0; i < STRETCH_SLOTS; i++) {
        const slot = layout.slot(component, 10, 1_200_000 + i * 10);
        slots.add(slot);
        expect(layout.range(component, i, i + 1)).toEqual({ startByte: slot * 8, endByte: slot * 8 + 7 });
      }
    }
    expect(slots.size).toBe(numeric.length * STRETCH_SLOTS);
    expect(layout.slot(C.events, 10, 1_200_000)).toBe(layout.stretchBytes / 8 - 1);
  });

  it('reads a string that ends early as empty there', () => {
    const view = new DataView(new ArrayBuffer(16));
    addToSlot(view, 0, 7);
    addToSlot(view, 1, 8);
    const out = new Float64Array(5);
    decodeSlots(view, 0, 5, false, out, 0);
    expect([...out]).toEqual([0, 0, 0, 8, 7]);
    decodeSlots(view, 800, 5, false, out, 0);
    expect([...out]).toEqual([0, 0, 0, 8, 7]);
  });

  it('keeps a stretch until its last bucket is past its retention', () => {
    const layout = new HotLayout(hotDefinition());
    const nowMs = 1_700_000_000_000;
    const lengthS = STRETCH_SLOTS * 60;
    const startS = Math.floor(nowMs / 1000 / lengthS) * lengthS;
    for (const bucketS of [startS, startS + lengthS - 60]) {
      const expiresMs = nowMs + layout.timeToLiveMs(60, bucketS, STRETCH_SLOTS, nowMs);
      expect(layout.isExpired(60, startS + lengthS - 60, expiresMs)).toBe(true);
      expect(layout.isExpired(60, startS + lengthS - 60, expiresMs - 400_000)).toBe(false);
    }
  });
});
