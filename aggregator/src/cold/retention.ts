// From when on rollup rows are surely there. The server drops expired parts when it likes; what may be gone is neither read nor
// counted on. Invariant: a reader gives up a row earlier than the compactor stops correcting it, so no reader sees a stale one.

import type { Definition } from '../definition/model.js';
import { HOUR_MS, MINUTE_MS, retentionMs, type RollupResolution } from './layout.js';

const WRITE_MARGIN_MS = HOUR_MS;
/** Processes may read clocks that differ by this much. */
const READ_MARGIN_MS = WRITE_MARGIN_MS + 5 * MINUTE_MS;

/** Rows before a retention was lengthened are gone all the same: see CompactionMarks.publishGone. */
export type Gone = Readonly<Record<RollupResolution, number>>;

/** Buckets starting here or later are written and corrected. */
export function writtenFromMs(definition: Definition, resolution: RollupResolution, nowMs: number, gone: Gone): number {
  return keptFrom(definition, resolution, nowMs, WRITE_MARGIN_MS, gone);
}

/** Buckets starting here or later may be read. */
export function readableFromMs(definition: Definition, resolution: RollupResolution, nowMs: number, gone: Gone): number {
  return keptFrom(definition, resolution, nowMs, READ_MARGIN_MS, gone);
}

/** What may be gone under a retention that ends now. */
export function goneUntilMs(oldRetentionMs: number, nowMs: number): number {
  return Math.max(0, nowMs - oldRetentionMs + READ_MARGIN_MS);
}

function keptFrom(definition: Definition, resolution: RollupResolution, nowMs: number, marginMs: number, gone: Gone): number {
  const retention = retentionMs(definition, resolution);
  return Math.max(gone[resolution], retention === 0 ? 0 : nowMs - retention + marginMs);
}
