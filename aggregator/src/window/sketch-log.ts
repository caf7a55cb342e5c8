// What the events of one accumulation add to sketches, noted as they come: per event its slot in each grouping and one word per
// sketch component. Turned into deltas when sealed: sorted by slot, each slot's words are a run. So the hot path writes a few
// integers in a row, whatever the number of series, and no sketch exists before it is encoded.
// Invariant: rows are only appended; a word of 0 means that the event adds nothing to that component.

import type { Component, Definition } from '../definition/model.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import { quantilesWord, topWord, uniqueWord, type RunEncoder } from '../sketch/runs.js';
import type { EventUpdates } from './component-plan.js';

const UNIQUE = 0;
const QUANTILES = 1;
const TOP = 2;
const LEAST_ROWS = 1_024;

export class SketchLog {
  readonly #components: readonly Component[];
  /** By component index: its place among the sketch components. */
  readonly #place: Int32Array;
  readonly #kind: Uint8Array;
  readonly #field: Int32Array;
  readonly #weightField: Int32Array;
  readonly #groupings: number;
  #rows = 0;
  #capacity: number;
  /** Row-major: slots by grouping, words by place, weights by place. */
  #slots: Int32Array;
  #words: Int32Array;
  /** Empty where no top is weighted. */
  #weights: Float64Array;
  readonly #weighted: boolean;

  constructor(definition: Definition, groupings: number, expectedRows: number) {
    this.#components = definition.components.filter((c) => c.kind === 'unique' || c.kind === 'quantiles' || c.kind === 'top');
    this.#place = new Int32Array(definition.components.length).fill(-1);
    this.#components.forEach((component, place) => {
      this.#place[component.index] = place;
    });
    this.#kind = Uint8Array.from(this.#components, (c) => (c.kind === 'unique' ? UNIQUE : c.kind === 'quantiles' ? QUANTILES : TOP));
    this.#field = Int32Array.from(this.#components, (c) => c.field);
    this.#weightField = Int32Array.from(this.#components, (c) => (c.kind === 'top' ? c.weightField : -1));
    this.#weighted = this.#weightField.some((field) => field >= 0);
    this.#groupings = groupings;
    this.#capacity = this.#components.length === 0 ? 0 : Math.max(LEAST_ROWS, Math.ceil(expectedRows * 1.1));
    this.#slots = new Int32Array(this.#capacity * groupings);
    this.#words = new Int32Array(this.#capacity * this.#components.length);
    this.#weights = new Float64Array(this.#weighted ? this.#capacity * this.#components.length : 0);
  }

  /** @param slots by grouping; the decoder's current event adds to each of them */
  append(slots: Int32Array, updates: EventUpdates, decoder: EventDecoder): void {
    if (updates.sketchCount === 0) {
      return;
    }
    if (this.#rows === this.#capacity) {
      this.#grow();
    }
    const row = this.#rows++;
    const log = this.#slots;
    let at = row * this.#groupings;
    for (let g = 0; g < slots.length; g++) {
      log[at++] = slots[g];
    }
    const words = this.#words;
    const base = row * this.#kind.length;
    for (let i = 0; i < updates.sketchCount; i++) {
      const place = this.#place[updates.sketchComponent[i]];
      const field = this.#field[place];
      switch (this.#kind[place]) {
        case UNIQUE:
          words[base + place] = uniqueWord(decoder.hashLo[field], decoder.hashHi[field]);
          break;
        case QUANTILES:
          words[base + place] = quantilesWord(decoder.numbers[field]);
          break;
        default:
          words[base + place] = topWord(decoder.internId[field]);
          if (this.#weightField[place] >= 0) {
            this.#weights[base + place] = decoder.numbers[this.#weightField[place]];
          }
      }
    }
  }

  /**
   * Sorts the rows by slot.
   * @param slotCount slots there are
   * @param movedTo by slot: where its rows belong; null: none has moved
   */
  sort(slotCount: number, movedTo: Int32Array | null): SortedSketchLog {
    const groupings = this.#groupings;
    const entries = this.#rows * groupings;
    const slots = this.#slots;
    if (movedTo !== null) {
      for (let i = 0; i < entries; i++) {
        slots[i] = movedTo[slots[i]];
      }
    }
    // A counting sort: `end[s]` first counts, then is where the next row of s goes, and last where those of s end.
    const end = new Int32Array(slotCount + 1);
    for (let i = 0; i < entries; i++) {
      end[slots[i] + 1]++;
    }
    for (let s = 0; s < slotCount; s++) {
      end[s + 1] += end[s];
    }
    const order = new Int32Array(entries);
    let i = 0;
    for (let row = 0; row < this.#rows; row++) {
      for (let g = 0; g < groupings; g++) {
        order[end[slots[i++]]++] = row;
      }
    }
    return new SortedSketchLog(this.#components, this.#words, this.#weighted ? this.#weights : null, order, end);
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#slots = grown(this.#slots, new Int32Array(this.#capacity * this.#groupings));
    this.#words = grown(this.#words, new Int32Array(this.#capacity * this.#components.length));
    if (this.#weighted) {
      this.#weights = grown(this.#weights, new Float64Array(this.#capacity * this.#components.length));
    }
  }
}

