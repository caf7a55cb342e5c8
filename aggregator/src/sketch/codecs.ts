// One door to the three sketches for the tiers and the query room: by the kind of a component, never by what stands in the bytes.

import type { Component, ComponentKind } from '../definition/model.js';
import { compactQuantiles, DdSketchReader } from './ddsketch.js';
import { compactTop, HeavyHittersReader } from './heavy-hitters.js';
import { compactUnique, HyperLogLogReader } from './hyperloglog.js';

export type SketchKind = 'unique' | 'quantiles' | 'top';

export type SketchReader =
  | { readonly kind: 'unique'; readonly reader: HyperLogLogReader }
  | { readonly kind: 'quantiles'; readonly reader: DdSketchReader }
  | { readonly kind: 'top'; readonly reader: HeavyHittersReader };

export function isSketchKind(kind: ComponentKind): kind is SketchKind {
  return kind === 'unique' || kind === 'quantiles' || kind === 'top';
}

/**
 * Merges a concatenation of encoded deltas into the shortest delta that reads the same (for `unique` beyond some thousands of
 * values: the same within its error; for `top`: at most `keep` items, the rest stated as error).
 * @throws RangeError for a numeric kind
 */
export function compactDelta(kind: ComponentKind, delta: Uint8Array, keep: number): Uint8Array {
  switch (kind) {
    case 'unique':
      return compactUnique(delta);
    case 'quantiles':
      return compactQuantiles(delta);
    case 'top':
      return compactTop(delta, keep);
    default:
      throw new RangeError(`${kind} is not a sketch`);
  }
}

/**
 * A reader for the component's deltas; `reset` it to use it again.
 * @throws RangeError for a numeric component
 */
export function readerFor(component: Component): SketchReader {
  switch (component.kind) {
    case 'unique':
      return { kind: 'unique', reader: new HyperLogLogReader() };
    case 'quantiles':
      return { kind: 'quantiles', reader: new DdSketchReader() };
    case 'top':
      return { kind: 'top', reader: new HeavyHittersReader() };
    default:
      throw new RangeError(`${component.key} is not a sketch`);
  }
}
