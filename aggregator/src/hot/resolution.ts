// Which hot panes can answer a read, and from when on: pure functions of the definition, the coverage and the time. The planner
// asks them before it cuts a query between the tiers; the hot reader asks them again for its own part.
// Invariant: no bucket is read that any process may already have stopped filling.

import type { Definition } from '../definition/model.js';
import type { Coverage, Output } from '../query/tier-read.js';
import type { Resolution } from '../window/flush-batch.js';

/** A bucket is not read when it is this close to the end of its retention: for clocks that differ, and while the read runs. */
export const HOT_READ_SLACK_MS = 30_000;

const COARSEST_FIRST: readonly Resolution[] = [60, 10, 1];
const SKETCHES_COARSEST_FIRST: readonly Resolution[] = [10, 1];

/** Buckets of one resolution, epoch seconds, half open. */
export interface Segment {
  readonly resolution: Resolution;
  readonly fromS: number;
  readonly toS: number;
}

/** What is to be read: contiguous segments, ascending. A bucketed read has one of each; totals may end in finer ones. */
export interface HotPlan {
  readonly numeric: readonly Segment[];
  /** null: no sketch is asked for. */
  readonly sketch: readonly Segment[] | null;
}

export interface HotShape {
  readonly outputs: readonly Output[];
  /** As in TierRead. */
  readonly bucketMs: number;
  readonly windowSizeMs: number | null;
}

/** Earliest bucket start that may be read at a resolution, epoch ms; +Infinity when none may. */
export function hotFromMs(definition: Definition, resolution: Resolution, coverage: Coverage, nowMs: number): number {
  const { hot1sMs, hot10sMs, hot1mMs } = definition.retention;
  const retentionMs = resolution === 1 ? hot1sMs : resolution === 10 ? hot10sMs : hot1mMs;
  const fromMs = Math.max(coverage.fromMs, nowMs - retentionMs + HOT_READ_SLACK_MS);
  const lengthMs = resolution * 1000;
  return Math.ceil(fromMs / lengthMs) * lengthMs;
}

function hasSketch(shape: HotShape): boolean {
  return shape.outputs.some((output) => output.stat !== 'value');
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Length of what a bucketed read is put together from: every bucket and window is a run of units. */
export function unitMsOf(bucketMs: number, windowSizeMs: number | null): number {
  return windowSizeMs === null ? bucketMs : gcd(bucketMs, windowSizeMs);
}

/** How much earlier than the first bucket a read begins; negative for windows shorter than the bucket. */
function leadMs(shape: HotShape): number {
  return shape.windowSizeMs === null ? 0 : shape.windowSizeMs - shape.bucketMs;
}

/**
 * The coarsest panes that divide the buckets (and windows) and cover [fromMs, toMs).
 * @returns null when the hot tier cannot answer from `fromMs` on
 */
export function resolutionFor(
  definition: Definition,
  shape: HotShape,
  fromMs: number,
  toMs: number,
  coverage: Coverage,
  nowMs: number,
): HotPlan | null {
  const numeric = segmentsFor(definition, COARSEST_FIRST, shape, fromMs, toMs, coverage, nowMs);
  const sketch = hasSketch(shape) ? segmentsFor(definition, SKETCHES_COARSEST_FIRST, shape, fromMs, toMs, coverage, nowMs) : null;
  return numeric === null || (sketch === null && hasSketch(shape)) ? null : { numeric, sketch };
}

/**
 * The earliest `fromMs` for which `resolutionFor` finds panes, aligned to the bucket (totals: to the coarsest usable pane).
 * Everything from it to now can be answered hot; +Infinity when nothing can.
 */
export function earliestHotMs(definition: Definition, shape: HotShape, coverage: Coverage, nowMs: number): number {
  const numericMs = earliestOf(definition, COARSEST_FIRST, shape, coverage, nowMs);
  return hasSketch(shape) ? Math.max(numericMs, earliestOf(definition, SKETCHES_COARSEST_FIRST, shape, coverage, nowMs)) : numericMs;
}

function earliestOf(definition: Definition, candidates: readonly Resolution[], shape: HotShape, coverage: Coverage, nowMs: number): number {
  const unitMs = unitMsOf(shape.bucketMs, shape.windowSizeMs);
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const resolution of candidates) {
    if (unitMs % (resolution * 1000) === 0) {
      const fromMs = hotFromMs(definition, resolution, coverage, nowMs) + leadMs(shape);
      earliestMs = Math.min(earliestMs, shape.bucketMs === 0 ? fromMs : Math.ceil(fromMs / shape.bucketMs) * shape.bucketMs);
    }
  }
  return earliestMs;
}

function segmentsFor(
  definition: Definition,
  candidates: readonly Resolution[],
  shape: HotShape,
  fromMs: number,
  toMs: number,
  coverage: Coverage,
  nowMs: number,
): readonly Segment[] | null {
  const usableFromMs = (resolution: Resolution): number => hotFromMs(definition, resolution, coverage, nowMs);
  if (shape.bucketMs === 0) {
    return coverTotals(candidates, fromMs, toMs, usableFromMs);
  }
  const unitMs = unitMsOf(shape.bucketMs, shape.windowSizeMs);
  const startMs = fromMs - leadMs(shape);
  const resolution = candidates.find((r) => unitMs % (r * 1000) === 0 && usableFromMs(r) <= startMs);
  return resolution === undefined ? null : [{ resolution, fromS: startMs / 1000, toS: toMs / 1000 }];
}

/** Covers a range by the coarsest panes inside it and finer ones at its ends, as far as those still exist. */
function coverTotals(
  candidates: readonly Resolution[],
  fromMs: number,
  toMs: number,
  usableFromMs: (r: Resolution) => number,
): readonly Segment[] | null {
  if (fromMs >= toMs) {
    return [];
  }
  for (let i = 0; i < candidates.length; i++) {
    const resolution = candidates[i];
    const lengthMs = resolution * 1000;
    const innerFromMs = Math.ceil(fromMs / lengthMs) * lengthMs;
    const innerToMs = Math.floor(toMs / lengthMs) * lengthMs;
    if (innerFromMs >= innerToMs || usableFromMs(resolution) > innerFromMs) {
      continue;
    }
    const finer = candidates.slice(i + 1);
    const before = coverTotals(finer, fromMs, innerFromMs, usableFromMs);
    const after = coverTotals(finer, innerToMs, toMs, usableFromMs);
    if (before !== null && after !== null) {
      return [...before, { resolution, fromS: innerFromMs / 1000, toS: innerToMs / 1000 }, ...after];
    }
  }
  return null;
}
