// Level, spread and usual step of a series out of its first values, hardly moved by one or two wild ones. Pure.

export interface FirstLook {
  readonly median: number;
  /** Mean absolute deviation from the median. */
  readonly spread: number;
  /** Mean absolute difference of neighbours. */
  readonly step: number;
}

export function firstLook(values: readonly number[]): FirstLook {
  const n = values.length;
  const sorted = Float64Array.from(values).sort();
  const median = (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
  const steps = new Float64Array(n - 1);
  for (let i = 1; i < n; i++) steps[i - 1] = Math.abs(values[i] - values[i - 1]);
  return { median, spread: trimmedMean(sorted.map((v) => Math.abs(v - median)).sort()), step: trimmedMean(steps.sort()) };
}

/** Mean of all but the largest eighth. */
function trimmedMean(sorted: Float64Array): number {
  const n = sorted.length - (sorted.length >> 3);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += sorted[i];
  return sum / n;
}
