// The router's decision, pure: from what is asked, the definition, what each tier holds and the clock, to TierReads.
// Invariants: every bucket is answered by exactly one read; a boundary never lies inside a bucket; hot is never asked for
// a moment that it does not hold completely. When in doubt cold answers: slower, never wrong.

import type { Definition } from '../definition/model.js';
import { earliestHotMs, resolutionFor, type HotShape } from '../hot/resolution.js';
import type { MetricAsk } from './ask.js';
import {
  alignDown,
  alignUp,
  autoBucket,
  bucketCount,
  finestKeptMs,
  keptForMs,
  readyForMs,
  smallestBucket,
  totalStepMs,
  type BucketNeeds,
} from './bucket.js';
import type { Notice, Plan, PlannedPart, PlannedRange, ReadSpec } from './plan.js';
import { QueryProblem } from './problem.js';
import type { Coverage } from './tier-read.js';
import { formatDuration, HOUR_MS, MINUTE_MS, SECOND_MS } from './time-expression.js';

export interface PlanInput {
  readonly def: Definition;
  readonly tenant: string;
  readonly ask: MetricAsk;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  /** The hot tier's; null: it cannot be asked, for the reason given. */
  readonly coverage: Coverage | null;
  readonly hotReason: string;
}

/** @throws QueryProblem when no plan can keep to the limits, or no grouping holds what is asked */
export function planQuery(input: PlanInput): Plan {
  const { ask } = input;
  const total = ask.format === 'total' || (ask.format === 'table' && ask.bucketMs === null);
  const notices: Notice[] = [];
  const bucketMs = total ? 0 : chooseBucket(input, notices);
  const windowSizeMs = total ? null : (ask.window?.sizeMs ?? null);
  if (total && ask.window !== null) {
    notices.push({
      severity: 'info',
      text: `A total covers the whole range: the window of ${formatDuration(ask.window.sizeMs)} does not apply.`,
    });
  }
  const router = new Router(input, bucketMs, windowSizeMs);
  const main = router.range(0);
  if (main.parts.length === 0) notices.push({ severity: 'info', text: 'The range lies in the future.' });
  const oldest = input.nowMs - keptForMs(input.def, bucketMs === 0 ? finestKeptMs(input.def, input.nowMs - main.fromMs) : bucketMs);
  if (main.fromMs < oldest - bucketMs) {
    notices.push({
      severity: 'warning',
      text: `Data in buckets of ${formatDuration(bucketMs === 0 ? SECOND_MS : bucketMs)} is kept since ${new Date(oldest).toISOString()}; before it there is none.`,
    });
  }
  const compare = ask.compare === null ? null : { shiftMs: ask.compare.shiftMs, range: router.range(ask.compare.shiftMs) };
  return { bucketMs, windowSizeMs, main, compare, notices, hotUnused: input.coverage === null ? input.hotReason : router.hotUnused };
}

function chooseBucket(input: PlanInput, notices: Notice[]): number {
  const { def, ask, fromMs, toMs, nowMs } = input;
  const slideMs = ask.window?.slideMs ?? SECOND_MS;
  const maxBuckets = def.query.maxBuckets;
  const needs: BucketNeeds = { fromMs, toMs, maxBuckets, multipleOfMs: slideMs, dividesMs: ask.compare?.shiftMs ?? 0 };
  const fail = (code: string, field: string, message: string, remedy: string): QueryProblem => {
    const path = `${ask.at}.${field}`;
    return new QueryProblem(code === 'TOO_MANY_BUCKETS' ? 'limit' : 'invalid', code, `${path}: ${message}`, remedy, {
      refId: ask.refId,
      path,
    });
  };
  const smallest = smallestBucket(needs);
  if (ask.bucketMs === null) {
    const oldestMs = fromMs - (ask.compare?.shiftMs ?? 0);
    const chosen = autoBucket(
      needs,
      Math.min(ask.maxDataPoints, maxBuckets),
      (length) => alignDown(oldestMs, length) >= nowMs - readyForMs(def, length) - length,
    );
    if (chosen !== null) return chosen;
    throw fail(
      'TOO_MANY_BUCKETS',
      'compareWith',
      `no bucket of at most ${maxBuckets} per query divides the shift ${ask.compare?.text ?? ''}.`,
      'Use a shorter range or a rounder shift such as 1d.',
    );
  }
  const bucketMs = ask.bucketMs;
  const text = formatDuration(bucketMs);
  if (bucketMs % slideMs !== 0) {
    throw fail(
      'BUCKET_SLIDE',
      'bucket',
      `${text} is not a multiple of the window's slide of ${formatDuration(slideMs)}.`,
      `Use ${formatDuration(alignUp(bucketMs, slideMs))}, or window: 'none'.`,
    );
  }
  if (ask.compare !== null && ask.compare.shiftMs % bucketMs !== 0) {
    throw fail(
      'COMPARE_SHIFT',
      'compareWith',
      `${ask.compare.text} is not a multiple of the bucket of ${text}.`,
      'Use a bucket that divides the shift.',
    );
  }
  const count = bucketCount(fromMs, toMs, bucketMs);
  if (count > maxBuckets) {
    const allowed =
      smallest === null ? 'Use a shorter range.' : `Use bucket ${formatDuration(smallest)} or longer, auto, or a shorter range.`;
    throw fail('TOO_MANY_BUCKETS', 'bucket', `${count} buckets of ${text} were asked, at most ${maxBuckets} are answered.`, allowed);
  }
  if (bucketMs % MINUTE_MS !== 0 && toMs - fromMs > 24 * HOUR_MS) {
    notices.push({ severity: 'info', text: `Buckets of ${text} over more than a day are made of raw events; whole minutes are faster.` });
  }
  return bucketMs;
}

