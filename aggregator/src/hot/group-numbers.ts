// The numeric components of one answered group: panes of its series folded into units, units into buckets or windows.
// Invariant: a bucket in which no series of the group had an event (component 0 is 0) is NaN in every output.

import type { Definition } from '../definition/model.js';
import type { Output } from '../query/tier-read.js';
import type { UnitGrid } from './hot-read.js';
import type { Segment } from './resolution.js';
import { add, larger, slideNumbers, smaller } from './sliding.js';

/** Counts every event: what tells an empty bucket. */
const EVENTS = 0;

export class GroupNumbers {
  /** What is to be read, events first; the order of the columns given to `merge`. */
  readonly components: readonly number[];
  readonly #definition: Definition;
  readonly #grid: UnitGrid;
  readonly #units: readonly Float64Array[];

  constructor(definition: Definition, outputs: readonly Output[], grid: UnitGrid) {
    this.#definition = definition;
    this.#grid = grid;
    this.components = [...new Set([EVENTS, ...outputs.flatMap((output) => (output.stat === 'value' ? [output.component] : []))])];
    this.#units = this.components.map((component) => {
      const units = new Float64Array(grid.units);
      return this.#isExtremum(component) ? units.fill(Number.NaN) : units;
    });
  }

  #isExtremum(component: number): boolean {
    const { kind } = this.#definition.components[component];
    return kind === 'min' || kind === 'max';
  }

  /** Adds one series' buckets of a segment, one column per component. */
  merge(columns: readonly Float64Array[], { resolution, fromS }: Segment): void {
    const { startS, unitS } = this.#grid;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c];
      const units = this.#units[c];
      const { kind } = this.#definition.components[this.components[c]];
      const perUnit = unitS / resolution;
      let unit = Math.floor((fromS - startS) / unitS);
      let left = perUnit - ((fromS - startS) / resolution - unit * perUnit);
      for (let i = 0; i < column.length; i++) {
        const value = column[i];
        if (kind === 'min') {
          if (value < units[unit] || Number.isNaN(units[unit])) {
            units[unit] = value;
          }
        } else if (kind === 'max') {
          if (value > units[unit] || Number.isNaN(units[unit])) {
            units[unit] = value;
          }
        } else {
          units[unit] += value;
        }
        if (--left <= 0) {
          unit++;
          left = perUnit;
        }
      }
    }
  }

  /** Events per bucket (or window). */
  counts(): Float64Array {
    return this.#buckets(EVENTS);
  }

  /** Per bucket: the component's number divided by 10^decimals, NaN where `counts` is 0. */
  values(component: number, counts: Float64Array): Float64Array {
    const divisor = 10 ** this.#definition.components[component].decimals;
    return this.#buckets(component).map((value, i) => (counts[i] > 0 ? value / divisor : Number.NaN));
  }

  #buckets(component: number): Float64Array {
    const units = this.#units[this.components.indexOf(component)];
    const { width, step, buckets } = this.#grid;
    if (width === 1 && step === 1) {
      return units;
    }
    const { kind } = this.#definition.components[component];
    return slideNumbers(units, width, step, buckets, kind === 'min' ? smaller : kind === 'max' ? larger : add);
  }
}
