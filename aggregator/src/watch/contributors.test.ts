import { describe, expect, it } from 'vitest';
import { heaviest } from './contributors.js';

const of = (values: Record<string, number>): Map<string, number> => new Map(Object.entries(values));

describe('contributors', () => {
  it('of a sum are the values with the largest part of the change, scaled to the episode', () => {
    // Five minutes against ten: 100 and 40 would have been 50 and 20.
    expect(heaviest('country', of({ DE: 350, FR: 30, US: 21 }), of({ DE: 100, FR: 40, US: 40 }), 0.5, true)).toEqual([
      { dimension: 'country', value: 'DE', change: 300, share: 300 / 311 },
    ]);
  });

  it('of a drop are those that fell', () => {
    const told = heaviest('device', of({ phone: 10, tv: 95 }), of({ phone: 100, tv: 100, tablet: 20 }), 1, true);
    expect(told.map(({ value, change }) => [value, change])).toEqual([
      ['phone', -90],
      ['tablet', -20],
    ]);
  });

  it('of a ratio have no share, and need a value before and during', () => {
    expect(heaviest('route', of({ '/a': 0.5, '/b': 0.1, '/new': 0.9 }), of({ '/a': 0.1, '/b': 0.1 }), 1, false)).toEqual([
      { dimension: 'route', value: '/a', change: 0.4, share: null },
    ]);
  });

  it('are none where nothing changed', () => {
    expect(heaviest('country', of({ DE: 5 }), of({ DE: 5 }), 1, true)).toEqual([]);
    expect(heaviest('country', of({}), of({}), 1, true)).toEqual([]);
  });
});
