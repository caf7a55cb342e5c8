// Encodes the values of one series in one pane as a delta when all of them are at hand, as a run of words: the hot path only notes
// a word per event, and here each run is made into the same entries that the accumulators write (hyperloglog.ts, ddsketch.ts,
// heavy-hitters.ts; runs.test.ts holds them equal). Holds scratch memory only; deltas are views of chunks that never change again.

import type { NameBytes } from '../decode/decoder.js';
import { BinTable } from './ddsketch-bins.js';
import { MAX_ENTRY_COUNT } from './ddsketch.js';
import { ERROR_ENTRY_BYTES, entryBytes } from './heavy-hitters.js';
import { BLOCK_BYTES, DENSE_BLOCK, MAX_SPARSE_WRITTEN, REGISTERS, setRegister } from './hyperloglog.js';
import { selectHeaviest } from './selection.js';
import { sparseEntry } from './sparse-registers.js';

const CHUNK_BYTES = 1 << 20;
/** Below it comparing each with each is faster than a table. */
const FEW = 10;
const BINS = 65_536;
const BIN_ZERO = 32_768;
const BIN_TABLE = new BinTable();

/** A value of a distinct count as a word; never 0. */
export function uniqueWord(hashLo: number, hashHi: number): number {
  return sparseEntry(hashLo, hashHi);
}

/** A number as a word; 0 for NaN, which is ignored. */
export function quantilesWord(value: number): number {
  return value !== value ? 0 : BIN_TABLE.binOf(value) + BIN_ZERO;
}

/** An interned id as a word; never 0. */
export function topWord(id: number): number {
  return id + 1;
}

export class RunEncoder {
  // Where deltas are written: what was handed out is never written again, so a full chunk is left to its readers.
  #chunk = new Uint8Array(CHUNK_BYTES);
  #view = new DataView(this.#chunk.buffer);
  #at = 0;
  #start = 0;

  /** Empty between calls. */
  readonly #table = new Int32Array(4 * MAX_SPARSE_WRITTEN);
  readonly #counts = new Int32Array(BINS);
  #weights = new Float64Array(1_024);
  #magnitudes = new Float64Array(0);
  /** 1 where `#weights` has an item. */
  #present = new Uint8Array(1_024);
  /** Bins or ids that a run has, in the order of their first coming. */
  #touched = new Int32Array(1_024);

  /** Where the last delta was put. Never written again: a full chunk is left to its readers. */
  get chunk(): Uint8Array {
    return this.#chunk;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#at;
  }

  /** @param words `uniqueWord`s @param count how many of them; the run is spoilt by it @returns null for none */
  unique(words: Int32Array, count: number): Uint8Array | null {
    return this.putUnique(words, count) ? this.#written() : null;
  }

  /** Like `unique`, but leaves the delta at `chunk[start … end)`. @returns false for none */
  putUnique(words: Int32Array, count: number): boolean {
    if (count === 0) return false;
    if (count <= FEW) return this.#writeWords(words, distinctOfFew(words, count));
    const table = this.#table;
    const size = Math.min(table.length, 1 << (33 - Math.clz32(count)));
    const mask = size - 1;
    let distinct = 0;
    for (let i = 0; i < count; i++) {
      const word = words[i];
      const index = word >>> 6;
      let slot = index & mask;
      for (;;) {
        const there = table[slot];
        if (there === 0) {
          table[slot] = word;
          distinct++;
          break;
        }
        if (there >>> 6 === index) {
          if (word > there) table[slot] = word;
          break;
        }
        slot = (slot + 1) & mask;
      }
      if (distinct > MAX_SPARSE_WRITTEN) {
        table.fill(0);
        return this.#dense(words, count);
      }
    }
    this.#reserve(distinct * 4);
    const from = this.#at;
    const view = this.#view;
    let at = from;
    for (let slot = 0; slot < size; slot++) {
      const word = table[slot];
      if (word !== 0) {
        view.setInt32(at, word, true);
        at += 4;
        table[slot] = 0;
      }
    }
    return this.#take(from, at);
  }

  /** @param words `quantilesWord`s, none 0 */
  quantiles(words: Int32Array, count: number): Uint8Array | null {
    return this.putQuantiles(words, count) ? this.#written() : null;
  }

  /** Like `quantiles`, but leaves the delta at `chunk[start … end)`. @returns false for none */
  putQuantiles(words: Int32Array, count: number): boolean {
    if (count === 0) return false;
    const counts = this.#counts;
    const touched = this.#touchedFor(Math.min(count, BINS));
    let distinct = 0;
    for (let i = 0; i < count; i++) {
      const bin = words[i];
      if (counts[bin]++ === 0) touched[distinct++] = bin;
    }
    this.#reserve(4 * (distinct + Math.ceil(count / MAX_ENTRY_COUNT)));
    const from = this.#at;
    const view = this.#view;
    let at = from;
    for (let i = 0; i < distinct; i++) {
      const bin = touched[i];
      for (let rest = counts[bin]; rest > 0; rest -= MAX_ENTRY_COUNT) {
        view.setUint16(at, Math.min(rest, MAX_ENTRY_COUNT) - 1, true);
        view.setInt16(at + 2, bin - BIN_ZERO, true);
        at += 4;
      }
      counts[bin] = 0;
    }
    return this.#take(from, at);
  }

