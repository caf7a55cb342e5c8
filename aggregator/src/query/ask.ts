// A query after its names were looked up: everything by index, ready for the planner. Made by resolve.ts, read by the
// planner, by execution and by the frames; never changed.

import type { DetectorOptions } from '../anomaly/detector.js';
import type { Measure } from '../definition/model.js';
import type { Filter, Output } from './tier-read.js';

/** How a number is made of a read's outputs. A missing or zero divisor gives no value. */
export type Formula =
  | { readonly op: 'output'; readonly output: number }
  | { readonly op: 'divide'; readonly numerator: Formula; readonly denominator: Formula };

/** One number per group and bucket that the query wants. */
export interface Stat {
  /** `value`, or `p95` and the like. */
  readonly name: string;
  readonly formula: Formula;
  /** count, sum, unique: no event means 0, not 'unknown'. */
  readonly zeroWhenEmpty: boolean;
  /** Buckets of a series may be added to rank it; otherwise their mean ranks it. */
  readonly additive: boolean;
}

export interface SlidingWindow {
  readonly sizeMs: number;
  readonly slideMs: number;
}

export type Format = 'timeseries' | 'table' | 'heatmap' | 'total';
export type Fill = 'auto' | 'null' | 'zero' | 'previous' | 'none';

export interface MetricAsk {
  readonly kind: 'metric';
  readonly refId: string;
  /** Place in the request, e.g. `queries[0]`. */
  readonly at: string;
  readonly measure: Measure;
  readonly stats: readonly Stat[];
  /** What tiers are asked. Output 0 is always the plain count of events: it tells 'no event' from 'zero'. */
  readonly outputs: readonly Output[];
  /** Index into outputs of the histogram (heat maps of quantiles) or of the top items; -1 otherwise. */
  readonly histogram: number;
  readonly items: number;
  readonly groupBy: readonly number[];
  readonly filters: readonly Filter[];
  readonly format: Format;
  /** null: chosen from the range and maxDataPoints. */
  readonly bucketMs: number | null;
  readonly window: SlidingWindow | null;
  /** 0: no limit given. */
  readonly limit: number;
  readonly orderBy: 'value' | 'name';
  readonly order: 'desc' | 'asc';
  readonly compare: { readonly shiftMs: number; readonly text: string } | null;
  readonly fill: Fill;
  readonly legend: string;
  readonly maxDataPoints: number;
}

export interface EventsAsk {
  readonly kind: 'events';
  readonly refId: string;
  readonly at: string;
  /** Components of the measure whose events are listed; empty: all events. */
  readonly components: readonly number[];
  readonly filters: readonly Filter[];
  readonly limit: number;
}

export interface ValuesAsk {
  readonly kind: 'values';
  readonly refId: string;
  readonly at: string;
  readonly dimension: number;
  readonly search: string;
  readonly limit: number;
}

/** Series of a metric, judged. */
export interface AnomalyAsk {
  readonly kind: 'anomaly';
  readonly refId: string;
  readonly at: string;
  /** One stat; no limit and no comparison of its own. */
  readonly metric: MetricAsk;
  readonly detector: DetectorOptions;
  /** null: by the bucket's length. */
  readonly historyMs: number | null;
  readonly fields: 'all' | 'score' | 'anomalous';
  /** timeseries: per bucket; total: the newest finished bucket; table: the episodes. */
  readonly format: 'timeseries' | 'total' | 'table';
  readonly orderBy: 'score' | 'value' | 'name';
  readonly order: 'desc' | 'asc';
  /** 0: no limit given. */
  readonly limit: number;
}

/** What watches have found. */
export interface AnnotationsAsk {
  readonly kind: 'annotations';
  readonly refId: string;
  readonly at: string;
  /** Names; empty: all. */
  readonly watches: readonly string[];
  readonly minScore: number;
  readonly limit: number;
}

/** Which values of which dimensions made a change. */
export interface ContributorsAsk {
  readonly kind: 'contributors';
  readonly refId: string;
  readonly at: string;
  readonly measure: Measure;
  /** The total by each dimension that is looked into. One stat each. */
  readonly metrics: readonly MetricAsk[];
  /** null: by the range's length. */
  readonly beforeMs: number | null;
  /** Values told of each dimension. */
  readonly limit: number;
}

export type Ask = MetricAsk | AnomalyAsk | ContributorsAsk | EventsAsk | ValuesAsk | AnnotationsAsk;
