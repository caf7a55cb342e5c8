// What is said about a point of a series, as data: value, expected range, score, reason. The panels' tooltips and what a screen reader
// hears are made of the same words. Pure.

import { formattedValueToString, type DisplayProcessor } from '@grafana/data';
import { isAnomalous } from '../frames/regions';
import type { Series } from '../frames/series-set';

export interface PointWords {
  readonly name: string;
  readonly value: string;
  /** `5 to 15`; null: no range known. */
  readonly expected: string | null;
  readonly anomalous: boolean;
  readonly reason: string | null;
  readonly score: string | null;
  readonly unfinished: boolean;
}

export interface TooltipRow extends PointWords {
  readonly key: number;
  readonly color: string;
  readonly focused: boolean;
}

export interface TooltipContent {
  readonly timeMs: number;
  readonly rows: readonly TooltipRow[];
  /** Series that have a value but found no room. */
  readonly hidden: number;
  readonly unfinished: boolean;
}

export interface Point {
  readonly series: Series;
  readonly index: number;
  readonly timeMs: number;
  readonly display: DisplayProcessor;
}

export function pointWords({ series, index, timeMs, display }: Point): PointWords {
  const say = (value: unknown): string | null => (typeof value === 'number' ? formattedValueToString(display(value)) : null);
  const [lower, upper] = [say(series.lower?.[index]), say(series.upper?.[index])];
  const reason = series.reason?.[index];
  const score = series.score?.[index];
  const anomalous = isAnomalous(series.anomalous?.[index]);
  return {
    name: series.name,
    value: say(series.values[index]) ?? 'no value',
    expected: lower !== null && upper !== null ? `${lower} to ${upper}` : say(series.expected?.[index]),
    anomalous,
    reason: typeof reason === 'string' && reason !== '' ? reason : null,
    score: anomalous && typeof score === 'number' ? Number(score.toFixed(2)).toString() : null,
    unfinished: series.partialFromMs !== null && timeMs >= series.partialFromMs,
  };
}

/** One sentence for those who hear it. */
export function spoken(words: PointWords, time: string): string {
  return [
    `${words.name}, ${time}: ${words.value}`,
    words.expected === null ? '' : `expected ${words.expected}`,
    words.anomalous ? 'anomalous' : '',
    words.reason ?? '',
    words.unfinished ? 'not finished yet' : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
