// What the next value is likely to be, out of the last three and their smoothed mean: recursive least squares (Haykin, Adaptive
// Filter Theory, ch. 10) with slow forgetting, raced against 'the same again' and 'the mean', the best of late winning.
// Input is the deviation from the slow part of the series. State is changed by `learn` and `restart` alone.

const P = 4;
const FORGET = 0.9985;
/** Weight of the newest value in the smoothed mean, and in the race's errors. */
const SMOOTH = 0.12;
const RACE = 0.01;
/** The mean, which never runs after a single value, wins unless another one is this much better. */
const PLAINER = 0.95;
/** Coasting is drawn to the slow part by this factor a step. */
const COAST = 0.95;

export class ShortTerm {
  /** The last three deviations, newest first, and their smoothed mean. */
  readonly #x = new Float64Array(P);
  readonly #w = new Float64Array(P);
  readonly #cov = new Float64Array((P * (P + 1)) / 2);
  #power: number;
  #regressed = 0;
  #errorRegressed = 0;
  #errorSame = 0;
  #errorMean = 0;
  #n = 0;
  /** How far coasting may be from the slow part. */
  #leash = 0;

  /** @param spread typical size of a deviation; sets the first step sizes */
  constructor(spread: number) {
    this.#power = spread * spread;
    this.#resetCovariance();
    this.#w[0] = 0.4;
    this.#w[3] = 0.4;
  }

  #resetCovariance(): void {
    this.#cov.fill(0);
    const start = this.#power > 0 ? 1 / this.#power : 0;
    this.#cov[0] = start;
    this.#cov[4] = start;
    this.#cov[7] = start;
    this.#cov[9] = start;
  }

  /** The forecast of the next deviation. */
  predict(): number {
    const x = this.#x;
    const w = this.#w;
    const regressed = w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
    // Whatever the weights, the next deviation is not far beyond the last ones.
    const most = 1.5 * this.#largest();
    this.#regressed = regressed > most ? most : regressed < -most ? -most : regressed;
    const { choice } = this;
    return choice === 'regression' ? this.#regressed : choice === 'same' ? x[0] : x[3];
  }

  #largest(): number {
    const x = this.#x;
    return Math.max(Math.abs(x[0]), Math.abs(x[1]), Math.abs(x[2]), Math.abs(x[3]));
  }

  /** A value that must not teach came: what was forecast stands in for it, drawn towards the slow part. */
  coast(forecast: number): void {
    const x = this.#x;
    this.#leash *= COAST;
    const y = forecast > this.#leash ? this.#leash : forecast < -this.#leash ? -this.#leash : forecast;
    x[2] = x[1];
    x[1] = x[0];
    x[0] = y;
    x[3] += SMOOTH * (y - x[3]);
  }

  get choice(): 'regression' | 'same' | 'mean' {
    const mean = PLAINER * this.#errorMean;
    if (this.#errorRegressed < mean && this.#errorRegressed <= this.#errorSame) return 'regression';
    return this.#errorSame < mean ? 'same' : 'mean';
  }

  /**
   * @param y the deviation that came
   * @param limit errors beyond it are clipped before weights and race learn from them
   */
  learn(y: number, limit: number): void {
    const x = this.#x;
    const error = y - this.#regressed;
    const rate = Math.max(RACE, 1 / ++this.#n);
    const most = limit * limit;
    this.#errorRegressed += rate * (Math.min(error * error, most) - this.#errorRegressed);
    this.#errorSame += rate * (Math.min((y - x[0]) ** 2, most) - this.#errorSame);
    this.#errorMean += rate * (Math.min((y - x[3]) ** 2, most) - this.#errorMean);
    this.#adapt(Math.max(-limit, Math.min(limit, error)));
    x[2] = x[1];
    x[1] = x[0];
    x[0] = y;
    x[3] += SMOOTH * (y - x[3]);
    this.#leash = this.#largest();
  }

  /** One step of recursive least squares, written out: it is the dearest part of judging a value. `c` is the upper triangle. */
  #adapt(error: number): void {
    const x = this.#x;
    const w = this.#w;
    const c = this.#cov;
    const x0 = x[0];
    const x1 = x[1];
    const x2 = x[2];
    const x3 = x[3];
    const g0 = c[0] * x0 + c[1] * x1 + c[2] * x2 + c[3] * x3;
    const g1 = c[1] * x0 + c[4] * x1 + c[5] * x2 + c[6] * x3;
    const g2 = c[2] * x0 + c[5] * x1 + c[7] * x2 + c[8] * x3;
    const g3 = c[3] * x0 + c[6] * x1 + c[8] * x2 + c[9] * x3;
    const energy = g0 * x0 + g1 * x1 + g2 * x2 + g3 * x3;
    const scale = 1 / (FORGET + energy);
    // Forgetting without new information would let the covariance grow without end.
    const grow = energy > 1 - FORGET ? 1 / FORGET : 1;
    const step = scale * error;
    w[0] += g0 * step;
    w[1] += g1 * step;
    w[2] += g2 * step;
    w[3] += g3 * step;
    const k0 = g0 * scale;
    const k1 = g1 * scale;
    const k2 = g2 * scale;
    c[0] = (c[0] - k0 * g0) * grow;
    c[1] = (c[1] - k0 * g1) * grow;
    c[2] = (c[2] - k0 * g2) * grow;
    c[3] = (c[3] - k0 * g3) * grow;
    c[4] = (c[4] - k1 * g1) * grow;
    c[5] = (c[5] - k1 * g2) * grow;
    c[6] = (c[6] - k1 * g3) * grow;
    c[7] = (c[7] - k2 * g2) * grow;
    c[8] = (c[8] - k2 * g3) * grow;
    c[9] = (c[9] - g3 * scale * g3) * grow;
    const trace = c[0] + c[4] + c[7] + c[9];
    const most = this.#power > 0 ? 1e6 / this.#power : 0;
    if (!(trace >= 0 && trace < most)) this.#resetCovariance();
  }

  /** The past is no longer comparable: a new level or another rhythm. `spread` as in the constructor. */
  restart(y: number, spread: number): void {
    this.#x.fill(y);
    this.#leash = Math.abs(y);
    this.#power = spread * spread;
    this.#resetCovariance();
    this.#n = Math.min(this.#n, 20);
  }
}
