// Which table answers which stretch of a read: the coarsest rollup that fits the bucket, is closed, clean and still kept; raw events
// for everything else. Pure. Invariant: the segments cover the range exactly once.

import type { Span } from './spans.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, ROLLUP_MS, type RollupResolution } from './layout.js';

export type Source = 'raw' | RollupResolution;

export interface Segment extends Span {
  readonly source: Source;
}

/** What may be taken from rollups. */
export interface RollupReach {
  /** Buckets that end at or before this are written. */
  readonly closed: Readonly<Record<RollupResolution, number>>;
  /** Buckets that start before this may have been dropped by retention. */
  readonly keptFrom: Readonly<Record<RollupResolution, number>>;
  /** Epoch minutes that await recompaction. */
  readonly dirtyMinutes: readonly number[];
  /** Spans whose rows lack something that the read needs. */
  readonly lacking: readonly Span[];
  /** Ready windows that end at or before this are written. */
  readonly closedWindows: number;
}

/** Half open range of bucket indices. */
export interface BucketRange {
  readonly from: number;
  readonly to: number;
}

export interface WindowPlan {
  /** Buckets whose window stands ready. */
  readonly ready: readonly BucketRange[];
  /** Buckets whose window is put together from panes. */
  readonly merged: readonly BucketRange[];
}

const COARSEST_FIRST: readonly RollupResolution[] = ['1d', '1h', '1m'];

/**
 * @param stepMs every boundary that must not be straddled is a multiple of it (bucket or pane); 0: none but the range's ends
 * @returns ascending, adjacent ones of one source joined
 */
export function planSegments(range: Span, stepMs: number, reach: RollupReach): readonly Segment[] {
  const usable = usableTest(reach);
  const allowed = COARSEST_FIRST.filter((resolution) => stepMs === 0 || stepMs % ROLLUP_MS[resolution] === 0);
  const segments: Segment[] = [];
  const add = (source: Source, fromMs: number, toMs: number): void => {
    const last = segments[segments.length - 1];
    if (last !== undefined && last.source === source) {
      segments[segments.length - 1] = { source, fromMs: last.fromMs, toMs };
    } else {
      segments.push({ source, fromMs, toMs });
    }
  };
  let at = range.fromMs;
  while (at < range.toMs) {
    if (allowed.length === 0 || at >= reach.closed['1m']) {
      add('raw', at, range.toMs);
      break;
    }
    const source = allowed.find((resolution) => {
      const size = ROLLUP_MS[resolution];
      return at % size === 0 && at + size <= range.toMs && usable(resolution, at);
    });
    const end = source === undefined ? Math.min(range.toMs, Math.floor(at / MINUTE_MS) * MINUTE_MS + MINUTE_MS) : at + ROLLUP_MS[source];
    add(source ?? 'raw', at, end);
    at = end;
  }
  return segments;
}

function usableTest(reach: RollupReach): (resolution: RollupResolution, at: number) => boolean {
  const dirty: Record<RollupResolution, Set<number>> = { '1m': new Set(), '1h': new Set(), '1d': new Set() };
  for (const minute of reach.dirtyMinutes) {
    const ms = minute * MINUTE_MS;
    dirty['1m'].add(ms);
    dirty['1h'].add(Math.floor(ms / HOUR_MS) * HOUR_MS);
    dirty['1d'].add(Math.floor(ms / DAY_MS) * DAY_MS);
  }
  return (resolution, at) => {
    const end = at + ROLLUP_MS[resolution];
    return end <= reach.closed[resolution] && at >= reach.keptFrom[resolution] && !dirty[resolution].has(at) && complete(reach, at, end);
  };
}

/** Which windows of a sliding read may be taken ready. */
export function planWindows(fromMs: number, bucketMs: number, buckets: number, windowSizeMs: number, reach: RollupReach): WindowPlan {
  const ready: BucketRange[] = [];
  const merged: BucketRange[] = [];
  for (let k = 0; k < buckets; k++) {
    const end = fromMs + (k + 1) * bucketMs;
    const begin = end - windowSizeMs;
    const list =
      end <= reach.closedWindows &&
      begin >= reach.keptFrom['1m'] &&
      !anyDirty(reach.dirtyMinutes, begin, end) &&
      complete(reach, begin, end)
        ? ready
        : merged;
    const last = list[list.length - 1];
    if (last !== undefined && last.to === k) {
      list[list.length - 1] = { from: last.from, to: k + 1 };
    } else {
      list.push({ from: k, to: k + 1 });
    }
  }
  return { ready, merged };
}

function complete(reach: RollupReach, fromMs: number, toMs: number): boolean {
  return reach.lacking.every((span) => toMs <= span.fromMs || fromMs >= span.toMs);
}

/** @param minutes ascending epoch minutes */
function anyDirty(minutes: readonly number[], fromMs: number, toMs: number): boolean {
  let low = 0;
  let high = minutes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (minutes[middle] * MINUTE_MS < fromMs) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < minutes.length && minutes[low] * MINUTE_MS < toMs;
}
