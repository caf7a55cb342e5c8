// From a distance to a verdict: the options that keep alerts quiet, the episode's begin and end, and what the baseline learns.
// Invariants: a flagged value and a gap do not teach the baseline, yet a level that stays is learnt in the end; the score is
// strictly increasing in the distance, and at least 0.5 exactly where `anomalous` is true. State is changed by `step` alone.

import type { Baseline, Cause } from './baseline.js';
import { type Calendar } from './calendar.js';
import type { StreamingDetector, Verdict } from './detector.js';
import type { ResolvedOptions } from './options.js';
import { reasonFor } from './reason.js';
import { heldScore, scoreOf, withheldScore } from './score.js';

/** Each flagged bucket lifts the line by this part of its own distance: a repeat has to exceed it. */
const FADE = 0.5;
/** Half-life of that lift: 36 buckets. */
const FADE_DECAY = Math.pow(0.5, 1 / 36);
/** What is left of the lift once the series has been back in line for CALM buckets. */
const FADE_AFTER = 0.5;
const CALM = 12;
/** Each new episode lifts the line a little for a long time (half-life 2,000 buckets): a series that alerts often has to do more for it. */
const WEARINESS = 0.025;
const WEARINESS_DECAY = Math.pow(0.5, 1 / 2000);

export class Judge implements StreamingDetector {
  readonly #baseline: Baseline;
  readonly #options: ResolvedOptions;
  readonly #calendar: Calendar;
  readonly #fades: boolean;
  readonly #maintained: boolean;

  #lift = 0;
  #weariness = 0;
  #outRun = 0;
  /** The last value was out of line on either side, and how many before it in a row. */
  #away = false;
  #awayRun = 0;
  #calmRun = 0;
  #open = false;
  #since = Number.NaN;
  /** For the words: the last row's value and whether it was in maintenance. */
  #value = Number.NaN;
  #paused = false;

  // The last verdict's numbers, for batch detection without an object per row.
  expected = Number.NaN;
  lower = Number.NaN;
  upper = Number.NaN;
  score = 0;
  anomalous = false;

  constructor(baseline: Baseline, options: ResolvedOptions, calendar: Calendar) {
    this.#baseline = baseline;
    this.#options = options;
    this.#calendar = calendar;
    this.#fades = options.hold === 'fade';
    this.#maintained = options.maintenance.length > 0;
  }

  push(timeMs: number, value: number | null): Verdict {
    this.step(timeMs, value ?? Number.NaN);
    return {
      expected: finiteOrNull(this.expected),
      lower: finiteOrNull(this.lower),
      upper: finiteOrNull(this.upper),
      score: this.score,
      anomalous: this.anomalous,
      reason: this.reason(timeMs),
      since: this.#open ? this.#since : null,
    };
  }

  describe(): string {
    return this.#baseline.describe();
  }

  /** Begin of the open episode, NaN if none is open. */
  get sinceMs(): number {
    return this.#open ? this.#since : Number.NaN;
  }

  /** There is something to say about the last row. */
  get hasReason(): boolean {
    return this.anomalous || this.#paused;
  }

  reason(timeMs: number): string {
    if (!this.anomalous) return this.#paused ? 'maintenance' : '';
    return reasonFor(this.#baseline.last, this.#value, this.#calendar.localMs(timeMs), this.lower, this.upper);
  }

  step(timeMs: number, value: number): void {
    const baseline = this.#baseline;
    const last = baseline.last;
    const missing = !Number.isFinite(value);
    this.#value = value;
    this.#paused = this.#maintained && this.#calendar.inMaintenance(timeMs);
    if (missing) baseline.gap(timeMs);
    else baseline.assess(timeMs, value);

    this.#away = false;
    const raw = last.ready ? this.#band(value, missing) : 0;
    if (!last.ready) this.expected = this.lower = this.upper = Number.NaN;
    const ratio = this.#fades ? Math.min(raw, last.fresh) / (1 + this.#lift + this.#weariness) : raw;

    if (this.#paused) {
      this.score = withheldScore(ratio);
      this.anomalous = false;
    } else if (missing && last.cause !== 'missing') {
      this.score = 0;
      this.anomalous = false;
    } else this.#decide(timeMs, ratio, raw);

    if (this.#fades) this.#fade(ratio, raw);
    if (!missing) this.#teach(timeMs, value, last.cause);
  }

  /** Widens the band to the minimal deviation and gives the distance to it on the wanted side. */
  #band(value: number, missing: boolean): number {
    const { minDeviation, minRelative, minCount, direction } = this.#options;
    const last = this.#baseline.last;
    const { expected } = last;
    this.expected = expected;
    this.lower = last.lower;
    this.upper = last.upper;
    let ratio = last.ratio;
    if (missing) return ratio;
    const least = Math.max(minDeviation, minRelative * Math.abs(expected));
    if (least > 0) {
      this.lower = Math.min(this.lower, expected - least);
      this.upper = Math.max(this.upper, expected + least);
      ratio = Math.min(ratio, Math.abs(value - expected) / least);
    }
    if (minCount > 0 && value < minCount && expected < minCount) ratio = 0;
    this.#away = ratio >= 1;
    if (direction === 'up' && last.side < 0) ratio = 0;
    if (direction === 'down' && last.side > 0) ratio = 0;
    return ratio;
  }

  #decide(timeMs: number, ratio: number, raw: number): void {
    const { consecutive, recovery } = this.#options;
    const over = ratio >= 1;
    this.#outRun = raw >= 1 ? this.#outRun + 1 : 0;
    if (this.#open && !this.#fades && ratio >= recovery) {
      this.anomalous = true;
      this.score = heldScore(ratio);
      return;
    }
    this.anomalous = over && this.#outRun >= consecutive;
    this.score = over && !this.anomalous ? withheldScore(ratio) : scoreOf(ratio);
    if (this.anomalous && !this.#open) {
      this.#open = true;
      this.#since = timeMs;
      this.#weariness += WEARINESS;
    } else if (this.#open && raw < recovery) this.#open = false;
  }

  #fade(ratio: number, raw: number): void {
    if (this.anomalous) this.#lift += FADE * ratio * (1 + this.#lift + this.#weariness);
    this.#lift *= FADE_DECAY;
    this.#weariness *= WEARINESS_DECAY;
    this.#calmRun = raw >= 1 ? 0 : this.#calmRun + 1;
    if (this.#calmRun >= CALM && this.#lift > FADE_AFTER) this.#lift = FADE_AFTER;
  }

  #teach(timeMs: number, value: number, cause: Cause): void {
    const baseline = this.#baseline;
    // Noise and a stuck value say nothing against the value itself; a deviation to the side nobody asked for does.
    const away = this.#away && cause !== 'noisy' && cause !== 'stuck';
    baseline.learn(timeMs, value, !(away || this.#paused));
    if (this.#paused) return;
    this.#awayRun = away ? this.#awayRun + 1 : 0;
    if (this.#awayRun < this.#options.relearnAfter) return;
    baseline.relearn();
    this.#awayRun = 0;
    if (!this.#fades) this.#open = false;
  }
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
