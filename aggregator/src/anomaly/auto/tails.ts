// Alarm lines by extreme value theory: for each feature, how far is so far that it happens by chance once in 1 / risk values.
// Peaks over threshold as in SPOT (Siffer et al., KDD 2017): beyond a high quantile t the excesses follow a generalised Pareto
// distribution; line = t + σ/γ ((risk / ζ)^-γ - 1), ζ the part of values beyond t. Excesses are kept in logarithmic bins (eight
// an octave) instead of a list, so memory is fixed, and γ and σ are by moments, drawn towards a prior while peaks are few.
// State is changed by `learn` alone; lines are refreshed every 32 values, every 128 once there are 512.

const BINS = 152;
/** 2^-5 is where bins begin; the bits of a float64's exponent and first three of its mantissa are the bin. */
const FIRST = (1023 - 5) << 3;
/** Part of the values that are peaks, and the fewest peaks to use. */
const PEAKS = 0.02;
const FEWEST = 8;
/**
 * What is believed while there are few peaks, and how many peaks that belief weighs: a mean excess of a quarter of the way from this
 * side's median to the threshold (a normal distribution has 0.27, an exponential one 0.4), slightly heavy.
 */
const PRIOR_EXCESS = 0.25;
const LEAST_EXCESS = 0.12;
const FIRST_EXCESS = 0.7;
const PRIOR_EXCESS_WEIGHT = 6;
const PRIOR_SHAPE = 0.1;
const PRIOR_SHAPE_WEIGHT = 12;
/** How much higher a line is while it rests on few independent peaks: 1 + CAUTION / √(1 + peaks). */
const CAUTION = 0.35;
/** Counts are halved when they reach this, so that the last months count more than the first. */
const MEMORY = 12_000;
const REFRESH = 32;
/** Values beyond a line that are taken for anomalies before they are taken for this series' way, and how slowly they are forgotten. */
const DOUBTED = 1;
const ALARM_MEMORY = Math.pow(0.5, 1 / 3000);

export class Tails {
  readonly #counts: Float32Array;
  readonly #totals: Float64Array;
  /** Independent peaks: entries into the tail, not values in it. */
  readonly #entries: Float64Array;
  readonly #inside: Uint8Array;
  readonly #thresholds: Float64Array;
  readonly #shapes: Float64Array;
  readonly #mids = new Float64Array(BINS);
  readonly #lows = new Float64Array(BINS);
  /** Values beyond the line, lately. */
  readonly #alarms: Float64Array;
  readonly #leastBeyond: number;
  readonly #risks: Float64Array;
  readonly #float = new Float64Array(1);
  readonly #bits = new Uint32Array(this.#float.buffer);
  /** The alarm line of each tail, in the feature's unit (mean absolute deviations). */
  readonly lines: Float64Array;

  /**
   * @param leastBeyond a line lies at least this far beyond its threshold
   * @param risks per tail: probability per value beyond the line
   */
  constructor(leastBeyond: number, risks: readonly number[]) {
    const n = risks.length;
    this.#counts = new Float32Array(n * BINS);
    this.#totals = new Float64Array(n);
    this.#entries = new Float64Array(n);
    this.#inside = new Uint8Array(n);
    this.#thresholds = new Float64Array(n).fill(3);
    this.#shapes = new Float64Array(n);
    this.#alarms = new Float64Array(n);
    this.#leastBeyond = leastBeyond;
    this.#risks = Float64Array.from(risks);
    this.lines = new Float64Array(n);
    for (let bin = 0; bin < BINS; bin++) {
      const low = bin === 0 ? 0 : this.#edge(bin);
      this.#lows[bin] = low;
      this.#mids[bin] = (low + this.#edge(bin + 1)) / 2;
    }
    for (let tail = 0; tail < n; tail++) this.#refresh(tail);
  }

