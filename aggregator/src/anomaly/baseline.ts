// What one detector contributes: an expected value, a band and how far the value is from it. Options that keep alerts quiet
// are not its business (see judge.ts). Invariant: `assess` reads only what `learn` was told before.

/** Why a value is out of line; the words are made in reason.ts. */
export type Cause = 'value' | 'level' | 'shift' | 'noisy' | 'stuck' | 'missing' | 'none';

/** The last assessment; overwritten by the next one. */
export interface Assessment {
  expected: number;
  lower: number;
  upper: number;
  /** Distance in multiples of the alarm line; 1 is on it. 0 while the detector has not seen enough. */
  ratio: number;
  /**
   * The same for what is new about the value, at most `ratio`: while a series stays out of line as it was the row before, little.
   * What fades (options `hold`) is judged by it.
   */
  fresh: number;
  /** -1 below, 1 above, 0 neither (stuck, noisy, missing). */
  side: number;
  cause: Cause;
  /** One standard deviation, as this detector measures it; for the words. */
  sigma: number;
  /** For the words: buckets stuck or missing, times the usual noise. */
  detail: number;
  /** Enough was seen for a verdict. */
  ready: boolean;
}

export interface Baseline {
  readonly last: Assessment;
  /** Compares the value with what was expected at this time. Changes nothing but `last`. */
  assess(timeMs: number, value: number): void;
  /**
   * Takes the assessed value in.
   * @param teach false: the value was flagged or is not to be learnt; it may only be remembered for learning a new level
   */
  learn(timeMs: number, value: number, teach: boolean): void;
  /** A row of a maintenance window, with a value or without: its time goes by, and nothing is learnt of it. */
  skip(timeMs: number): void;
  /** A bucket without a value: fills `last` (expected, lower, upper; ratio if that is an anomaly by itself). */
  gap(timeMs: number): void;
  /** The last values stayed out of line for so long that they are the new normal: take them as the level. */
  relearn(): void;
  describe(): string;
}

export function emptyAssessment(): Assessment {
  return {
    expected: Number.NaN,
    lower: Number.NaN,
    upper: Number.NaN,
    ratio: 0,
    fresh: 0,
    side: 0,
    cause: 'none',
    sigma: 0,
    detail: 0,
    ready: false,
  };
}

/** Fills an assessment from a symmetric band; a band of no width puts every other value infinitely far away, still in order. */
export function assessBand(last: Assessment, value: number, expected: number, sigma: number, k: number, ready: boolean): void {
  const half = Math.max(k * sigma, resolution(expected));
  last.sigma = half / k;
  last.expected = expected;
  last.lower = expected - half;
  last.upper = expected + half;
  last.ready = ready;
  last.ratio = ready ? Math.abs(value - expected) / half : 0;
  last.fresh = last.ratio;
  last.side = value > expected ? 1 : value < expected ? -1 : 0;
  last.cause = 'value';
  last.detail = 0;
}

/** Differences of float arithmetic at this magnitude are not deviations. */
export function resolution(level: number): number {
  return Math.max(1e-9 * Math.abs(level), 1e-12);
}
