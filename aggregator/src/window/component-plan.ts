// Works out once per event what it changes, so that applying it to each grouping is a walk over small arrays.
// Invariant: the same conditions and fields as the cold tier's SQL, component by component; the oracle suite holds them equal.

import type { Component, Definition } from '../definition/model.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import { compileWheres, type Wheres } from '../decode/where.js';

const ALWAYS = 0;
const PRESENT = 1;
const INTERNED = 2;
const BYTES = 3;

/** The changes of the decoder's current event. Reused for every event. */
export class EventUpdates {
  addCount = 0;
  minCount = 0;
  maxCount = 0;
  sketchCount = 0;
  readonly addComponent: Uint16Array;
  readonly addValue: Float64Array;
  readonly minComponent: Uint16Array;
  readonly minValue: Float64Array;
  readonly maxComponent: Uint16Array;
  readonly maxValue: Float64Array;
  readonly sketchComponent: Uint16Array;
  readonly #components: readonly Component[];
  /** By component: whether its field is an interned string, any other string, or anything else. '' counts as missing. */
  readonly #presence: Uint8Array;
  readonly #decoder: EventDecoder;
  readonly #wheres: Wheres;

  constructor(definition: Definition, decoder: EventDecoder) {
    const n = definition.components.length;
    this.addComponent = new Uint16Array(n);
    this.addValue = new Float64Array(n);
    this.minComponent = new Uint16Array(n);
    this.minValue = new Float64Array(n);
    this.maxComponent = new Uint16Array(n);
    this.maxValue = new Float64Array(n);
    this.sketchComponent = new Uint16Array(n);
    this.#components = definition.components;
    this.#presence = Uint8Array.from(definition.components, (c) => {
      const field = c.field < 0 ? undefined : definition.fields[c.field];
      return field === undefined ? ALWAYS : field.type !== 'string' ? PRESENT : field.interned ? INTERNED : BYTES;
    });
    this.#decoder = decoder;
    this.#wheres = compileWheres(definition, decoder);
  }

  /** Evaluates every component against the decoder's current event. */
  evaluate(): void {
    const wheres = this.#wheres;
    wheres.evaluate();
    const { present, numbers, internId, strStart, strEnd } = this.#decoder;
    const components = this.#components;
    let adds = 0;
    let mins = 0;
    let maxs = 0;
    let sketches = 0;
    for (let c = 0; c < components.length; c++) {
      if (wheres.flags[wheres.ofComponent[c]] === 0) {
        continue;
      }
      const component = components[c];
      const field = component.field;
      const presence = this.#presence[c];
      if (
        (presence === PRESENT && present[field] === 0) ||
        (presence === INTERNED && internId[field] === 0) ||
        (presence === BYTES && strEnd[field] <= strStart[field])
      ) {
        continue;
      }
      switch (component.kind) {
        case 'count':
          this.addComponent[adds] = c;
          this.addValue[adds++] = 1;
          break;
        case 'sum':
          this.addComponent[adds] = c;
          this.addValue[adds++] = numbers[field];
          break;
        case 'min':
          this.minComponent[mins] = c;
          this.minValue[mins++] = numbers[field];
          break;
        case 'max':
          this.maxComponent[maxs] = c;
          this.maxValue[maxs++] = numbers[field];
          break;
        case 'unique':
        case 'quantiles':
          this.sketchComponent[sketches++] = c;
          break;
        case 'top':
          if (component.weightField < 0 || present[component.weightField] === 1) {
            this.sketchComponent[sketches++] = c;
          }
          break;
      }
    }
    this.addCount = adds;
    this.minCount = mins;
    this.maxCount = maxs;
    this.sketchCount = sketches;
  }
}
