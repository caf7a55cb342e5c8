import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitionOf } from '../decode/definition.fixture.js';
import { compactDelta, isSketchKind, readerFor } from './codecs.js';
import { QuantilesAccumulator } from './ddsketch.js';
import { UniqueAccumulator } from './hyperloglog.js';
import { selectHeaviest } from './selection.js';
import { concat, randomHashes } from './sketch.fixture.js';

const kinds = ['count', 'sum', 'min', 'max', 'unique', 'quantiles', 'top'] as const;
const components = definitionOf({ fields: [], components: kinds.map((kind) => ({ kind })) }).components;

describe('codecs', () => {
  it('give each sketch component a reader of its kind, and refuse numeric ones', () => {
    for (const component of components) {
      if (isSketchKind(component.kind)) {
        expect(readerFor(component).kind).toBe(component.kind);
        expect(compactDelta(component.kind, new Uint8Array(0), 10)).toHaveLength(0);
      } else {
        expect(() => readerFor(component)).toThrow(RangeError);
        expect(() => compactDelta(component.kind, new Uint8Array(0), 10)).toThrow(RangeError);
      }
    }
  });

  it('compact many deltas into one that reads the same', () => {
    const next = randomHashes(4);
    const uniques = Array.from({ length: 30 }, (_, i) => {
      const pane = new UniqueAccumulator();
      for (let v = 0; v < i * 5; v++) pane.add(...next());
      return pane.encode();
    });
    const latencies = Array.from({ length: 30 }, (_, i) => {
      const pane = new QuantilesAccumulator();
      for (let v = 0; v < i * 5; v++) pane.add(v * v);
      return pane.encode();
    });
    const unique = readerFor(components[4]);
    const quantiles = readerFor(components[5]);
    if (unique.kind !== 'unique' || quantiles.kind !== 'quantiles') throw new Error('wrong kind');
    unique.reader.merge(concat(uniques));
    const estimate = unique.reader.estimate();
    unique.reader.reset();
    unique.reader.merge(compactDelta('unique', concat(uniques), 0));
    expect(unique.reader.estimate()).toBe(estimate);
    quantiles.reader.merge(concat(latencies));
    const median = quantiles.reader.quantile(0.5);
    quantiles.reader.reset();
    quantiles.reader.merge(compactDelta('quantiles', concat(latencies), 0));
    expect([quantiles.reader.count(), quantiles.reader.quantile(0.5)]).toEqual([(30 * 29 * 5) / 2, median]);
  });
});

describe('the selection of the heaviest', () => {
  it('puts the largest first and names the largest of the others', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 }), fc.integer({ min: 1, max: 60 }), (values, keep) => {
        const items = Int32Array.from(values, (_, i) => i);
        const weights = Float64Array.from(values);
        const dropped = selectHeaviest(items, weights, keep);
        const sorted = [...values].sort((a, b) => b - a);
        expect([...weights.subarray(0, keep)].sort((a, b) => b - a)).toEqual(sorted.slice(0, keep));
        expect(dropped).toBe(sorted[keep] ?? 0);
        expect([...items].sort((a, b) => a - b)).toEqual(values.map((_, i) => i));
        items.forEach((item, i) => expect(values[item]).toBe(weights[i]));
      }),
    );
  });
});
