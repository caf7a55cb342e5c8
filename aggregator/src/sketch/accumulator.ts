// The mutable in-process form of the sketches, one per (pane, series, component). What they encode is read by the readers
// of sketch.ts. Small when nearly empty; arrays come from a shared pool and go back to it on `reset`.

import type { NameBytes } from '../decode/decoder.js';

export interface SketchAccumulator<Self> {
  /** Adds everything that `other` holds; `other` is unchanged. */
  mergeFrom(other: Self): void;
  /** Empties it and gives its arrays back to the pool; it can be used again. */
  reset(): void;
}

export interface UniqueSketch extends SketchAccumulator<UniqueSketch> {
  /** Adds a value by its 64-bit hash (two uint32). */
  add(hashLo: number, hashHi: number): void;
  /** @returns null when empty */
  encode(): Uint8Array | null;
}

export interface QuantilesSketch extends SketchAccumulator<QuantilesSketch> {
  /** Adds a fixed-point integer as decoded; answers are in the same unit. NaN is ignored. */
  add(value: number): void;
  encode(): Uint8Array | null;
}

export interface TopSketch extends SketchAccumulator<TopSketch> {
  /** Adds a weight to an item by its interned id. Ids must be of one numbering between resets. */
  add(id: number, weight: number): void;
  /** The `keep` heaviest items; what was left out is stated as the list's error. */
  encode(keep: number, names: NameBytes): Uint8Array | null;
}
