// From what the tiers gave to what people asked for: averages and ratios, empty buckets, order and limit, names. Pure.
// Invariant: a bucket without data is 0 only where data is known to be complete; otherwise it is null, never a guess.

import type { Definition } from '../definition/model.js';
import type { Formula, MetricAsk, Stat } from './ask.js';
import { keptForMs } from './bucket.js';
import { groupKey } from './combine.js';
import type { Notice, Plan } from './plan.js';
import type { GroupResult, TierResult } from './tier-read.js';

export interface Series {
  /** Values of the groupBy dimensions, in their order. */
  readonly group: readonly string[];
  readonly stat: Stat;
  /** '' or the shift of a comparison, e.g. `1d`. */
  readonly compare: string;
  readonly values: readonly (number | null)[];
}

export interface Finished {
  /** Bucket starts; of a total, its effective start. */
  readonly timesMs: readonly number[];
  /** By group in the asked order, then by stat, comparison last. */
  readonly series: readonly Series[];
  readonly notices: readonly Notice[];
}

export interface Known {
  readonly nowMs: number;
  /** Event time of the oldest event that is kept; Infinity: there is none. Before it nothing was seen, which is not a zero. */
  readonly dataFromMs: number;
  /** Up to this event time nothing is missing but late events: an empty bucket before it is a real zero. */
  readonly completeUntilMs: number;
}

/**
 * Numbers per group and bucket. Comparison values stand at the times of the main range.
 * @param expected groups that are in the answer even without a value: those of a longer range that this is the newest part of
 */
export function finishSeries(
  def: Definition,
  ask: MetricAsk,
  plan: Plan,
  main: TierResult,
  compare: TierResult | null,
  known: Known,
  expected: readonly (readonly string[])[] = [],
): Finished {
  const filler = new Filler(def, ask, plan, known);
  const timesMs = [...main.timesMs];
  const found = main.groups.length > 0 || ask.groupBy.length > 0 ? main.groups : [emptyGroup(ask, timesMs.length)];
  const wanted = new Map(expected.map((values) => [groupKey(values), values]));
  const isWanted = (series: Series): boolean => hasValue(series) || wanted.has(groupKey(series.group));
  const present = new Set(found.map((group) => groupKey(group.values)));
  const missing = [...wanted].filter(([key]) => !present.has(key)).map(([, values]) => emptyGroup(ask, timesMs.length, values));
  const groups = [...found, ...missing];
  const series = groups.flatMap((group) => ask.stats.map((stat) => filler.series(group, stat, timesMs, '')));
  const ranked = rank(ask, series.filter(isWanted));
  const notices = limitNotice(ask, ranked.total, ranked.kept.length);
  if (compare !== null && plan.compare !== null) {
    const shiftMs = plan.compare.shiftMs;
    const earlier = new Map(compare.groups.map((group) => [groupKey(group.values), group]));
    const shifted = timesMs.map((time) => time - shiftMs);
    for (const kept of ranked.kept) {
      const group = kept[0].group;
      const found = earlier.get(groupKey(group)) ?? emptyGroup(ask, compare.timesMs.length, group);
      const aligned = alignTo(found, compare.timesMs, shifted);
      const list = ask.stats.map((stat) => filler.series(aligned, stat, shifted, ask.compare?.text ?? ''));
      kept.push(...list.filter(isWanted));
    }
  }
  return dropEmptyRows(ask, { timesMs, series: ranked.kept.flat(), notices });
}

/** Start of the first bucket with an event in it; Infinity: there is none. */
export function firstSeenMs({ timesMs, groups }: TierResult): number {
  const first = timesMs.findIndex((_, index) => groups.some(({ numbers: [presence] }) => presence[index] > 0));
  return first < 0 ? Number.POSITIVE_INFINITY : timesMs[first];
}

function hasValue(series: Series): boolean {
  return series.values.some((value) => value !== null);
}

function emptyGroup(ask: MetricAsk, buckets: number, values: readonly string[] = []): GroupResult {
  return {
    values,
    numbers: ask.outputs.map(() => new Float64Array(buckets).fill(NaN)),
    items: ask.outputs.map(() => null),
    histograms: ask.outputs.map(() => null),
  };
}

/** A comparison's range may be cut elsewhere (the future, an alignment by age): each value goes to its own time, totals to theirs. */
function alignTo(group: GroupResult, from: Float64Array, to: readonly number[]): GroupResult {
  if (to.length === 1 && from.length === 1) return group;
  const at = new Map([...from].map((time, index) => [time, index]));
  const pick = (column: Float64Array): Float64Array => Float64Array.from(to, (time) => column[at.get(time) ?? -1] ?? NaN);
  return { ...group, numbers: group.numbers.map((column) => (column.length === 0 ? column : pick(column))) };
}

class Filler {
  readonly #ask: MetricAsk;
  readonly #zeroable: readonly boolean[];
  /** An estimate of distinct values is told as the whole number that it stands for; a ratio is computed before. */
  readonly #whole: boolean;
  readonly #known: Known;
  /** Buckets that begin before this were never seen, or are not kept any more. */
  readonly #knownFromMs: number;

