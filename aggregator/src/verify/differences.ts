// Compares two answers of the same read, bucket by bucket: what adds up must be equal, sketches may differ by their stated errors. Pure.

import type { Definition } from '../definition/model.js';
import type { Output, TierResult } from '../query/tier-read.js';

export interface Difference {
  readonly component: string;
  readonly group: readonly string[];
  /** Bucket start, epoch ms. */
  readonly atMs: number;
  /** NaN: no event there. */
  readonly left: number;
  readonly right: number;
}

/** Two estimates of the same set, each within 2 %; two quantiles, each within 1 %, whose ranks may differ by one in few values. */
const UNIQUE_TOLERANCE = 0.04;
const QUANTILE_TOLERANCE = 0.03;

/**
 * @param outputs of both reads; only numbers are compared
 * @returns every cell that differs, in the order of the groups
 */
export function differences(
  definition: Definition,
  outputs: readonly Output[],
  left: TierResult,
  right: TierResult,
): readonly Difference[] {
  const key = (values: readonly string[]): string => JSON.stringify(values);
  const ofRight = new Map(right.groups.map((group) => [key(group.values), group]));
  const ofLeft = new Map(left.groups.map((group) => [key(group.values), group]));
  const names = new Map([...left.groups, ...right.groups].map((group) => [key(group.values), group.values]));
  const found: Difference[] = [];
  for (const [name, values] of names) {
    const [a, b] = [ofLeft.get(name), ofRight.get(name)];
    outputs.forEach((output, o) => {
      if (output.stat === 'items' || output.stat === 'histogram') return;
      for (let bucket = 0; bucket < left.timesMs.length; bucket++) {
        const [x, y] = [cell(a?.numbers[o][bucket]), cell(b?.numbers[o][bucket])];
        if (isSame(output, x, y)) continue;
        found.push({
          component: definition.components[output.component].key,
          group: values,
          atMs: left.timesMs[bucket],
          left: x,
          right: y,
        });
      }
    });
  }
  return found;
}

function cell(value: number | undefined): number {
  return value ?? Number.NaN;
}

function isSame(output: Output, a: number, b: number): boolean {
  // No event, and a count or sum of none, are the same.
  if (Number.isNaN(a) || Number.isNaN(b)) return (Number.isNaN(a) || a === 0) && (Number.isNaN(b) || b === 0);
  if (a === b) return true;
  const larger = Math.max(Math.abs(a), Math.abs(b));
  if (output.stat === 'estimate') return Math.abs(a - b) <= Math.max(1, UNIQUE_TOLERANCE * larger);
  if (output.stat === 'quantile') return Math.abs(a - b) <= QUANTILE_TOLERANCE * larger;
  return false;
}
