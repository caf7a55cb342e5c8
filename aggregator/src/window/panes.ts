// The panes of one accumulation: what its events add to each series, per bucket. Filled event by event on the hot path, in the root
// groupings and the event's own resolution only: numbers at once, sketches as rows of the sketch log. Everything coarser is summed up
// when the accumulation is sealed (pane-rollup.ts). Invariant: a pane's numbers come only from events of this accumulation.
//
// A slot is one series in one pane; slots are numbered through over all panes and groupings, and everything about a slot stands
// in an array by its number.

import type { Definition, Grouping } from '../definition/model.js';
import type { CurrentEvent } from '../decode/decoder.js';
import type { EventUpdates } from './component-plan.js';
import type { Resolution } from './flush-batch.js';
import type { GroupingTree } from './grouping-tree.js';
import { SeriesNumbers } from './series-numbers.js';
import type { SketchLog } from './sketch-log.js';

/** All series of one tenant in one bucket. */
export interface Pane {
  readonly index: number;
  readonly tenant: number;
  readonly resolution: Resolution;
  readonly bucketS: number;
  /** By position in `groupings`, by series: slot + 1; 0 or beyond the end: none yet. */
  readonly slots: Int32Array[];
}

/** Panes that events come for in turns are found here without a key. */
const RECENT_PANES = 256;
const LEAST_SERIES = 4;
const FIRST_SLOTS = 256;

export class Panes {
  /** The hot ones. */
  readonly groupings: readonly Grouping[];
  readonly tree: GroupingTree;
  /** By position in `groupings`. */
  readonly series: readonly SeriesNumbers[];
  readonly sketchLog: SketchLog;
  /** Numbers per slot: one for each component, NaN of sketches. */
  readonly width: number;
  readonly all: Pane[] = [];
  readonly #byKey = new Map<string, Pane>();
  readonly #recent: (Pane | null)[] = new Array<Pane | null>(RECENT_PANES).fill(null);
  readonly #nanAtStart: Int32Array;
  readonly #eventSlots: Int32Array;
  #slots = 0;
  #numbers: Float64Array;
  #paneOf = new Int32Array(FIRST_SLOTS);
  #groupingOf = new Uint16Array(FIRST_SLOTS);
  #seriesOf = new Int32Array(FIRST_SLOTS);

  /** @param sketchLog empty */
  constructor(definition: Definition, tree: GroupingTree, sketchLog: SketchLog) {
    this.tree = tree;
    this.groupings = tree.groupings;
    this.series = this.groupings.map((g) => new SeriesNumbers(g.dimensions));
    this.sketchLog = sketchLog;
    this.width = definition.components.length;
    this.#nanAtStart = Int32Array.from(definition.components.filter((c) => c.kind !== 'count' && c.kind !== 'sum').map((c) => c.index));
    this.#eventSlots = new Int32Array(tree.roots.length);
    this.#numbers = new Float64Array(this.width * FIRST_SLOTS);
  }

  /** Slots so far: 0 … slotCount - 1. */
  get slotCount(): number {
    return this.#slots;
  }

  /** The numbers of slot s are [s × width, (s + 1) × width). Another array after a slot was added. */
  get numbers(): Float64Array {
    return this.#numbers;
  }

