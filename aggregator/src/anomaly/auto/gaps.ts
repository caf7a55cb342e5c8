// How many buckets in a row had no value, against how long this series' gaps usually are. State is changed by `miss`, `forget` and `end`.

export class Gaps {
  readonly #after: number;
  #longest = 0;
  /** Buckets without a value in a row. */
  run = 0;

  /** @param after buckets that may be missing in a series without gaps */
  constructor(after: number) {
    this.#after = after;
  }

  /** Another bucket without a value. */
  miss(): void {
    this.run++;
  }

  /** In multiples of what is unusual. */
  get ratio(): number {
    return this.run / Math.max(this.#after + 3, 3 * this.#longest);
  }

  /** What was missing so far was meant to be. */
  forget(): void {
    this.run = 0;
  }

  /** A value came. */
  end(): void {
    if (this.run === 0) return;
    this.#longest = Math.max(this.#longest, Math.min(this.run, 4 * Math.max(4, this.#longest)));
    this.run = 0;
  }
}
