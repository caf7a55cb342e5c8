import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregate } from './event-list.fixture.js';
import { content, DEF, EVENTS, FROM, spec } from './read.fixture.js';
import { decodeResult, encodeResult } from './result-codec.js';
import type { TierResult } from './tier-read.js';

describe('cached bytes', () => {
  it('bring back the result', () => {
    const result = aggregate(DEF, EVENTS, spec());
    const bytes = encodeResult(result);
    expect(content(decodeResult(bytes))).toEqual(content(result));
    expect(bytes.length).toBeLessThan(JSON.stringify(content(result)).length / 2);
  });

  it('bring back any numbers', () => {
    const number = fc.oneof(
      fc.double(),
      fc.constant(NaN),
      fc.integer(),
      fc.constantFrom(-0, 2 ** 50, -(2 ** 50), 2 ** 50 + 1, 2 ** 53, Infinity, 0.1),
    );
    fc.assert(
      fc.property(fc.array(number, { maxLength: 40 }), fc.array(fc.string(), { maxLength: 3 }), (values, names) => {
        const result: TierResult = {
          timesMs: Float64Array.from(values, (_, index) => FROM + index * 1_000),
          topError: 0.5,
          detail: { source: 'cache', rows: 0, durationMs: 0 },
          groups: [
            {
              values: names,
              numbers: [Float64Array.from(values)],
              items: [values.map(() => names.map((item) => ({ item, weight: 1.5 })))],
              histograms: [values.map(() => new Map([[-3, 7]]))],
            },
          ],
        };
        const back = decodeResult(encodeResult(result));
        expect(back.timesMs).toEqual(result.timesMs);
        expect(back.groups[0].values).toEqual(result.groups[0].values.map((text) => Buffer.from(text).toString()));
        expect([...back.groups[0].numbers[0]]).toEqual(values);
        expect(back.groups[0].histograms).toEqual(result.groups[0].histograms);
      }),
    );
  });

  it('that are damaged are refused, not misread or looped over', () => {
    const bytes = encodeResult(aggregate(DEF, EVENTS, spec()));
    for (const cut of [0, 1, 10, bytes.length - 1]) expect(() => decodeResult(bytes.subarray(0, cut))).toThrow(RangeError);
    expect(() => decodeResult(Uint8Array.from([...bytes, 0]))).toThrow(RangeError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        try {
          decodeResult(junk);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
