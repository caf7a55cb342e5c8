// Sums panes up when an accumulation is sealed: 1 s into 10 s into minutes, and root groupings into all that they contain. Slots only
// of roots stand in the panes before it, those of every hot grouping after. Keeps which slots' rows make up a slot's sketches.

import type { ComponentKind, Definition } from '../definition/model.js';
import type { Panes } from './panes.js';
import { tenantValueKey } from './raw-columns.js';

/** By dimension: `tenantValueKey` of values that were not admitted → the id of `__other__`; null where all were. */
export type Fold = readonly (ReadonlyMap<number, number> | null)[];

/** Whose rows make up a slot's sketches: `leaves[first[slot] … first[slot + 1])`, slots that events were added to. */
export interface SlotLeaves {
  readonly leaves: Int32Array;
  readonly first: Int32Array;
}

export class PaneRollup {
  /** Slots that events were added to: 0 … leafCount - 1. */
  readonly leafCount: number;
  /** By slot below `leafCount`: the slot that has its events now, itself or the one of `__other__`; null: none has moved. */
  readonly movedTo: Int32Array | null;
  readonly #panes: Panes;
  readonly #columns: NumberColumns;
  /** By root slot of 1 s: its place in its 10 s pane; -1: none. */
  readonly #tenSeconds: Int32Array;
  /** By grouping: the slot that a slot of its parent grouping is summed up into; null of roots. */
  readonly #up: readonly (Int32Array | null)[];

  constructor(panes: Panes, definition: Definition, fold: Fold) {
    this.#panes = panes;
    this.#columns = columnsOf(definition);
    this.movedTo = fold.some((values) => values !== null && values.size > 0) ? this.#fold(fold) : null;
    this.leafCount = panes.slotCount;
    this.#tenSeconds = this.#sumUpTime(1, 10);
    this.#sumUpTime(10, 60);
    const up: (Int32Array | null)[] = panes.groupings.map(() => null);
    for (const grouping of panes.tree.derived) {
      up[grouping] = this.#sumUpSeries(grouping);
    }
    this.#up = up;
  }

  /** Whether a slot's events belong to another one. */
  isGone(slot: number): boolean {
    return this.movedTo !== null && slot < this.movedTo.length && this.movedTo[slot] !== slot;
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

  /** @returns by slot: where it was summed up into; -1 of other resolutions */
  #sumUpTime(from: 1 | 10, to: 10 | 60): Int32Array {
    const panes = this.#panes;
    const count = panes.slotCount;
    const into = new Int32Array(count).fill(-1);
    for (let slot = 0; slot < count; slot++) {
      const pane = panes.paneOf(slot);
      if (pane.resolution !== from || this.isGone(slot)) {
        continue;
      }
      const coarse = panes.pane(pane.tenant, to, Math.floor(pane.bucketS / to) * to);
      into[slot] = panes.slotIn(coarse, panes.groupingOf(slot), panes.seriesOf(slot));
      this.#mergeNumbers(slot, into[slot]);
    }
    return into;
  }

  /** @returns by slot of the parent grouping: where it was summed up into */
  #sumUpSeries(grouping: number): Int32Array {
    const panes = this.#panes;
    const parent = panes.tree.parentOf[grouping];
    const count = panes.slotCount;
    const into = new Int32Array(count).fill(-1);
    const seriesOf = this.#seriesMap(parent, grouping);
    for (let slot = 0; slot < count; slot++) {
      if (panes.groupingOf(slot) === parent && !this.isGone(slot)) {
        into[slot] = panes.slotIn(panes.paneOf(slot), grouping, seriesOf[panes.seriesOf(slot)]);
        this.#mergeNumbers(slot, into[slot]);
      }
    }
    return into;
  }

  /** By series of the finer grouping: the series of the coarser one that contains it. */
  #seriesMap(finer: number, coarser: number): Int32Array {
    const { groupings, series } = this.#panes;
    const places = groupings[coarser].dimensions.map((d) => groupings[finer].dimensions.indexOf(d));
    return Int32Array.from({ length: series[finer].count }, (_, s) => {
      const values = series[finer].values(s);
      return series[coarser].ofValues(places.map((place) => values[place]));
    });
  }

  leaves(): SlotLeaves {
    const count = this.#panes.slotCount;
    const first = new Int32Array(count + 1);
    this.#eachLeaf((_, slot) => first[slot + 1]++);
    for (let slot = 0; slot < count; slot++) {
      first[slot + 1] += first[slot];
    }
    const next = first.slice();
    const leaves = new Int32Array(first[count]);
    this.#eachLeaf((leaf, slot) => {
      leaves[next[slot]++] = leaf;
    });
    return { leaves, first };
  }

  /** Visits every slot that keeps sketches with each of its leaves. */
  #eachLeaf(visit: (leaf: number, slot: number) => void): void {
    const panes = this.#panes;
    const slotOf = new Int32Array(panes.groupings.length);
    for (let leaf = 0; leaf < this.leafCount; leaf++) {
      const { resolution } = panes.paneOf(leaf);
      if (resolution === 60 || this.isGone(leaf)) {
        continue;
      }
      this.#eachAbove(leaf, slotOf, (slot) => visit(leaf, slot));
      if (resolution === 1) {
        this.#eachAbove(this.#tenSeconds[leaf], slotOf, (slot) => visit(leaf, slot));
      }
    }
  }

  /** Visits a root slot and all that it was summed up into in other groupings. @param slotOf scratch, by grouping */
  #eachAbove(rootSlot: number, slotOf: Int32Array, visit: (slot: number) => void): void {
    const { derived, parentOf } = this.#panes.tree;
    slotOf.fill(-1);
    slotOf[this.#panes.groupingOf(rootSlot)] = rootSlot;
    visit(rootSlot);
    for (const grouping of derived) {
      const from = slotOf[parentOf[grouping]];
      if (from >= 0) {
        slotOf[grouping] = this.#up[grouping]?.[from] ?? -1;
        visit(slotOf[grouping]);
      }
    }
  }

  #mergeNumbers(from: number, to: number): void {
    const { numbers, width } = this.#panes;
    const fromBase = from * width;
    const toBase = to * width;
    const { sums, mins, maxs } = this.#columns;
    for (let i = 0; i < sums.length; i++) {
      numbers[toBase + sums[i]] += numbers[fromBase + sums[i]];
    }
    // NaN (nothing yet) compares false.
    for (let i = 0; i < mins.length; i++) {
      const value = numbers[fromBase + mins[i]];
      if (value === value && !(numbers[toBase + mins[i]] <= value)) {
        numbers[toBase + mins[i]] = value;
      }
    }
    for (let i = 0; i < maxs.length; i++) {
      const value = numbers[fromBase + maxs[i]];
      if (value === value && !(numbers[toBase + maxs[i]] >= value)) {
        numbers[toBase + maxs[i]] = value;
      }
    }
  }
}

interface NumberColumns {
  readonly sums: Uint16Array;
  readonly mins: Uint16Array;
  readonly maxs: Uint16Array;
}

function columnsOf({ components }: Definition): NumberColumns {
  const indices = (...kinds: readonly ComponentKind[]): Uint16Array =>
    Uint16Array.from(components.filter((c) => kinds.includes(c.kind)).map((c) => c.index));
  return { sums: indices('count', 'sum'), mins: indices('min'), maxs: indices('max') };
}
