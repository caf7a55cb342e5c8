// Level shift: the mean of the last m buckets against mean and spread of the 5 m before them, with the standard error of the
// difference; and a line that has stood still for unusually long. A lone spike moves the short mean by a part only.

import { assessBand, emptyAssessment, type Assessment, type Baseline } from './baseline.js';
import { Cadence } from './cadence.js';
import { FlatLine } from './flat-line.js';
import type { ResolvedOptions } from './options.js';
import { plainSpan } from './reason.js';
import { KEEP, SampleWindow } from './sample-window.js';

/** The stretch before is this many times as long. */
const BEFORE = 5;
const CAPACITY = 4096;

export class LevelShift implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #k: number;
  readonly #windowMs: number;
  readonly #minSamples: number;
  readonly #cadence: Cadence;
  readonly #flat = new FlatLine(1e-4);
  /** Values waiting to become the stretch before; the last m - 1 rows, flagged or not. */
  #now: number[] = [];
  #before: SampleWindow | null = null;

  constructor(options: ResolvedOptions, bucketMs: number | undefined) {
    this.#k = options.k;
    this.#windowMs = options.windowMs;
    this.#minSamples = options.minSamples;
    this.#cadence = new Cadence(bucketMs);
  }

  get #length(): number {
    const m = Math.round(this.#windowMs / this.#cadence.bucketMs);
    return Math.min(CAPACITY / BEFORE, Math.max(KEEP / 2, m));
  }

  assess(_timeMs: number, value: number): void {
    const m = this.#length;
    const before = this.#before;
    const n = before?.length ?? 0;
    const recent = this.#now;
    let short = value;
    for (const v of recent) short += v;
    short /= recent.length + 1;
    let mean = 0;
    let squares = 0;
    if (before !== null) {
      for (let i = 0; i < n; i++) mean += before.at(i) / n;
      for (let i = 0; i < n; i++) squares += (before.at(i) - mean) ** 2;
    }
    const sigma = Math.sqrt(squares / Math.max(1, n - 1));
    const enough = n >= Math.max(2 * m, this.#minSamples) && recent.length >= m - 1;
    assessBand(this.last, short, mean, sigma * Math.sqrt(1 / (recent.length + 1) + 1 / Math.max(1, n)), this.#k, enough);
    this.last.cause = 'shift';
    const stuck = this.#flat.ratio(value);
    if (enough && stuck > this.last.ratio) {
      this.last.ratio = stuck;
      this.last.fresh = stuck;
      this.last.cause = 'stuck';
      this.last.side = 0;
      this.last.detail = this.#flat.run + 1;
    }
  }

  learn(timeMs: number, value: number, teach: boolean): void {
    this.#cadence.see(timeMs);
    this.#flat.learn(value);
    const m = this.#length;
    this.#before ??= new SampleWindow(Number.POSITIVE_INFINITY, CAPACITY);
    this.#now.push(value);
    while (this.#now.length >= m) {
      const old = this.#now.shift() ?? value;
      // While the short mean is out of line, what leaves it is not taken for normal.
      if (teach) this.#add(timeMs, old);
    }
  }

  #add(timeMs: number, value: number): void {
    const before = this.#before;
    if (before === null) return;
    before.evict(timeMs);
    before.add(timeMs, value);
    before.drop(Math.round(BEFORE * this.#length));
  }

  skip(timeMs: number): void {
    this.#cadence.see(timeMs);
  }

  gap(timeMs: number): void {
    const { last } = this;
    this.assess(timeMs, last.expected);
    last.ratio = 0;
    last.cause = 'none';
  }

  relearn(): void {
    this.#before?.clear();
    for (const value of this.#now) this.#add(0, value);
  }

  describe(): string {
    return `mean of the last ${plainSpan(this.#windowMs)} against the stretch before, ${this.#k} standard errors`;
  }
}
