// How long a series has stood still, against how long it usually does. Used by `shift` and `auto`.

/** Runs shorter than this are never unusual. */
const SHORTEST = 12;

export class FlatLine {
  readonly #logRisk: number;
  #value = Number.NaN;
  /** Equal values in a row, the last one included. */
  run = 0;
  /** The longest run that ended, slowly forgotten. */
  #longest = 1;
  /** Part of the values that repeat the one before, over about the last 1,000. Above a half, standing still is this series' way. */
  #repeats = 0;
  #n = 0;

  /** @param risk probability per value at which a run counts as unusual */
  constructor(risk: number) {
    this.#logRisk = Math.log(risk);
  }

  /** Run length, the value included, in multiples of what is unusual. */
  ratio(value: number): number {
    if (value !== this.#value || this.#n < 100 || this.#repeats > 0.5) return 0;
    const unusual = Math.max(SHORTEST, 3 * this.#longest, this.#logRisk / Math.log(this.#repeats + 0.5 / this.#n));
    return (this.run + 1) / unusual;
  }

  learn(value: number): void {
    this.#n = Math.min(1000, this.#n + 1);
    if (value === this.#value) {
      this.run++;
      this.#repeats += (1 - this.#repeats) / this.#n;
      return;
    }
    this.#repeats -= this.#repeats / this.#n;
    this.#longest = Math.max(this.run, this.#longest * 0.9997);
    this.#value = value;
    this.run = 1;
  }
}
