// Turns filled panes into SeriesDeltas: folds values beyond their cap into `__other__`, rolls finer panes up into coarser ones,
// and encodes each slot's sketches. Once per accumulation; the panes are spent afterwards.

import type { Component, Definition } from '../definition/model.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import type { RunEncoder } from '../sketch/runs.js';
import type { SeriesDelta } from './flush-batch.js';
import type { Panes } from './panes.js';
import { tenantValueKey } from './raw-columns.js';

/** By dimension: `tenantValueKey` of values that were not admitted → the id of `__other__`; null where all were. */
export type Fold = readonly (ReadonlyMap<number, number> | null)[];

export interface SealNames {
  readonly tenants: readonly string[];
  /** Value of an id, by dimension. */
  valueOf(dimension: number, id: number): string;
}

export function sealPanes(
  panes: Panes,
  definition: Definition,
  decoder: EventDecoder,
  encoder: RunEncoder,
  names: SealNames,
  fold: Fold,
): SeriesDelta[] {
  return new PaneSeal(panes, definition).seal(decoder, encoder, names, fold);
}

class PaneSeal {
  readonly #panes: Panes;
  readonly #components: readonly Component[];
  /** A 1 s slot's place in its 10 s pane. */
  #parents = new Int32Array(0);

  constructor(panes: Panes, definition: Definition) {
    this.#panes = panes;
    this.#components = definition.components;
  }

  seal(decoder: EventDecoder, encoder: RunEncoder, names: SealNames, fold: Fold): SeriesDelta[] {
    const panes = this.#panes;
    const movedTo = fold.some((values) => values !== null && values.size > 0) ? this.#fold(fold) : null;
    this.#parents = new Int32Array(panes.slotCount).fill(-1);
    this.#rollUp(1, 10, movedTo);
    this.#rollUp(10, 60, movedTo);

    const slotCount = panes.slotCount;
    const log = panes.sketchLog.sort(slotCount, movedTo);
    const { members, firstMember } = this.#members(slotCount);
    const noSketches = this.#components.map(() => null);
    const values = panes.groupings.map((): (readonly string[])[] => []);
    const { numbers, width } = panes;
    const deltas: SeriesDelta[] = [];
    for (let slot = 0; slot < slotCount; slot++) {
      if (movedTo !== null && slot < movedTo.length && movedTo[slot] !== slot) {
        continue;
      }
      const pane = panes.paneOf(slot);
      const g = panes.groupingOf(slot);
      const series = panes.seriesOf(slot);
      deltas.push({
        tenant: names.tenants[pane.tenant],
        grouping: panes.groupings[g].index,
        values: (values[g][series] ??= this.#valuesOf(g, series, names)),
        resolution: pane.resolution,
        bucketS: pane.bucketS,
        numeric: numbers.subarray(slot * width, (slot + 1) * width),
        sketches:
          pane.resolution === 60 ? noSketches : log.encode(members, firstMember[slot], firstMember[slot + 1], width, decoder, encoder),
      });
    }
    return deltas;
  }

  /** @returns by slot: the slot that has its events now */
  #fold(fold: Fold): Int32Array {
    const panes = this.#panes;
    const count = panes.slotCount;
    const target: number[] = [];
    for (let slot = 0; slot < count; slot++) {
      const pane = panes.paneOf(slot);
      const g = panes.groupingOf(slot);
      const { dimensions } = panes.groupings[g];
      const ids = panes.series[g].values(panes.seriesOf(slot));
      const folded = ids.map((id, i) => fold[dimensions[i]]?.get(tenantValueKey(pane.tenant, id)) ?? id);
      if (folded.every((id, i) => id === ids[i])) {
        target.push(slot);
      } else {
        const to = panes.slotIn(pane, g, panes.series[g].ofValues(folded));
        this.#mergeNumbers(slot, to);
        target.push(to);
      }
    }
    const movedTo = new Int32Array(panes.slotCount);
    for (let slot = 0; slot < movedTo.length; slot++) {
      movedTo[slot] = slot < count ? target[slot] : slot;
    }
    return movedTo;
  }

  #rollUp(from: 1 | 10, to: 10 | 60, movedTo: Int32Array | null): void {
    const panes = this.#panes;
    const count = panes.slotCount;
    for (let slot = 0; slot < count; slot++) {
      const pane = panes.paneOf(slot);
      if (pane.resolution !== from || (movedTo !== null && slot < movedTo.length && movedTo[slot] !== slot)) {
        continue;
      }
      const coarse = panes.pane(pane.tenant, to, Math.floor(pane.bucketS / to) * to);
      const parent = panes.slotIn(coarse, panes.groupingOf(slot), panes.seriesOf(slot));
      this.#mergeNumbers(slot, parent);
      if (from === 1) {
        this.#parents[slot] = parent;
      }
    }
  }

  /** Whose rows make up a slot's sketches: its own, and those of the finer slots rolled up into it. */
  #members(slotCount: number): { readonly members: Int32Array; readonly firstMember: Int32Array } {
    const parents = this.#parents;
    const firstMember = new Int32Array(slotCount + 1);
    for (let slot = 0; slot < slotCount; slot++) {
      firstMember[slot + 1]++;
      if (slot < parents.length && parents[slot] >= 0) {
        firstMember[parents[slot] + 1]++;
      }
    }
    for (let slot = 0; slot < slotCount; slot++) {
      firstMember[slot + 1] += firstMember[slot];
    }
    const next = firstMember.slice();
    const members = new Int32Array(firstMember[slotCount]);
    for (let slot = 0; slot < slotCount; slot++) {
      members[next[slot]++] = slot;
      if (slot < parents.length && parents[slot] >= 0) {
        members[next[parents[slot]]++] = slot;
      }
    }
    return { members, firstMember };
  }

  #valuesOf(grouping: number, series: number, names: SealNames): readonly string[] {
    const { dimensions } = this.#panes.groupings[grouping];
    return this.#panes.series[grouping].values(series).map((id, i) => names.valueOf(dimensions[i], id));
  }

  #mergeNumbers(from: number, to: number): void {
    const { numbers, width } = this.#panes;
    const fromBase = from * width;
    const toBase = to * width;
    for (let c = 0; c < width; c++) {
      const a = numbers[fromBase + c];
      const b = numbers[toBase + c];
      switch (this.#components[c].kind) {
        case 'count':
        case 'sum':
          numbers[toBase + c] = b + a;
          break;
        case 'min':
          if (a < b || b !== b) {
            numbers[toBase + c] = a;
          }
          break;
        case 'max':
          if (a > b || b !== b) {
            numbers[toBase + c] = a;
          }
          break;
        default:
      }
    }
  }
}