/** Cuts a range between the tiers. One per query: main range and comparison follow the same rules. */
class Router {
  readonly #input: PlanInput;
  readonly #bucketMs: number;
  readonly #windowSizeMs: number | null;
  readonly #coldGrouping: number;
  /** -1: no hot grouping holds what is asked. */
  readonly #hotGrouping: number;
  readonly #addable: boolean;
  readonly #shape: HotShape;
  hotUnused = '';

  constructor(input: PlanInput, bucketMs: number, windowSizeMs: number | null) {
    this.#input = input;
    this.#bucketMs = bucketMs;
    this.#windowSizeMs = windowSizeMs;
    const { def, ask } = input;
    const needed = new Set([...ask.groupBy, ...ask.filters.map((filter) => filter.dimension)]);
    this.#coldGrouping = smallestGrouping(def, needed, false);
    this.#hotGrouping = smallestGrouping(def, needed, true);
    if (this.#coldGrouping < 0) throw noGrouping(def, ask, needed);
    if (this.#hotGrouping < 0) this.hotUnused = 'No hot grouping holds these dimensions together.';
    const kinds = ask.outputs.map((output) => def.components[output.component].kind);
    this.#addable = !kinds.some((kind) => kind === 'unique' || kind === 'quantiles' || kind === 'top');
    this.#shape = { outputs: ask.outputs, bucketMs, windowSizeMs };
  }

  range(shiftMs: number): PlannedRange {
    const fromMs = this.#input.fromMs - shiftMs;
    const toMs = this.#input.toMs - shiftMs;
    return this.#bucketMs === 0 ? this.#total(fromMs, toMs) : this.#series(fromMs, toMs);
  }

  #series(fromMs: number, toMs: number): PlannedRange {
    const bucketMs = this.#bucketMs;
    const start = alignDown(fromMs, bucketMs);
    const end = Math.min(alignUp(toMs, bucketMs), alignDown(this.#input.nowMs, bucketMs) + bucketMs);
    if (end <= start) return { fromMs: start, toMs: start, parts: [], boundaryMs: null };
    const boundary = Math.max(start, this.#earliest());
    const windowed = this.#windowSizeMs !== null ? ', window and all' : '';
    return this.#cut(start, end, boundary, `held by the hot tier${windowed}`);
  }

  #total(fromMs: number, toMs: number): PlannedRange {
    const { nowMs, def } = this.#input;
    const byLength = totalStepMs(toMs - fromMs);
    const endAt = (stepMs: number): number => Math.min(alignUp(toMs, stepMs), alignDown(nowMs, stepMs) + stepMs);
    // Hot answers a range that it holds whole; a longer step may bring the range's start into a resolution kept longer.
    for (const stepMs of [SECOND_MS, 10 * SECOND_MS, MINUTE_MS]) {
      if (stepMs < byLength) continue;
      const start = alignDown(fromMs, stepMs);
      const end = endAt(stepMs);
      if (start < end && this.#holds(start, end)) return this.#cut(start, end, start, 'held by the hot tier');
    }
    const start = alignDown(fromMs, Math.max(byLength, finestKeptMs(def, nowMs - fromMs)));
    const end = endAt(byLength);
    if (end <= start) return { fromMs: start, toMs: start, parts: [], boundaryMs: null };
    // Beyond hot, what adds up may be cut; a sketch's total comes whole from cold.
    const boundary = this.#addable ? this.#earliest() : Infinity;
    return this.#cut(
      start,
      end,
      boundary < end && this.#holds(boundary, end) ? boundary : Infinity,
      'held by the hot tier; added to the cold part',
    );
  }

  /** Aligned to the bucket; of totals, to the pane. +Infinity: hot cannot answer. */
  #earliest(): number {
    const { def, coverage, nowMs } = this.#input;
    return coverage === null || this.#hotGrouping < 0 ? Infinity : earliestHotMs(def, this.#shape, coverage, nowMs);
  }

  #holds(fromMs: number, toMs: number): boolean {
    const { def, coverage, nowMs } = this.#input;
    return coverage !== null && this.#hotGrouping >= 0 && resolutionFor(def, this.#shape, fromMs, toMs, coverage, nowMs) !== null;
  }

  #cut(start: number, end: number, boundary: number, why: string): PlannedRange {
    const parts: PlannedPart[] = [];
    const cut = Math.min(Math.max(boundary, start), end);
    if (cut > start)
      parts.push({
        tier: 'cold',
        spec: this.#spec(this.#coldGrouping, start, cut),
        why: cut < end ? 'older than the hot tier holds' : this.#whyCold(boundary),
      });
    if (cut < end) parts.push({ tier: 'hot', spec: this.#spec(this.#hotGrouping, cut, end), why });
    return { fromMs: start, toMs: end, parts, boundaryMs: cut > start && cut < end ? cut : null };
  }

  #whyCold(boundary: number): string {
    if (this.#input.coverage === null) return `the hot tier cannot be asked: ${this.#input.hotReason}`;
    if (this.#hotGrouping < 0) return 'no hot grouping holds these dimensions together';
    if (this.#bucketMs === 0 && !this.#addable) return 'totals of sketches do not add up, and the range is longer than the hot tier holds';
    return Number.isFinite(boundary) ? 'every bucket begins before what the hot tier holds' : 'the hot tier does not hold this resolution';
  }

  #spec(grouping: number, fromMs: number, toMs: number): ReadSpec {
    const { def, ask, tenant } = this.#input;
    return {
      tenant,
      grouping,
      groupBy: ask.groupBy,
      filters: ask.filters,
      outputs: ask.outputs,
      fromMs,
      toMs,
      bucketMs: this.#bucketMs,
      windowSizeMs: this.#windowSizeMs,
      maxRows: def.query.maxRows,
    };
  }
}

/** Fewest dimensions first, then fewest possible series. -1: none. */
function smallestGrouping(def: Definition, needed: ReadonlySet<number>, hotOnly: boolean): number {
  const seriesOf = (dimensions: readonly number[]): number => dimensions.reduce((product, index) => product * def.dimensions[index].cap, 1);
  let best = -1;
  for (const grouping of def.groupings) {
    if (hotOnly && !grouping.hot) continue;
    if (![...needed].every((dimension) => grouping.dimensions.includes(dimension))) continue;
    if (best < 0) best = grouping.index;
    const winner = def.groupings[best];
    const shorter = grouping.dimensions.length - winner.dimensions.length;
    if (shorter < 0 || (shorter === 0 && seriesOf(grouping.dimensions) < seriesOf(winner.dimensions))) best = grouping.index;
  }
  return best;
}

function noGrouping(def: Definition, ask: MetricAsk, needed: ReadonlySet<number>): QueryProblem {
  const names = [...needed].sort((a, b) => a - b).map((index) => def.dimensions[index].name);
  const kept = def.groupings.map((grouping) => grouping.name).join('; ');
  const path = `${ask.at}.groupBy`;
  return new QueryProblem(
    'invalid',
    'NO_GROUPING',
    `${path}: no grouping keeps ${names.join(' and ')} together (groupBy and filters count). Kept: ${kept}.`,
    `Add [${names.join(', ')}] or all to the groupings in tidemark.yaml, or ask with fewer dimensions.`,
    { refId: ask.refId, path },
  );
}
