// From a distance to a verdict: the options that keep alerts quiet, the episode's begin and end, and what the baseline learns.
// Invariants: a flagged value and a gap do not teach the baseline, yet a level that stays is learnt in the end; the score is
// strictly increasing in the distance, and at least 0.5 exactly where `anomalous` is true. State is changed by `step` alone.

import type { Baseline, Cause } from './baseline.js';
import { type Calendar } from './calendar.js';
import type { StreamingDetector, Verdict } from './detector.js';
import type { ResolvedOptions } from './options.js';
import { reasonFor } from './reason.js';
import { heldScore, scoreOf, withheldScore } from './score.js';

/**
 * A flagged bucket lifts the line: what follows is news if it is this much further beyond the line, and twice that within the next
 * AT_ONCE buckets.
 */
const NEWS = 1;
const AT_ONCE = 12;
/** The lift is forgotten on a logarithmic scale, so that a huge value does not hide all others for long: half of it in 72 buckets. */
const FORGET = Math.pow(0.5, 1 / 72);
/** Logarithms: a lift below this is none, and there is no higher one. */
const NO_LIFT = 1e-3;
const MOST_LIFT = 600;
/** Each new episode lifts the line a little for a long time (half-life 2,000 buckets): a series that alerts often has to do more for it. */
const WEARINESS = 0.025;
const WEARINESS_DECAY = Math.pow(0.5, 1 / 2000);

export class Judge implements StreamingDetector {
  readonly #baseline: Baseline;
  readonly #options: ResolvedOptions;
  readonly #calendar: Calendar;
  readonly #fades: boolean;
  readonly #maintained: boolean;

  /** Logarithm of the factor by which the line is lifted. */
  #lift = 0;
  #sinceAlarm = AT_ONCE;
  /** Buckets that a run of missing or equal values had when it was last flagged. */
  #toldRun = 0;
  #weariness = 0;
  #outRun = 0;
  /** The last value was out of line on either side, and how many before it in a row. */
  #away = false;
  #awayRun = 0;
  #open = false;
  #since = Number.NaN;
  /** For the words: the last row's value and whether it was in maintenance. */
  #value = Number.NaN;
  #paused = false;
  /** A series that has never been below zero is not expected there. */
  #belowZero = false;

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
    if (value < 0) this.#belowZero = true;
    if (!this.#belowZero && this.lower < 0) this.lower = Math.min(0, this.upper);
    const ratio = this.#fades ? Math.min(raw, this.#news()) / this.#line() : raw;

    if (this.#paused) {
      this.score = withheldScore(ratio);
      this.anomalous = false;
    } else if (missing && last.cause !== 'missing') {
      this.score = 0;
      this.anomalous = false;
    } else this.#decide(timeMs, ratio, raw);

    if (this.#fades) this.#fade(ratio);
    if (this.#paused) baseline.skip(timeMs);
    else if (!missing) this.#teach(timeMs, value, last.cause);
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

  /** What lasts, a missing feed or a line standing still, is news again when it has lasted twice as long. */
  #news(): number {
    const { cause, detail, fresh } = this.#baseline.last;
    if (cause !== 'missing' && cause !== 'stuck') return fresh;
    if (detail <= this.#toldRun) this.#toldRun = 0;
    return detail < 2 * this.#toldRun ? 0 : fresh;
  }

  /** How far the alarm line is lifted by what was flagged before. */
  #line(): number {
    const lifted = this.#lift === 0 ? 1 : Math.exp(this.#lift);
    return (lifted + this.#weariness) * (this.#sinceAlarm < AT_ONCE ? 2 : 1);
  }

  #fade(ratio: number): void {
    this.#sinceAlarm++;
    if (this.anomalous) {
      const lifted = this.#lift === 0 ? 1 : Math.exp(this.#lift);
      this.#lift = Math.min(MOST_LIFT, Math.log(lifted + NEWS * ratio * (lifted + this.#weariness)));
      this.#sinceAlarm = 0;
      const { cause, detail } = this.#baseline.last;
      if (cause === 'missing' || cause === 'stuck') this.#toldRun = detail;
    }
    this.#lift = this.#lift < NO_LIFT ? 0 : this.#lift * FORGET;
    this.#weariness *= WEARINESS_DECAY;
  }

  #teach(timeMs: number, value: number, cause: Cause): void {
    const baseline = this.#baseline;
    // Noise and a stuck value say nothing against the value itself; a deviation to the side nobody asked for does.
    const away = this.#away && cause !== 'noisy' && cause !== 'stuck';
    baseline.learn(timeMs, value, !away);
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
