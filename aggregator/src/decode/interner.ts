// One field's dictionary: string bytes → small integers, so that everything after decoding compares and groups by integer.
// Invariant: id 0 is the empty string; ids are given in order of first sight and mean the same until `reset`.

import { type NameBytes, SPARE_BYTES } from './decoder.js';
import { ByteHash } from './hash.js';

const INITIAL_IDS = 64;
const INITIAL_BYTES = 1024;

const enum Entry {
  Lo,
  Hi,
  Start,
  Length,
  Size,
}

export class Interner implements NameBytes {
  /** id → string; a new array after `reset`. */
  strings: string[] = [''];
  #count = 1;
  /** By id, side by side: both lanes of the hash, and where the bytes stand in the arena. */
  #entries = new Int32Array(INITIAL_IDS * Entry.Size);
  /** The arena; has SPARE_BYTES after the last string. */
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  /** Open addressing by the low hash; 0 is empty, for id 0 is never in it. */
  #table = new Int32Array(INITIAL_IDS * 2);
  #mask = INITIAL_IDS * 2 - 1;

  get count(): number {
    return this.#count;
  }

  /**
   * @param bytes where the string stands; `view` is over the same bytes and readable for SPARE_BYTES past `end`
   * @param lo,hi lanes of the bytes' hash (hash.ts)
   */
  intern(bytes: Uint8Array, view: DataView, start: number, end: number, lo: number, hi: number): number {
    if (start === end) return 0;
    const mask = this.#mask;
    let slot = lo & mask;
    for (;;) {
      const id = this.#table[slot];
      if (id === 0) return this.#add(slot, bytes, start, end, lo, hi);
      const entry = id * Entry.Size;
      const entries = this.#entries;
      if (entries[entry + Entry.Lo] === lo && entries[entry + Entry.Hi] === hi && entries[entry + Entry.Length] === end - start) {
        if (this.#equals(entries[entry + Entry.Start], view, start, end)) return id;
      }
      slot = (slot + 1) & mask;
    }
  }

  internString(value: string): number {
    const length = Buffer.byteLength(value);
    const bytes = new Uint8Array(length + SPARE_BYTES);
    new TextEncoder().encodeInto(value, bytes);
    const hash = new ByteHash();
    hash.of(bytes, 0, length);
    return this.intern(bytes, new DataView(bytes.buffer), 0, length, hash.laneLo, hash.laneHi);
  }

  byteLength(id: number): number {
    return this.#entries[id * Entry.Size + Entry.Length];
  }

  copyTo(id: number, target: Uint8Array, at: number): number {
    const start = this.#entries[id * Entry.Size + Entry.Start];
    const length = this.#entries[id * Entry.Size + Entry.Length];
    for (let i = 0; i < length; i++) target[at + i] = this.#bytes[start + i];
    return at + length;
  }

  /** Forgets all strings; the old `strings` array stays as it is for those who hold it. */
  reset(): void {
    this.strings = [''];
    this.#count = 1;
    this.#entries = new Int32Array(INITIAL_IDS * Entry.Size);
    this.#bytes = new Uint8Array(INITIAL_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#used = 0;
    this.#table = new Int32Array(INITIAL_IDS * 2);
    this.#mask = INITIAL_IDS * 2 - 1;
  }

  /** @param at where the known string stands in the arena; both are of the same length */
  #equals(at: number, view: DataView, start: number, end: number): boolean {
    const own = this.#view;
    let p = start;
    for (const lastLong = end - 16; p < lastLong; p += 16, at += 16) {
      if (own.getInt32(at, true) !== view.getInt32(p, true) || own.getInt32(at + 4, true) !== view.getInt32(p + 4, true)) return false;
      if (own.getInt32(at + 8, true) !== view.getInt32(p + 8, true) || own.getInt32(at + 12, true) !== view.getInt32(p + 12, true))
        return false;
    }
    // The last 1-16 bytes without a branch on their number, which no processor can guess.
    const rest = end - p;
    return (
      (((own.getInt32(at, true) ^ view.getInt32(p, true)) & maskOf(rest)) |
        ((own.getInt32(at + 4, true) ^ view.getInt32(p + 4, true)) & maskOf(rest - 4)) |
        ((own.getInt32(at + 8, true) ^ view.getInt32(p + 8, true)) & maskOf(rest - 8)) |
        ((own.getInt32(at + 12, true) ^ view.getInt32(p + 12, true)) & maskOf(rest - 12))) ===
      0
    );
  }

  #add(slot: number, bytes: Uint8Array, start: number, end: number, lo: number, hi: number): number {
    const length = end - start;
    const id = this.#count++;
    if (id * Entry.Size === this.#entries.length) this.#entries = grown(this.#entries, this.#entries.length * 2);
    const padded = (length + 3) & ~3;
    if (this.#used + padded + SPARE_BYTES > this.#bytes.length) this.#growBytes(this.#used + padded + SPARE_BYTES);
    this.#bytes.set(bytes.subarray(start, end), this.#used);
    this.#entries[id * Entry.Size + Entry.Lo] = lo;
    this.#entries[id * Entry.Size + Entry.Hi] = hi;
    this.#entries[id * Entry.Size + Entry.Start] = this.#used;
    this.#entries[id * Entry.Size + Entry.Length] = length;
    this.#used += padded;
    this.#table[slot] = id;
    this.strings.push(Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('utf8'));
    if (this.#count * 2 > this.#mask) this.#growTable();
    return id;
  }

  #growBytes(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #growTable(): void {
    const size = (this.#mask + 1) * 2;
    const table = new Int32Array(size);
    const mask = size - 1;
    for (let id = 1; id < this.#count; id++) {
      let slot = this.#entries[id * Entry.Size + Entry.Lo] & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = id;
    }
    this.#table = table;
    this.#mask = mask;
  }
}

/** Selects the lowest `count` bytes of a word: none below 1, all from 4 on. */
function maskOf(count: number): number {
  const bytes = Math.min(Math.max(count, 0), 4);
  return bytes === 4 ? -1 : (1 << (bytes << 3)) - 1;
}

function grown(from: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(size);
  to.set(from);
  return to;
}
