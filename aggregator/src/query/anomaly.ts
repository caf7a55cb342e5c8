// A query of kind anomaly: the metric over the range and its history, judged, ranked, framed. What is read, and how, is decided where
// metric queries are (the given `read`).

import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Turns } from '../hot/abort.js';
import type { AnomalyAsk, MetricAsk } from './ask.js';
import { alignDown } from './bucket.js';
import { anomalyFrame } from './anomaly-frames.js';
import type { DataFrame } from './data-frame.js';
import { groupKey } from './combine.js';
import type { Finished } from './finish.js';
import { labelsOf, displayName } from './frames.js';
import { defaultHistoryMs, judgeFromMs, judgeSeries, type Episode, type Judged, type JudgedSeries } from './judge.js';
import { metricMeta, type MetricDetails } from './meta.js';
import type { Notice } from './plan.js';
import { QueryProblem } from './problem.js';
import { formatDuration } from './time-expression.js';

/** Series of one query: as many as a person can be shown, and a process can judge while others wait. */
export const MAX_JUDGED_SERIES = 1_000;
/** Series whose detector is described in the answer's meta. */
const MAX_DESCRIBED = 20;

/** A metric read whole. */
export interface SeriesRead {
  readonly details: MetricDetails;
  readonly finished: Finished;
  /** See situation.ts. */
  readonly finishedUntilMs: number;
}

export interface AnomalyInput {
  readonly def: Definition;
  readonly ask: AnomalyAsk;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  readonly turns: Turns;
  /** The bucket that the metric alone would get for this range. @throws QueryProblem */
  readonly bucketMsOf: (metric: MetricAsk) => number;
  /** @throws TidemarkError */
  readonly read: (metric: MetricAsk, range: { readonly fromMs: number; readonly toMs: number }) => Promise<SeriesRead>;
}

export interface AnomalyAnswer {
  readonly frame: DataFrame;
  readonly judged: Judged;
  readonly read: SeriesRead;
}

/** Verdicts for those who keep or export them, without a frame around. */
export interface JudgedQuery {
  /** End of the newest judged bucket; -Infinity: there is none. */
  readonly judgedUntilMs: number;
  readonly series: readonly {
    /** As a legend shows it. */
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly episodes: readonly Episode[];
    /** The newest finished bucket; null: none was judged. */
    readonly newest: { readonly value: number | null; readonly expected: number | null; readonly score: number } | null;
  }[];
}

export function judgedQuery(def: Definition, ask: AnomalyAsk, judged: Judged): JudgedQuery {
  const at = judged.timesMs.findLastIndex((time) => time < judged.judgedUntilMs);
  return {
    judgedUntilMs: judged.judgedUntilMs,
    series: judged.series.map((one) => {
      const labels = labelsOf(def, ask.metric, one.series);
      const score = at < 0 ? null : one.score[at];
      const newest = score === null ? null : { value: one.values[at], expected: one.expected[at], score };
      return { name: displayName(ask.metric, one.series, labels), labels, episodes: one.episodes, newest };
    }),
  };
}

/** @throws QueryProblem limit; what `read` throws */
export async function answerAnomaly(input: AnomalyInput): Promise<AnomalyAnswer> {
  const { def, ask, turns } = input;
  const bucketMs = input.bucketMsOf(ask.metric);
  const metric: MetricAsk = { ...ask.metric, bucketMs };
  const fromMs = alignDown(input.fromMs, bucketMs);
  const { read, startMs, shortened } = await readWithHistory(input, metric, bucketMs, fromMs);
  const { series, timesMs } = read.finished;
  if (series.length > MAX_JUDGED_SERIES) {
    throw new QueryProblem(
      'limit',
      'TOO_MANY_JUDGED',
      `${ask.at}: ${series.length} series were to be judged, at most ${MAX_JUDGED_SERIES} are.`,
      'Use filters, or group by fewer dimensions.',
      { refId: ask.refId, path: `${ask.at}.groupBy` },
    );
  }
  const all = await judgeSeries(timesMs, series, ask.detector, bucketMs, fromMs, read.finishedUntilMs, turns);
  const judged = { ...all, series: ranked(ask, all.series) };
  const notices: Notice[] = [...read.finished.notices, ...shortened];
  if (judged.series.length < all.series.length)
    notices.push({ severity: 'info', text: `${judged.series.length} of ${all.series.length} series are shown; the rest is left out.` });
  const { custom, ...meta } = metricMeta(read.details, notices);
  const anomaly = summary(def, ask, judged, startMs);
  return { frame: anomalyFrame(def, ask, judged, { ...meta, custom: { ...custom, anomaly } }), judged, read };
}

