// Quantiles with a relative error of at most 1 %: counts per bin (ddsketch-bins.ts), which simply add up.
// Used by the window room (accumulate), by both tiers (compact) and by the query room (read).
// Values are the fixed-point integers of the decoder, and so are the answers: divide them by 10^decimals.
//
// Encoded delta, little endian, concatenation is merge: entries of 4 bytes, count - 1 as uint16, then the bin as int16. A count
// above 65,536 takes several entries.

import type { QuantilesSketch } from './accumulator.js';
import { ArrayPool } from './array-pool.js';
import { BinTable, coarseBin, MAX_BIN, valueOfBin } from './ddsketch-bins.js';
import type { QuantilesReader } from './sketch.js';

export { binOf, coarseBin, coarseBinBounds, valueOfBin } from './ddsketch-bins.js';

/** Immutable, so all accumulators may share it. */
const BIN_TABLE = new BinTable();
/** Most values of one encoded entry. */
export const MAX_ENTRY_COUNT = 65_536;

/**
 * The values of one series in one pane: an open-addressing table of pairs (bin, count), in one array.
 * Costs 32 bytes and an object for up to 3 bins.
 */
export class QuantilesAccumulator implements QuantilesSketch {
  readonly #pool: ArrayPool;
  #pairs: Int32Array | null = null;
  #mask = 0;
  #used = 0;

  /** @param pool shared by all accumulators of a process; without one, arrays are not used again */
  constructor(pool: ArrayPool = new ArrayPool()) {
    this.#pool = pool;
  }

  add(value: number): void {
    if (value !== value) return;
    this.#addBin(BIN_TABLE.binOf(value), 1);
  }

  mergeFrom(other: QuantilesAccumulator): void {
    const pairs = other.#pairs;
    if (pairs === null) return;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i + 1] !== 0) this.#addBin(pairs[i], pairs[i + 1]);
  }

  encode(): Uint8Array | null {
    const pairs = this.#pairs;
    if (pairs === null) return null;
    let entries = 0;
    for (let i = 1; i < pairs.length; i += 2) entries += entriesFor(pairs[i]);
    const delta = new Uint8Array(entries * 4);
    const view = new DataView(delta.buffer);
    let at = 0;
    for (let i = 0; i < pairs.length; i += 2) at = writeEntries(view, at, pairs[i], pairs[i + 1]);
    return delta;
  }

  reset(): void {
    if (this.#pairs !== null) this.#pool.giveInt32(this.#pairs);
    this.#pairs = null;
    this.#used = 0;
  }

  #addBin(bin: number, count: number): void {
    let pairs = this.#pairs;
    if (pairs === null) {
      pairs = this.#pool.takeInt32(8);
      this.#pairs = pairs;
      this.#mask = 7;
    }
    const mask = this.#mask;
    // Neighbouring bins are what comes: an odd stride over pairs keeps them apart.
    let at = (Math.imul(bin, 10) & mask) >>> 0;
    while (pairs[at + 1] !== 0) {
      if (pairs[at] === bin) {
        pairs[at + 1] += count;
        return;
      }
      at = (at + 2) & mask;
    }
    pairs[at] = bin;
    pairs[at + 1] = count;
    if (++this.#used * 8 > pairs.length * 3) this.#grow(pairs);
  }

  #grow(old: Int32Array): void {
    this.#pairs = this.#pool.takeInt32(old.length * 2);
    this.#mask = old.length * 2 - 1;
    this.#used = 0;
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.#addBin(old[i], old[i + 1]);
    this.#pool.giveInt32(old);
  }
}

/** Reads deltas back into counts by bin. */
export class DdSketchReader implements QuantilesReader {
  /** Counts of bins #first, #first + 1, …: a window that grows to what is there. */
  #counts = new Float64Array(256);
  #first = 0;
  #lowest = Number.POSITIVE_INFINITY;
  #highest = Number.NEGATIVE_INFINITY;
  #total = 0;

