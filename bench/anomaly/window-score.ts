// The score of the Numenta Anomaly Benchmark (Lavin and Ahmad, 'Evaluating Real-time Anomaly Detection Algorithms', 2015), written
// from its description: each labelled window is worth one point at most, more when it is found early; each flagged row outside
// costs, less right after a window; a missed window costs a point. 0 is a silent detector, 100 a perfect one.

export interface LabelledSeries {
  readonly name: string;
  readonly timesMs: readonly number[];
  readonly values: readonly (number | null)[];
  /** Row numbers, inclusive; disjoint and ascending. */
  readonly windows: readonly (readonly [number, number])[];
}

/** The standard profile. */
const FALSE_POSITIVE = 0.11;
/** The first 15 % of a series, of at most 5,000 rows, are not scored. */
const PROBATION = 0.15;

export function probationRows(rows: number): number {
  return Math.floor(PROBATION * Math.min(rows, 5000));
}

function sigmoid(position: number): number {
  return position >= 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

export interface SeriesScore {
  readonly raw: number;
  readonly windows: number;
  readonly found: number;
  readonly falseRows: number;
  /** Runs of flagged rows outside windows, two runs being apart by more than 12 rows. */
  readonly falseEpisodes: number;
}

export function scoreSeries(series: LabelledSeries, flagged: ArrayLike<number>): SeriesScore {
  const first = probationRows(series.timesMs.length);
  const best = sigmoid(-1);
  let raw = 0;
  let found = 0;
  let counted = 0;
  const inside = new Uint8Array(flagged.length);
  for (const [from, to] of series.windows) {
    inside.fill(1, from, to + 1);
    if (to < first) continue;
    counted++;
    let hit = -1;
    for (let i = Math.max(from, first); i <= to && hit < 0; i++) if (flagged[i] === 1) hit = i;
    if (hit < 0) raw -= 1;
    else {
      raw += sigmoid(-(to - hit + 1) / (to - from + 1)) / best;
      found++;
    }
  }
  let falseRows = 0;
  let falseEpisodes = 0;
  let lastFalse = Number.NEGATIVE_INFINITY;
  let window = -1;
  for (let i = first; i < flagged.length; i++) {
    while (window + 1 < series.windows.length && series.windows[window + 1][1] < i) window++;
    if (flagged[i] !== 1 || inside[i] === 1) continue;
    const before = window >= 0 ? series.windows[window] : null;
    const position = before === null ? 3 : (i - before[1]) / Math.max(1, before[1] - before[0]);
    raw += FALSE_POSITIVE * sigmoid(position);
    falseRows++;
    if (i - lastFalse > 12) falseEpisodes++;
    lastFalse = i;
  }
  return { raw, windows: counted, found, falseRows, falseEpisodes };
}

/** Over a corpus: 100 × (raw - raw of silence) / (perfect - raw of silence). */
export function corpusScore(scores: readonly SeriesScore[]): number {
  let raw = 0;
  let windows = 0;
  for (const score of scores) {
    raw += score.raw;
    windows += score.windows;
  }
  return (100 * (raw + windows)) / (2 * windows);
}
