// Works out once per event what it changes, so that applying it to each grouping is a walk over small arrays.
// Invariant: the same conditions and fields as the cold tier's SQL, component by component; the oracle suite holds them equal.

import type { Component, Definition } from '../definition/model.js';
import type { CurrentEvent } from '../decode/decoder.js';
import { compileWheres, type Wheres } from '../decode/where.js';

const ALWAYS = 0;
const PRESENT = 1;
const INTERNED = 2;
const BYTES = 3;

const ADD_ONE = 0;
const ADD_VALUE = 1;
const MIN = 2;
const MAX = 3;
const SKETCH = 4;
const WEIGHTED_SKETCH = 5;

/** Conditions whose results fit into one integer: beyond them every component is looked at for every event. */
const MOST_WHERES = 30;
/** Combinations of results that are remembered. */
const MOST_COMBINATIONS = 4_096;

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
  /** By component. */
  readonly #effect: Uint8Array;
  readonly #field: Int32Array;
  readonly #weightField: Int32Array;
  /** By component: whether its field is an interned string, any other string, or anything else. '' counts as missing. */
  readonly #presence: Uint8Array;
  readonly #decoder: CurrentEvent;
  readonly #wheres: Wheres;
  /** By combination of the conditions' results: the components that are to be looked at. */
  readonly #active = new Map<number, Uint16Array>();
  /** By id of the deciding field, where there is one: the same. */
  #activeOfId: (Uint16Array | undefined)[] = [];
  #numbering = -1;
  #lastCombination = -1;
  #lastActive: Uint16Array;

  constructor(definition: Definition, decoder: CurrentEvent) {
    const n = definition.components.length;
    this.addComponent = new Uint16Array(n);
    this.addValue = new Float64Array(n);
    this.minComponent = new Uint16Array(n);
    this.minValue = new Float64Array(n);
    this.maxComponent = new Uint16Array(n);
    this.maxValue = new Float64Array(n);
    this.sketchComponent = new Uint16Array(n);
    this.#effect = Uint8Array.from(definition.components, effectOf);
    this.#field = Int32Array.from(definition.components, (c) => c.field);
    this.#weightField = Int32Array.from(definition.components, (c) => c.weightField);
    this.#lastActive = Uint16Array.from(definition.components, (_, index) => index);
    this.#presence = Uint8Array.from(definition.components, (c) => {
      const field = c.field < 0 ? undefined : definition.fields[c.field];
      return field === undefined ? ALWAYS : field.type !== 'string' ? PRESENT : field.interned ? INTERNED : BYTES;
    });
    this.#decoder = decoder;
    this.#wheres = compileWheres(definition, decoder);
  }

  /** Evaluates every component against the decoder's current event. */
  evaluate(): void {
    const { present, numbers, internId, strStart, strEnd } = this.#decoder;
    const active = this.#activeComponents();
    let adds = 0;
    let mins = 0;
    let maxs = 0;
    let sketches = 0;
    for (let i = 0; i < active.length; i++) {
      const c = active[i];
      const field = this.#field[c];
      const presence = this.#presence[c];
      if (
        (presence === PRESENT && present[field] === 0) ||
        (presence === INTERNED && internId[field] === 0) ||
        (presence === BYTES && strEnd[field] <= strStart[field])
      ) {
        continue;
      }
      switch (this.#effect[c]) {
        case ADD_ONE:
          this.addComponent[adds] = c;
          this.addValue[adds++] = 1;
          break;
        case ADD_VALUE:
          this.addComponent[adds] = c;
          this.addValue[adds++] = numbers[field];
          break;
        case MIN:
          this.minComponent[mins] = c;
          this.minValue[mins++] = numbers[field];
          break;
        case MAX:
          this.maxComponent[maxs] = c;
          this.maxValue[maxs++] = numbers[field];
          break;
        case SKETCH:
          this.sketchComponent[sketches++] = c;
          break;
        default:
          if (present[this.#weightField[c]] === 1) {
            this.sketchComponent[sketches++] = c;
          }
      }
    }
    this.addCount = adds;
    this.minCount = mins;
    this.maxCount = maxs;
    this.sketchCount = sketches;
  }

  /** Those whose condition holds. Where one field decides, which mostly is the event's type, its values are remembered. */
  #activeComponents(): Uint16Array {
    const field = this.#wheres.decidingField;
    if (field < 0) {
      return this.#tested();
    }
    const id = this.#decoder.internId[field];
    if (this.#numbering !== this.#decoder.numbering) {
      this.#numbering = this.#decoder.numbering;
      this.#activeOfId = [];
    }
    const known = id < this.#activeOfId.length ? this.#activeOfId[id] : undefined;
    if (known !== undefined) {
      return known;
    }
    const active = this.#tested();
    if (id > 0 && id < MOST_COMBINATIONS) {
      while (this.#activeOfId.length <= id) {
        this.#activeOfId.push(undefined);
      }
      this.#activeOfId[id] = active;
    }
    return active;
  }

  #tested(): Uint16Array {
    this.#wheres.evaluate();
    const { flags } = this.#wheres;
    if (flags.length > MOST_WHERES) {
      return this.#holding();
    }
    let combination = 0;
    for (let w = 0; w < flags.length; w++) {
      combination |= flags[w] << w;
    }
    if (combination !== this.#lastCombination) {
      let active = this.#active.get(combination);
      if (active === undefined) {
        active = this.#holding();
        if (this.#active.size < MOST_COMBINATIONS) {
          this.#active.set(combination, active);
        }
      }
      this.#lastCombination = combination;
      this.#lastActive = active;
    }
    return this.#lastActive;
  }

  #holding(): Uint16Array {
    const { flags, ofComponent } = this.#wheres;
    return Uint16Array.from(this.#effect.keys()).filter((c) => flags[ofComponent[c]] === 1);
  }
}

function effectOf(component: Component): number {
  switch (component.kind) {
    case 'count':
      return ADD_ONE;
    case 'sum':
      return ADD_VALUE;
    case 'min':
      return MIN;
    case 'max':
      return MAX;
    default:
      return component.kind === 'top' && component.weightField >= 0 ? WEIGHTED_SKETCH : SKETCH;
  }
}
