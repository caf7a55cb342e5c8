// Exponentially weighted mean and variance (Roberts 1959; the variance by West 1979): the near past counts more.
// Flagged values do not enter.

import { assessBand, emptyAssessment, type Assessment, type Baseline } from './baseline.js';
import { Cadence } from './cadence.js';
import type { ResolvedOptions } from './options.js';
import { plainSpan } from './reason.js';
import { KEEP, Recent } from './sample-window.js';

export class Ewma implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #k: number;
  readonly #windowMs: number;
  readonly #minSamples: number;
  readonly #cadence: Cadence;
  readonly #recent = new Recent();
  #n = 0;
  #mean = 0;
  #variance = 0;

  constructor(options: ResolvedOptions, bucketMs: number | undefined) {
    this.#k = options.k;
    this.#windowMs = options.windowMs;
    this.#minSamples = options.minSamples || 12;
    this.#cadence = new Cadence(bucketMs);
  }

  assess(_timeMs: number, value: number): void {
    assessBand(this.last, value, this.#mean, Math.sqrt(this.#variance), this.#k, this.#n >= this.#minSamples);
  }

  learn(timeMs: number, value: number, teach: boolean): void {
    this.#cadence.see(timeMs);
    this.#recent.add(value);
    if (teach) this.#add(value);
  }

  #add(value: number): void {
    this.#n++;
    const span = Math.max(KEEP, this.#windowMs / this.#cadence.bucketMs);
    // Plain averages until the weights of the span are reached.
    const alpha = Math.max(2 / (span + 1), 1 / this.#n);
    const difference = value - this.#mean;
    const step = alpha * difference;
    this.#mean += step;
    this.#variance = (1 - alpha) * (this.#variance + difference * step);
  }

  skip(timeMs: number): void {
    this.#cadence.see(timeMs);
  }

  gap(timeMs: number): void {
    this.assess(timeMs, this.#mean);
    this.last.ratio = 0;
    this.last.cause = 'none';
  }

  relearn(): void {
    this.#n = 0;
    this.#mean = 0;
    this.#variance = 0;
    for (let i = 0; i < this.#recent.length; i++) this.#add(this.#recent.at(i));
  }

  describe(): string {
    return `exponentially weighted mean ± ${this.#k} standard deviations, time constant ${plainSpan(this.#windowMs)}`;
  }
}