  /** @param words `topWord`s, none 0 @param weights beside them, no NaN; null: each counts 1 */
  top(words: Int32Array, weights: Float64Array | null, count: number, keep: number, names: NameBytes): Uint8Array | null {
    return this.putTop(words, weights, count, keep, names) ? this.#written() : null;
  }

  /** Like `top`, but leaves the delta at `chunk[start … end)`. @returns false for none */
  putTop(words: Int32Array, weights: Float64Array | null, count: number, keep: number, names: NameBytes): boolean {
    if (count === 0) return false;
    const touched = this.#touchedFor(count);
    let distinct = 0;
    for (let i = 0; i < count; i++) {
      const id = words[i] - 1;
      if (id >= this.#weights.length) this.#growWeights(id);
      if (this.#present[id] === 0) {
        this.#present[id] = 1;
        touched[distinct++] = id;
      }
      this.#weights[id] += weights === null ? 1 : weights[i];
    }
    const totals = this.#weights;
    const kept = Math.min(distinct, keep);
    let dropped = 0;
    if (distinct > keep) {
      if (this.#magnitudes.length < distinct) this.#magnitudes = new Float64Array(touched.length);
      const magnitudes = this.#magnitudes.subarray(0, distinct);
      for (let i = 0; i < distinct; i++) magnitudes[i] = Math.abs(totals[touched[i]]);
      dropped = selectHeaviest(touched.subarray(0, distinct), magnitudes, keep);
    }
    let length = distinct > kept ? ERROR_ENTRY_BYTES : 0;
    for (let i = 0; i < kept; i++) length += entryBytes(names.byteLength(touched[i]));
    this.#reserve(length);
    const from = this.#at;
    const chunk = this.#chunk;
    let at = from;
    for (let i = 0; i < kept; i++) {
      const id = touched[i];
      let tag = names.byteLength(id) + 1;
      for (; tag >= 0x80; tag >>>= 7) chunk[at++] = (tag & 0x7f) | 0x80;
      chunk[at++] = tag;
      at = names.copyTo(id, chunk, at);
      this.#view.setFloat64(at, totals[id], true);
      at += 8;
    }
    if (distinct > kept) {
      chunk[at++] = 0;
      this.#view.setFloat64(at, dropped, true);
      at += 8;
    }
    for (let i = 0; i < distinct; i++) {
      this.#present[touched[i]] = 0;
      totals[touched[i]] = 0;
    }
    return this.#take(from, at);
  }

  #writeWords(words: Int32Array, count: number): boolean {
    this.#reserve(count * 4);
    const from = this.#at;
    for (let i = 0; i < count; i++) this.#view.setInt32(from + i * 4, words[i], true);
    return this.#take(from, from + count * 4);
  }

  #dense(words: Int32Array, count: number): boolean {
    this.#reserve(BLOCK_BYTES);
    const from = this.#at;
    this.#view.setInt32(from, DENSE_BLOCK, true);
    const registers = this.#chunk.subarray(from + 4, from + 4 + REGISTERS);
    registers.fill(0);
    for (let i = 0; i < count; i++) setRegister(registers, words[i]);
    return this.#take(from, from + BLOCK_BYTES);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return;
    this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, bytes));
    this.#view = new DataView(this.#chunk.buffer);
    this.#at = 0;
  }

  #take(from: number, to: number): boolean {
    this.#start = from;
    this.#at = to;
    return true;
  }

  #written(): Uint8Array {
    return this.#chunk.subarray(this.#start, this.#at);
  }

  #touchedFor(count: number): Int32Array {
    if (count > this.#touched.length) this.#touched = new Int32Array(Math.max(count, this.#touched.length * 2));
    return this.#touched;
  }

  #growWeights(id: number): void {
    const length = Math.max(id + 1, this.#weights.length * 2);
    const weights = new Float64Array(length);
    const present = new Uint8Array(length);
    weights.set(this.#weights);
    present.set(this.#present);
    this.#weights = weights;
    this.#present = present;
  }
}

/** Keeps the largest word per index in front. @returns how many are left */
function distinctOfFew(words: Int32Array, count: number): number {
  let distinct = 1;
  for (let i = 1; i < count; i++) {
    const word = words[i];
    let k = 0;
    while (k < distinct && words[k] >>> 6 !== word >>> 6) k++;
    if (k === distinct) words[distinct++] = word;
    else if (word > words[k]) words[k] = word;
  }
  return distinct;
}
