import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hotDefinition } from '../../../test/support/hot-definition.js';
import { WEIRD_STRINGS } from './contract-stage.js';
import { escapeName, HotKeys, joinValues, seriesName, shardOf, splitValues, unescapeName } from './keys.js';

// Any UTF-16, broken surrogate pairs included.
const text = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.constantFrom(...WEIRD_STRINGS),
);

describe('names in the hot tier', () => {
  it('read back exactly, also after a trip through UTF-8', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (values) => {
        const stored = Buffer.from(joinValues(values), 'utf8').toString('utf8');
        expect(splitValues(stored, values.length)).toEqual(values);
      }),
    );
    expect(splitValues(joinValues([]), 0)).toEqual([]);
  });

  it('tell different series apart', () => {
    const series = fc.tuple(text, fc.nat(5), fc.array(text, { minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(series, series, (a, b) => {
        // The number of values is the grouping's.
        const sameShape = a[1] !== b[1] || a[2].length === b[2].length;
        fc.pre(sameShape && JSON.stringify(a) !== JSON.stringify(b));
        const bytes = (s: typeof a): string => Buffer.from(seriesName(...s), 'utf8').toString('hex');
        expect(bytes(a)).not.toBe(bytes(b));
      }),
    );
  });

  it('hold no separator after escaping', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(escapeName(value)).not.toMatch(/[:,\u0000-\u001f]/);
        expect(unescapeName(escapeName(value))).toBe(value);
      }),
    );
  });

  it('spread series over the shards', () => {
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 8_000; i++) counts[shardOf(seriesName('shop', 1, [`v${i}`]), 8)]++;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(200);
  });

  it('of one shard share one hash tag, and belong to their epoch', () => {
    const keys = new HotKeys(hotDefinition());
    const name = seriesName('a', 1, ['{x}']);
    const data = [keys.numeric(2, 'e1', 60, 5, name), keys.sketch(2, 'e1', 5, 10, 7, name), keys.registry(2, 'e1', '{t}', 1)];
    for (const key of [...data, keys.state(2)]) expect(/\{(.*?)\}/.exec(key)?.[1]).toBe('tm2');
    expect(data.map((key) => keys.epochOf(key))).toEqual(['e1', 'e1', 'e1']);
    expect([keys.state(2), keys.admissions('a', 0), keys.cache('n:1'), keys.lease('x'), 'other'].map((key) => keys.epochOf(key))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
    expect([keys.cache('x'), keys.lease('x'), keys.state(0)].map((key) => keys.isShortLived(key))).toEqual([true, true, false]);
  });
});