  merge(delta: Uint8Array): void {
    const view = new DataView(delta.buffer, delta.byteOffset, delta.byteLength);
    for (let at = 0; at + 4 <= delta.length; at += 4) this.addBin(view.getInt16(at + 2, true), view.getUint16(at, true) + 1);
  }

  /** Adds counts that a store keeps by bin. */
  addBin(bin: number, count: number): void {
    if (bin < this.#lowest || bin > this.#highest) this.#reach(bin);
    this.#counts[bin - this.#first] += count;
    this.#total += count;
  }

  count(): number {
    return this.#total;
  }

  quantile(q: number): number {
    if (this.#total === 0) return Number.NaN;
    const rank = Math.floor(q * (this.#total - 1));
    let before = 0;
    for (let bin = this.#lowest; bin <= this.#highest; bin++) {
      before += this.#counts[bin - this.#first];
      if (before > rank) return valueOfBin(bin);
    }
    return valueOfBin(this.#highest);
  }

  /** Coarse bin → count, ascending; bounds by `coarseBinBounds`. */
  histogram(): Map<number, number> {
    const histogram = new Map<number, number>();
    for (let bin = this.#lowest; bin <= this.#highest; bin++) {
      const count = this.#counts[bin - this.#first];
      if (count === 0) continue;
      const coarse = coarseBin(bin);
      histogram.set(coarse, (histogram.get(coarse) ?? 0) + count);
    }
    return histogram;
  }

  reset(): void {
    if (this.#total > 0) this.#counts.fill(0, this.#lowest - this.#first, this.#highest - this.#first + 1);
    this.#lowest = Number.POSITIVE_INFINITY;
    this.#highest = Number.NEGATIVE_INFINITY;
    this.#total = 0;
  }

  /** The shortest delta that says the same; null when empty. */
  encode(): Uint8Array | null {
    let entries = 0;
    for (let bin = this.#lowest; bin <= this.#highest; bin++) entries += entriesFor(this.#counts[bin - this.#first]);
    if (entries === 0) return null;
    const delta = new Uint8Array(entries * 4);
    const view = new DataView(delta.buffer);
    let at = 0;
    for (let bin = this.#lowest; bin <= this.#highest; bin++) at = writeEntries(view, at, bin, this.#counts[bin - this.#first]);
    return delta;
  }

  /** Widens the window so that it has the bin. */
  #reach(bin: number): void {
    const lowest = Math.min(this.#lowest, bin);
    const highest = Math.max(this.#highest, bin);
    if (this.#total === 0 || lowest < this.#first || highest >= this.#first + this.#counts.length) {
      const width = highest - lowest + 1;
      const length = Math.min(Math.max(this.#counts.length, 2 ** Math.ceil(Math.log2(width * 2))), 2 * MAX_BIN + 2);
      const first = Math.max(lowest - Math.floor((length - width) / 2), -MAX_BIN - 1);
      const counts = this.#total === 0 && length === this.#counts.length ? this.#counts : new Float64Array(length);
      if (this.#total > 0) {
        counts.set(this.#counts.subarray(this.#lowest - this.#first, this.#highest - this.#first + 1), this.#lowest - first);
      }
      this.#counts = counts;
      this.#first = first;
    }
    this.#lowest = lowest;
    this.#highest = highest;
  }
}

/** Merges a concatenation of deltas into the shortest one; empty in, empty out. */
export function compactQuantiles(delta: Uint8Array): Uint8Array {
  const reader = new DdSketchReader();
  reader.merge(delta);
  return reader.encode() ?? new Uint8Array(0);
}

function entriesFor(count: number): number {
  return Math.ceil(count / MAX_ENTRY_COUNT);
}

function writeEntries(view: DataView, at: number, bin: number, count: number): number {
  for (let rest = count; rest > 0; rest -= MAX_ENTRY_COUNT) {
    view.setUint16(at, Math.min(rest, MAX_ENTRY_COUNT) - 1, true);
    view.setInt16(at + 2, bin, true);
    at += 4;
  }
  return at;
}
