// Median ± k robust standard deviations (1.4826 × the median absolute deviation) of a trailing window: half of the window may be
// wild before the band moves. Invariant: `#sorted` holds exactly the window's values, ascending.

import { assessBand, emptyAssessment, type Assessment, type Baseline } from './baseline.js';
import type { ResolvedOptions } from './options.js';
import { Recent, SampleWindow } from './sample-window.js';
import { plainSpan } from './reason.js';

const CAPACITY = 1024;
/** Makes the median absolute deviation of a normal distribution its standard deviation. */
const MAD_TO_SIGMA = 1.4826;
/** Where more than half of the values are equal, the mean absolute deviation takes over (× this for a normal distribution). */
const MEAN_TO_SIGMA = 1.2533;

export class Robust implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #k: number;
  readonly #windowMs: number;
  readonly #minSamples: number;
  readonly #window: SampleWindow;
  readonly #sorted = new Float64Array(CAPACITY);
  readonly #recent = new Recent();
  #stale = true;
  #median = 0;
  #sigma = 0;

  constructor(options: ResolvedOptions) {
    this.#k = options.k;
    this.#windowMs = options.windowMs;
    this.#minSamples = options.minSamples || 12;
    this.#window = new SampleWindow(options.windowMs, CAPACITY);
  }

  assess(_timeMs: number, value: number): void {
    if (this.#stale) this.#refresh();
    assessBand(this.last, value, this.#median, this.#sigma, this.#k, this.#window.length >= this.#minSamples);
  }

  #refresh(): void {
    const n = this.#window.length;
    this.#stale = false;
    if (n === 0) return;
    const sorted = this.#sorted;
    const mid = n >> 1;
    const median = n % 2 === 1 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
    // The deviations below and above the median are both sorted: merge them up to the middle.
    let below = mid - 1;
    let above = mid;
    let previous = 0;
    let current = 0;
    for (let i = 0; i <= mid; i++) {
      previous = current;
      const down = below >= 0 ? median - sorted[below] : Number.POSITIVE_INFINITY;
      const up = above < n ? sorted[above] - median : Number.POSITIVE_INFINITY;
      if (down < up) {
        current = down;
        below--;
      } else {
        current = up;
        above++;
      }
    }
    const mad = n % 2 === 1 ? current : (previous + current) / 2;
    this.#median = median;
    this.#sigma = mad > 0 ? MAD_TO_SIGMA * mad : MEAN_TO_SIGMA * this.#meanDeviation(median, n);
  }

  #meanDeviation(median: number, n: number): number {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.abs(this.#sorted[i] - median);
    return sum / n;
  }

  learn(timeMs: number, value: number, teach: boolean): void {
    this.#recent.add(value);
    if (teach) this.#add(timeMs, value);
  }

  #add(timeMs: number, value: number): void {
    const window = this.#window;
    for (let old = window.evict(timeMs); !Number.isNaN(old); old = window.evict(timeMs)) {
      const at = this.#position(old, window.length + 1);
      this.#sorted.copyWithin(at, at + 1, window.length + 1);
    }
    const at = this.#position(value, window.length);
    this.#sorted.copyWithin(at + 1, at, window.length);
    this.#sorted[at] = value;
    window.add(timeMs, value);
    this.#stale = true;
  }

  /** First place whose value is not below. */
  #position(value: number, length: number): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.#sorted[mid] < value) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  skip(): void {
    // What is too old goes with the next value.
  }

  gap(timeMs: number): void {
    this.assess(timeMs, this.#median);
    this.last.ratio = 0;
    this.last.cause = 'none';
  }

  relearn(): void {
    this.#window.clear();
    for (let i = 0; i < this.#recent.length; i++) this.#add(Number.NEGATIVE_INFINITY, this.#recent.at(i));
  }

  describe(): string {
    return `median ± ${this.#k} robust standard deviations of the last ${plainSpan(this.#windowMs)}`;
  }
}
