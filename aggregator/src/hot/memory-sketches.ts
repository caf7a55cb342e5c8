// Sketch deltas of one in-memory shard: per resolution and bucket, per series and component, a list of entries that grows by
// appending and is compacted when it has doubled. Changed only by the shard's apply; a bucket is dropped whole.

import type { Definition } from '../definition/model.js';
import type { DeltaColumns } from '../window/delta-columns.js';
import { isSketch, type HotLayout, type SketchKind } from './layout.js';
import { COMPACT_AT_BYTES, concatenate, type CompactDelta } from './sketch-blob.js';

interface Entries {
  parts: Uint8Array[];
  bytes: number;
  compactAtBytes: number;
}

/** Series name → by position among the sketch components. */
type Bucket = Map<string, (Entries | undefined)[]>;

const TOP_HEADROOM = 4;

export class SketchPanes {
  readonly #layout: HotLayout;
  readonly #compact: CompactDelta;
  readonly #components: readonly { readonly index: number; readonly kind: SketchKind; readonly keep: number }[];
  readonly #buckets: Readonly<Record<1 | 10, Map<number, Bucket>>> = { 1: new Map(), 10: new Map() };
  #bytes = 0;

  constructor(definition: Definition, layout: HotLayout, compact: CompactDelta) {
    this.#layout = layout;
    this.#compact = compact;
    this.#components = definition.components.filter(isSketch);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the sketches of delta `number` of the columns. */
  add(name: string, columns: DeltaColumns, number: number): void {
    const resolution = columns.resolutionOf(number);
    const bucketS = columns.bucketS[number];
    if (resolution === 60) {
      return;
    }
    this.#components.forEach(({ kind, keep }, position) => {
      const delta = columns.entries(number, position);
      if (delta === null) {
        return;
      }
      let bucket = this.#buckets[resolution].get(bucketS);
      if (bucket === undefined) {
        bucket = new Map();
        this.#buckets[resolution].set(bucketS, bucket);
      }
      let series = bucket.get(name);
      if (series === undefined) {
        series = [];
        bucket.set(name, series);
      }
      const entries = (series[position] ??= { parts: [], bytes: 0, compactAtBytes: COMPACT_AT_BYTES });
      // A copy: the delta may be a view into the flush's larger buffer.
      entries.parts.push(delta.slice());
      entries.bytes += delta.length;
      this.#bytes += delta.length;
      if (entries.bytes >= entries.compactAtBytes) {
        const whole = this.#compact(kind, concatenate(entries.parts) ?? delta, keep * TOP_HEADROOM);
        this.#bytes += whole.length - entries.bytes;
        entries.parts = [whole];
        entries.bytes = whole.length;
        entries.compactAtBytes = Math.max(COMPACT_AT_BYTES, 2 * whole.length);
      }
    });
  }

  /** By bucket: all entries, null where none. The arrays are not to be changed. */
  read(name: string, component: number, resolution: 1 | 10, fromS: number, count: number): (Uint8Array | null)[] {
    const position = this.#components.findIndex((c) => c.index === component);
    return Array.from({ length: count }, (_, i) => {
      const entries = this.#buckets[resolution].get(fromS + i * resolution)?.get(name)?.[position];
      if (entries === undefined) {
        return null;
      }
      if (entries.parts.length > 1) {
        entries.parts = [concatenate(entries.parts) ?? new Uint8Array(0)];
      }
      return entries.parts[0];
    });
  }

  /** Drops the buckets that are past their retention. */
  sweep(nowMs: number): void {
    for (const resolution of [1, 10] as const) {
      for (const [bucketS, bucket] of this.#buckets[resolution]) {
        if (this.#layout.isExpired(resolution, bucketS, nowMs)) {
          this.#buckets[resolution].delete(bucketS);
          for (const series of bucket.values()) {
            for (const entries of series) {
              this.#bytes -= entries?.bytes ?? 0;
            }
          }
        }
      }
    }
  }
}
