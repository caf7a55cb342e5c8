// `auto`: judges how surprising a value is for this series, from several sides at once. The series is taken apart into a slow
// part (level and rhythm, season-model.ts), a short-term forecast of the rest (short-term.ts) and the forecast's error; the error,
// the distance from the slow part, its mean over an hour or so and the recent noise each have alarm lines learnt from this series
// (tails.ts), and the one furthest beyond its line decides. Invariant: a value that does not teach changes no level, rhythm, forecast or scale.

import { emptyAssessment, resolution, type Assessment, type Baseline, type Cause } from '../baseline.js';
import { Cadence } from '../cadence.js';
import { type Calendar, WEEK_MS } from '../calendar.js';
import { FlatLine } from '../flat-line.js';
import type { ResolvedOptions } from '../options.js';
import { plainSpan } from '../reason.js';
import { Recent } from '../sample-window.js';
import { SeasonModel } from '../season-model.js';
import { firstLook } from './first-values.js';
import { Gaps } from './gaps.js';
import { Scales } from './scales.js';
import { ShortTerm } from './short-term.js';
import { Tails } from './tails.js';

/** Values before the first verdict, of which level and scale are first estimated. */
const START = 16;
/** False alarms accepted per week, and the bounds of the probability per value that follows from it. */
const ALARMS_PER_WEEK = { low: 0.3, medium: 1, high: 3 } as const;
const LEAST_RISK = 2e-5;
const MOST_RISK = 5e-4;
// The tails, with their share of the risk; what is left of it is for a value that stands still.
const ERROR_UP = 0;
const ERROR_DOWN = 1;
const LEVEL_UP = 2;
const LEVEL_DOWN = 3;
const SHIFT_UP = 4;
const SHIFT_DOWN = 5;
const NOISE = 6;
const SHARES = [0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1];
/** A line lies at least this far beyond the threshold of its peaks, in mean absolute deviations. */
const LEAST_BEYOND = 1;
/** Buckets averaged for a shift of level, and the weight of the newest error in the recent noise. */
const SHIFT_BUCKETS = 12;
const RECENT_NOISE = 0.1;
/** Of one value's deviation, at most this many mean deviations count towards a shift or as noise. */
const CLIP = 4;
/** Or this part of what is surprising by itself, where that is more: a burst of an hour is to stand out among spikes. */
const CLIP_OF_LINE = 0.5;
/** A step is surprising from this part of the way to the line on. */
const RETURN = 0.4;

export class AutoBaseline implements Baseline {
  readonly last: Assessment = emptyAssessment();
  readonly #minSamples: number;
  readonly #cadence: Cadence;
  readonly #season: SeasonModel;
  readonly #scales = new Scales();
  readonly #flat: FlatLine;
  readonly #recent = new Recent();
  readonly #sensitivity: ResolvedOptions['sensitivity'];
  readonly #gaps: Gaps;
  readonly #first: number[] = [];
  #short = new ShortTerm(0);
  #tails: Tails | null = null;
  #n = 0;
  #levelsFrom = 100;
  #outRun = 0;
  #lastValue = 0;
  #beforeLast = 0;
  /** The last value's error in multiples of its line, signed. */
  #step = 0;
  /** The last SHIFT_BUCKETS deviations, clipped, and their sum. */
  readonly #ring = new Float64Array(SHIFT_BUCKETS);
  #ringAt = 0;
  #ringSum = 0;
  #noise = 0;

  // Of the assessed value: deviation, forecast, and distances in mean absolute deviations.
  #y = 0;
  #forecast = 0;
  #errorZ = 0;
  #levelZ = 0;
  #shiftZ = 0;
  #noiseZ = 0;
  #clipped = 0;
  #errorScale = 0;
  #rangeScale = 0;
  #shiftScale = 0;

  constructor(options: ResolvedOptions, calendar: Calendar, bucketMs: number | undefined) {
    this.#minSamples = Math.max(START, options.minSamples);
    this.#sensitivity = options.sensitivity;
    this.#gaps = new Gaps(options.missingAfter);
    this.#cadence = new Cadence(bucketMs);
    this.#season = new SeasonModel(calendar, options.season);
    this.#flat = new FlatLine(2e-5);
  }

