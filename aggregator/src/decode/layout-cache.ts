// The fast way of reading: a tree of record layouts seen before. A layout is the text between the values (`{"id":`, `,"ts":`, …);
// where it comes again byte for byte, only the values have to be read. Learned from records that the general parser accepted.
// Invariant: what `replay` accepts is what the parser would have accepted, with the same values: the text between the values is
// that of a valid record, and each value is checked in full. What it does not know it leaves to the parser.

import { TreeSize } from './decode-memory.js';
import type { EventFields } from './event-fields.js';
import { createFastReplay, type FastReplay } from './fast-replay.js';
import type { RecordShape } from './record-parser.js';
import type { Scanner } from './scanner.js';

const enum Limit {
  Siblings = 16,
  /** Every so many records it is judged whether the cache is worth its while … */
  TrialRecords = 4096,
  /** … and where most records miss (random keys), it rests for so many. */
  RestRecords = 131_072,
}
/** What a node holds; assembly/replay.ts reads the same. */
const enum Slot {
  /** First child; 0 for none. */
  Child,
  Sibling,
  /** The child that the last record took: tried first. */
  Predicted,
  /** Length of the text in bytes. */
  Length,
  /** Where its words begin, if it has 8 bytes or more … */
  Word,
  /** … else the text itself in two words, and what counts of them. */
  ShortLow,
  ShortHigh,
  MaskLow,
  MaskHigh,
  /** First field of the value's path, -1 when nobody wants it, Last.Mark when the record ends here. */
  Field,
  /** Nesting depth of the value; for a last node where its fields stand in #missing. */
  Depth,
  Size = TreeSize.NodeInts,
}
/** In place of a field: the record ends with this node's text. */
const enum Last {
  Mark = -2,
}

export class LayoutCache {
  readonly #fieldCount: number;
  readonly #memoryBytes: Uint8Array;
  readonly #fast: FastReplay;
  // A node is a piece of text and the value after it; node 0 is the beginning of the record. Nodes are named by their position
  // in #tree, where each has Slot.Size integers side by side, for that is one cache line.
  readonly #tree: Int32Array;
  #treeUsed: number = Slot.Size;
  /** By last node: the number of fields that records of this layout do not have, then these. */
  readonly #missing: Int32Array;
  #missingUsed = 0;
  /**
   * The nodes' texts, 8 bytes at a time, read as floating point numbers: valid UTF-8 is never a NaN (that takes a byte 0xff), and
   * a text of JSON has no zero bytes, so the numbers are equal just when the bytes are.
   */
  readonly #words: Float64Array;
  #wordsUsed = 0;

  #records = 0;
  #misses = 0;
  #full = false;
  #restUntil = 0;

  constructor(fields: EventFields) {
    const { memory } = fields;
    this.#fieldCount = fields.count;
    this.#memoryBytes = memory.bytes;
    this.#tree = memory.tree;
    this.#words = memory.words;
    this.#missing = memory.missing;
    this.#fast = createFastReplay(memory, fields);
  }

