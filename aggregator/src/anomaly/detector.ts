// What a detector is: the contract between the detectors and everything that shows, stores or alerts on their verdicts.
// Invariant: a verdict uses only the values pushed before it and its own; batch detection is a loop over `push`.
// A detector's state belongs to one series and is changed by `push` alone.

export type DetectorName = 'auto' | 'zscore' | 'robust' | 'ewma' | 'seasonal' | 'shift' | 'missing';
export type Direction = 'both' | 'up' | 'down';
export type Sensitivity = 'low' | 'medium' | 'high';
export type SeasonName = 'auto' | 'none' | 'day' | 'daytype' | 'week';

/** A time in which nothing is flagged and nothing is learnt. Half open. */
export type MaintenanceWindow =
  | { readonly fromMs: number; readonly toMs: number }
  /** Each week, in the detector's time zone. Days: 0 is Sunday. Minutes since local midnight; to may pass midnight. */
  | { readonly days: readonly number[]; readonly fromMinute: number; readonly toMinute: number };

export interface DetectorOptions {
  /** @default 'auto' */
  readonly detector?: DetectorName;
  /** Which side of the expected value counts. @default 'both' */
  readonly direction?: Direction;
  /** `auto`: false alarms accepted a week (0.3, 1, 3). Others: the band is 1.5, 1 or 0.75 times as wide. @default 'medium' */
  readonly sensitivity?: Sensitivity;
  /** Half the band's width in standard deviations (all but `auto` and `missing`). @default 3; robust 3.5, seasonal and shift 4 */
  readonly k?: number;
  /** Trailing window of `zscore` and `robust`, the time constant of `ewma`, the compared stretch of `shift`. At least 12 buckets. @default 600000 */
  readonly windowMs?: number;
  /** Never flag a value closer than this to the expected one. @default 0 */
  readonly minDeviation?: number;
  /** The same as a part of |expected|: 0.2 is 20 %. @default 0 */
  readonly minRelative?: number;
  /** Values seen before the first verdict. @default 12; auto 16, seasonal one day */
  readonly minSamples?: number;
  /** Sparse counts: never flag while value and expected are both below it. @default 0 */
  readonly minCount?: number;
  /** Flag only the n-th bucket in a row that is out of line. @default 1 */
  readonly consecutive?: number;
  /** An open episode ends when the ratio to the alarm line falls below this, in (0, 1]. @default 0.7 */
  readonly recovery?: number;
  /** `seasonal` and `auto`. @default 'auto' */
  readonly season?: SeasonName;
  /** IANA name; rhythms follow its local time through daylight saving. @default 'UTC' */
  readonly timeZone?: string;
  /** Local dates `YYYY-MM-DD`, treated as days off. @default [] */
  readonly holidays?: readonly string[];
  readonly maintenance?: readonly MaintenanceWindow[];
  /**
   * `episode`: flagged as long as the value is out of line. `fade`: flagged at the onset and when it gets worse; what goes on
   * unchanged stops being flagged after a few buckets (`since` still tells that the episode is open). @default 'episode'; auto 'fade', but for `consecutive` beyond 1
   */
  readonly hold?: 'episode' | 'fade';
  /** Buckets in a row out of line after which the new level is accepted as normal. @default 60; auto 24 */
  readonly relearnAfter?: number;
  /** `missing`: buckets without a value before it is flagged. `auto` learns how long this series' normal gaps are. @default 2 */
  readonly missingAfter?: number;
}

export interface SeriesMeta {
  /** Bucket length; when it is left out it is learnt from the times. */
  readonly bucketMs?: number;
}

export interface Verdict {
  /** null before the detector has seen enough. */
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** [0, 1), 0.5 is the alarm line for every detector; see docs/anomaly-score.md. */
  readonly score: number;
  readonly anomalous: boolean;
  /** In plain words, '' for a value in line. */
  readonly reason: string;
  /** Epoch ms at which the open episode began, null when the series is in line. */
  readonly since: number | null;
}

export interface StreamingDetector {
  /**
   * Judges the next row and learns from it.
   * @param timeMs epoch ms; repeated and earlier times are taken as the next row all the same
   * @param value null, NaN and infinities are a bucket without a value
   */
  push(timeMs: number, value: number | null): Verdict;
  /** What the detector is and, for `auto`, what it chose for this series and why, in plain words. */
  describe(): string;
}
