// The sparse form of HyperLogLog as in HyperLogLog++ (Heule, Nunkesser, Hall 2013): a set of (index of 25 bits, rank) in one word
// each, the largest rank per index. Shared by the accumulator and the reader; whoever holds it is the only one to change it.
//
// Word: index << 6 | rank, so bit 31 is free (it marks a dense block in an encoded delta) and no entry is 0.

import { type ArrayPool } from './array-pool.js';

/** Precision of sparse entries, in bits of index. */
export const SPARSE_PRECISION = 25;
const FIRST_CAPACITY = 8;

/** The entry of a value with this 64-bit hash: index from the topmost 25 bits, rank of the first 1 in the 39 after them. */
export function sparseEntry(hashLo: number, hashHi: number): number {
  const high7 = hashHi & 0x7f;
  const rank = high7 !== 0 ? Math.clz32(high7) - 24 : Math.clz32(hashLo) + 8;
  return ((hashHi >>> 7) << 6) | rank;
}

export class SparseRegisters {
  #count = 0;
  /** The only entry of a set of one: most series of a second see one or two values, and they get by without an array. */
  #single = 0;
  #table: Int32Array | null = null;
  #mask = 0;
  readonly #pool: ArrayPool;

  constructor(pool: ArrayPool) {
    this.#pool = pool;
  }

  get count(): number {
    return this.#count;
  }

  add(entry: number): void {
    const table = this.#table;
    if (table === null) {
      this.#addToSingle(entry);
      return;
    }
    const index = entry >>> 6;
    let slot = index & this.#mask;
    for (;;) {
      const there = table[slot];
      if (there === 0) break;
      if (there >>> 6 === index) {
        if (entry > there) table[slot] = entry;
        return;
      }
      slot = (slot + 1) & this.#mask;
    }
    table[slot] = entry;
    if (++this.#count * 4 > table.length * 3) this.#grow(table);
  }

  /** True when an entry of the same index is there. */
  has(entry: number): boolean {
    const index = entry >>> 6;
    const table = this.#table;
    if (table === null) return this.#count === 1 && this.#single >>> 6 === index;
    for (let slot = index & this.#mask; table[slot] !== 0; slot = (slot + 1) & this.#mask) {
      if (table[slot] >>> 6 === index) return true;
    }
    return false;
  }

  forEach(visit: (entry: number) => void): void {
    if (this.#table === null) {
      if (this.#count === 1) visit(this.#single);
      return;
    }
    for (const entry of this.#table) if (entry !== 0) visit(entry);
  }

  /** Writes all entries, little endian. @returns the position after them */
  write(view: DataView, at: number): number {
    if (this.#table === null) {
      if (this.#count === 0) return at;
      view.setInt32(at, this.#single, true);
      return at + 4;
    }
    const table = this.#table;
    for (let slot = 0; slot < table.length; slot++) {
      if (table[slot] === 0) continue;
      view.setInt32(at, table[slot], true);
      at += 4;
    }
    return at;
  }

  clear(): void {
    if (this.#table !== null) this.#pool.giveInt32(this.#table);
    this.#table = null;
    this.#count = 0;
    this.#single = 0;
  }

  #addToSingle(entry: number): void {
    if (this.#count === 0) {
      this.#single = entry;
      this.#count = 1;
    } else if (entry >>> 6 === this.#single >>> 6) {
      if (entry > this.#single) this.#single = entry;
    } else {
      const single = this.#single;
      this.#useTable(FIRST_CAPACITY);
      this.#count = 0;
      this.add(single);
      this.add(entry);
    }
  }

  #useTable(capacity: number): Int32Array {
    const table = this.#pool.takeInt32(capacity);
    this.#table = table;
    this.#mask = capacity - 1;
    return table;
  }

  #grow(old: Int32Array): void {
    const table = this.#useTable(old.length * 2);
    const mask = this.#mask;
    for (let i = 0; i < old.length; i++) {
      const entry = old[i];
      if (entry === 0) continue;
      let slot = (entry >>> 6) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = entry;
    }
    this.#pool.giveInt32(old);
  }
}
