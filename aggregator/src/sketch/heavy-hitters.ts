// The heaviest items of a series: exact weights by item while a pane is filled, cut to the `keep` heaviest when written.
// Used by the window room (accumulate), by both tiers (compact) and by the query room (read).
// Invariant: for weights ≥ 0, an item's answered weight is never too high, and too low by at most `error()`. (Where weights are
// negative too, the largest magnitudes are kept, and an answer may be off by `error()` either way.)
//
// Encoded delta, concatenation is merge: entries of a length + 1 (LEB128 varint), the item's UTF-8 bytes, its weight (float64,
// little endian). Length + 1 = 0 marks what the cutting left out: no item, and the largest weight that was dropped. An item
// missing from a cut list weighed at most that, so the marks of all lists add up to the error.

import type { NameBytes } from '../decode/decoder.js';
import type { TopSketch } from './accumulator.js';
import { ArrayPool } from './array-pool.js';
import type { TopReader } from './sketch.js';
import { selectHeaviest } from './selection.js';

/** The items of one series in one pane: an open-addressing table from interned id to weight. */
export class TopAccumulator implements TopSketch {
  readonly #pool: ArrayPool;
  /** id + 1; 0 is empty. */
  #ids: Int32Array | null = null;
  #weights: Float64Array = NO_WEIGHTS;
  #mask = 0;
  #count = 0;

  /** @param pool shared by all accumulators of a process; without one, arrays are not used again */
  constructor(pool: ArrayPool = new ArrayPool()) {
    this.#pool = pool;
  }

  /** A NaN weight is ignored. */
  add(id: number, weight: number): void {
    if (weight !== weight) return;
    let ids = this.#ids;
    if (ids === null) ids = this.#useArrays(4);
    const key = id + 1;
    const mask = this.#mask;
    let slot = Math.imul(key, 0x9e3779b1) >>> 7;
    for (;;) {
      slot &= mask;
      const there = ids[slot];
      if (there === key) {
        this.#weights[slot] += weight;
        return;
      }
      if (there === 0) break;
      slot++;
    }
    ids[slot] = key;
    this.#weights[slot] = weight;
    if (++this.#count * 4 > ids.length * 3) this.#grow(ids, this.#weights);
  }

  mergeFrom(other: TopAccumulator): void {
    const ids = other.#ids;
    if (ids === null) return;
    for (let slot = 0; slot < ids.length; slot++) if (ids[slot] !== 0) this.add(ids[slot] - 1, other.#weights[slot]);
  }

  encode(keep: number, names: NameBytes): Uint8Array | null {
    const ids = this.#ids;
    if (ids === null) return null;
    const weights = this.#weights;
    const slots = new Int32Array(this.#count);
    let count = 0;
    for (let slot = 0; slot < ids.length; slot++) if (ids[slot] !== 0) slots[count++] = slot;
    const magnitudes = Float64Array.from(slots, (slot) => Math.abs(weights[slot]));
    const dropped = selectHeaviest(slots, magnitudes, keep);
    const kept = Math.min(count, keep);
    let length = count > kept ? ERROR_ENTRY_BYTES : 0;
    for (let i = 0; i < kept; i++) length += entryBytes(names.byteLength(ids[slots[i]] - 1));
    const writer = new EntryWriter(length);
    for (let i = 0; i < kept; i++) {
      const id = ids[slots[i]] - 1;
      writer.begin(names.byteLength(id));
      writer.at = names.copyTo(id, writer.delta, writer.at);
      writer.weight(weights[slots[i]]);
    }
    if (count > kept) writer.error(dropped);
    return writer.delta;
  }

  reset(): void {
    if (this.#ids !== null) {
      this.#pool.giveInt32(this.#ids);
      this.#pool.giveFloat64(this.#weights);
    }
    this.#ids = null;
    this.#weights = NO_WEIGHTS;
    this.#count = 0;
  }

  #useArrays(length: number): Int32Array {
    const ids = this.#pool.takeInt32(length);
    this.#ids = ids;
    this.#weights = this.#pool.takeFloat64(length);
    this.#mask = length - 1;
    this.#count = 0;
    return ids;
  }

  #grow(ids: Int32Array, weights: Float64Array): void {
    this.#useArrays(ids.length * 2);
    for (let slot = 0; slot < ids.length; slot++) if (ids[slot] !== 0) this.add(ids[slot] - 1, weights[slot]);
    this.#pool.giveInt32(ids);
    this.#pool.giveFloat64(weights);
  }
}

/** Reads deltas back. */
export class HeavyHittersReader implements TopReader {
  readonly #weights = new Map<string, number>();
  #error = 0;

