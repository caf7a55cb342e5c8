// Missing data: a bucket without a value, or a row that comes after buckets without a row. Values themselves are never judged.

import { emptyAssessment, type Assessment, type Baseline } from './baseline.js';
import { Cadence } from './cadence.js';
import type { ResolvedOptions } from './options.js';

export class Missing implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #after: number;
  readonly #minSamples: number;
  readonly #cadence: Cadence;
  #valueTime = Number.NaN;
  #nulls = 0;
  #n = 0;

  constructor(options: ResolvedOptions, bucketMs: number | undefined) {
    this.#after = options.missingAfter;
    this.#minSamples = options.minSamples || 12;
    this.#cadence = new Cadence(bucketMs);
  }

  assess(timeMs: number, value: number): void {
    const missed = Math.max(0, Math.round((timeMs - this.#valueTime) / this.#cadence.bucketMs) - 1);
    // Buckets that were seen as empty have had their own verdicts.
    this.#fill(value, this.#nulls > 0 || Number.isNaN(missed) ? 0 : missed);
  }

  #fill(value: number, missed: number): void {
    const last = this.last;
    last.expected = last.lower = last.upper = value;
    last.ready = this.#n >= this.#minSamples;
    last.detail = missed;
    last.ratio = missed / this.#after;
    last.fresh = last.ratio;
    last.cause = 'missing';
    last.side = 0;
  }

  learn(timeMs: number): void {
    this.#cadence.see(timeMs);
    this.#seen(timeMs);
    this.#n++;
  }

  skip(timeMs: number): void {
    this.#cadence.see(timeMs);
    this.#seen(timeMs);
  }

  /** A row that comes late takes nothing back: the next one is no further away for it. */
  #seen(timeMs: number): void {
    if (!(timeMs <= this.#valueTime)) this.#valueTime = timeMs;
    this.#nulls = 0;
  }

  gap(timeMs: number): void {
    this.#nulls++;
    const missed = Math.round((timeMs - this.#valueTime) / this.#cadence.bucketMs);
    this.#fill(Number.NaN, Math.max(this.#nulls, Number.isNaN(missed) ? 0 : missed));
  }

  relearn(): void {
    this.#nulls = 0;
  }

  describe(): string {
    return `no value for ${this.#after} buckets`;
  }
}
