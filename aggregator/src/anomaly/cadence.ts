// How long a bucket of this series is, when nobody says: the median of the first distances between rows.
// Irregular, repeated and backward times are taken as they come; only forward steps count. State is changed by `see` alone.

const STEPS = 31;

export class Cadence {
  readonly #fixed: boolean;
  readonly #steps: number[] = [];
  #last = Number.NaN;
  /** Epoch ms of the latest time seen, NaN before the first. */
  latestMs = Number.NaN;
  bucketMs: number;
  /** Buckets between the last two rows, at least 1. */
  step = 1;

  constructor(bucketMs: number | undefined) {
    this.#fixed = bucketMs !== undefined && bucketMs > 0;
    this.bucketMs = bucketMs !== undefined && bucketMs > 0 ? bucketMs : 60_000;
  }

  see(timeMs: number): void {
    const delta = timeMs - this.#last;
    this.#last = timeMs;
    if (!(timeMs <= this.latestMs)) this.latestMs = timeMs;
    if (!(delta > 0)) {
      this.step = 1;
      return;
    }
    if (!this.#fixed && this.#steps.length < STEPS) {
      let at = this.#steps.length;
      while (at > 0 && this.#steps[at - 1] > delta) at--;
      this.#steps.splice(at, 0, delta);
      this.bucketMs = this.#steps[this.#steps.length >> 1];
    }
    this.step = Math.max(1, delta / this.bucketMs);
  }

  /** Buckets from the last row to this time, at least 1. */
  stepTo(timeMs: number): number {
    const delta = timeMs - this.#last;
    return delta > 0 ? Math.max(1, delta / this.bucketMs) : 1;
  }
}
