// The panes of one accumulation: what its events add to each series, per bucket. Filled event by event on the hot path, rolled
// up and turned into SeriesDeltas when sealed. Invariant: a pane's numbers come only from events of this accumulation.

import type { Definition, Grouping } from '../definition/model.js';
import { createComponentPlan, type ComponentPlan } from './component-plan.js';
import { SeriesTable } from './series-table.js';
import type { Resolution, SeriesDelta } from './flush-batch.js';
import type { EventUpdates } from './component-plan.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import { type ComponentAccumulator, createAccumulator } from './accumulators.js';
import { tenantValueKey } from './raw-columns.js';

/** All series of one tenant in one bucket. */
interface Pane {
  readonly tenant: number;
  readonly resolution: Resolution;
  readonly bucketS: number;
  /** By position in `#groupings`. */
  readonly tables: readonly SeriesTable[];
}

export class Panes {
  readonly #groupings: readonly Grouping[];
  readonly #plan: ComponentPlan;
  readonly #width: number;
  readonly #panes = new Map<string, Pane>();
  #last: Pane | null = null;
  // Struct of arrays over all series of all panes: slot s has numbers [s × width, (s + 1) × width) and sketches likewise.
  #numbers: Float64Array;
  #slots = 0;
  readonly #sketches: (ComponentAccumulator | null)[] = [];

  constructor(definition: Definition) {
    this.#groupings = definition.groupings.filter((g) => g.hot);
    this.#plan = createComponentPlan(definition);
    this.#width = definition.components.length;
    this.#numbers = new Float64Array(this.#width * 256);
  }

  get slots(): number {
    return this.#slots;
  }

  /** Adds one event to its pane in every hot grouping. */
  add(tenant: number, resolution: Resolution, timeMs: number, dimensionIds: Uint32Array, updates: EventUpdates, decoder: EventDecoder): void {
    const bucketS = Math.floor(timeMs / (resolution * 1000)) * resolution;
    const last = this.#last;
    const pane =
      last !== null && last.bucketS === bucketS && last.resolution === resolution && last.tenant === tenant
        ? last
        : this.#pane(tenant, resolution, bucketS);
    this.#last = pane;
    const tables = pane.tables;
    for (let g = 0; g < tables.length; g++) {
      const table = tables[g];
      let slot = table.find(dimensionIds);
      if (slot < 0) {
        slot = this.#newSlot();
        table.insert(dimensionIds, slot);
      }
      this.#apply(slot, resolution, updates, decoder);
    }
  }

  #apply(slot: number, resolution: Resolution, updates: EventUpdates, decoder: EventDecoder): void {
    const numbers = this.#numbers;
    const base = slot * this.#width;
    for (let i = 0; i < updates.addCount; i++) {
      numbers[base + updates.addComponent[i]] += updates.addValue[i];
    }
    for (let i = 0; i < updates.minCount; i++) {
      const at = base + updates.minComponent[i];
      // NaN (nothing yet) compares false.
      if (!(numbers[at] <= updates.minValue[i])) {
        numbers[at] = updates.minValue[i];
      }
    }
    for (let i = 0; i < updates.maxCount; i++) {
      const at = base + updates.maxComponent[i];
      if (!(numbers[at] >= updates.maxValue[i])) {
        numbers[at] = updates.maxValue[i];
      }
    }
    if (resolution === 60) {
      return; // Minutes of sketches are not kept hot.
    }
    for (let i = 0; i < updates.sketchCount; i++) {
      const at = base + updates.sketchComponent[i];
      let sketch = this.#sketches[at];
      if (sketch === null || sketch === undefined) {
        sketch = createAccumulator(this.#plan.components[updates.sketchComponent[i]]);
        this.#sketches[at] = sketch;
      }
      sketch.addFrom(decoder);
    }
  }

