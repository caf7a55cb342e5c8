// The one scale of all detectors. A detector says how far a point is in multiples of its own alarm line; the score is that
// ratio on a scale from 0 to 1. Invariant: strictly increasing, 0.5 exactly at the line, and it does not saturate in a float64.

const LN2 = Math.LN2;

/**
 * score = ln(1 + r) / (ln(1 + r) + ln 2), r the ratio to the alarm line.
 * r = 1 gives 0.5, r = 3 gives 2/3, r = 1e6 gives 0.952, r = 1e300 gives 0.999.
 * @param ratio ≥ 0; infinity is taken as the largest float64
 */
export function scoreOf(ratio: number): number {
  if (!(ratio > 0)) return 0;
  const l = Math.log1p(Math.min(ratio, Number.MAX_VALUE));
  return l / (l + LN2);
}

/** The ratio to the alarm line that a score stands for. */
export function ratioOf(score: number): number {
  return Math.expm1((LN2 * score) / (1 - score));
}

/** A point that is out of line but must not be flagged (yet): in order among its like, always below 0.5. */
export function withheldScore(ratio: number): number {
  return scoreOf(ratio) / 2;
}

/** A point of an open episode that has not recovered: in order among its like, always above 0.5. */
export function heldScore(ratio: number): number {
  const s = scoreOf(ratio);
  return s < 0.5 ? 0.5 + 0.001 * s : s + 0.001 * (1 - s);
}
