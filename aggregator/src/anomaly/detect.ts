// The way in: a streaming detector for a series, and the batch form, which is a loop over it.

import { AutoBaseline } from './auto/auto-baseline.js';
import type { Baseline } from './baseline.js';
import { Calendar } from './calendar.js';
import type { DetectorOptions, SeriesMeta, StreamingDetector } from './detector.js';
import { Ewma } from './ewma.js';
import { Judge } from './judge.js';
import { LevelShift } from './level-shift.js';
import { Missing } from './missing.js';
import { resolveOptions, type ResolvedOptions } from './options.js';
import { Robust } from './robust.js';
import { RollingZscore } from './rolling-zscore.js';
import { Seasonal } from './seasonal.js';

/** The batch form's answer; one entry per row, in the rows' order. Numbers are NaN where a verdict has null. */
export interface SeriesVerdicts {
  readonly expected: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly score: Float64Array;
  /** 1 where anomalous. */
  readonly anomalous: Uint8Array;
  /** '' where nothing is to be said. */
  readonly reason: readonly string[];
  /** Begin of the open episode, NaN where the series is in line. */
  readonly sinceMs: Float64Array;
  /** What judged, and for `auto` what it chose by the end of the series. */
  readonly detector: string;
}

function baselineOf(options: ResolvedOptions, calendar: Calendar, meta: SeriesMeta): Baseline {
  switch (options.detector) {
    case 'zscore':
      return new RollingZscore(options);
    case 'robust':
      return new Robust(options);
    case 'ewma':
      return new Ewma(options, meta.bucketMs);
    case 'seasonal':
      return new Seasonal(options, calendar, meta.bucketMs);
    case 'shift':
      return new LevelShift(options, meta.bucketMs);
    case 'missing':
      return new Missing(options, meta.bucketMs);
    case 'auto':
      return new AutoBaseline(options, calendar, meta.bucketMs);
  }
}

function judgeOf(options: DetectorOptions, meta: SeriesMeta): Judge {
  const resolved = resolveOptions(options);
  const calendar = new Calendar(resolved.timeZone, resolved.holidays, resolved.maintenance);
  return new Judge(baselineOf(resolved, calendar, meta), resolved, calendar);
}

/** @throws TidemarkError ANOMALY_OPTION */
export function createDetector(options: DetectorOptions = {}, meta: SeriesMeta = {}): StreamingDetector {
  return judgeOf(options, meta);
}

/**
 * Judges a whole series, each row from the rows before it.
 * @param times epoch ms, one per row
 * @param values null or NaN for a bucket without a value
 * @throws TidemarkError ANOMALY_OPTION
 */
export function detectSeries(
  times: ArrayLike<number>,
  values: ArrayLike<number | null>,
  options: DetectorOptions = {},
  meta: SeriesMeta = {},
): SeriesVerdicts {
  const judge = judgeOf(options, meta);
  const n = times.length;
  const expected = new Float64Array(n);
  const lower = new Float64Array(n);
  const upper = new Float64Array(n);
  const score = new Float64Array(n);
  const anomalous = new Uint8Array(n);
  const sinceMs = new Float64Array(n);
  const reason = new Array<string>(n).fill('');
  for (let i = 0; i < n; i++) {
    const time = times[i];
    judge.step(time, values[i] ?? Number.NaN);
    expected[i] = judge.expected;
    lower[i] = judge.lower;
    upper[i] = judge.upper;
    score[i] = judge.score;
    anomalous[i] = judge.anomalous ? 1 : 0;
    sinceMs[i] = judge.sinceMs;
    if (judge.hasReason) reason[i] = judge.reason(time);
  }
  return { expected, lower, upper, score, anomalous, reason, sinceMs, detector: judge.describe() };
}
