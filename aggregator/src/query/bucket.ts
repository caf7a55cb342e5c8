// Bucket lengths: which are offered, which one a range gets, and how far a range is aligned. Pure arithmetic on epoch ms.
// Buckets are aligned to the epoch in UTC, so that every query and every tier cuts time at the same places.

import type { Definition } from '../definition/model.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time-expression.js';

/** What `auto` chooses from. A week starts on Thursday: the epoch did. */
export const BUCKET_LADDER_MS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((s) => s * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((m) => m * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((h) => h * HOUR_MS),
  DAY_MS,
  7 * DAY_MS,
];

export function alignDown(timeMs: number, stepMs: number): number {
  return Math.floor(timeMs / stepMs) * stepMs;
}

export function alignUp(timeMs: number, stepMs: number): number {
  return Math.ceil(timeMs / stepMs) * stepMs;
}

/** Whole buckets that touch [fromMs, toMs). */
export function bucketCount(fromMs: number, toMs: number, bucketMs: number): number {
  return (alignUp(toMs, bucketMs) - alignDown(fromMs, bucketMs)) / bucketMs;
}

export interface BucketNeeds {
  readonly fromMs: number;
  readonly toMs: number;
  readonly maxBuckets: number;
  /** The bucket must be a multiple of this (a sliding window's slide); 1,000 where anything goes. */
  readonly multipleOfMs: number;
  /** The bucket must divide this (a comparison's shift); 0 where it need not. */
  readonly dividesMs: number;
}

/** Allowed bucket lengths, ascending: the ladder's, brought up to multiples of the slide, then weeks without end. */
function* candidates(needs: BucketNeeds): Generator<number> {
  const { multipleOfMs, dividesMs } = needs;
  let last = 0;
  for (const step of BUCKET_LADDER_MS) {
    const length = alignUp(step, multipleOfMs);
    if (length > last && (dividesMs === 0 || dividesMs % length === 0)) yield length;
    last = Math.max(last, length);
  }
  if (dividesMs > 0) {
    if (dividesMs > last && dividesMs % multipleOfMs === 0) yield dividesMs;
    return;
  }
  for (let weeks = 2; last < needs.toMs - needs.fromMs; weeks++) {
    last = alignUp(weeks * 7 * DAY_MS, multipleOfMs);
    yield last;
  }
}

/** The smallest bucket that keeps the range within maxBuckets, or null where none does (a comparison's shift too small). */
export function smallestBucket(needs: BucketNeeds): number | null {
  for (const length of candidates(needs)) {
    if (bucketCount(needs.fromMs, needs.toMs, length) <= needs.maxBuckets) return length;
  }
  return null;
}

/**
 * The bucket for `auto`: the smallest that gives at most `maxDataPoints` buckets and that data of the range's age stands ready
 * in. Where retention or a comparison leaves no such bucket, the nearest that keeps to maxBuckets; null where none does.
 */
export function autoBucket(needs: BucketNeeds, maxDataPoints: number, isReady: (bucketMs: number) => boolean): number | null {
  let fits: number | null = null;
  let coarsest: number | null = null;
  for (const length of candidates(needs)) {
    if (bucketCount(needs.fromMs, needs.toMs, length) > needs.maxBuckets) continue;
    coarsest = length;
    if ((needs.toMs - needs.fromMs) / length > maxDataPoints) continue;
    if (isReady(length)) return length;
    fits ??= length;
  }
  return fits ?? coarsest;
}

/** Until how long ago buckets of this length can still be told apart, in ms; Infinity: for ever. */
export function keptForMs(def: Definition, bucketMs: number): number {
  const { rawMs, rollup1mMs, rollup1hMs, rollup1dMs } = def.retention;
  let kept = rawMs;
  if (bucketMs % MINUTE_MS === 0) kept = Math.max(kept, rollup1mMs);
  if (bucketMs % HOUR_MS === 0) kept = Math.max(kept, rollup1hMs);
  if (bucketMs % DAY_MS === 0) kept = Math.max(kept, rollup1dMs === 0 ? Infinity : rollup1dMs);
  return kept;
}

/**
 * Until how long ago buckets of this length stand ready: in the hot tier or in a rollup. Below a minute anything older is made
 * of raw events: exact, but slow, so only whoever asks for it gets it.
 */
export function readyForMs(def: Definition, bucketMs: number): number {
  if (bucketMs % MINUTE_MS === 0) return keptForMs(def, bucketMs);
  return bucketMs % (10 * SECOND_MS) === 0 ? def.retention.hot10sMs : def.retention.hot1sMs;
}

/** The finest of 1 s, 1 m, 1 h, 1 d in which data of this age is kept. */
export function finestKeptMs(def: Definition, ageMs: number): number {
  for (const step of [SECOND_MS, MINUTE_MS, HOUR_MS]) {
    if (ageMs <= keptForMs(def, step)) return step;
  }
  return DAY_MS;
}

/** To what the ends of a total are aligned, by the length of its range. */
export function totalStepMs(rangeMs: number): number {
  if (rangeMs <= 15 * MINUTE_MS) return SECOND_MS;
  return rangeMs <= 2 * HOUR_MS ? 10 * SECOND_MS : MINUTE_MS;
}
