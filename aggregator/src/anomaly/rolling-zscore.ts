// The classic: mean ± k standard deviations (n - 1) of a trailing window. Flagged values do not enter the window.

import { assessBand, emptyAssessment, type Assessment, type Baseline } from './baseline.js';
import type { ResolvedOptions } from './options.js';
import { Recent, SampleWindow } from './sample-window.js';
import { plainSpan } from './reason.js';

const CAPACITY = 4096;

export class RollingZscore implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #k: number;
  readonly #windowMs: number;
  readonly #minSamples: number;
  readonly #window: SampleWindow;
  readonly #recent = new Recent();
  // Sums of differences to an origin near the values, recomputed now and then: no cancellation at 1e15, no drift.
  #origin = 0;
  #sum = 0;
  #squares = 0;
  #sinceRecomputed = 0;

  constructor(options: ResolvedOptions) {
    this.#k = options.k;
    this.#windowMs = options.windowMs;
    this.#minSamples = options.minSamples || 12;
    this.#window = new SampleWindow(options.windowMs, CAPACITY);
  }

  assess(_timeMs: number, value: number): void {
    const n = this.#window.length;
    const mean = this.#sum / n;
    const variance = n > 1 ? Math.max(0, (this.#squares - this.#sum * mean) / (n - 1)) : 0;
    assessBand(this.last, value, this.#origin + mean, Math.sqrt(variance), this.#k, n >= this.#minSamples);
  }

  learn(timeMs: number, value: number, teach: boolean): void {
    this.#recent.add(value);
    if (teach) this.#add(timeMs, value);
  }

  #add(timeMs: number, value: number): void {
    const window = this.#window;
    for (let old = window.evict(timeMs); !Number.isNaN(old); old = window.evict(timeMs)) {
      const d = old - this.#origin;
      this.#sum -= d;
      this.#squares -= d * d;
    }
    if (window.length === 0) this.#restart(value);
    window.add(timeMs, value);
    const d = value - this.#origin;
    this.#sum += d;
    this.#squares += d * d;
    if (++this.#sinceRecomputed > Math.max(64, window.length)) this.#recompute();
  }

  #restart(origin: number): void {
    this.#origin = origin;
    this.#sum = 0;
    this.#squares = 0;
    this.#sinceRecomputed = 0;
  }

  #recompute(): void {
    const window = this.#window;
    this.#restart(this.#origin + this.#sum / window.length);
    for (let i = 0; i < window.length; i++) {
      const d = window.at(i) - this.#origin;
      this.#sum += d;
      this.#squares += d * d;
    }
  }

  skip(): void {
    // What is too old goes with the next value.
  }

  gap(timeMs: number): void {
    this.assess(timeMs, this.#origin);
    this.last.ratio = 0;
    this.last.cause = 'none';
  }

  relearn(): void {
    this.#window.clear();
    for (let i = 0; i < this.#recent.length; i++) this.#add(Number.NEGATIVE_INFINITY, this.#recent.at(i));
  }

  describe(): string {
    return `mean ± ${this.#k} standard deviations of the last ${plainSpan(this.#windowMs)}`;
  }
}
