// One sketch component of one series in one pane, fed from the decoder's current event: ties the sketch room's accumulators
// to the fields of a definition.

import type { Component } from '../definition/model.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import { QuantilesAccumulator } from '../sketch/ddsketch.js';
import { TopAccumulator } from '../sketch/heavy-hitters.js';
import { UniqueAccumulator } from '../sketch/hyperloglog.js';

export type ComponentAccumulator = UniqueComponent | QuantilesComponent | TopComponent;

/** @throws Error for a numeric component */
export function createAccumulator(component: Component): ComponentAccumulator {
  switch (component.kind) {
    case 'unique':
      return new UniqueComponent(component);
    case 'quantiles':
      return new QuantilesComponent(component);
    case 'top':
      return new TopComponent(component);
    default:
      throw new Error(`component ${component.key} is numeric`);
  }
}

class UniqueComponent {
  readonly #field: number;
  readonly #sketch = new UniqueAccumulator();

  constructor(component: Component) {
    this.#field = component.field;
  }

  addFrom(decoder: EventDecoder): void {
    this.#sketch.add(decoder.hashLo[this.#field], decoder.hashHi[this.#field]);
  }

  mergeFrom(other: ComponentAccumulator): void {
    if (other instanceof UniqueComponent) {
      this.#sketch.mergeFrom(other.#sketch);
    }
  }

  encode(): Uint8Array | null {
    return this.#sketch.encode();
  }

  release(): void {
    this.#sketch.reset();
  }
}

class QuantilesComponent {
  readonly #field: number;
  readonly #sketch = new QuantilesAccumulator();

  constructor(component: Component) {
    this.#field = component.field;
  }

  addFrom(decoder: EventDecoder): void {
    this.#sketch.add(decoder.numbers[this.#field]);
  }

  mergeFrom(other: ComponentAccumulator): void {
    if (other instanceof QuantilesComponent) {
      this.#sketch.mergeFrom(other.#sketch);
    }
  }

  encode(): Uint8Array | null {
    return this.#sketch.encode();
  }

  release(): void {
    this.#sketch.reset();
  }
}

class TopComponent {
  readonly #component: Component;
  readonly #sketch = new TopAccumulator();

  constructor(component: Component) {
    this.#component = component;
  }

  addFrom(decoder: EventDecoder): void {
    const weightField = this.#component.weightField;
    this.#sketch.add(decoder.internId[this.#component.field], weightField < 0 ? 1 : decoder.numbers[weightField]);
  }

  mergeFrom(other: ComponentAccumulator): void {
    if (other instanceof TopComponent) {
      this.#sketch.mergeFrom(other.#sketch);
    }
  }

  encode(decoder: EventDecoder): Uint8Array | null {
    return this.#sketch.encode(this.#component.keep, decoder.names(this.#component.field));
  }

  release(): void {
    this.#sketch.reset();
  }
}