  /** Reads [start, scanner.end) into the fields. @returns false when the layout is not known, or the record needs the parser's verdict */
  replay(start: number, scanner: Scanner, fields: EventFields): boolean {
    if (++this.#records < this.#restUntil) return false;
    if (this.#records % Limit.TrialRecords === 0) this.#judge();
    if (scanner.bytes === this.#memoryBytes && this.#fast(start, scanner.end) === 1) return true;
    return this.#replaySlowly(start, scanner, fields);
  }

  /** Strings with escapes or beyond ASCII, numbers with exponents, arrays, and records that are no longer in the window. */
  #replaySlowly(start: number, scanner: Scanner, fields: EventFields): boolean {
    const bytes = scanner.bytes;
    const view = scanner.view;
    const end = scanner.end;
    const tree = this.#tree;
    let p = start;
    let node = 0;
    for (;;) {
      let next = tree[node + Slot.Predicted];
      let after = this.#match(next, view, bytes, p, end);
      if (after < 0) {
        next = this.#otherChild(node, view, bytes, p, end);
        if (next === 0) return false;
        after = p + tree[next + Slot.Length];
      }
      node = next;
      p = after;
      const field = tree[node + Slot.Field];
      if (field === Last.Mark) break;
      const c = bytes[p];
      if (c === 0x22) {
        if (field < 0) {
          after = scanner.skipString(p + 1);
          if (after < 0) return false;
        } else {
          after = fields.needsHash[field] === 1 ? scanner.string(p + 1) : scanner.plainString(p + 1);
          if (after < 0 || !fields.setString(field, scanner, p)) return false;
        }
      } else if (c === 0x5b) {
        if (field >= 0) return false;
        after = scanner.skipValue(p, tree[node + Slot.Depth]);
        if (after < 0) return false;
      } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
        after = scanner.number(p);
        if (after < 0 || (field >= 0 && !fields.setNumber(field, scanner, p, after))) return false;
      } else {
        after = scanner.literal(p);
        if (after < 0) return false;
        if (field >= 0) {
          if (c === 0x6e) fields.setNull(field);
          else if (!fields.setBoolean(field, scanner, p, after)) return false;
        }
      }
      p = after;
    }
    const missing = this.#missing;
    const first = tree[node + Slot.Depth] + 1;
    const last = first + missing[first - 1];
    for (let i = first; i < last; i++) fields.setMissing(missing[i]);
    return true;
  }

  /** Takes the layout of a record that the parser accepted, in [start, scanner.end). */
  learn(start: number, scanner: Scanner, shape: RecordShape): void {
    if (!shape.usable || this.#full || this.#records < this.#restUntil) return;
    let node = 0;
    let from = start;
    for (let i = 0; i < shape.count; i++) {
      node = this.#step(node, scanner, from, shape.start[i], shape.field[i], shape.depth[i]);
      if (node < 0) return;
      from = shape.stop[i];
    }
    const place = this.#missingUsed;
    if (place + this.#fieldCount + 1 > this.#missing.length) {
      this.#full = true;
      return;
    }
    node = this.#step(node, scanner, from, scanner.end, Last.Mark, place);
    if (node < 0 || this.#tree[node + Slot.Depth] !== place) return;
    let at = place + 1;
    for (let field = 0; field < this.#fieldCount; field++) if (shape.covered[field] === 0) this.#missing[at++] = field;
    this.#missing[place] = at - place - 1;
    this.#missingUsed = at;
  }

  /** The child of `node` whose text stands at p, though another one was predicted; 0 when there is none. */
  #otherChild(node: number, view: DataView, bytes: Uint8Array, p: number, end: number): number {
    const tree = this.#tree;
    for (let child = tree[node + Slot.Child]; child !== 0; child = tree[child + Slot.Sibling]) {
      if (this.#match(child, view, bytes, p, end) < 0) continue;
      tree[node + Slot.Predicted] = child;
      return child;
    }
    this.#misses++;
    return 0;
  }

  /** @returns the position after the node's text, or -1 where it does not stand at p or no value can follow */
  #match(node: number, view: DataView, bytes: Uint8Array, p: number, end: number): number {
    const tree = this.#tree;
    const after = p + tree[node + Slot.Length];
    // Node 0 has no text: it stands for no child at all.
    if (after > end || node === 0) return -1;
    const words = this.#words;
    let word = tree[node + Slot.Word];
    const lastWord = after - 8;
    for (; p < lastWord; p += 8, word++) {
      if (view.getFloat64(p, true) !== words[word]) return -1;
    }
    // Of a longer text the last word overlaps the one before it; of one shorter than a word only some bytes count.
    if (tree[node + Slot.Length] >= 8) {
      if (view.getFloat64(lastWord, true) !== words[word]) return -1;
    } else if (
      ((view.getInt32(p, true) ^ tree[node + Slot.ShortLow]) & tree[node + Slot.MaskLow]) !== 0 ||
      ((view.getInt32(p + 4, true) ^ tree[node + Slot.ShortHigh]) & tree[node + Slot.MaskHigh]) !== 0
    ) {
      return -1;
    }
    if (tree[node + Slot.Field] === Last.Mark) return after === end ? after : -1;
    // The text up to an object's brace belongs to another layout.
    return bytes[after] === 0x7b ? -1 : after;
  }

  /** The child of `parent` with this text, made if need be; -1 when there is no room. */
  #step(parent: number, scanner: Scanner, from: number, to: number, field: number, depth: number): number {
    const tree = this.#tree;
    const view = scanner.view;
    let siblings = 0;
    for (let node = tree[parent + Slot.Child]; node !== 0; node = tree[node + Slot.Sibling]) {
      if (tree[node + Slot.Field] === field && this.#match(node, view, scanner.bytes, from, scanner.end) === to) return node;
      siblings++;
    }
    const length = to - from;
    if (siblings >= Limit.Siblings) return -1;
    if (this.#treeUsed === tree.length || this.#wordsUsed + (length >> 3) + 1 > this.#words.length) {
      this.#full = true;
      return -1;
    }
    const node = this.#treeUsed;
    this.#treeUsed += Slot.Size;
    tree[node + Slot.Child] = 0;
    tree[node + Slot.Sibling] = tree[parent + Slot.Child];
    tree[node + Slot.Predicted] = 0;
    tree[node + Slot.Length] = length;
    tree[node + Slot.Word] = this.#wordsUsed;
    if (length >= 8) {
      for (let p = from; p < to - 8; p += 8) this.#words[this.#wordsUsed++] = view.getFloat64(p, true);
      this.#words[this.#wordsUsed++] = view.getFloat64(to - 8, true);
    } else {
      tree[node + Slot.MaskLow] = length >= 4 ? -1 : (1 << (length << 3)) - 1;
      tree[node + Slot.MaskHigh] = length <= 4 ? 0 : (1 << ((length - 4) << 3)) - 1;
      tree[node + Slot.ShortLow] = view.getInt32(from, true);
      tree[node + Slot.ShortHigh] = view.getInt32(from + 4, true);
    }
    tree[node + Slot.Field] = field;
    tree[node + Slot.Depth] = depth;
    tree[parent + Slot.Child] = node;
    return node;
  }

  #judge(): void {
    if (this.#misses * 2 > Limit.TrialRecords) {
      this.#restUntil = this.#records + Limit.RestRecords;
      this.#forget();
    } else if (this.#full && this.#misses * 10 > Limit.TrialRecords) {
      this.#forget();
    }
    this.#misses = 0;
  }

  #forget(): void {
    this.#tree.fill(0);
    this.#treeUsed = Slot.Size;
    this.#wordsUsed = 0;
    this.#full = false;
    this.#missingUsed = 0;
  }
}
