// The slow part of a series: its level, and the rhythm of the day, of work days and days off, or of the week, whichever has
// lately described it best. Used by `seasonal` and `auto`. Invariants: a rhythm is compared on values it had not learnt yet;
// nothing but `learn` and `adopt` changes the state; memory is fixed (at most 1,200 bins of five visits).

import { type Calendar, DAY_MS, WEEK_MS } from './calendar.js';
import type { SeasonName } from './detector.js';
import { SeasonProfile } from './season-profile.js';

export type Rhythm = 'none' | 'day' | 'daytype' | 'week';
const RHYTHMS: readonly Rhythm[] = ['none', 'day', 'daytype', 'week'];
const DAYTYPE = 2;
const DAY_OFF = 4;
const HOURS = 24;
/** Whether there is a rhythm at all is decided as if the level followed that fast: what only moved once is no rhythm. */
const FOLLOWS_PER_DAY = 4;
/** A rhythm has to describe the series this much better than none, and than the rhythm in use. */
const BETTER_THAN_NONE = 0.8;
const BETTER_THAN_CURRENT = 0.92;
/** Buckets of history, in days, that a rhythm must have been compared on. */
const COMPARED_DAYS = [0, 0.75, 1, 1.5];

export class SeasonModel {
  readonly #calendar: Calendar;
  readonly #wanted: SeasonName;
  readonly #profiles: (SeasonProfile | null)[] = [null, null, null, null];
  /** Mean absolute error per rhythm over about the last day, and the number of values it was measured on. */
  readonly #errors = new Float64Array(4);
  /** The same for choosing: rare large errors count, which a scale must not follow. */
  readonly #costs = new Float64Array(4);
  /** Mean difference per rhythm over about the last day: how far the level is off for it. */
  readonly #biases = new Float64Array(4);
  /** The costs if the level followed over a quarter of a day, and where it would be: a rhythm is held against that, not a level. */
  readonly #followed = new Float64Array(4);
  readonly #drifts = new Float64Array(4);
  readonly #compared = new Float64Array(4);
  readonly #guesses = new Float64Array(4);
  /** Mean absolute deviation from the base per local hour. */
  readonly #hourly = new Float64Array(HOURS);
  readonly #hourlySeen = new Float64Array(HOURS);
  #hourlySum = 0;
  #hoursKnown = 0;
  #positionDay = 0;
  #positionType = 0;
  #positionWeek = 0;
  #hour = 0;
  #current = 0;
  #source = 0;
  #nextSource = 0;
  #perDay = 1440;
  #n = 0;
  #sinceChoice = 0;
  #inFirstDay = true;
  #anchor = 0;
  #firstMean = 0;
  #firstCount = 0;
  #firstRows = 0;
  /** What the rhythms are measured from: the long mean of all values, flagged or not. */
  #center = 0;

  /** The long mean, which the rhythms are measured from. Without a rhythm a new level leaves it alone: it may be one. */
  slow = 0;
  /** The level that is expected, without the rhythm. */
  level = 0;
  /** What is expected at the time given to `look`: level and rhythm. */
  base = 0;
  /** Between these the rhythm's last visits to this time lay. */
  low = 0;
  high = 0;
  /** How wide deviations are at this hour of the day, 1 is as usual. */
  shape = 1;
  /** Set by `look` when the base comes from another rhythm than the last learnt value's. */
  switched = false;
  /** Set by `learn` when the rhythm in use has changed. */
  changed = false;

  constructor(calendar: Calendar, wanted: SeasonName) {
    this.#calendar = calendar;
    this.#wanted = wanted;
  }