/** Many series over a long history are more than one query may read: then with less of it, and the answer says so. */
async function readWithHistory(
  input: AnomalyInput,
  metric: MetricAsk,
  bucketMs: number,
  fromMs: number,
): Promise<{ readonly read: SeriesRead; readonly startMs: number; readonly shortened: readonly Notice[] }> {
  const { def, ask, nowMs } = input;
  const toMs = Math.max(fromMs + bucketMs, Math.min(input.toMs, nowMs));
  const wantedMs = ask.historyMs ?? defaultHistoryMs(bucketMs);
  for (let historyMs = wantedMs; ; historyMs /= 2) {
    const longest = toMs - (def.query.maxBuckets - 1) * bucketMs;
    const startMs = Math.min(
      fromMs,
      Math.max(judgeFromMs(bucketMs, historyMs, fromMs, toMs, metric.window?.sizeMs ?? 0), alignDown(longest, bucketMs)),
    );
    try {
      const read = await input.read(metric, { fromMs: startMs, toMs: input.toMs });
      const shortened: Notice[] =
        historyMs === wantedMs
          ? []
          : [
              {
                severity: 'info',
                text: `So many series were judged by ${formatDuration(alignDown(historyMs, bucketMs))} of history instead of ${formatDuration(wantedMs)}.`,
              },
            ];
      return { read, startMs, shortened };
    } catch (error) {
      const tooMuch = error instanceof TidemarkError && error.errorClass === 'limit' && !error.code.startsWith('QUOTA_');
      if (!tooMuch || startMs >= fromMs || historyMs < 4 * bucketMs) throw error;
    }
  }
}

function ranked(ask: AnomalyAsk, series: readonly JudgedSeries[]): readonly JudgedSeries[] {
  const peak = (one: JudgedSeries): number => one.score.reduce<number>((most, score) => Math.max(most, score ?? 0), 0);
  const total = (one: JudgedSeries): number => one.values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const name = (one: JudgedSeries): string => groupKey(one.series.group);
  const byName = (a: JudgedSeries, b: JudgedSeries): number => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0);
  const key = ask.orderBy === 'score' ? peak : ask.orderBy === 'value' ? total : null;
  const scored = series.map((one) => ({ one, key: key === null ? 0 : key(one) }));
  const sign = ask.order === 'asc' ? 1 : -1;
  scored.sort((a, b) => sign * (a.key - b.key) || byName(a.one, b.one));
  const kept = scored.map(({ one }) => one);
  return ask.limit > 0 ? kept.slice(0, ask.limit) : kept;
}

/** `meta.custom.anomaly`: what judged, from when on it learnt, and how much of the range it flagged. */
function summary(def: Definition, ask: AnomalyAsk, judged: Judged, learntFromMs: number): Record<string, unknown> {
  const flagged = (one: JudgedSeries): number => one.anomalous.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return {
    detector: ask.detector.detector ?? 'auto',
    learntFromMs,
    judgedUntilMs: Number.isFinite(judged.judgedUntilMs) ? judged.judgedUntilMs : null,
    series: judged.series.length,
    flagged: judged.series.reduce((sum, one) => sum + flagged(one), 0),
    episodes: judged.series.reduce((sum, one) => sum + one.episodes.length, 0),
    described: judged.series.slice(0, MAX_DESCRIBED).map((one) => {
      const labels = labelsOf(def, ask.metric, one.series);
      return {
        name: displayName(ask.metric, one.series, labels),
        labels,
        detector: one.detector,
        flagged: flagged(one),
        episodes: one.episodes.length,
      };
    }),
  };
}
