// The rhythm of the day or the week around a slowly moving level (see season-model.ts): expected ± k standard deviations as wide as
// this hour of the day usually is. Local time, so daylight saving moves nothing. Flagged values do not teach it.

import { assessBand, emptyAssessment, type Assessment, type Baseline } from './baseline.js';
import { Cadence } from './cadence.js';
import type { Calendar } from './calendar.js';
import type { ResolvedOptions } from './options.js';
import { Recent } from './sample-window.js';
import { SeasonModel } from './season-model.js';

const START = 12;
/** Standard deviation of a normal distribution in mean absolute deviations. */
const MEAN_TO_SIGMA = 1.2533;

export class Seasonal implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #k: number;
  readonly #minSamples: number;
  readonly #cadence: Cadence;
  readonly #season: SeasonModel;
  readonly #recent = new Recent();
  #n = 0;

  constructor(options: ResolvedOptions, calendar: Calendar, bucketMs: number | undefined) {
    this.#k = options.k;
    this.#minSamples = options.minSamples;
    this.#cadence = new Cadence(bucketMs);
    this.#season = new SeasonModel(calendar, options.season);
  }

  assess(timeMs: number, value: number): void {
    const season = this.#season;
    season.look(timeMs);
    const enough = this.#n >= START && this.#n >= (this.#minSamples || season.perDay);
    assessBand(this.last, value, season.base, MEAN_TO_SIGMA * season.error * season.shape, this.#k, enough);
  }

  learn(timeMs: number, value: number, teach: boolean): void {
    this.#cadence.see(timeMs);
    this.#n++;
    if (this.#n <= START) {
      this.#recent.add(value);
      if (this.#n === START) this.#start();
      return;
    }
    this.#recent.add(value - this.#season.base);
    this.#season.learn(value, teach);
  }

  #start(): void {
    const level = this.#recent.median();
    let spread = 0;
    for (let i = 0; i < START; i++) spread += Math.abs(this.#recent.at(i) - level) / START;
    this.#season.start(this.#cadence.bucketMs, level, spread);
  }

  skip(timeMs: number): void {
    this.#cadence.see(timeMs);
  }

  gap(timeMs: number): void {
    this.assess(timeMs, this.#season.slow);
    this.last.ratio = 0;
    this.last.cause = 'none';
  }

  relearn(): void {
    this.#season.adopt(this.#recent.median());
  }

  describe(): string {
    return `${this.#season.describe()} ± ${this.#k} standard deviations`;
  }
}
