// What the benchmark and its viewer processes say to each other.

/** Latencies are counted per millisecond; the last slot holds everything longer. */
export const LATENCY_SLOTS = 60_001;

export type ViewerOrder =
  | {
      readonly do: 'open';
      readonly port: number;
      readonly redis: { readonly host: string; readonly port: number };
      /** Number of the first viewer: decides which panel it follows. */
      readonly first: number;
      readonly count: number;
    }
  | { readonly do: 'measure' }
  | { readonly do: 'report' };

export interface ViewerReport {
  readonly messages: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly deltas: number;
  readonly errors: number;
  /** Told that they are dropped, since the beginning. */
  readonly dropped: number;
  /** Connections lost for whatever reason, since the beginning. */
  readonly closed: number;
  /** Flushes that were done while it measured. */
  readonly flushes: number;
  /** By milliseconds from the flush to the viewer: how many (viewer, flush) pairs. */
  readonly latencies: readonly number[];
}

/** @param p of 100, by the nearest rank */
export function percentileOfCounts(counts: readonly number[], p: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) throw new Error('nothing was counted');
  let left = Math.ceil((p / 100) * total);
  for (const [value, count] of counts.entries()) {
    left -= count;
    if (left <= 0) return value;
  }
  return counts.length - 1;
}