  paneOf(slot: number): Pane {
    return this.all[this.#paneOf[slot]];
  }

  /** Position in `groupings`. */
  groupingOf(slot: number): number {
    return this.#groupingOf[slot];
  }

  seriesOf(slot: number): number {
    return this.#seriesOf[slot];
  }

  /** Adds one event to its pane in every root grouping. */
  add(
    tenant: number,
    resolution: Resolution,
    timeMs: number,
    dimensionIds: Uint32Array,
    updates: EventUpdates,
    decoder: CurrentEvent,
  ): void {
    const bucketS = Math.floor(timeMs / (resolution * 1000)) * resolution;
    const place = (bucketS / resolution + resolution + tenant * 31) & (RECENT_PANES - 1);
    let pane = this.#recent[place];
    if (pane === null || pane.bucketS !== bucketS || pane.resolution !== resolution || pane.tenant !== tenant) {
      pane = this.pane(tenant, resolution, bucketS);
      this.#recent[place] = pane;
    }
    const roots = this.tree.roots;
    const slots = this.#eventSlots;
    for (let r = 0; r < roots.length; r++) {
      const g = roots[r];
      const series = this.series[g].of(dimensionIds);
      const known = series < pane.slots[g].length ? pane.slots[g][series] : 0;
      const slot = known !== 0 ? known - 1 : this.#newSlot(pane, g, series);
      slots[r] = slot;
      this.#addNumbers(slot * this.width, updates);
    }
    if (resolution !== 60) {
      // Minutes of sketches are not kept hot.
      this.sketchLog.append(slots, updates, decoder);
    }
  }

  pane(tenant: number, resolution: Resolution, bucketS: number): Pane {
    const key = `${tenant}/${resolution}/${bucketS}`;
    let pane = this.#byKey.get(key);
    if (pane === undefined) {
      pane = {
        index: this.all.length,
        tenant,
        resolution,
        bucketS,
        slots: this.series.map((s) => new Int32Array(Math.max(LEAST_SERIES, s.count))),
      };
      this.#byKey.set(key, pane);
      this.all.push(pane);
    }
    return pane;
  }

  /** The slot of a series in a pane, made where it is missing. */
  slotIn(pane: Pane, grouping: number, series: number): number {
    const slots = pane.slots[grouping];
    const known = series < slots.length ? slots[series] : 0;
    return known !== 0 ? known - 1 : this.#newSlot(pane, grouping, series);
  }

  #addNumbers(base: number, updates: EventUpdates): void {
    const numbers = this.#numbers;
    const { addComponent, addValue, addCount, minCount, maxCount } = updates;
    for (let i = 0; i < addCount; i++) {
      numbers[base + addComponent[i]] += addValue[i];
    }
    for (let i = 0; i < minCount; i++) {
      const at = base + updates.minComponent[i];
      // NaN (nothing yet) compares false.
      if (!(numbers[at] <= updates.minValue[i])) {
        numbers[at] = updates.minValue[i];
      }
    }
    for (let i = 0; i < maxCount; i++) {
      const at = base + updates.maxComponent[i];
      if (!(numbers[at] >= updates.maxValue[i])) {
        numbers[at] = updates.maxValue[i];
      }
    }
  }

  #newSlot(pane: Pane, grouping: number, series: number): number {
    const slot = this.#slots++;
    if (slot === this.#paneOf.length) {
      this.#grow();
    }
    this.#paneOf[slot] = pane.index;
    this.#groupingOf[slot] = grouping;
    this.#seriesOf[slot] = series;
    let slots = pane.slots[grouping];
    if (series >= slots.length) {
      slots = new Int32Array(Math.max(slots.length * 2, this.series[grouping].count));
      slots.set(pane.slots[grouping]);
      pane.slots[grouping] = slots;
    }
    slots[series] = slot + 1;
    const base = slot * this.width;
    for (let i = 0; i < this.#nanAtStart.length; i++) {
      this.#numbers[base + this.#nanAtStart[i]] = Number.NaN;
    }
    return slot;
  }

  #grow(): void {
    const length = this.#paneOf.length * 2;
    const numbers = new Float64Array(length * this.width);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const paneOf = new Int32Array(length);
    paneOf.set(this.#paneOf);
    this.#paneOf = paneOf;
    const groupingOf = new Uint16Array(length);
    groupingOf.set(this.#groupingOf);
    this.#groupingOf = groupingOf;
    const seriesOf = new Int32Array(length);
    seriesOf.set(this.#seriesOf);
    this.#seriesOf = seriesOf;
  }
}
