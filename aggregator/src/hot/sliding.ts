// Sliding windows over units by block decomposition (van Herk 1992, Gil and Werman 1993): cut the units into blocks as long as
// the window; every window is the end of one block and the start of the next, so two partial results give it. Nothing is ever
// subtracted: exact for sums of any size, and the same for what cannot be subtracted (min, max, sketches).

import type { UniqueReader } from '../sketch/sketch.js';

/** Value k of the answer combines `values[k × step … k × step + width)`; there are `windows` of them. */
export function slideNumbers(
  values: Float64Array,
  width: number,
  step: number,
  windows: number,
  combine: (a: number, b: number) => number,
): Float64Array {
  const n = values.length;
  // ahead[i]: from i to the end of its block; behind[i]: from the start of its block to i.
  const ahead = new Float64Array(n);
  const behind = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    behind[i] = i % width === 0 ? values[i] : combine(behind[i - 1], values[i]);
  }
  for (let i = n - 1; i >= 0; i--) {
    ahead[i] = i === n - 1 || (i + 1) % width === 0 ? values[i] : combine(values[i], ahead[i + 1]);
  }
  return Float64Array.from({ length: windows }, (_, k) => {
    const first = k * step;
    return first % width === 0 ? ahead[first] : combine(ahead[first], behind[first + width - 1]);
  });
}

export function add(a: number, b: number): number {
  return a + b;
}

/** NaN is empty. */
export function smaller(a: number, b: number): number {
  return a <= b || Number.isNaN(b) ? a : b;
}

/** NaN is empty. */
export function larger(a: number, b: number): number {
  return a >= b || Number.isNaN(b) ? a : b;
}

/**
 * The same decomposition for distinct counts: one reader walks each block backwards, and its states are kept; another walks on from
 * the block's end and is asked together with the state that fits.
 * @param parts encoded deltas per unit
 * @param reader is left in an unknown state
 * @param pause awaited between steps
 * @returns the estimate of each window
 */
export async function slideUnique(
  parts: readonly (readonly Uint8Array[])[],
  width: number,
  step: number,
  windows: number,
  reader: UniqueReader,
  pause: () => Promise<void>,
): Promise<Float64Array> {
  const estimates = new Float64Array(windows);
  const add = async (unit: number): Promise<void> => {
    for (const part of parts[unit]) reader.merge(part);
    await pause();
  };
  for (let block = 0; block < windows * step; block += width) {
    const states: Uint8Array[] = [];
    reader.reset();
    for (let unit = Math.min(block + width, parts.length) - 1; unit >= block; unit--) {
      await add(unit);
      if (unit % step === 0) states[unit - block] = reader.encode() ?? NOTHING;
    }
    if (block % step === 0) estimates[block / step] = reader.estimate();
    reader.reset();
    for (let first = block + 1; first < block + width && first <= (windows - 1) * step; first++) {
      await add(first + width - 1);
      if (first % step === 0) estimates[first / step] = reader.estimateWith(states[first - block]);
    }
  }
  return estimates;
}

const NOTHING = new Uint8Array(0);

/** The parts whose merging gives window k; for things that can only be merged, such as encoded sketches. */
export type WindowParts<T> = (k: number) => readonly T[];

/** Below this many units per window, merging them all again for every window is cheaper. */
const DIRECT_WIDTH = 8;

/**
 * The same decomposition for mergeable values; `null` is empty.
 * @param combine merges two; called about twice per unit, however wide the window
 * @param pause awaited between steps
 */
export async function slideParts<T>(
  units: readonly (T | null)[],
  width: number,
  step: number,
  combine: (a: T, b: T) => T,
  pause: () => Promise<void>,
): Promise<WindowParts<T>> {
  const present = (parts: readonly (T | null)[]): T[] => parts.filter((part) => part !== null);
  if (width < DIRECT_WIDTH || step >= width) {
    return (k) => present(units.slice(k * step, k * step + width));
  }
  const join = (a: T | null, b: T | null): T | null => (a === null ? b : b === null ? a : combine(a, b));
  const n = units.length;
  const ahead: (T | null)[] = new Array<T | null>(n).fill(null);
  const behind: (T | null)[] = new Array<T | null>(n).fill(null);
  for (let i = 0; i < n; i++) {
    behind[i] = i % width === 0 ? units[i] : join(behind[i - 1], units[i]);
    await pause();
  }
  for (let i = n - 1; i >= 0; i--) {
    ahead[i] = i === n - 1 || (i + 1) % width === 0 ? units[i] : join(units[i], ahead[i + 1]);
    await pause();
  }
  return (k) => {
    const first = k * step;
    return first % width === 0 ? present([ahead[first]]) : present([ahead[first], behind[first + width - 1]]);
  };
}
