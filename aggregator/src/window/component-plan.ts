// Works out once per event what it changes, so that applying it to each grouping is a walk over small arrays.
// Invariant: the same conditions and fields as the cold tier's SQL, component by component; the oracle suite holds them equal.

import type { Component, Definition } from '../definition/model.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import { compileWheres, type Wheres } from '../decode/where.js';

export interface ComponentPlan {
  readonly components: readonly Component[];
  /** min, max and sketch components: NaN until a value comes. */
  readonly nanAtStart: readonly number[];
}

export function createComponentPlan(definition: Definition): ComponentPlan {
  return {
    components: definition.components,
    nanAtStart: definition.components.filter((c) => c.kind !== 'count' && c.kind !== 'sum').map((c) => c.index),
  };
}

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
    this.#decoder = decoder;
    this.#wheres = compileWheres(definition, decoder);
  }

  /** Evaluates every component against the decoder's current event. */
  evaluate(): void {
    const wheres = this.#wheres;
    wheres.evaluate();
    const { present, numbers } = this.#decoder;
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
      if (field >= 0 && present[field] === 0) {
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