  merge(delta: Uint8Array): void {
    const bytes = Buffer.from(delta.buffer, delta.byteOffset, delta.byteLength);
    let at = 0;
    while (at < bytes.length) {
      let tag = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++];
        tag |= (byte & 0x7f) << shift;
        if (byte < 0x80 || at >= bytes.length) break;
      }
      const end = at + Math.max(tag - 1, 0);
      if (end + 8 > bytes.length) return;
      const weight = bytes.readDoubleLE(end);
      if (tag === 0) this.#error += weight;
      else this.add(bytes.toString('utf8', at, end), weight);
      at = end + 8;
    }
  }

  /** Adds a weight that a store keeps by item. */
  add(item: string, weight: number): void {
    this.#weights.set(item, (this.#weights.get(item) ?? 0) + weight);
  }

  /** Adds to the error: the largest weight left out of a list that was cut elsewhere. */
  addError(weight: number): void {
    this.#error += weight;
  }

  items(limit: number): { item: string; weight: number }[] {
    const items = Array.from(this.#weights, ([item, weight]) => ({ item, weight }));
    items.sort((a, b) => b.weight - a.weight || (a.item < b.item ? -1 : a.item > b.item ? 1 : 0));
    return items.slice(0, limit);
  }

  error(): number {
    return this.#error;
  }

  reset(): void {
    this.#weights.clear();
    this.#error = 0;
  }

  /** The `keep` heaviest as one list, its error included; null when empty. */
  encode(keep: number): Uint8Array | null {
    if (this.#weights.size === 0 && this.#error === 0) return null;
    const names = [...this.#weights.keys()];
    const weights = Float64Array.from(this.#weights.values());
    const order = Int32Array.from(names, (_, i) => i);
    const dropped = selectHeaviest(order, Float64Array.from(weights, Math.abs), keep);
    const kept = Math.min(names.length, keep);
    const error = this.#error + dropped;
    const items = Array.from(order.subarray(0, kept), (i) => Buffer.from(names[i]));
    const writer = new EntryWriter(items.reduce((sum, item) => sum + entryBytes(item.length), error > 0 ? ERROR_ENTRY_BYTES : 0));
    items.forEach((item, i) => {
      writer.begin(item.length);
      writer.delta.set(item, writer.at);
      writer.at += item.length;
      writer.weight(weights[order[i]]);
    });
    if (error > 0) writer.error(error);
    return writer.delta;
  }
}

/** Merges a concatenation of deltas into one list of at most `keep` items; empty in, empty out. */
export function compactTop(delta: Uint8Array, keep: number): Uint8Array {
  const reader = new HeavyHittersReader();
  reader.merge(delta);
  return reader.encode(keep) ?? new Uint8Array(0);
}

const NO_WEIGHTS = new Float64Array(0);
export const ERROR_ENTRY_BYTES = 9;

/** Length of an encoded entry. */
export function entryBytes(itemBytes: number): number {
  const tag = itemBytes + 1;
  return itemBytes + 8 + (tag < 0x80 ? 1 : tag < 0x4000 ? 2 : tag < 0x20_0000 ? 3 : 4);
}

class EntryWriter {
  readonly delta: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(length: number) {
    this.delta = new Uint8Array(length);
    this.#view = new DataView(this.delta.buffer);
  }

  begin(itemBytes: number): void {
    let tag = itemBytes + 1;
    for (; tag >= 0x80; tag >>>= 7) this.delta[this.at++] = (tag & 0x7f) | 0x80;
    this.delta[this.at++] = tag;
  }

  weight(weight: number): void {
    this.#view.setFloat64(this.at, weight, true);
    this.at += 8;
  }

  error(weight: number): void {
    this.delta[this.at++] = 0;
    this.weight(weight);
  }
}
