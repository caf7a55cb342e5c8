// Sketch codecs without error, for tests of what surrounds sketches: an encoded delta is the JSON lines of the values themselves.
// Concatenating deltas merges them, as with the real ones.

import type { Component } from '../../aggregator/src/definition/model.js';
import type { SketchCodecs, SketchReader } from '../../aggregator/src/hot/group-sketches.js';
import type { SketchKind } from '../../aggregator/src/hot/layout.js';

/** unique: [value]; quantiles: [value, count]; top: [item, weight]. */
export type ExactEntry = readonly [string | number, number];

export function encodeExact(entries: readonly ExactEntry[]): Uint8Array {
  return new TextEncoder().encode(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

export function decodeExact(bytes: Uint8Array): ExactEntry[] {
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ExactEntry);
}

function totals(entries: readonly ExactEntry[]): Map<string | number, number> {
  const sums = new Map<string | number, number>();
  for (const [value, count] of entries) sums.set(value, (sums.get(value) ?? 0) + count);
  return sums;
}

function compact(kind: SketchKind, bytes: Uint8Array): Uint8Array {
  return encodeExact([...totals(decodeExact(bytes))].map(([value, count]) => [value, kind === 'unique' ? 1 : count]));
}

function readerFor(component: Component): SketchReader {
  let entries: ExactEntry[] = [];
  const merge = (delta: Uint8Array): void => {
    entries.push(...decodeExact(delta));
  };
  const reset = (): void => {
    entries = [];
  };
  if (component.kind === 'unique') {
    return {
      kind: 'unique',
      reader: {
        merge,
        reset,
        estimate: () => totals(entries).size,
        estimateWith: (delta) => totals([...entries, ...decodeExact(delta)]).size,
        encode: () => (entries.length === 0 ? null : compact('unique', encodeExact(entries))),
      },
    };
  }
  if (component.kind === 'quantiles') {
    const sorted = (): number[] =>
      entries.flatMap(([value, count]) => Array.from({ length: count }, () => Number(value))).sort((a, b) => a - b);
    return {
      kind: 'quantiles',
      reader: {
        merge,
        reset,
        count: () => sorted().length,
        quantile: (q) => {
          const values = sorted();
          return values.length === 0 ? Number.NaN : values[Math.floor(q * (values.length - 1))];
        },
        histogram: () => new Map([...totals(entries)].map(([value, count]) => [Number(value), count])),
      },
    };
  }
  return {
    kind: 'top',
    reader: {
      merge,
      reset,
      error: () => 0,
      items: (limit) =>
        [...totals(entries)]
          .map(([item, weight]) => ({ item: String(item), weight }))
          .sort((a, b) => b.weight - a.weight || (a.item < b.item ? -1 : 1))
          .slice(0, limit),
    },
  };
}

export const exactSketches: SketchCodecs = { compact, readerFor };
