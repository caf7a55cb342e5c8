// Series judged by a detector: how much history a verdict needs, the verdicts, and the episodes that they make. Panel, alert, live
// push and watches all judge here. Pure but for giving the event loop back.
// Invariant: only finished buckets are judged, and what is judged does not hang on where the asked range begins, so that a panel of a
// day and an alert rule of ten minutes say the same of the same bucket.

import { detectSeries } from '../anomaly/detect.js';
import type { DetectorOptions } from '../anomaly/detector.js';
import type { Turns } from '../hot/abort.js';
import { alignDown } from './bucket.js';
import type { Series } from './finish.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time-expression.js';

/** Numbers are null where nothing is judged. One entry per time of the answer. */
export interface JudgedSeries {
  readonly series: Series;
  readonly values: readonly (number | null)[];
  readonly expected: readonly (number | null)[];
  readonly lower: readonly (number | null)[];
  readonly upper: readonly (number | null)[];
  readonly score: readonly (number | null)[];
  /** 0 or 1. */
  readonly anomalous: readonly (number | null)[];
  readonly reason: readonly (string | null)[];
  readonly episodes: readonly Episode[];
  /** What judged, in words. */
  readonly detector: string;
}

/** A stretch of one series that was out of line. */
export interface Episode {
  /** Start of its first bucket, which may lie before the answer's range, and end of its last, epoch ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The worst bucket's. */
  readonly peakMs: number;
  readonly value: number | null;
  readonly expected: number | null;
  readonly score: number;
  readonly reason: string;
  /** Still out of line in the newest judged bucket. */
  readonly open: boolean;
}

export interface Judged {
  readonly timesMs: readonly number[];
  readonly series: readonly JudgedSeries[];
  /** End of the newest judged bucket. */
  readonly judgedUntilMs: number;
}

/** Buckets of history below which a verdict is worth nothing. */
const LEAST_HISTORY = 32;

/** By bucket length: about 300 to 3,000 buckets, and no further back than buckets of the length stand ready. */
export function defaultHistoryMs(bucketMs: number): number {
  if (bucketMs % (10 * SECOND_MS) !== 0) return 5 * MINUTE_MS;
  if (bucketMs % MINUTE_MS !== 0) return HOUR_MS;
  if (bucketMs < 5 * MINUTE_MS) return 2 * DAY_MS;
  if (bucketMs < 15 * MINUTE_MS) return 7 * DAY_MS;
  if (bucketMs < HOUR_MS) return 14 * DAY_MS;
  return bucketMs < DAY_MS ? 28 * DAY_MS : 364 * DAY_MS;
}

/**
 * Where judging begins: on a grid as wide as the history, so that it stays there while ranges move and differ.
 * @param toMs end of the range, at most now
 * @returns between one and two histories before `toMs`, and at least a quarter of one before `fromMs`; aligned to the bucket
 */
export function judgeFromMs(bucketMs: number, historyMs: number, fromMs: number, toMs: number, windowMs: number): number {
  const history = Math.max(historyMs, LEAST_HISTORY * bucketMs);
  const latest = fromMs - Math.max(history / 4, windowMs, LEAST_HISTORY * bucketMs);
  let start = alignDown(toMs, history) - history;
  while (start > latest) start -= history;
  return alignDown(start, bucketMs);
}

/**
 * @param timesMs of all values, history included, ascending by bucketMs
 * @param fromMs where the answer begins
 * @param finishedUntilMs buckets that end later are not judged
 */
export async function judgeSeries(
  timesMs: readonly number[],
  series: readonly Series[],
  options: DetectorOptions,
  bucketMs: number,
  fromMs: number,
  finishedUntilMs: number,
  turns: Turns,
): Promise<Judged> {
  const closed = timesMs.findIndex((time) => time + bucketMs > finishedUntilMs);
  const judgeable = closed < 0 ? timesMs.length : closed;
  const begin = timesMs.findIndex((time) => time >= fromMs);
  const first = begin < 0 ? timesMs.length : begin;
  const judged: JudgedSeries[] = [];
  for (const one of series) {
    judged.push(judgeOne(timesMs, one, options, bucketMs, first, judgeable));
    if (turns.due) await turns.yield();
  }
  return {
    timesMs: timesMs.slice(first),
    series: judged,
    judgedUntilMs: judgeable === 0 ? Number.NEGATIVE_INFINITY : timesMs[judgeable - 1] + bucketMs,
  };
}

function judgeOne(
  timesMs: readonly number[],
  series: Series,
  options: DetectorOptions,
  bucketMs: number,
  first: number,
  judgeable: number,
): JudgedSeries {
  const times = timesMs.slice(0, judgeable);
  // What was never seen is no gap: a series begins with its first value.
  const start = series.values.findIndex((value) => value !== null);
  const from = start < 0 ? judgeable : Math.min(start, judgeable);
  const verdicts = detectSeries(times.slice(from), series.values.slice(from, judgeable), options, { bucketMs });
  const at = <T>(index: number, pick: (row: number) => T): T | null => (index >= from && index < judgeable ? pick(index - from) : null);
  const column = (numbers: ArrayLike<number>): (number | null)[] =>
    rows.map((index) => at(index, (row) => (Number.isFinite(numbers[row]) ? numbers[row] : null)));
  const rows = Array.from({ length: timesMs.length - first }, (_, i) => first + i);
  const episodes = episodesOf(times.slice(from), series.values.slice(from, judgeable), verdicts, bucketMs);
  return {
    series,
    values: series.values.slice(first),
    expected: column(verdicts.expected),
    lower: column(verdicts.lower),
    upper: column(verdicts.upper),
    score: column(verdicts.score),
    anomalous: column(verdicts.anomalous),
    reason: rows.map((index) => at(index, (row) => (verdicts.reason[row] === '' ? null : verdicts.reason[row]))),
    episodes: episodes.filter((episode) => first < timesMs.length && episode.toMs > timesMs[first]),
    detector: verdicts.detector,
  };
}

/** Rows that share the beginning of an open episode are one; each has a flagged row, or it is none. */
function episodesOf(
  times: readonly number[],
  values: readonly (number | null)[],
  verdicts: ReturnType<typeof detectSeries>,
  bucketMs: number,
): Episode[] {
  const episodes: Episode[] = [];
  const { sinceMs, anomalous, score, expected, reason } = verdicts;
  for (let row = 0; row < times.length;) {
    if (Number.isNaN(sinceMs[row]) && anomalous[row] === 0) {
      row++;
      continue;
    }
    const since = sinceMs[row];
    let end = row + 1;
    while (end < times.length && sinceMs[end] === since) end++;
    let peak = -1;
    for (let i = row; i < end; i++) if (anomalous[i] === 1 && (peak < 0 || score[i] > score[peak])) peak = i;
    if (peak >= 0) {
      episodes.push({
        fromMs: Number.isNaN(since) ? times[row] : Math.min(since, times[row]),
        toMs: times[end - 1] + bucketMs,
        peakMs: times[peak],
        value: values[peak],
        expected: Number.isFinite(expected[peak]) ? expected[peak] : null,
        score: score[peak],
        reason: reason[peak],
        open: end === times.length,
      });
    }
    row = end;
  }
  return episodes;
}
