// The memory that the decoder shares with its compiled part (assembly/replay.ts): the current event's fields, the layouts, the
// intern caches, and a window on the batch being read. Of a fixed size, so that views never lose their bytes.

import { SPARE_BYTES } from './decoder.js';
import type { RecordBatch } from '../source/log.js';

/** Records up to this size are read in place. */
const WINDOW_BYTES = 1024 * 1024;
const PAGE_BYTES = 65_536;
/** Entries of a cache × bytes of one; as in assembly/replay.ts. */
const CACHE_BYTES = 4096 * 64;
const FIRST_BYTE = 64;

export const enum TreeSize {
  Nodes = 2048,
  NodeInts = 16,
  Words = 32_768,
  MissingInts = 65_536,
}

export class DecodeMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  readonly kinds: Uint8Array;
  readonly decimals: Uint8Array;
  readonly nextOfPath: Int32Array;
  readonly cacheOf: Int32Array;
  readonly present: Uint8Array;
  readonly internId: Uint32Array;
  readonly numbers: Float64Array;
  readonly strStart: Int32Array;
  readonly strEnd: Int32Array;
  readonly hashLo: Int32Array;
  readonly hashHi: Int32Array;
  readonly tree: Int32Array;
  readonly words: Float64Array;
  readonly missing: Int32Array;
  readonly #caches: Uint8Array;
  readonly #windowAt: number;

  #source: Uint8Array | null = null;
  /** The part of #source that stands in the window. */
  #from = 0;
  #to = 0;

  /** @param interned which fields have a dictionary */
  constructor(fieldCount: number, interned: readonly boolean[]) {
    let used = FIRST_BYTE;
    const take = (bytes: number): number => {
      const at = used;
      used = (at + bytes + 7) & ~7;
      return at;
    };
    const perField = (bytes: number): number => take(fieldCount * bytes);
    const [kinds, decimals, present] = [perField(1), perField(1), perField(1)];
    const [nextOfPath, cacheOf, internId] = [perField(4), perField(4), perField(4)];
    const [strStart, strEnd, hashLo, hashHi] = [perField(4), perField(4), perField(4), perField(4)];
    const numbers = perField(8);
    const tree = take(TreeSize.Nodes * TreeSize.NodeInts * 4);
    const words = take(TreeSize.Words * 8);
    const missing = take(TreeSize.MissingInts * 4);
    const caches = take(interned.filter(Boolean).length * CACHE_BYTES);
    const cacheEnd = used;
    this.#windowAt = take(WINDOW_BYTES + SPARE_BYTES);
    const pages = Math.ceil(used / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const buffer = this.memory.buffer;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.kinds = new Uint8Array(buffer, kinds, fieldCount);
    this.decimals = new Uint8Array(buffer, decimals, fieldCount);
    this.present = new Uint8Array(buffer, present, fieldCount);
    this.nextOfPath = new Int32Array(buffer, nextOfPath, fieldCount);
    this.cacheOf = new Int32Array(buffer, cacheOf, fieldCount);
    this.internId = new Uint32Array(buffer, internId, fieldCount);
    this.strStart = new Int32Array(buffer, strStart, fieldCount);
    this.strEnd = new Int32Array(buffer, strEnd, fieldCount);
    this.hashLo = new Int32Array(buffer, hashLo, fieldCount);
    this.hashHi = new Int32Array(buffer, hashHi, fieldCount);
    this.numbers = new Float64Array(buffer, numbers, fieldCount).fill(Number.NaN);
    this.tree = new Int32Array(buffer, tree, TreeSize.Nodes * TreeSize.NodeInts);
    this.words = new Float64Array(buffer, words, TreeSize.Words);
    this.missing = new Int32Array(buffer, missing, TreeSize.MissingInts);
    this.#caches = new Uint8Array(buffer, caches, cacheEnd - caches);
    let nextCache = caches;
    interned.forEach((has, field) => {
      if (!has) return;
      this.cacheOf[field] = nextCache;
      nextCache += CACHE_BYTES;
    });
  }

  /** To be called when ids were given anew. */
  forgetIds(): void {
    this.#caches.fill(0);
  }

  /**
   * Brings record i of the batch into the window, with those after it.
   * @returns where it begins in `bytes`; SPARE_BYTES can be read past its end. -1 when it is too large
   */
  place(batch: RecordBatch, i: number): number {
    const start = batch.start[i];
    const end = batch.end[i];
    if (batch.bytes !== this.#source || start < this.#from || end > this.#to) {
      if (end - start > WINDOW_BYTES) return -1;
      this.#source = batch.bytes;
      this.#from = start;
      this.#to = Math.max(end, Math.min(batch.end[batch.count - 1], start + WINDOW_BYTES));
      this.bytes.set(batch.bytes.subarray(start, this.#to), this.#windowAt);
    }
    return this.#windowAt + start - this.#from;
  }
}
