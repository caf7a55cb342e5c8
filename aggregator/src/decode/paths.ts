// The wanted paths of a definition as a tree of keys, looked up by the key's hash while a record is parsed.
// Invariant: fixed after construction; node 0 is the event's root.

import type { Field, FieldId } from '../definition/model.js';
import { ByteHash } from './hash.js';

export class PathTree {
  /** By field: the next field with the same path, -1 at the end. */
  readonly nextOfPath: Int32Array;
  /** By node: the first field with this path, or -1. */
  readonly fieldOf: Int32Array;
  /** By node: every field at this path or below it. */
  readonly fieldsBelow: readonly (readonly FieldId[])[];
  readonly nodes: number;
  readonly #parent: number[] = [-1];
  readonly #key: Uint8Array[] = [new Uint8Array(0)];
  readonly #lo: number[] = [0];
  readonly #hi: number[] = [0];
  /** Open addressing by key hash and parent: node, or 0 for empty. */
  readonly #table: Int32Array;
  readonly #mask: number;

  constructor(fields: readonly Field[]) {
    const fieldAt: number[] = [-1];
    const below: FieldId[][] = [[]];
    this.nextOfPath = new Int32Array(fields.length).fill(-1);
    for (const field of fields) {
      let node = 0;
      for (const key of field.path) {
        below[node].push(field.index);
        const known = this.#findByText(node, key);
        if (known < 0) {
          fieldAt.push(-1);
          below.push([]);
          node = this.#addNode(node, key);
        } else {
          node = known;
        }
      }
      below[node].push(field.index);
      this.nextOfPath[field.index] = fieldAt[node];
      fieldAt[node] = field.index;
    }
    this.fieldOf = Int32Array.from(fieldAt);
    this.fieldsBelow = below;
    this.nodes = fieldAt.length;
    const size = 2 ** Math.ceil(Math.log2(this.nodes * 4));
    this.#table = new Int32Array(size);
    this.#mask = size - 1;
    for (let node = 1; node < this.nodes; node++) {
      let slot = this.#slot(this.#parent[node], this.#lo[node]);
      while (this.#table[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#table[slot] = node;
    }
  }

  /** The node of a key under `parent`, or -1 when nobody wants it. @param lo,hi the lanes of the key's hash */
  child(parent: number, bytes: Uint8Array, start: number, stop: number, lo: number, hi: number): number {
    for (let slot = this.#slot(parent, lo); ; slot = (slot + 1) & this.#mask) {
      const node = this.#table[slot];
      if (node === 0) return -1;
      if (this.#lo[node] !== lo || this.#hi[node] !== hi || this.#parent[node] !== parent) continue;
      const key = this.#key[node];
      if (key.length !== stop - start) continue;
      let i = 0;
      while (i < key.length && key[i] === bytes[start + i]) i++;
      if (i === key.length) return node;
    }
  }

  #slot(parent: number, lo: number): number {
    return (lo ^ Math.imul(parent, 0x9e3779b1)) & this.#mask;
  }

  #findByText(parent: number, key: string): number {
    const bytes = new TextEncoder().encode(key);
    return this.#key.findIndex((known, node) => this.#parent[node] === parent && Buffer.compare(known, bytes) === 0);
  }

  #addNode(parent: number, key: string): number {
    const bytes = new TextEncoder().encode(key);
    const hash = new ByteHash();
    hash.of(bytes, 0, bytes.length);
    this.#parent.push(parent);
    this.#key.push(bytes);
    this.#lo.push(hash.laneLo);
    this.#hi.push(hash.laneHi);
    return this.#key.length - 1;
  }
}
