// Brings the answers of several reads together: along time (series), or by adding (totals of what adds up). Groups that one
// answer lacks had no event there. Pure.

import type { Component } from '../definition/model.js';
import type { GroupResult, TierResult, TopItem } from './tier-read.js';

const NO_DETAIL = { source: '', rows: 0, durationMs: 0 };

/** Order of values matters; no two lists of values share a key. */
export function groupKey(values: readonly string[]): string {
  return values.length === 1 ? values[0] : values.map((value) => `${value.length}:${value}`).join('');
}

/** The buckets of a result within [fromMs, toMs), without the groups that have no event there. Arrays are shared where all is kept. */
export function sliceResult(result: TierResult, fromMs: number, toMs: number): TierResult {
  const { timesMs } = result;
  if (timesMs.length === 0 || (timesMs[0] >= fromMs && timesMs[timesMs.length - 1] < toMs)) return result;
  let start = 0;
  while (start < timesMs.length && timesMs[start] < fromMs) start++;
  let end = start;
  while (end < timesMs.length && timesMs[end] < toMs) end++;
  const groups = result.groups
    .map((group): GroupResult => ({
      values: group.values,
      numbers: group.numbers.map((column) => column.slice(start, end)),
      items: group.items.map((column) => column?.slice(start, end) ?? null),
      histograms: group.histograms.map((column) => column?.slice(start, end) ?? null),
    }))
    .filter(hasEvent);
  return { ...result, timesMs: timesMs.slice(start, end), groups };
}

/** Output 0 counts events. */
function hasEvent(group: GroupResult): boolean {
  return group.numbers[0].some((count) => count > 0);
}

/** Results that follow one another in time, as one. @throws RangeError when they overlap or leave a gap: a defect, never shown as data. */
export function stitch(results: readonly TierResult[], bucketMs: number): TierResult {
  if (results.length === 1) return results[0];
  const total = results.reduce((sum, result) => sum + result.timesMs.length, 0);
  const timesMs = new Float64Array(total);
  let at = 0;
  for (const result of results) {
    for (const time of result.timesMs) {
      if (at > 0 && time !== timesMs[at - 1] + bucketMs) throw new RangeError(`buckets do not follow one another at ${time}`);
      timesMs[at++] = time;
    }
  }
  const outputs = results.find((result) => result.groups.length > 0)?.groups[0].numbers.length ?? 0;
  const groups = new Map<string, GroupBuilder>();
  let offset = 0;
  for (const result of results) {
    for (const group of result.groups) {
      const key = groupKey(group.values);
      const builder = groups.get(key) ?? new GroupBuilder(group.values, outputs, total);
      groups.set(key, builder);
      builder.place(group, offset);
    }
    offset += result.timesMs.length;
  }
  return {
    timesMs,
    groups: [...groups.values()].map((builder) => builder.result()),
    topError: Math.max(0, ...results.map((result) => result.topError)),
    detail: NO_DETAIL,
  };
}

class GroupBuilder {
  readonly #values: readonly string[];
  readonly #numbers: Float64Array[];
  readonly #items: (TopItem[][] | null)[];
  readonly #histograms: (ReadonlyMap<number, number>[] | null)[];
  readonly #total: number;

  constructor(values: readonly string[], outputs: number, total: number) {
    this.#values = values;
    this.#total = total;
    this.#numbers = Array.from({ length: outputs }, () => new Float64Array(0));
    this.#items = Array.from({ length: outputs }, () => null);
    this.#histograms = Array.from({ length: outputs }, () => null);
  }

  place(group: GroupResult, offset: number): void {
    for (let output = 0; output < this.#numbers.length; output++) {
      const numbers = group.numbers[output];
      if (numbers.length > 0) {
        if (this.#numbers[output].length === 0) this.#numbers[output] = new Float64Array(this.#total).fill(NaN);
        this.#numbers[output].set(numbers, offset);
      }
      const items = group.items[output];
      if (items !== null) {
        const target = (this.#items[output] ??= Array.from({ length: this.#total }, () => []));
        items.forEach((list, index) => (target[offset + index] = [...list]));
      }
      const histograms = group.histograms[output];
      if (histograms !== null) {
        const target = (this.#histograms[output] ??= Array.from({ length: this.#total }, () => new Map<number, number>()));
        histograms.forEach((bins, index) => (target[offset + index] = bins));
      }
    }
  }

  result(): GroupResult {
    return { values: this.#values, numbers: this.#numbers, items: this.#items, histograms: this.#histograms };
  }
}

/**
 * Totals of ranges that do not overlap, as the total of all of them. Only for count, sum, min and max.
 * @param components by output
 */
export function addTotals(results: readonly TierResult[], components: readonly Pick<Component, 'kind' | 'decimals'>[]): TierResult {
  if (results.length === 1) return results[0];
  const groups = new Map<string, { values: readonly string[]; numbers: Float64Array[] }>();
  for (const result of results) {
    for (const group of result.groups) {
      const key = groupKey(group.values);
      const known = groups.get(key);
      if (known === undefined) {
        groups.set(key, { values: group.values, numbers: group.numbers.map((column) => column.slice()) });
        continue;
      }
      group.numbers.forEach((column, output) => {
        known.numbers[output][0] = mergeNumbers(components[output], known.numbers[output][0], column[0]);
      });
    }
  }
  return {
    timesMs: Float64Array.of(results[0].timesMs[0]),
    groups: [...groups.values()].map(({ values, numbers }) => ({
      values,
      numbers,
      items: numbers.map(() => null),
      histograms: numbers.map(() => null),
    })),
    topError: 0,
    detail: NO_DETAIL,
  };
}

/** NaN: no event on that side. @throws RangeError for a sketch, whose totals do not add up */
function mergeNumbers(component: Pick<Component, 'kind' | 'decimals'>, a: number, b: number): number {
  if (Number.isNaN(a)) return b;
  if (Number.isNaN(b)) return a;
  switch (component.kind) {
    case 'count':
    case 'sum': {
      // Added as the integers they are stored as: 0.1 + 0.2 is 0.3 here.
      const scale = 10 ** component.decimals;
      return (Math.round(a * scale) + Math.round(b * scale)) / scale;
    }
    case 'min':
      return Math.min(a, b);
    case 'max':
      return Math.max(a, b);
    default:
      throw new RangeError(`totals of ${component.kind} do not add up`);
  }
}
