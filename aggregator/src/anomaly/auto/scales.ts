// How large this series' forecast errors usually are (over a long time, and lately), how fine its values are, and whether they are
// counts of rare things: the units in which `auto` measures surprise. State is changed by `see`, `learn` and `start`.

import { resolution } from '../baseline.js';

const LONG = 1500;
const LATELY = 40;
/** A series that never moved: a change is measured in this part of its level. */
const NEVER_MOVED = 0.003;
/** Moves remembered, moves needed to believe their size, and the part of it that is the least measure. */
const MOVES = 200;
const MOVES_KNOWN = 20;
const PART_OF_MOVE = 0.2;
/** Counts below this vary at least as much as chance makes them (Poisson). */
const SPARSE = 30;

export class Scales {
  #n = 0;
  #lately = 0;
  #last = Number.NaN;
  /** Smallest step ever seen. */
  #quantum = Number.POSITIVE_INFINITY;
  #counts = true;
  /** Mean size of the steps that were not 0, and how many there were. */
  #move = 0;
  #moves = 0;
  /** Mean absolute forecast error over a long time. */
  slow = 0;
  /** Mean absolute deviation of the mean over the last buckets. */
  shift = 0;

  start(error: number, shift: number): void {
    this.slow = error;
    this.#lately = error;
    this.shift = shift;
    this.#n = 16;
  }

  /** Every value, flagged or not: its grain only. */
  see(value: number): void {
    const step = Math.abs(value - this.#last);
    if (step > 0) {
      if (step < this.#quantum) this.#quantum = step;
      const rate = 1 / Math.min(++this.#moves, MOVES);
      this.#move += (Math.min(step, this.#moves > 4 ? 8 * this.#move : step) - this.#move) * rate;
    }
    if (this.#counts && (value < 0 || value !== Math.floor(value))) this.#counts = false;
    this.#last = value;
  }

  /** @param error absolute forecast error, clipped; @param shift absolute mean deviation over the last buckets */
  learn(error: number, shift: number): void {
    this.#n++;
    const rate = 1 / Math.min(this.#n, LONG);
    this.slow += (error - this.slow) * rate;
    this.shift += (shift - this.shift) * rate;
    this.#lately += (error - this.#lately) / Math.min(this.#n, LATELY);
  }

  /** Deviations are measured from another base now: be careful for a while. */
  doubt(): void {
    this.#lately = Math.max(this.#lately, 2 * this.slow);
  }

  /** What an error is measured in: half the long run at this hour, half lately. */
  error(shape: number): number {
    return 0.5 * this.slow * shape + 0.5 * this.#lately;
  }

  sparse(level: number): boolean {
    return this.#counts && level < SPARSE;
  }

  /** The least a deviation is measured in. */
  floor(level: number): number {
    const size = Math.abs(level);
    if (this.#quantum === Number.POSITIVE_INFINITY) return Math.max(NEVER_MOVED * size, this.#counts ? 0.57 : 0, resolution(level));
    // A series that mostly stands still is measured by its moves, once there were some.
    const moves = this.#moves < MOVES_KNOWN ? this.#moves / MOVES_KNOWN : 1;
    const grain = Math.max(0.25 * this.#quantum, PART_OF_MOVE * moves * this.#move, resolution(level));
    // 0.8: mean absolute deviation of a Poisson count in standard deviations.
    return this.#counts && level < SPARSE ? Math.max(grain, 0.8 * Math.sqrt(Math.max(level, 0) + 0.5)) : grain;
  }
}
