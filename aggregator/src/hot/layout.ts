// The packed-array layout of the hot tier, shared by both implementations: one byte string per (series, resolution, stretch of
// time) with an 8-byte big-endian slot per (numeric component, bucket).
// Slots stand back to front, component 0 and the earliest bucket last: the first event of a stretch then touches the highest
// byte, so Redis allocates the string once, at its full size, instead of doubling it while it grows.

import type { Component, Definition } from '../definition/model.js';
import type { Resolution } from '../window/flush-batch.js';

/** Buckets per packed string. 120 halves the keys of 60 (each key costs about 180 bytes) and wastes at most two hours of minutes. */
export const STRETCH_SLOTS = 120;
/** Buckets per sketch blob: a minute of 1 s panes, five minutes of 10 s panes. Minutes of sketches are not kept. */
export const SKETCH_STRETCH_SLOTS: Readonly<Record<1 | 10, number>> = { 1: 60, 10: 30 };
export const SLOT_BYTES = 8;
/** Stored data outlives its retention by this, so that clocks that differ by less never make a readable bucket vanish. */
export const EXPIRY_SLACK_MS = 300_000;
/** Largest |value| of a min or max component. */
export const MAX_EXTREMUM = 2 ** 52;

const TWO_32 = 2 ** 32;

export type NumericKind = 'count' | 'sum' | 'min' | 'max';
export type SketchKind = 'unique' | 'quantiles' | 'top';

export function isSketch(component: Component): component is Component & { readonly kind: SketchKind } {
  return component.kind === 'unique' || component.kind === 'quantiles' || component.kind === 'top';
}

/** A run of slots inside a packed string, in bytes; `endByte` is inclusive, as GETRANGE wants it. */
export interface SlotRange {
  readonly startByte: number;
  readonly endByte: number;
}

export class HotLayout {
  /** By component index: position among the numeric components, -1 for sketches. */
  readonly #position: Int32Array;
  readonly #retentionMs: Readonly<Record<Resolution, number>>;
  readonly #slots: number;
  readonly components: readonly Component[];

  constructor(definition: Definition) {
    this.components = definition.components;
    this.#position = new Int32Array(definition.components.length).fill(-1);
    let numeric = 0;
    definition.components.forEach((component, index) => {
      if (!isSketch(component)) {
        this.#position[index] = numeric++;
      }
    });
    this.#slots = numeric * STRETCH_SLOTS;
    const { hot1sMs, hot10sMs, hot1mMs } = definition.retention;
    this.#retentionMs = { 1: hot1sMs, 10: hot10sMs, 60: hot1mMs };
  }

  /** Length of one packed string. */
  get stretchBytes(): number {
    return this.#slots * SLOT_BYTES;
  }

  retentionMs(resolution: Resolution): number {
    return this.#retentionMs[resolution];
  }

  /** The longest of the retentions: how long a series stays listed. */
  longestRetentionMs(): number {
    return Math.max(this.#retentionMs[1], this.#retentionMs[10], this.#retentionMs[60]);
  }

  /** True when a bucket ended longer ago than its resolution's retention. */
  isExpired(resolution: Resolution, bucketS: number, nowMs: number): boolean {
    return (bucketS + resolution) * 1000 + this.#retentionMs[resolution] < nowMs;
  }

  /** 64-bit slot of a numeric component in the string of the bucket's stretch. */
  slot(component: number, resolution: Resolution, bucketS: number): number {
    const inStretch = (bucketS / resolution) % STRETCH_SLOTS;
    return this.#slots - 1 - (this.#position[component] * STRETCH_SLOTS + inStretch);
  }

  /** Bytes of a component's buckets [from, to) of a stretch, `from` and `to` being positions 0 … STRETCH_SLOTS. */
  range(component: number, from: number, to: number): SlotRange {
    const last = this.#slots - 1 - (this.#position[component] * STRETCH_SLOTS + from);
    const first = last - (to - from) + 1;
    return { startByte: first * SLOT_BYTES, endByte: (last + 1) * SLOT_BYTES - 1 };
  }

  /** Ms until a stretch of `slots` buckets that holds `bucketS` may be forgotten. */
  timeToLiveMs(resolution: Resolution, bucketS: number, slots: number, nowMs: number): number {
    const lengthS = resolution * slots;
    const endMs = (Math.floor(bucketS / lengthS) + 1) * lengthS * 1000;
    return Math.max(1_000, endMs + this.#retentionMs[resolution] + EXPIRY_SLACK_MS - nowMs);
  }
}

/** The number of the stretch that a bucket belongs to. */
export function stretchOf(resolution: Resolution, bucketS: number, slots: number): number {
  return Math.floor(bucketS / (resolution * slots));
}

/** min and max are stored so that 0 means empty and the order is kept; all stay exact as doubles, which Lua computes with. */
export function storeExtremum(value: number): number {
  return value >= 0 ? value + 1 : value;
}

export function loadExtremum(stored: number): number {
  return stored === 0 ? Number.NaN : stored > 0 ? stored - 1 : stored;
}

/**
 * Decodes a run of back-to-front slots: `out[at + i]` becomes bucket i of the run. Slots beyond the end of `bytes` were never
 * written and stay as they are in `out`. Sums beyond 2^53 come out as the nearest double.
 */
export function decodeSlots(view: DataView, startByte: number, count: number, extremum: boolean, out: Float64Array, at: number): void {
  const present = Math.min(count, Math.floor((view.byteLength - startByte) / SLOT_BYTES));
  for (let k = 0, offset = startByte; k < present; k++, offset += SLOT_BYTES) {
    const high = view.getInt32(offset);
    const low = view.getUint32(offset + 4);
    if ((high | low) !== 0) {
      const stored = high * TWO_32 + low;
      out[at + count - 1 - k] = extremum ? loadExtremum(stored) : stored;
    }
  }
}

/** Adds an integer to a signed 64-bit slot; wraps like Redis' BITFIELD does. */
export function addToSlot(view: DataView, slot: number, value: number): void {
  const offset = slot * SLOT_BYTES;
  const high = Math.floor(value / TWO_32);
  const low = view.getUint32(offset + 4) + (value - high * TWO_32);
  const carry = low >= TWO_32 ? 1 : 0;
  view.setUint32(offset + 4, low - carry * TWO_32);
  view.setInt32(offset, (view.getInt32(offset) + high + carry) | 0);
}

/** Keeps the smaller (or larger) of a slot's value and `value`. */
export function extremeToSlot(view: DataView, slot: number, value: number, kind: 'min' | 'max'): void {
  const offset = slot * SLOT_BYTES;
  const stored = storeExtremum(value);
  const current = view.getInt32(offset) * TWO_32 + view.getUint32(offset + 4);
  if (current === 0 || (kind === 'min' ? stored < current : stored > current)) {
    const high = Math.floor(stored / TWO_32);
    view.setInt32(offset, high);
    view.setUint32(offset + 4, stored - high * TWO_32);
  }
}