  get rhythm(): Rhythm {
    return RHYTHMS[this.#current];
  }

  /** Mean absolute deviation from the base over about the last day. */
  get error(): number {
    return this.#errors[this.#current];
  }

  /** Mean absolute deviation from the slow level alone. */
  get levelError(): number {
    return this.#errors[0];
  }

  get perDay(): number {
    return this.#perDay;
  }

  /** To be called once the bucket length is known, with the level so far. */
  start(bucketMs: number, level: number, spread: number): void {
    this.#perDay = DAY_MS / bucketMs;
    this.slow = level;
    this.level = level;
    this.#anchor = level;
    this.#center = level;
    this.#errors[0] = spread;
    this.#costs[0] = spread;
    this.#followed[0] = spread;
    this.#n = 16;
    if (this.#wanted === 'none') return;
    const bins = Math.round(Math.min(288, this.#perDay));
    if (bins >= 4) this.#profiles[1] = new SeasonProfile(bins, DAY_MS / bins, bucketMs);
  }

  /** The longer rhythms are begun after a day: a short series never pays for them. */
  #startLonger(): void {
    const bucketMs = DAY_MS / this.#perDay;
    const perDay = Math.round(Math.min(288, this.#perDay));
    if (perDay >= 4) this.#profiles[2] = new SeasonProfile(2 * perDay, DAY_MS / perDay, bucketMs);
    const perWeek = Math.round(Math.min(336, 7 * this.#perDay));
    if (perWeek >= 7) this.#profiles[3] = new SeasonProfile(perWeek, WEEK_MS / perWeek, bucketMs);
  }

  /** Finds what is expected at a time: fills `base` and `shape`. */
  look(timeMs: number): void {
    const calendar = this.#calendar;
    const local = calendar.localMs(timeMs);
    const day = Math.floor(local / DAY_MS);
    const position = local - day * DAY_MS;
    this.#positionDay = position;
    this.#hour = Math.floor(position / 3_600_000);
    const guesses = this.#guesses;
    guesses[1] = this.#profiles[1]?.at(position) ?? Number.NaN;
    if (this.#profiles[3] !== null || this.#profiles[2] !== null) {
      const off = calendar.dayOff(local);
      this.#positionType = off ? position + DAY_MS : position;
      this.#positionWeek = (calendar.holiday(local) ? 0 : calendar.weekday(local)) * DAY_MS + position;
      guesses[2] = this.#profiles[2]?.at(this.#positionType) ?? Number.NaN;
      guesses[3] = this.#profiles[3]?.at(this.#positionWeek) ?? Number.NaN;
    } else guesses[2] = guesses[3] = Number.NaN;
    // A bin that was never visited borrows from the plainer rhythm.
    let source = this.#current;
    while (source > 0 && Number.isNaN(guesses[source])) source--;
    // A day off after a work day is another rhythm too.
    const kind = source === DAYTYPE && this.#positionType >= DAY_MS ? DAY_OFF : source;
    this.switched = kind !== this.#source;
    this.#nextSource = kind;
    this.base = this.level + (source === 0 ? 0 : guesses[source]);
    const profile = source === 0 ? null : this.#profiles[source];
    this.low = profile === null ? this.base : this.level + Math.min(profile.low, guesses[source]);
    this.high = profile === null ? this.base : this.level + Math.max(profile.high, guesses[source]);
    const shape = this.#current > 0 && this.#hoursKnown === HOURS ? (this.#hourly[this.#hour] * HOURS) / this.#hourlySum : 1;
    this.shape = shape > 2.5 ? 2.5 : shape > 0.4 ? shape : 0.4;
  }

  /** Takes in the value whose time was looked at last. */
  learn(value: number, teach: boolean): void {
    this.changed = false;
    this.#source = this.#nextSource;
    const deviation = value - this.#center;
    if (this.#inFirstDay) this.#learnFirstDay(value, teach);
    const rate = 1 / Math.max(48, this.#perDay);
    this.#compare(0, value - this.slow, rate);
    for (let i = 1; i < 4; i++) {
      const profile = this.#profiles[i];
      if (profile === null || profile === undefined) continue;
      const guess = this.#guesses[i];
      if (!Number.isNaN(guess)) this.#compare(i, deviation - guess, rate);
      if (!this.#inFirstDay)
        profile.learn(i === 1 ? this.#positionDay : i === 2 ? this.#positionType : this.#positionWeek, deviation, teach);
    }
    this.#n++;
    const reach = 4 * this.levelError;
    this.#center += Math.max(-reach, Math.min(reach, deviation)) / Math.max(168, 2 * this.#perDay);
    if (teach) this.#follow(value);
    if (this.#n >= this.#perDay && this.#profiles[3] === null && this.#wanted !== 'none' && this.#wanted !== 'day') this.#startLonger();
    if (++this.#sinceChoice >= Math.max(12, this.#perDay / 4)) this.#choose();
  }

  /**
   * On the first day the level follows the rhythm itself, so deviations are taken from where it began, and from the day's mean once
   * the day is over.
   */
  #learnFirstDay(value: number, teach: boolean): void {
    const profile = this.#profiles[1];
    profile?.learn(this.#positionDay, value - this.#anchor, teach);
    if (teach) this.#firstMean += (value - this.#firstMean) / ++this.#firstCount;
    if (++this.#firstRows < this.#perDay) return;
    this.#inFirstDay = false;
    if (profile === null || profile === undefined || this.#firstCount === 0) return;
    profile.shift(this.#anchor - this.#firstMean);
    this.slow = this.#firstMean;
    this.#center = this.#firstMean;
  }

  #compare(rhythm: number, difference: number, rate: number): void {
    const error = Math.abs(difference);
    const n = this.#compared[rhythm] + 1;
    this.#compared[rhythm] = n;
    const now = this.#errors[rhythm];
    const cost = this.#costs[rhythm];
    const step = Math.max(rate, 1 / (n + (rhythm === 0 ? 16 : 1)));
    this.#biases[rhythm] += step * (difference - this.#biases[rhythm]);
    this.#errors[rhythm] = now + step * ((n < 8 || now === 0 || error < 8 * now ? error : 8 * now) - now);
    this.#costs[rhythm] = cost + step * ((n < 8 || cost === 0 || error < 60 * cost ? error : 60 * cost) - cost);
    const off = Math.abs(difference - this.#drifts[rhythm]);
    const followed = this.#followed[rhythm];
    this.#drifts[rhythm] += Math.max(FOLLOWS_PER_DAY * rate, 1 / (n + 16)) * (difference - this.#drifts[rhythm]);
    this.#followed[rhythm] = followed + step * ((n < 8 || followed === 0 || off < 60 * followed ? off : 60 * followed) - followed);
  }

  #follow(value: number): void {
    const difference = value - this.base;
    const limit = 3 * this.error;
    const clipped = limit > 0 ? Math.max(-limit, Math.min(limit, difference)) : difference;
    // The level follows over two days (a week where buckets are long), never faster than a plain average.
    const span = Math.min(1500, Math.max(168, 2 * this.#perDay));
    const rate = 1 / Math.min(this.#n, span);
    this.level += clipped * rate;
    const most = 4 * this.levelError;
    this.slow += Math.max(-most, Math.min(most, value - this.slow)) * rate;
    this.#learnHour(Math.abs(clipped));
  }

  #learnHour(deviation: number): void {
    const hour = this.#hour;
    const perHour = this.#perDay / HOURS;
    const seen = this.#hourlySeen[hour] + 1;
    // Known after two days, remembered for about five.
    if (seen >= 2 * perHour && seen - 1 < 2 * perHour) this.#hoursKnown++;
    this.#hourlySeen[hour] = seen;
    const step = (deviation - this.#hourly[hour]) / Math.min(seen, 5 * perHour + 10);
    this.#hourly[hour] += step;
    this.#hourlySum += step;
  }

  #choose(): void {
    this.#sinceChoice = 0;
    const current = this.#current;
    const followed = this.#followed;
    const costs = this.#costs;
    let best = current;
    let bestCost = current === 0 ? Number.POSITIVE_INFINITY : costs[current] * BETTER_THAN_CURRENT;
    for (let i = 1; i < 4; i++) {
      if (i === current || this.#compared[i] < COMPARED_DAYS[i] * this.#perDay) continue;
      if (this.#wanted !== 'auto' && RHYTHMS[i] !== this.#wanted) continue;
      const enough = current > 0 || this.#wanted !== 'auto' || followed[i] < followed[0] * BETTER_THAN_NONE;
      if (!enough || costs[i] >= bestCost) continue;
      best = i;
      bestCost = costs[i];
    }
    if (current > 0 && best === current && this.#wanted === 'auto' && followed[0] < followed[current] * BETTER_THAN_CURRENT) best = 0;
    if (best !== current) {
      this.#current = best;
      this.level = (best === 0 ? this.slow : this.#center) + this.#biases[best];
      this.#biases.fill(0);
      this.changed = true;
      this.#hourly.fill(0);
      this.#hourlySeen.fill(0);
      this.#hourlySum = 0;
      this.#hoursKnown = 0;
    }
  }

  /** A new level is normal from now on: the last values lie `difference` above the base. */
  adopt(difference: number): void {
    this.level += difference;
    if (this.#current > 0) {
      this.slow += difference;
      this.#center += difference;
    }
    // The level was taken before, and the values stayed: this is no rhythm.
    else if (Math.abs(difference) < 0.25 * Math.abs(this.level - this.slow)) this.slow = this.level;
  }

  describe(): string {
    switch (this.rhythm) {
      case 'day':
        return 'daily rhythm';
      case 'daytype':
        return 'daily rhythm, days off apart';
      case 'week':
        return 'weekly rhythm';
      default:
        return 'no rhythm';
    }
  }
}
