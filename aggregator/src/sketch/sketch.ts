// The seam of the three mergeable summaries. Each has a mutable in-process form for the hot path and an encoded delta: a plain
// list of entries, so that appending one delta to another merges them. What is read back is decoded by the same code.
// Accuracy: unique ≤ 2 % (HyperLogLog, 2^15 registers, Ertl's estimator; exact-like below some thousands by a sparse form);
// quantiles ≤ 1 % relative (DDSketch); top: weights are never too high, and too low by at most the stated error.

/** Reads back any concatenation of encoded deltas. */
export interface UniqueReader {
  /** Adds the entries of an encoded delta. */
  merge(delta: Uint8Array): void;
  estimate(): number;
  /** The estimate as if `delta`, one that `encode` gave, were merged too; it is not. */
  estimateWith(delta: Uint8Array): number;
  /** The shortest delta that says the same; null when empty. */
  encode(): Uint8Array | null;
  reset(): void;
}

export interface QuantilesReader {
  merge(delta: Uint8Array): void;
  count(): number;
  /** Value at rank floor(q × (count - 1)); NaN when empty. */
  quantile(q: number): number;
  /** Counts per coarse bin; see ddsketch.ts. */
  histogram(): Map<number, number>;
  reset(): void;
}

export interface TopReader {
  merge(delta: Uint8Array): void;
  /** Heaviest first, ties by item (code unit order). */
  items(limit: number): { item: string; weight: number }[];
  /** How far any weight may be too low. */
  error(): number;
  reset(): void;
}