  #edge(bin: number): number {
    const at = FIRST + bin;
    return 2 ** ((at >> 3) - 1023) * (1 + (at & 7) / 8);
  }

  #bin(z: number): number {
    this.#float[0] = z;
    const bin = (this.#bits[1] >>> 17) - FIRST;
    return bin <= 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
  }

  /** Counts a value of a two-sided feature: above 0 for `tail`, below 0 for the tail after it. */
  learnSides(tail: number, z: number): void {
    if (z > 0) {
      this.#other(tail + 1);
      this.learn(tail, z);
    } else {
      this.#other(tail);
      this.learn(tail + 1, 0 - z);
    }
  }

  /** The value was on the other side. */
  #other(tail: number): void {
    this.#alarms[tail] *= ALARM_MEMORY;
    this.#inside[tail] = 0;
    this.#count(tail);
  }

  /** @param z distance, in mean absolute deviations. Beyond the line it is counted as on the line, see #belief. */
  learn(tail: number, z: number): void {
    const most = this.lines[tail] * this.#belief(tail, z);
    this.#counts[tail * BINS + this.#bin(z < most ? z : most)]++;
    if (z > this.#thresholds[tail]) {
      if (this.#inside[tail] === 0) {
        this.#inside[tail] = 1;
        this.#entries[tail]++;
      }
    } else if (z < 0.7 * this.#thresholds[tail]) this.#inside[tail] = 0;
    this.#count(tail);
  }

  #count(tail: number): void {
    const total = ++this.#totals[tail];
    if (total % (total < 512 ? REFRESH : 4 * REFRESH) === 0) this.#refresh(tail);
  }

  /** The first values beyond a line count as on it, further ones ever more as what they are: what keeps coming back is normal here. */
  #belief(tail: number, z: number): number {
    const alarms = this.#alarms[tail] * ALARM_MEMORY;
    if (z <= this.lines[tail]) {
      this.#alarms[tail] = alarms;
      return 1;
    }
    this.#alarms[tail] = alarms + 1;
    return alarms < DOUBTED ? 1 : Math.pow(3, alarms - DOUBTED + 1);
  }

  #refresh(tail: number): void {
    const from = tail * BINS;
    const counts = this.#counts;
    const total = this.#totals[tail];
    const wanted = Math.max(PEAKS * total, Math.min(FEWEST, total / 4));
    let peaks = 0;
    let sum = 0;
    let squares = 0;
    let bin = BINS;
    while (bin > 0 && (peaks < wanted || peaks === 0)) {
      bin--;
      const count = counts[from + bin];
      if (count === 0) continue;
      const mid = this.#mids[bin];
      peaks += count;
      sum += count * mid;
      squares += count * mid * mid;
    }
    const threshold = this.#lows[bin];
    let side = peaks;
    for (let i = 0; i < bin; i++) side += counts[from + i];
    let below = 0;
    let middle = 0;
    while (middle < bin && below + counts[from + middle] < side / 2) below += counts[from + middle++];
    const prior = side < FEWEST ? FIRST_EXCESS : Math.max(LEAST_EXCESS, PRIOR_EXCESS * (threshold - this.#lows[middle]));
    const mean = peaks > 0 ? sum / peaks - threshold : prior;
    const variance = peaks > 1 ? Math.max(0, squares / peaks - (sum / peaks) ** 2) : 0;
    const independent = Math.min(peaks, this.#entries[tail]);
    const moment = variance > 0 ? 0.5 * (1 - (mean * mean) / variance) : 0;
    const shape = clamp((independent * moment + PRIOR_SHAPE_WEIGHT * PRIOR_SHAPE) / (independent + PRIOR_SHAPE_WEIGHT), 0.03, 0.5);
    const excess = (independent * mean + PRIOR_EXCESS_WEIGHT * prior) / (independent + PRIOR_EXCESS_WEIGHT);
    const part = total > 0 ? Math.max(peaks / total, 1e-9) : 0.2;
    const beyond = Math.max(0, (Math.pow(this.#risks[tail] / part, -shape) - 1) / shape);
    const line = (threshold + excess * (1 - shape) * beyond) * (1 + CAUTION / Math.sqrt(1 + independent));
    this.#thresholds[tail] = Math.max(threshold, 0.5);
    this.#shapes[tail] = shape;
    this.lines[tail] = Math.max(line, threshold + this.#leastBeyond);
    if (total >= MEMORY) this.#age(tail, 0.5);
  }

  #age(tail: number, keep: number): void {
    for (let i = tail * BINS; i < (tail + 1) * BINS; i++) this.#counts[i] *= keep;
    this.#totals[tail] = Math.floor(this.#totals[tail] * keep);
    this.#entries[tail] *= keep;
  }

  /** The features are measured from another base from now on: what was seen so far counts only so much. */
  doubt(keep: number): void {
    for (let tail = 0; tail < this.#totals.length; tail++) {
      this.#age(tail, keep);
      this.#alarms[tail] *= keep;
    }
  }

  /** Heaviness of a tail, 0 is exponential. */
  shape(tail: number): number {
    return this.#shapes[tail];
  }
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