  constructor(def: Definition, ask: MetricAsk, plan: Plan, known: Known) {
    this.#ask = ask;
    this.#known = known;
    this.#whole = ask.measure.kind === 'unique';
    const keptFromMs = plan.bucketMs === 0 ? -Infinity : known.nowMs - keptForMs(def, plan.bucketMs);
    const lengthMs = plan.bucketMs === 0 ? plan.main.toMs - plan.main.fromMs : plan.bucketMs;
    // The bucket with the oldest event in it is known, and a total that reaches beyond it.
    this.#knownFromMs = Math.max(keptFromMs, known.dataFromMs) - lengthMs + 1;
    this.#zeroable = ask.outputs.map((output) => {
      const kind = def.components[output.component].kind;
      return kind === 'count' || kind === 'sum' || kind === 'unique';
    });
  }

  /** @param timesMs when the buckets really were, comparison or not: completeness hangs on it */
  series(group: GroupResult, stat: Stat, timesMs: readonly number[], compare: string): Series {
    const presence = group.numbers[0];
    const values: (number | null)[] = new Array<number | null>(timesMs.length);
    let previous: number | null = null;
    for (let index = 0; index < timesMs.length; index++) {
      const present = presence[index] > 0;
      const exact = present ? this.#evaluate(stat.formula, group, index) : NaN;
      const value = this.#whole ? Math.round(exact) : exact;
      // Not a number: no event, nothing measured in them, or a division by zero.
      if (Number.isFinite(value)) values[index] = previous = value;
      else values[index] = this.#fill(stat, present, timesMs[index], previous);
    }
    return { group: group.values, stat, compare, values };
  }

  /** What stands in a bucket that has no value. */
  #fill(stat: Stat, present: boolean, timeMs: number, previous: number | null): number | null {
    const complete = timeMs < this.#known.completeUntilMs && timeMs >= this.#knownFromMs;
    if (!complete) return null;
    switch (this.#ask.fill) {
      case 'zero':
        return 0;
      case 'previous':
        return previous;
      case 'auto':
        return stat.zeroWhenEmpty && !present ? 0 : null;
      case 'null':
      case 'none':
        return null;
    }
  }

  #evaluate(formula: Formula, group: GroupResult, index: number): number {
    if (formula.op === 'output') {
      const value = group.numbers[formula.output][index];
      // Events were there, but none of this component's: that is a count of none.
      return Number.isNaN(value) && this.#zeroable[formula.output] ? 0 : value;
    }
    const denominator = this.#evaluate(formula.denominator, group, index);
    return denominator === 0 ? NaN : this.#evaluate(formula.numerator, group, index) / denominator;
  }
}

/** Series by group, groups in the asked order, at most `limit` of them. The first stat ranks. */
function rank(ask: MetricAsk, series: readonly Series[]): { readonly kept: Series[][]; readonly total: number } {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const key = groupKey(one.group);
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [one]);
    else list.push(one);
  }
  const scored = [...groups.values()].map((list) => ({ list, score: score(list[0]) }));
  const direction = ask.order === 'asc' ? 1 : -1;
  scored.sort((a, b) => {
    if (ask.orderBy === 'name') return byName(a.list[0].group, b.list[0].group);
    return a.score === b.score ? byName(a.list[0].group, b.list[0].group) : direction * (a.score - b.score);
  });
  const kept = scored.map(({ list }) => list);
  return { kept: ask.limit > 0 ? kept.slice(0, ask.limit) : kept, total: kept.length };
}

/** The sum of what adds up, else the mean. The series has a value. */
function score(series: Series): number {
  let sum = 0;
  let count = 0;
  for (const value of series.values) {
    if (value === null) continue;
    sum += value;
    count++;
  }
  return series.stat.additive ? sum : sum / count;
}

function byName(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < a.length; index++) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return 0;
}

function limitNotice(ask: MetricAsk, total: number, kept: number): Notice[] {
  if (kept >= total) return [];
  const order = ask.orderBy === 'name' ? 'by name' : ask.order === 'asc' ? 'lowest first' : 'highest first';
  return [{ severity: 'info', text: `${kept} of ${total} series are shown (${order}); the rest is left out.` }];
}

/** fill: none leaves out the times at which nothing has a value. */
function dropEmptyRows(ask: MetricAsk, finished: Finished): Finished {
  if (ask.fill !== 'none') return finished;
  const keep = finished.timesMs.map((_, index) => finished.series.some((series) => series.values[index] !== null));
  return {
    ...finished,
    timesMs: finished.timesMs.filter((_, index) => keep[index]),
    series: finished.series.map((series) => ({ ...series, values: series.values.filter((_, index) => keep[index]) })),
  };
}

/** Start of the first bucket that is not finished, or null when all are; of a total: where its unfinished part begins. */
export function partialFromMs(
  plan: { readonly bucketMs: number; readonly main: { readonly fromMs: number; readonly toMs: number } },
  watermarkMs: number,
): number | null {
  const { fromMs, toMs } = plan.main;
  if (toMs <= watermarkMs || toMs <= fromMs) return null;
  if (plan.bucketMs === 0) return Math.max(fromMs, watermarkMs);
  const steps = Math.max(0, Math.floor((watermarkMs - fromMs) / plan.bucketMs));
  return fromMs + steps * plan.bucketMs;
}