  assess(timeMs: number, value: number): void {
    const last = this.last;
    const tails = this.#tails;
    last.ready = tails !== null && this.#n >= this.#minSamples;
    last.ratio = 0;
    last.fresh = 0;
    last.side = 0;
    last.cause = 'none';
    if (tails === null) return;
    const season = this.#season;
    season.look(timeMs);
    const base = season.base;
    this.#measure(tails.lines, timeMs, value, base);
    this.#pick(tails, value);
    this.#fillBand(tails, base);
  }

  #measure(lines: Float64Array, timeMs: number, value: number, base: number): void {
    const scales = this.#scales;
    const season = this.#season;
    const y = value - base;
    const forecast = this.#forecastOf(y, base);
    const floor = scales.floor(base);
    const step = this.#cadence.stepTo(timeMs);
    // After a gap the last values say less about this one.
    const widen = step > 2 ? 1 + 0.5 * Math.log2(step) : 1;
    const errorScale = Math.max(scales.error(season.shape), floor) * widen;
    const levelScale = Math.max(season.error * Math.sqrt(season.shape), floor);
    const beyond = value > season.high ? value - season.high : value < season.low ? value - season.low : 0;
    const error = this.#homeward(beyond, forecast, this.#returning(value, y - forecast));
    const clip = Math.max(CLIP * levelScale, CLIP_OF_LINE * lines[y > 0 ? ERROR_UP : ERROR_DOWN] * errorScale);
    const clipped = y > clip ? clip : y < -clip ? -clip : y;
    const noiseClip = CLIP * Math.max(scales.slow, floor);
    this.#y = y;
    this.#forecast = forecast;
    this.#errorScale = errorScale;
    this.#clipped = clipped;
    this.#errorZ = error / errorScale;
    this.#rangeScale = Math.max(season.levelError, floor);
    const range = value - season.slow;
    // What the rhythm explains is not out of range.
    const explained = season.rhythm === 'none' ? Math.abs(range) : Math.min(Math.abs(range), 2 * Math.abs(beyond));
    this.#levelZ = (range > 0 ? explained : -explained) / this.#rangeScale;
    this.#shiftScale = Math.max(scales.shift, floor / 2);
    const mean = (this.#ringSum - this.#ring[this.#ringAt] + clipped) / SHIFT_BUCKETS;
    // A shift is over as soon as the value is back: the mean counts no more than the value's own deviation.
    const shift = mean * clipped <= 0 ? 0 : mean > 0 ? Math.min(mean, clipped) : Math.max(mean, clipped);
    this.#shiftZ = shift / this.#shiftScale;
    const noise = this.#noise + RECENT_NOISE * (Math.min(Math.abs(error), noiseClip) - this.#noise);
    this.#noiseZ = noise / Math.max(scales.slow, floor);
  }

  /** Where another rhythm takes over, going on as before is as good a forecast as what the new rhythm says, and all between. */
  #forecastOf(y: number, base: number): number {
    const forecast = this.#short.predict();
    if (!this.#season.switched) return forecast;
    const same = this.#lastValue - base;
    return Math.max(Math.min(forecast, same), Math.min(y, Math.max(forecast, same)));
  }

