// A range of buckets cut into the stretches it lies in: the same for both implementations.

import { TidemarkError } from '../errors.js';
import type { Resolution } from '../window/flush-batch.js';
import type { SeriesRead } from './hot-tier.js';
import { stretchOf } from './layout.js';

/** The part of a read that lies in one stretch, in positions of the stretch. */
export interface StretchPart {
  readonly stretch: number;
  readonly from: number;
  readonly to: number;
  /** Index of its first bucket in the answer. */
  readonly at: number;
}

export function stretchParts(resolution: Resolution, fromS: number, toS: number, slots: number): StretchPart[] {
  const parts: StretchPart[] = [];
  for (let bucket = fromS / resolution, end = toS / resolution; bucket < end;) {
    const stretch = stretchOf(resolution, bucket * resolution, slots);
    const from = bucket - stretch * slots;
    const to = Math.min(slots, end - stretch * slots);
    parts.push({ stretch, from, to, at: bucket - fromS / resolution });
    bucket += to - from;
  }
  return parts;
}

/** @returns the number of buckets @throws TidemarkError invalid on bounds that are not multiples of the resolution */
export function checkSeriesRead(read: SeriesRead): number {
  const count = (read.toS - read.fromS) / read.resolution;
  if (!Number.isInteger(read.fromS / read.resolution) || !Number.isInteger(count) || count < 0) {
    throw new TidemarkError('invalid', 'HOT_READ_BOUNDS', `[${read.fromS}, ${read.toS}) is not a range of ${read.resolution} s buckets.`);
  }
  return count;
}
