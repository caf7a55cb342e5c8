// `npm run bench:anomaly`: every detector at its defaults over the labelled corpus, in one run, and what judging costs.
// Precision counts alarm episodes, recall counts windows; the first 15 % of each series are history and are not scored.

import { backtest } from '../../aggregator/src/anomaly/backtest.js';
import { createDetector, detectSeries } from '../../aggregator/src/anomaly/detect.js';
import type { DetectorName, DetectorOptions } from '../../aggregator/src/anomaly/detector.js';
import { Figures } from '../harness/figure.js';
import { corpus, type CorpusSeries } from './corpus.js';
import { Random } from './random.js';
import { corpusScore, probationRows, scoreSeries, type SeriesScore } from './window-score.js';

const WEEK_MS = 7 * 86_400_000;
const COMPARED: readonly DetectorName[] = ['auto', 'zscore', 'robust', 'ewma', 'seasonal', 'shift', 'missing'];

interface Outcome {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Mean rows from an anomaly's begin to its first flagged row, of those found after their begin. */
  readonly delayRows: number;
  readonly falseAlarmsPerSeriesWeek: number;
  readonly cleanFalseAlarmsPerSeriesWeek: number;
  /** 0 silent, 100 perfect, see window-score.ts. */
  readonly windowScore: number;
}

function judge(series: readonly CorpusSeries[], options: DetectorOptions): Outcome {
  const scores: SeriesScore[] = [];
  let windows = 0;
  let found = 0;
  let alarms = 0;
  let falseAlarms = 0;
  let cleanFalseAlarms = 0;
  let weeks = 0;
  let cleanWeeks = 0;
  let delays = 0;
  let delayed = 0;
  for (const one of series) {
    const verdicts = detectSeries(one.timesMs, one.values, { ...options, timeZone: one.timeZone });
    const first = probationRows(one.timesMs.length);
    const anomalous = verdicts.anomalous.map((flag, i) => (i < first ? 0 : flag));
    const labels = one.windows.map(([from, to]) => ({ fromMs: one.timesMs[from], toMs: one.timesMs[to] }));
    const report = backtest(one.timesMs, anomalous, labels);
    const scored = ((one.timesMs.length - first) * one.bucketMs) / WEEK_MS;
    windows += report.windows;
    found += report.found;
    alarms += report.alarms;
    falseAlarms += report.falseAlarms;
    weeks += scored;
    if (one.windows.length === 0) {
      cleanFalseAlarms += report.falseAlarms;
      cleanWeeks += scored;
    }
    one.onsets.forEach((onset, i) => {
      const hit = anomalous.indexOf(1, onset);
      if (hit < 0 || hit > one.windows[i][1]) return;
      delays += hit - onset;
      delayed++;
    });
    scores.push(scoreSeries(one, anomalous));
  }
  const precision = alarms === 0 ? 0 : (alarms - falseAlarms) / alarms;
  const recall = found / windows;
  return {
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    delayRows: delayed === 0 ? 0 : delays / delayed,
    falseAlarmsPerSeriesWeek: falseAlarms / weeks,
    cleanFalseAlarmsPerSeriesWeek: cleanFalseAlarms / cleanWeeks,
    windowScore: corpusScore(scores),
  };
}

/** A day of minutes: rhythm, noise, now and then a spike. */
function dayOfMinutes(seed: number): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: 1440 }, (_, i) => {
    const rhythm = 100 + 50 * Math.sin((i / 1440) * 2 * Math.PI + seed);
    return rhythm + 8 * random.normal() + (random.uniform() < 0.001 ? 200 : 0);
  });
}

function cpuSecondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
}

const figures = new Figures('anomaly');
const series = corpus();
const outcomes = new Map<DetectorName, Outcome>();
process.stdout.write(`${series.length} series, ${series.filter((one) => one.windows.length === 0).length} of them clean\n\n`);
process.stdout.write('detector  precision  recall     F1  delay rows  false/week  clean/week  window score\n');
for (const detector of COMPARED) {
  const outcome = judge(series, { detector });
  outcomes.set(detector, outcome);
  const columns = [
    outcome.precision.toFixed(3).padStart(9),
    outcome.recall.toFixed(3).padStart(6),
    outcome.f1.toFixed(3).padStart(5),
    outcome.delayRows.toFixed(1).padStart(10),
    outcome.falseAlarmsPerSeriesWeek.toFixed(2).padStart(10),
    outcome.cleanFalseAlarmsPerSeriesWeek.toFixed(2).padStart(10),
    outcome.windowScore.toFixed(1).padStart(12),
  ];
  process.stdout.write(`${detector.padEnd(8)}  ${columns.join('  ')}\n`);
  figures.add(`anomaly_${detector}_precision`, outcome.precision, 'ratio');
  figures.add(`anomaly_${detector}_recall`, outcome.recall, 'ratio');
  figures.add(`anomaly_${detector}_f1`, outcome.f1, 'ratio');
  figures.add(`anomaly_${detector}_delay_rows`, outcome.delayRows, 'rows');
  figures.add(`anomaly_${detector}_false_alarms`, outcome.falseAlarmsPerSeriesWeek, 'per_series_week');
  figures.add(`anomaly_${detector}_clean_false_alarms`, outcome.cleanFalseAlarmsPerSeriesWeek, 'per_series_week');
  figures.add(`anomaly_${detector}_window_score`, outcome.windowScore, 'points');
}

const days = Array.from({ length: 1000 }, (_, i) => dayOfMinutes(i));
const times = Float64Array.from({ length: 1440 }, (_, i) => Date.UTC(2026, 1, 16) + i * 60_000);
figures.add(
  'anomaly_auto_1000_series_1440_points',
  cpuSecondsOf(() => {
    for (const values of days) detectSeries(times, values);
  }),
  'cpu_s',
);
for (const detector of ['auto', 'zscore', 'robust', 'ewma'] as const) {
  const seconds = cpuSecondsOf(() => {
    for (const values of days.slice(0, 300)) {
      const stream = createDetector({ detector });
      for (let i = 0; i < times.length; i++) stream.push(times[i], values[i]);
    }
  });
  figures.add(`anomaly_${detector}_stream`, (seconds * 1e6) / (300 * 1440), 'cpu_us_per_point');
}
const auto = outcomes.get('auto');
const plain = outcomes.get('zscore');
if (auto === undefined || plain === undefined) throw new Error('auto and zscore were not judged');
figures.add('anomaly_auto_f1_over_zscore', auto.f1 / plain.f1, 'times');
figures.publish({ series: series.length, threshold: 0.5 });