  /** On the way back from a forecast to where the series usually is at this time, only what goes beyond that is a surprise. */
  #homeward(beyond: number, forecast: number, error: number): number {
    if (forecast * error >= 0) return error;
    if (beyond * error <= 0) return 0;
    return error > 0 ? Math.min(error, beyond) : Math.max(error, beyond);
  }

  /** After a surprising step, the way back to where the series was two rows ago is no second surprise. */
  #returning(value: number, error: number): number {
    if (Math.abs(this.#step) < RETURN || this.#step * error > 0) return error;
    const back = value - this.#beforeLast;
    return back * error <= 0 ? 0 : error > 0 ? Math.min(error, back) : Math.max(error, back);
  }

  /** The side that is furthest beyond its line. */
  #pick(tails: Tails, value: number): void {
    const last = this.last;
    const lines = tails.lines;
    const up = this.#errorZ > 0;
    let ratio = up ? this.#errorZ / lines[ERROR_UP] : -this.#errorZ / lines[ERROR_DOWN];
    let side = up ? 1 : -1;
    let cause: Cause = 'value';
    let detail = 0;
    if (this.#n >= this.#levelsFrom) {
      const level = this.#levelZ > 0 ? this.#levelZ / lines[LEVEL_UP] : -this.#levelZ / lines[LEVEL_DOWN];
      if (level > ratio) {
        ratio = level;
        side = this.#levelZ > 0 ? 1 : -1;
        cause = 'level';
      }
      const shift = this.#shiftZ > 0 ? this.#shiftZ / lines[SHIFT_UP] : -this.#shiftZ / lines[SHIFT_DOWN];
      if (shift > ratio) {
        ratio = shift;
        side = this.#shiftZ > 0 ? 1 : -1;
        cause = 'shift';
        detail = this.#shiftZ * this.#shiftScale;
      }
      const noise = this.#noiseZ / lines[NOISE];
      if (noise > ratio) {
        ratio = noise;
        side = 0;
        cause = 'noisy';
        detail = this.#noiseZ;
      }
      const stuck = this.#flat.ratio(value);
      if (stuck > ratio) {
        ratio = stuck;
        side = 0;
        cause = 'stuck';
        detail = this.#flat.run + 1;
      }
    }
    // Shift, noise and level are clipped or slow: among values that they judge alike the more surprising one still scores higher.
    if (cause !== 'value') ratio += 0.001 * (up ? this.#errorZ / lines[ERROR_UP] : -this.#errorZ / lines[ERROR_DOWN]);
    last.ratio = ratio;
    last.fresh = ratio;
    if (this.#outRun > 0) {
      // Since the row before was out of line too, only a further step is new.
      const step = (value - this.#lastValue) / this.#errorScale;
      last.fresh = Math.min(ratio, step > 0 ? step / lines[ERROR_UP] : -step / lines[ERROR_DOWN]);
    }
    last.side = side;
    last.cause = cause;
    last.detail = detail;
  }

  /** What both the forecast's and the slow part's lines allow. */
  #fillBand(tails: Tails, base: number): void {
    const last = this.last;
    const lines = tails.lines;
    const { slow } = this.#season;
    const expected = base + this.#forecast;
    let lower = expected - lines[ERROR_DOWN] * this.#errorScale;
    let upper = expected + lines[ERROR_UP] * this.#errorScale;
    if (this.#n >= this.#levelsFrom) {
      const down = lines[LEVEL_DOWN] * this.#rangeScale;
      const up = lines[LEVEL_UP] * this.#rangeScale;
      const explained = this.#season.rhythm !== 'none';
      lower = Math.max(lower, explained ? Math.min(slow - down, base - down / 2) : slow - down);
      upper = Math.min(upper, explained ? Math.max(slow + up, base + up / 2) : slow + up);
    }
    last.lower = Math.min(lower, upper);
    last.upper = Math.max(lower, upper);
    last.expected = Math.min(last.upper, Math.max(last.lower, expected));
    last.sigma = Math.max(1.2533 * this.#errorScale, resolution(expected));
  }

  learn(timeMs: number, value: number, teach: boolean): void {
    this.#cadence.see(timeMs);
    this.#scales.see(value);
    this.#beforeLast = this.#lastValue;
    this.#lastValue = value;
    this.#gaps.end();
    if (this.#tails === null) {
      this.#first.push(value);
      if (this.#first.length === START) this.#start();
      this.#n++;
      return;
    }
    this.#n++;
    this.#flat.learn(value);
    this.#recent.add(this.#y);
    if (teach && this.#outRun > 1) this.#forgetEpisode();
    this.#learnTails(this.#tails, teach);
    this.#step = this.#errorZ / this.#tails.lines[this.#errorZ > 0 ? ERROR_UP : ERROR_DOWN];
    this.#ringSum += this.#clipped - this.#ring[this.#ringAt];
    this.#ring[this.#ringAt] = this.#clipped;
    this.#ringAt = this.#ringAt + 1 === SHIFT_BUCKETS ? 0 : this.#ringAt + 1;
    const limit = CLIP * this.#errorScale;
    const season = this.#season;
    if (season.switched) this.#short.restart(this.#y, this.#scales.slow);
    else if (teach) this.#short.learn(this.#y, limit);
    else this.#short.coast(this.#forecast);
    const error = Math.abs(this.#y - this.#forecast);
    // An outage is one surprise, not noise.
    if (this.#outRun <= 1)
      this.#noise += RECENT_NOISE * (Math.min(error, CLIP * Math.max(this.#scales.slow, this.#scales.floor(0))) - this.#noise);
    if (teach) this.#scales.learn(Math.min(error, 3 * this.#errorScale), Math.abs(this.#ringSum / SHIFT_BUCKETS));
    this.#learnSeason(value, teach);
  }

  /** The series is back: what the episode left in the running means is no news about the values to come. */
  #forgetEpisode(): void {
    this.#ring.fill(this.#clipped);
    this.#ringSum = this.#clipped * SHIFT_BUCKETS;
    this.#noise = Math.min(this.#noise, this.#scales.slow);
  }

  /** Values out of line count once per episode, as if they had been on the line. */
  #learnTails(tails: Tails, teach: boolean): void {
    this.#outRun = teach ? 0 : this.#outRun + 1;
    if (this.#outRun > 1) return;
    tails.learnSides(ERROR_UP, this.#errorZ);
    tails.learn(NOISE, this.#noiseZ);
    if (this.#n < SHIFT_BUCKETS + START) return;
    tails.learnSides(LEVEL_UP, this.#levelZ);
    tails.learnSides(SHIFT_UP, this.#shiftZ);
  }

  #learnSeason(value: number, teach: boolean): void {
    const season = this.#season;
    const before = season.error;
    season.learn(value, teach);
    if (!season.changed) return;
    // Deviations are measured from another base now: what was remembered of them does not compare.
    season.look(this.#cadence.latestMs);
    this.#scales.doubt();
    const shrink = before > 0 ? Math.min(1, season.error / before) : 1;
    this.#tails?.doubt(Math.max(0.1, shrink ** 3));
    this.#restartFrom(value - season.base, shrink);
  }

  #restartFrom(y: number, shrink: number): void {
    this.#short.restart(y, this.#scales.slow);
    this.#scales.shift *= shrink;
    this.#ring.fill(y);
    this.#ringSum = y * SHIFT_BUCKETS;
  }

  /** Level and scales out of the first values. */
  #start(): void {
    const { median, spread, step } = firstLook(this.#first);
    const bucketMs = this.#cadence.bucketMs;
    const risk = (ALARMS_PER_WEEK[this.#sensitivity] * bucketMs) / WEEK_MS;
    const scale = ALARMS_PER_WEEK[this.#sensitivity] / ALARMS_PER_WEEK.medium;
    const total = Math.min(MOST_RISK * scale, Math.max(LEAST_RISK * scale, risk));
    this.#tails = new Tails(
      LEAST_BEYOND,
      SHARES.map((share) => share * total),
    );
    this.#season.start(bucketMs, median, spread);

    this.#scales.start(Math.max(spread, step), spread);
    this.#noise = this.#scales.slow;
    this.#short = new ShortTerm(spread);
    // Whether a level is unusual can only be said after a day, or after 300 buckets where they are short.
    this.#levelsFrom = Math.max(100, Math.min(300, this.#season.perDay));
    const lastOne = this.#first[START - 1] - median;
    this.#short.restart(Math.abs(lastOne) > CLIP * spread ? 0 : lastOne, spread);
    this.#first.length = 0;
  }

  skip(timeMs: number): void {
    this.#cadence.see(timeMs);
    this.#gaps.forget();
  }

  gap(timeMs: number): void {
    this.assess(timeMs, this.#season.slow);
    const last = this.last;
    const gaps = this.#gaps;
    gaps.miss();
    last.cause = 'missing';
    last.detail = gaps.run;
    last.ratio = gaps.ratio;
    last.fresh = gaps.ratio;
    last.side = 0;
  }

  relearn(): void {
    if (this.#tails === null) return;
    const moved = this.#recent.median();
    this.#season.adopt(moved);
    this.#restartFrom(0, 1);
    this.#outRun = 0;
  }

  describe(): string {
    if (this.#tails === null) return `still learning: ${this.#n} of ${START} values`;
    const { rhythm } = this.#season;
    const forecast = { regression: 'forecast from the last values', same: 'like the value before', mean: 'around its recent mean' }[
      this.#short.choice
    ];
    const up = this.#tails.shape(ERROR_UP);
    const down = this.#tails.shape(ERROR_DOWN);
    const tail =
      up > 0.25 && up > down + 0.1 ? 'bursts upwards are usual' : down > 0.25 && down > up + 0.1 ? 'dips are usual' : 'even noise';
    const parts = [this.#season.describe(), rhythm === 'none' ? forecast : `${forecast} of the rest`, tail];
    if (this.#scales.sparse(this.#season.slow)) parts.push('sparse counts');
    return `${parts.join(', ')}, buckets of ${plainSpan(this.#cadence.bucketMs)}`;
  }
}
