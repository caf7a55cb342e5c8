// One rhythm: the usual deviation from the slow level per bin of a day or a week, out of the last five visits to the bin.
// Invariant: a bin's level is a trimmed mean of visits, so one odd visit hardly moves it; a flagged visit is left out unless the
// visit before it was flagged too (then it is the rhythm). State is changed by `learn` alone.

const VISITS = 5;

export class SeasonProfile {
  readonly #bins: number;
  readonly #binMs: number;
  readonly #interpolate: boolean;
  /** One plane of bins per visit, made when it is first needed. */
  readonly #visits: Float64Array[] = [];
  readonly #seen: Uint16Array;
  readonly #flagged: Uint8Array;
  readonly #levels: Float64Array;
  /** The visits' range without the outermost ones. */
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  #bin = -1;
  #sum = 0;
  #count = 0;
  #taught = true;
  /** Set by `at`: between these the visits to this bin and the one beside it lay. */
  low = 0;
  high = 0;

  /** @param bucketMs shorter than a bin: levels are interpolated between the middles of bins */
  constructor(bins: number, binMs: number, bucketMs: number) {
    this.#bins = bins;
    this.#binMs = binMs;
    this.#interpolate = bucketMs < 0.6 * binMs;
    this.#seen = new Uint16Array(bins);
    this.#flagged = new Uint8Array(bins);
    this.#levels = new Float64Array(bins);
    this.#lows = new Float64Array(bins);
    this.#highs = new Float64Array(bins);
  }

  /** The level at a position (ms since the rhythm's begin), NaN if its bin was not visited yet. */
  at(positionMs: number): number {
    const at = this.#locate(positionMs);
    if (this.#seen[at] === 0) return Number.NaN;
    const offset = positionMs / this.#binMs - 0.5 - at;
    this.low = this.#lows[at];
    this.high = this.#highs[at];
    const beside = offset >= 0 ? (at + 1 === this.#bins ? 0 : at + 1) : at === 0 ? this.#bins - 1 : at - 1;
    const level = this.#levels[at];
    if (this.#seen[beside] === 0) return level;
    // What comes a little early or late is no surprise.
    this.low = Math.min(this.low, this.#lows[beside]);
    this.high = Math.max(this.high, this.#highs[beside]);
    if (!this.#interpolate) return level;
    return level + Math.abs(offset) * (this.#levels[beside] - level);
  }

  #locate(positionMs: number): number {
    const at = Math.floor(positionMs / this.#binMs);
    return at >= this.#bins ? this.#bins - 1 : at < 0 ? 0 : at;
  }

  /** The slow level was moved by -`difference` after the fact: deviations learnt so far were larger by that. */
  shift(difference: number): void {
    for (const plane of [...this.#visits, this.#levels, this.#lows, this.#highs])
      for (let i = 0; i < this.#bins; i++) plane[i] += difference;
    this.#sum += difference * this.#count;
  }

  /** @param deviation from the slow level */
  learn(positionMs: number, deviation: number, teach: boolean): void {
    const at = this.#locate(positionMs);
    if (at !== this.#bin) {
      if (this.#count > 0) this.#finish();
      this.#bin = at;
      this.#sum = 0;
      this.#count = 0;
      this.#taught = true;
    }
    this.#sum += deviation;
    this.#count++;
    if (!teach) this.#taught = false;
  }

  #finish(): void {
    const bin = this.#bin;
    const again = this.#flagged[bin] === 1;
    this.#flagged[bin] = this.#taught ? 0 : 1;
    if (!this.#taught && !again) return;
    const seen = this.#seen[bin];
    const place = seen % VISITS;
    (this.#visits[place] ??= new Float64Array(this.#bins))[bin] = this.#sum / this.#count;
    this.#seen[bin] = seen === 65_530 ? VISITS : seen + 1;
    this.#levels[bin] = this.#trimmed(bin, Math.min(VISITS, seen + 1));
  }

  /** Mean without the smallest and the largest of four or five; the median of three. Fills the bin's range, too. */
  #trimmed(bin: number, n: number): number {
    let sum = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    let secondMin = Number.POSITIVE_INFINITY;
    let secondMax = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      const v = this.#visits[i][bin];
      sum += v;
      secondMin = v < min ? min : Math.min(v, secondMin);
      secondMax = v > max ? max : Math.max(v, secondMax);
      min = Math.min(v, min);
      max = Math.max(v, max);
    }
    // A single visit may have been chance: all between no rhythm and it is usual.
    this.#lows[bin] = n === 1 ? Math.min(0, min) : n < 4 ? min : secondMin;
    this.#highs[bin] = n === 1 ? Math.max(0, max) : n < 4 ? max : secondMax;
    return n < 3 ? sum / n : (sum - min - max) / (n - 2);
  }
}