  #newSlot(): number {
    const slot = this.#slots++;
    const end = this.#slots * this.#width;
    if (end > this.#numbers.length) {
      const numbers = new Float64Array(this.#numbers.length * 2);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    const base = slot * this.#width;
    for (const component of this.#plan.nanAtStart) {
      this.#numbers[base + component] = Number.NaN;
    }
    for (let i = 0; i < this.#width; i++) {
      this.#sketches.push(null);
    }
    return slot;
  }

  #pane(tenant: number, resolution: Resolution, bucketS: number): Pane {
    const key = `${tenant}/${resolution}/${bucketS}`;
    let pane = this.#panes.get(key);
    if (pane === undefined) {
      pane = { tenant, resolution, bucketS, tables: this.#groupings.map((g) => new SeriesTable(g.dimensions)) };
      this.#panes.set(key, pane);
    }
    return pane;
  }

  /**
   * Rolls finer panes up into coarser ones, folds values beyond their cap into `__other__`, and lists the changes.
   * Panes are spent afterwards: their sketches' memory has gone back to the pool.
   * @param fold by dimension, see RawColumns.seal
   */
  seal(
    decoder: EventDecoder,
    tenants: readonly string[],
    valueOf: (dimension: number, id: number) => string,
    fold: readonly (ReadonlyMap<number, number> | null)[],
  ): SeriesDelta[] {
    if (fold.some((f) => f !== null && f.size > 0)) {
      this.#fold(fold);
    }
    for (const pane of [...this.#panes.values()]) {
      if (pane.resolution === 1) {
        this.#rollUp(pane, 10);
        this.#rollUp(pane, 60);
      } else if (pane.resolution === 10) {
        this.#rollUp(pane, 60);
      }
    }
    const deltas: SeriesDelta[] = [];
    for (const pane of this.#panes.values()) {
      pane.tables.forEach((table, g) => {
        const grouping = this.#groupings[g];
        table.forEach((ids, slot) => {
          const base = slot * this.#width;
          const sketches: (Uint8Array | null)[] = [];
          for (let c = 0; c < this.#width; c++) {
            sketches.push(this.#sketches[base + c]?.encode(decoder) ?? null);
          }
          deltas.push({
            tenant: tenants[pane.tenant],
            grouping: grouping.index,
            values: grouping.dimensions.map((dimension, i) => valueOf(dimension, ids[i])),
            resolution: pane.resolution,
            bucketS: pane.bucketS,
            numeric: this.#numbers.slice(base, base + this.#width),
            sketches,
          });
        });
      });
    }
    for (const sketch of this.#sketches) {
      sketch?.release();
    }
    return deltas;
  }

  #rollUp(pane: Pane, resolution: Resolution): void {
    const coarse = this.#pane(pane.tenant, resolution, Math.floor(pane.bucketS / resolution) * resolution);
    pane.tables.forEach((table, g) => {
      table.forEach((ids, slot) => {
        this.#mergeSlot(slot, this.#slotIn(coarse.tables[g], ids), resolution !== 60);
      });
    });
  }

  #fold(fold: readonly (ReadonlyMap<number, number> | null)[]): void {
    for (const pane of this.#panes.values()) {
      pane.tables.forEach((table, g) => {
        const dimensions = this.#groupings[g].dimensions;
        const moves: { readonly from: readonly number[]; readonly to: number[]; readonly slot: number }[] = [];
        table.forEach((ids, slot) => {
          const to = ids.map((id, i) => fold[dimensions[i]]?.get(tenantValueKey(pane.tenant, id)) ?? id);
          if (to.some((id, i) => id !== ids[i])) {
            moves.push({ from: [...ids], to, slot });
          }
        });
        for (const move of moves) {
          table.remove(move.from);
          this.#mergeSlot(move.slot, this.#slotIn(table, move.to), true);
        }
      });
    }
  }

  #slotIn(table: SeriesTable, ids: readonly number[]): number {
    let slot = table.findValues(ids);
    if (slot < 0) {
      slot = this.#newSlot();
      table.insertValues(ids, slot);
    }
    return slot;
  }

  #mergeSlot(from: number, to: number, withSketches: boolean): void {
    const numbers = this.#numbers;
    const fromBase = from * this.#width;
    const toBase = to * this.#width;
    for (const component of this.#plan.components) {
      const a = fromBase + component.index;
      const b = toBase + component.index;
      switch (component.kind) {
        case 'count':
        case 'sum':
          numbers[b] += numbers[a];
          break;
        case 'min':
          if (!(numbers[b] <= numbers[a]) && !Number.isNaN(numbers[a])) {
            numbers[b] = numbers[a];
          }
          break;
        case 'max':
          if (!(numbers[b] >= numbers[a]) && !Number.isNaN(numbers[a])) {
            numbers[b] = numbers[a];
          }
          break;
        default: {
          const sketch = this.#sketches[a];
          if (withSketches && sketch !== null) {
            const target = this.#sketches[b] ?? createAccumulator(component);
            target.mergeFrom(sketch);
            this.#sketches[b] = target;
          }
        }
      }
    }
  }
}
