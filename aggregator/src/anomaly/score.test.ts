import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldScore, ratioOf, scoreOf, withheldScore } from './score.js';

describe('the score', () => {
  it('is 0 for no distance, one half on the alarm line and below 1 for ever', () => {
    expect(scoreOf(0)).toBe(0);
    expect(scoreOf(1)).toBe(0.5);
    expect(scoreOf(3)).toBeCloseTo(2 / 3, 12);
    expect(scoreOf(1e300)).toBeLessThan(1);
    expect(scoreOf(Number.POSITIVE_INFINITY)).toBeLessThan(1);
    expect(scoreOf(Number.NaN)).toBe(0);
  });

  it('tells apart what is far beyond the line', () => {
    expect(scoreOf(500)).toBeGreaterThan(scoreOf(50));
    expect(scoreOf(2e15)).toBeGreaterThan(scoreOf(1e15));
    expect(scoreOf(2e300)).toBeGreaterThan(scoreOf(1e300));
  });

  it('is strictly increasing, held and withheld scores too, and keeps its side of one half', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), fc.double({ min: 1e-6, max: 10, noNaN: true }), (ratio, more) => {
        const above = ratio * (1 + more);
        for (const score of [scoreOf, heldScore, withheldScore]) expect(score(above)).toBeGreaterThan(score(ratio));
        expect(scoreOf(ratio) >= 0.5).toBe(ratio >= 1);
        expect(heldScore(ratio)).toBeGreaterThan(0.5);
        expect(withheldScore(ratio)).toBeLessThan(0.5);
        expect(ratioOf(scoreOf(ratio)) / ratio).toBeCloseTo(1, 6);
      }),
    );
  });
});
