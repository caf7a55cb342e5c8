// The last values of a series within a stretch of time, in a ring of fixed size, and the last few whatever they were.
// Invariant: never fewer than KEEP values are evicted for age, so a window shorter than 12 buckets still holds 12.

export const KEEP = 12;

export class SampleWindow {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly #windowMs: number;
  #head = 0;
  length = 0;

  /** @param capacity values held at most; older ones leave first */
  constructor(windowMs: number, capacity: number) {
    this.#windowMs = windowMs;
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
  }

  /** The oldest value if it has to leave before a value at `timeMs` comes in, else NaN. Call until NaN. */
  evict(timeMs: number): number {
    const { times, values } = this;
    const full = this.length === values.length;
    const head = this.#head;
    if (!full && (this.length < KEEP || times[head] > timeMs - this.#windowMs)) return Number.NaN;
    this.#head = head + 1 === values.length ? 0 : head + 1;
    this.length--;
    return values[head];
  }

  add(timeMs: number, value: number): void {
    let at = this.#head + this.length;
    if (at >= this.values.length) at -= this.values.length;
    this.times[at] = timeMs;
    this.values[at] = value;
    this.length++;
  }

  /** i-th oldest. */
  at(i: number): number {
    const at = this.#head + i;
    return this.values[at >= this.values.length ? at - this.values.length : at];
  }

  /** Keeps the newest `length` values. */
  drop(length: number): void {
    if (this.length <= length) return;
    this.#head = (this.#head + this.length - length) % this.values.length;
    this.length = length;
  }

  clear(): void {
    this.length = 0;
    this.#head = 0;
  }
}

/** The last KEEP values whether taught or not: what a new level is learnt from. */
export class Recent {
  readonly #values = new Float64Array(KEEP);
  #next = 0;
  length = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % KEEP;
    if (this.length < KEEP) this.length++;
  }

  /** i-th oldest. */
  at(i: number): number {
    return this.#values[(this.#next + KEEP - this.length + i) % KEEP];
  }

  median(): number {
    const sorted = this.#values.slice(0, this.length).sort();
    const mid = this.length >> 1;
    return this.length % 2 === 1 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
  }
}