/** Reads the words of slots and encodes them. */
export class SortedSketchLog {
  readonly #components: readonly Component[];
  readonly #words: Int32Array;
  readonly #weights: Float64Array | null;
  readonly #order: Int32Array;
  readonly #end: Int32Array;
  #run = new Int32Array(1_024);
  #runWeights = new Float64Array(0);

  constructor(components: readonly Component[], words: Int32Array, weights: Float64Array | null, order: Int32Array, end: Int32Array) {
    this.#components = components;
    this.#words = words;
    this.#weights = weights;
    this.#order = order;
    this.#end = end;
    if (weights !== null) {
      this.#runWeights = new Float64Array(this.#run.length);
    }
  }

  /**
   * The deltas of some slots taken together, by component index.
   * @param members the slots, in `members[from … to)`
   * @param width number of components
   */
  encode(members: Int32Array, from: number, to: number, width: number, decoder: EventDecoder, encoder: RunEncoder): (Uint8Array | null)[] {
    const deltas: (Uint8Array | null)[] = [];
    for (let c = 0; c < width; c++) {
      deltas.push(null);
    }
    let rows = 0;
    for (let m = from; m < to; m++) {
      rows += this.#end[members[m]] - this.#begin(members[m]);
    }
    if (rows === 0) {
      return deltas;
    }
    if (rows > this.#run.length) {
      this.#run = new Int32Array(Math.max(rows, this.#run.length * 2));
      this.#runWeights = new Float64Array(this.#weights === null ? 0 : this.#run.length);
    }
    for (let place = 0; place < this.#components.length; place++) {
      const component = this.#components[place];
      const weighted = component.kind === 'top' && component.weightField >= 0;
      let count = 0;
      for (let m = from; m < to; m++) {
        count = this.#gather(members[m], place, weighted, count);
      }
      deltas[component.index] = this.#encodeRun(component, weighted, count, decoder, encoder);
    }
    return deltas;
  }

  #begin(slot: number): number {
    return slot === 0 ? 0 : this.#end[slot - 1];
  }

  #gather(slot: number, place: number, weighted: boolean, at: number): number {
    const width = this.#components.length;
    const words = this.#words;
    const order = this.#order;
    const run = this.#run;
    const end = this.#end[slot];
    let count = at;
    for (let i = this.#begin(slot); i < end; i++) {
      const from = order[i] * width + place;
      const word = words[from];
      if (word !== 0) {
        run[count] = word;
        if (weighted && this.#weights !== null) {
          this.#runWeights[count] = this.#weights[from];
        }
        count++;
      }
    }
    return count;
  }

  #encodeRun(component: Component, weighted: boolean, count: number, decoder: EventDecoder, encoder: RunEncoder): Uint8Array | null {
    switch (component.kind) {
      case 'unique':
        return encoder.unique(this.#run, count);
      case 'quantiles':
        return encoder.quantiles(this.#run, count);
      default:
        return encoder.top(this.#run, weighted ? this.#runWeights : null, count, component.keep, decoder.names(component.field));
    }
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
