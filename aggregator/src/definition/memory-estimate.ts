// How much the hot tier may grow, reckoned from the definition before anything starts: an upper bound from caps and retentions, with
// the one thing caps do not bound, sketch entries, bounded by the expected event rate. Pure.
//
// Numbers: a series keeps one string of 120 buckets × numeric components × 8 bytes per stretch of each resolution, so
//   tenants × series × stretches × (120 × components × 8 + key)
// where series is the product of (cap + 2) over a grouping's dimensions (2: `__other__` and missing), stretches is
// retention ÷ stretch + 1, and no stretch holds more series than events.
// Sketches: one blob per (series, component, stretch) at 1 s and 10 s, where an event adds at most one entry in each grouping:
//   stretches × (min(2 × series × buckets × full sketch, events × entry) + blobs × key), the 2 for blobs that wait to be rewritten.

import { EXPIRY_SLACK_MS, isSketch, SKETCH_STRETCH_SLOTS, SLOT_BYTES, STRETCH_SLOTS } from '../hot/layout.js';
import { DENSE_PRECISION } from '../sketch/hyperloglog.js';
import { RESOLUTIONS, type Resolution } from '../window/flush-batch.js';
import type { Component, Definition, Grouping } from './model.js';
import type { Finding } from './problem.js';
import { formatBytes } from './quantities.js';

export const DEFAULT_EXPECTED_EVENTS_PER_SECOND = 1_000;

/** Redis 7: dictionary entry, expiry entry, object and string headers, and a key of about 60 characters. */
const KEY_OVERHEAD_BYTES = 220;
/** A member of a sorted set with its score: skip list node, dictionary entry, name. */
const LISTED_BYTES = 130;
/** jemalloc rounds up to its size classes and fragments a little. */
const ALLOCATOR_FACTOR = 1.1;
const BLOB_SLACK_FACTOR = 2;

/** Encoded size of one entry, and of a full sketch of one bucket. Top items are reckoned with 15 bytes of name. */
const ENTRY_BYTES = { unique: 4, quantiles: 4, top: 24 } as const;
const FULL_UNIQUE_BYTES = 2 ** DENSE_PRECISION + 4;
const FULL_QUANTILES_BYTES = 2_048 * 4;

export interface MemoryRow {
  /** e.g. `numbers of grouping country, 10 s panes`. */
  readonly part: string;
  readonly keys: number;
  readonly bytes: number;
}

export interface MemoryEstimate {
  readonly totalBytes: number;
  /** Largest first. */
  readonly rows: readonly MemoryRow[];
  readonly eventsPerSecond: number;
  /** What was reckoned, for people. */
  readonly formula: string;
}

/** Upper bound of the hot tier's bytes at the expected rate, in Redis or in memory alike. */
export function estimateHotMemory(definition: Definition): MemoryEstimate {
  const { demo, kafka } = definition.source;
  const demoRate = demo !== null && kafka === null ? demo.rate : DEFAULT_EXPECTED_EVENTS_PER_SECOND;
  const eventsPerSecond = definition.hot.expectedEventsPerSecond ?? demoRate;
  const rows = definition.groupings
    .filter((grouping) => grouping.hot)
    .flatMap((grouping) => [
      ...numericRows(definition, grouping, eventsPerSecond),
      ...sketchRows(definition, grouping, eventsPerSecond),
      listRow(definition, grouping),
    ]);
  rows.push(admissionRow(definition));
  rows.sort((a, b) => b.bytes - a.bytes);
  const numeric = definition.components.filter((component) => !isSketch(component)).length;
  return {
    totalBytes: rows.reduce((sum, row) => sum + row.bytes, 0),
    rows,
    eventsPerSecond,
    formula:
      `numbers: tenants × series × stretches × (${STRETCH_SLOTS} buckets × ${numeric} numeric components × ${SLOT_BYTES} B + ${KEY_OVERHEAD_BYTES} B per key); ` +
      `sketches: per component and stretch the smaller of 2 × series × full sketch and events × entry, at ${eventsPerSecond} events/s; ` +
      `series = product of (cap + 2); × ${ALLOCATOR_FACTOR} for the allocator`,
  };
}

/** For `tidemark check` and the start's log: the total, the largest parts, and the formula; one line each. */
export function memoryReport({ totalBytes, rows, eventsPerSecond, formula }: MemoryEstimate, parts = 5): readonly string[] {
  return [
    `hot tier: at most about ${formatBytes(totalBytes)} at ${eventsPerSecond} events/s`,
    ...rows.slice(0, parts).map((row) => `  ${formatBytes(row.bytes).padStart(9)}  ${row.part} (${row.keys} keys)`),
    `  formula: ${formula}`,
  ];
}

