// What the events of one accumulation add to sketches, noted as they come: per component the event's slots in the root groupings
// and one word. Turned into deltas when sealed: sorted by slot, each slot's words are a run, and a coarser slot's run is those of
// its leaves one after the other. So the hot path writes a few integers in a row, whatever the number of series, and no sketch
// exists before it is encoded. Invariant: rows are only appended; a word of 0 adds nothing and is not noted.

import type { Component, Definition } from '../definition/model.js';
import type { CurrentEvent } from '../decode/decoder.js';
import { quantilesWord, topWord, uniqueWord, type RunEncoder } from '../sketch/runs.js';
import type { EventUpdates } from './component-plan.js';
import type { DeltaColumns } from './delta-columns.js';

const UNIQUE = 0;
const QUANTILES = 1;
const TOP = 2;
const FIRST_ROWS = 1_024;
const NO_WEIGHTS = new Float64Array(0);

/** The noted words of one component. */
interface WordLog {
  readonly component: Component;
  readonly kind: number;
  readonly field: number;
  /** -1: each item counts 1. */
  readonly weightField: number;
  rows: number;
  /** Row-major, by root. */
  slots: Int32Array;
  words: Int32Array;
  /** Empty where no weight is wanted. */
  weights: Float64Array;
}

export class SketchLog {
  readonly #logs: readonly WordLog[];
  /** By component index: its log; null of numbers. */
  readonly #logOf: readonly (WordLog | null)[];
  readonly #roots: number;

  /** @param roots slots per event */
  constructor(definition: Definition, roots: number) {
    this.#roots = roots;
    this.#logOf = definition.components.map((component) =>
      component.kind === 'unique' || component.kind === 'quantiles' || component.kind === 'top' ? newLog(component, roots) : null,
    );
    this.#logs = this.#logOf.filter((log) => log !== null);
  }

  /** To be used for the next accumulation: what was sorted is not touched. */
  clear(): void {
    for (const log of this.#logs) {
      log.rows = 0;
    }
  }

  /** @param slots by root; the decoder's current event adds to each of them */
  append(slots: Int32Array, updates: EventUpdates, decoder: CurrentEvent): void {
    const roots = this.#roots;
    for (let i = 0; i < updates.sketchCount; i++) {
      const log = this.#logOf[updates.sketchComponent[i]];
      if (log === null) {
        continue;
      }
      const field = log.field;
      const word =
        log.kind === UNIQUE
          ? uniqueWord(decoder.hashLo[field], decoder.hashHi[field])
          : log.kind === QUANTILES
            ? quantilesWord(decoder.numbers[field])
            : topWord(decoder.internId[field]);
      if (word === 0) {
        continue;
      }
      const row = log.rows;
      if (row === log.words.length) {
        grow(log, roots);
      }
      log.rows = row + 1;
      log.words[row] = word;
      if (log.weightField >= 0) {
        log.weights[row] = decoder.numbers[log.weightField];
      }
      if (roots === 1) {
        log.slots[row] = slots[0];
      } else {
        for (let r = 0; r < roots; r++) {
          log.slots[row * roots + r] = slots[r];
        }
      }
    }
  }

  /**
   * Sorts the rows by slot.
   * @param slotCount slots that events were added to
   * @param movedTo by slot: where its rows belong; null: none has moved
   */
  sort(slotCount: number, movedTo: Int32Array | null): SortedSketchLog {
    return new SortedSketchLog(this.#logs.map((log) => sortWords(log, this.#roots, slotCount, movedTo)));
  }
}

function newLog(component: Component, roots: number): WordLog {
  const weightField = component.kind === 'top' ? component.weightField : -1;
  return {
    component,
    kind: component.kind === 'unique' ? UNIQUE : component.kind === 'quantiles' ? QUANTILES : TOP,
    field: component.field,
    weightField,
    rows: 0,
    slots: new Int32Array(FIRST_ROWS * roots),
    words: new Int32Array(FIRST_ROWS),
    weights: weightField < 0 ? NO_WEIGHTS : new Float64Array(FIRST_ROWS),
  };
}