/** The finding that refuses the start, or null when the estimate fits (or nothing limits it). */
export function memoryFinding(definition: Definition): Finding | null {
  const { maxMemoryBytes } = definition.hot;
  if (maxMemoryBytes === 0) return null;
  const { totalBytes, rows, eventsPerSecond } = estimateHotMemory(definition);
  if (totalBytes <= maxMemoryBytes) return null;
  const largest = rows
    .slice(0, 3)
    .map((row) => `${row.part}: ${formatBytes(row.bytes)}`)
    .join('; ');
  return {
    path: ['hot', 'maxMemory'],
    at: 'value',
    found: `an estimate of ${formatBytes(totalBytes)} for the hot tier at ${eventsPerSecond} events/s (largest: ${largest})`,
    expected: `at most ${formatBytes(maxMemoryBytes)}: lower caps, fewer groupings, shorter hot retentions, a truer hot.expectedRate, or more hot.maxMemory (0 only reports)`,
  };
}

function retentionMs(definition: Definition, resolution: Resolution): number {
  const { hot1sMs, hot10sMs, hot1mMs } = definition.retention;
  return resolution === 1 ? hot1sMs : resolution === 10 ? hot10sMs : hot1mMs;
}

/** Stretches alive at once: those inside the retention, and the one that is being filled. */
function stretches(definition: Definition, resolution: Resolution, slots: number): number {
  return Math.ceil((retentionMs(definition, resolution) + EXPIRY_SLACK_MS) / (resolution * slots * 1_000)) + 1;
}

/** Series of all tenants that a grouping can have. */
function seriesOf(definition: Definition, grouping: Grouping): number {
  return definition.tenants.length * grouping.dimensions.reduce((product, index) => product * (definition.dimensions[index].cap + 2), 1);
}

function numericRows(definition: Definition, grouping: Grouping, eventsPerSecond: number): MemoryRow[] {
  const numeric = definition.components.filter((component) => !isSketch(component)).length;
  const stringBytes = STRETCH_SLOTS * numeric * SLOT_BYTES + KEY_OVERHEAD_BYTES;
  return RESOLUTIONS.map((resolution) => {
    const series = Math.min(seriesOf(definition, grouping), eventsPerSecond * resolution * STRETCH_SLOTS);
    const keys = Math.ceil(series * stretches(definition, resolution, STRETCH_SLOTS));
    return {
      part: `numbers of grouping ${grouping.name}, ${resolution} s panes`,
      keys,
      bytes: Math.round(keys * stringBytes * ALLOCATOR_FACTOR),
    };
  });
}

function sketchRows(definition: Definition, grouping: Grouping, eventsPerSecond: number): MemoryRow[] {
  return definition.components.filter(isSketch).flatMap((component) =>
    ([1, 10] as const).map((resolution): MemoryRow => {
      const slots = SKETCH_STRETCH_SLOTS[resolution];
      const eventsPerStretch = eventsPerSecond * resolution * slots;
      const blobs = Math.min(seriesOf(definition, grouping), eventsPerStretch);
      const fullBytes = BLOB_SLACK_FACTOR * blobs * slots * fullSketchBytes(definition, grouping, component);
      const entryBytes = Math.min(fullBytes, eventsPerStretch * ENTRY_BYTES[component.kind]);
      const alive = stretches(definition, resolution, slots);
      const bytes = alive * (entryBytes + blobs * KEY_OVERHEAD_BYTES) * ALLOCATOR_FACTOR;
      return {
        part: `${component.key} of grouping ${grouping.name}, ${resolution} s panes`,
        keys: Math.ceil(alive * blobs),
        bytes: Math.round(bytes),
      };
    }),
  );
}

/** Largest sketch of one series in one bucket. Of a dimension it sees no more values than the cap, and one where it is grouped by it. */
function fullSketchBytes(
  definition: Definition,
  grouping: Grouping,
  component: Component & { readonly kind: keyof typeof ENTRY_BYTES },
): number {
  if (component.kind === 'quantiles') return FULL_QUANTILES_BYTES;
  const dimension = definition.dimensions.find((candidate) => candidate.field === component.field);
  const values = dimension === undefined ? Infinity : grouping.dimensions.includes(dimension.index) ? 1 : dimension.cap + 2;
  const entryBytes = ENTRY_BYTES[component.kind];
  return component.kind === 'unique' ? Math.min(FULL_UNIQUE_BYTES, values * entryBytes) : Math.min(component.keep, values) * entryBytes;
}

/** The list of a grouping's series, by the time they were last seen. */
function listRow(definition: Definition, grouping: Grouping): MemoryRow {
  const series = seriesOf(definition, grouping);
  return {
    part: `series list of grouping ${grouping.name}`,
    keys: definition.tenants.length,
    bytes: Math.round(series * LISTED_BYTES * ALLOCATOR_FACTOR),
  };
}

function admissionRow(definition: Definition): MemoryRow {
  const values = definition.tenants.length * definition.dimensions.reduce((sum, dimension) => sum + dimension.cap, 0);
  return {
    part: 'admitted dimension values',
    keys: definition.tenants.length * definition.dimensions.length,
    bytes: Math.round(values * LISTED_BYTES * ALLOCATOR_FACTOR),
  };
}