function grow(log: WordLog, roots: number): void {
  const rows = log.words.length * 2;
  log.slots = grown(log.slots, new Int32Array(rows * roots));
  log.words = grown(log.words, new Int32Array(rows));
  if (log.weightField >= 0) {
    log.weights = grown(log.weights, new Float64Array(rows));
  }
}

/** The words of one component by slot: those of slot s stand in [end[s - 1], end[s]). */
interface SortedWords {
  readonly component: Component;
  readonly kind: number;
  readonly keep: number;
  readonly end: Int32Array;
  readonly words: Int32Array;
  readonly weights: Float64Array | null;
}

/** A counting sort: `end[s]` first counts, then is where the next row of s goes, and last where those of s end. */
function sortWords(log: WordLog, roots: number, slotCount: number, movedTo: Int32Array | null): SortedWords {
  const entries = log.rows * roots;
  const slots = log.slots;
  const end = new Int32Array(slotCount + 1);
  if (movedTo !== null) {
    for (let i = 0; i < entries; i++) {
      slots[i] = movedTo[slots[i]];
    }
  }
  for (let i = 0; i < entries; i++) {
    end[slots[i] + 1]++;
  }
  for (let s = 0; s < slotCount; s++) {
    end[s + 1] += end[s];
  }
  const words = new Int32Array(entries);
  const weights = log.weightField < 0 ? null : new Float64Array(entries);
  const from = log.words;
  let i = 0;
  for (let row = 0; row < log.rows; row++) {
    for (let r = 0; r < roots; r++) {
      const at = end[slots[i++]]++;
      words[at] = from[row];
      if (weights !== null) {
        weights[at] = log.weights[row];
      }
    }
  }
  const { component, kind } = log;
  return { component, kind, keep: component.kind === 'top' ? component.keep : 0, end, words, weights };
}

/** Reads the words of slots and encodes them. */
export class SortedSketchLog {
  readonly #sorted: readonly SortedWords[];
  /** Where a run is put together: the encoder may spoil it. */
  #run: Int32Array = new Int32Array(FIRST_ROWS);
  #runWeights: Float64Array = new Float64Array(FIRST_ROWS);

  constructor(sorted: readonly SortedWords[]) {
    this.#sorted = sorted;
  }

  /**
   * Encodes the sketches of some slots taken together.
   * @param leaves the slots, in `leaves[from … to)`
   * @param columns where they go, as delta number `delta`
   */
  encode(
    leaves: Int32Array,
    from: number,
    to: number,
    columns: DeltaColumns,
    delta: number,
    decoder: CurrentEvent,
    encoder: RunEncoder,
  ): void {
    for (let place = 0; place < this.#sorted.length; place++) {
      const sorted = this.#sorted[place];
      const count = this.#gather(sorted, leaves, from, to);
      if (count === 0) {
        continue;
      }
      switch (sorted.kind) {
        case UNIQUE:
          encoder.putUnique(this.#run, count);
          break;
        case QUANTILES:
          encoder.putQuantiles(this.#run, count);
          break;
        default:
          encoder.putTop(
            this.#run,
            sorted.weights === null ? null : this.#runWeights,
            count,
            sorted.keep,
            decoder.names(sorted.component.field),
          );
      }
      if (columns.chunks.at(-1) !== encoder.chunk) {
        columns.chunks.push(encoder.chunk);
      }
      columns.setSketch(delta, place, columns.chunks.length - 1, encoder.start, encoder.end);
    }
  }

  #gather({ end, words, weights }: SortedWords, leaves: Int32Array, from: number, to: number): number {
    let run = this.#run;
    let count = 0;
    for (let l = from; l < to; l++) {
      const slot = leaves[l];
      const first = slot === 0 ? 0 : end[slot - 1];
      const last = end[slot];
      if (count + last - first > run.length) {
        run = this.#growRun(count + last - first);
      }
      if (weights !== null) {
        this.#runWeights.set(weights.subarray(first, last), count);
      }
      for (let i = first; i < last; i++) {
        run[count++] = words[i];
      }
    }
    return count;
  }

  #growRun(least: number): Int32Array {
    const length = Math.max(least, this.#run.length * 2);
    this.#run = grown(this.#run, new Int32Array(length));
    this.#runWeights = grown(this.#runWeights, new Float64Array(length));
    return this.#run;
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
