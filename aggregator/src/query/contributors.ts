// Which values of which dimensions made a change: each dimension's values in the range are compared with those just before it. Panels
// and watches ask the same. Pure, but for the given `read`.

import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { ContributorsAsk, MetricAsk } from './ask.js';
import { frame, numberColumn, stringColumn, type DataFrame, type FrameMeta } from './data-frame.js';
import type { Series } from './finish.js';
import { typed } from './frames.js';

/** Those that did less than this part are not told. */
const LEAST_SHARE = 0.1;
/** Time before the range that it is compared with, at least: a minute alone says little of what is usual. */
const LEAST_BEFORE_MS = 600_000;

export interface Contribution {
  readonly dimension: string;
  readonly value: string;
  /** In the range. */
  readonly now: number;
  /** Before it, brought to the range's length where longer means more. */
  readonly before: number;
  readonly change: number;
  /** Part of the whole change; null where parts do not add up, as with a ratio or a quantile. */
  readonly share: number | null;
}

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ContributorsInput {
  readonly def: Definition;
  readonly ask: ContributorsAsk;
  readonly range: Range;
  /** A total over a range, and the range that it really covers. @throws TidemarkError */
  readonly read: (metric: MetricAsk, range: Range) => Promise<{ readonly series: readonly Series[]; readonly covered: Range }>;
}

export interface Contributions {
  /** By dimension, in the asked order, the largest change first. */
  readonly found: readonly Contribution[];
  /** Dimensions of which nothing can be said. */
  readonly skipped: readonly { readonly name: string; readonly error: TidemarkError }[];
}

/** @throws TidemarkError what `read` throws; a dimension that alone cannot be read is left out while there are others */
export async function findContributions({ def, ask, range, read }: ContributorsInput): Promise<Contributions> {
  const beforeMs = ask.beforeMs ?? Math.max(range.toMs - range.fromMs, LEAST_BEFORE_MS);
  const earlier = { fromMs: range.fromMs - beforeMs, toMs: range.fromMs };
  const skipped: { readonly name: string; readonly error: TidemarkError }[] = [];
  const found = await Promise.all(
    ask.metrics.map(async (metric) => {
      const { name } = def.dimensions[metric.groupBy[0]];
      const both = await Promise.all([read(metric, range), read(metric, earlier)]).catch((error: unknown) => {
        if (!(error instanceof TidemarkError) || !(error.errorClass === 'limit' || error.code === 'NO_GROUPING')) throw error;
        skipped.push({ name, error });
        return null;
      });
      if (both === null) return [];
      const [now, then] = both;
      const { additive } = metric.stats[0];
      const scale = additive ? lengthOf(now.covered) / lengthOf(then.covered) : 1;
      return heaviest(name, valuesOf(now.series), valuesOf(then.series), scale, additive).slice(0, ask.limit);
    }),
  );
  if (skipped.length === ask.metrics.length) throw skipped[0].error;
  return { found: found.flat(), skipped };
}

/** The values whose change goes the way of the whole, largest first. */
export function heaviest(
  dimension: string,
  now: ReadonlyMap<string, number>,
  then: ReadonlyMap<string, number>,
  scale: number,
  additive: boolean,
): readonly Contribution[] {
  const names = [...new Set([...now.keys(), ...then.keys()])];
  // A ratio or a quantile of a value that was not there before has nothing to be compared with.
  const comparable = additive ? names : names.filter((name) => now.has(name) && then.has(name));
  const changes = comparable.map((value) => {
    const [during, before] = [now.get(value) ?? 0, (then.get(value) ?? 0) * scale];
    return { value, now: during, before, change: during - before };
  });
  const total = changes.reduce((sum, { change }) => sum + change, 0);
  if (total === 0) return [];
  const direction = Math.sign(total);
  return changes
    .map((one) => ({ dimension, ...one, share: additive ? one.change / total : null }))
    .filter(({ change, share }) => Math.sign(change) === direction && (share === null || share >= LEAST_SHARE))
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || (a.value < b.value ? -1 : 1));
}

export function contributorsFrame(ask: ContributorsAsk, found: readonly Contribution[], meta: FrameMeta): DataFrame {
  const table = typed(meta, 'table');
  if (found.length === 0) return frame(ask.refId, table, []);
  const { unit } = ask.measure;
  const numbers = (pick: (one: Contribution) => number | null): (number | null)[] => found.map(pick);
  return frame(ask.refId, table, [
    stringColumn(
      'dimension',
      found.map((one) => one.dimension),
    ),
    stringColumn(
      'value',
      found.map((one) => one.value),
    ),
    numberColumn(
      'now',
      numbers((one) => one.now),
      { unit },
    ),
    numberColumn(
      'before',
      numbers((one) => one.before),
      { unit },
    ),
    numberColumn(
      'change',
      numbers((one) => one.change),
      { unit },
    ),
    numberColumn(
      'share',
      numbers((one) => one.share),
      { unit: 'percentunit' },
    ),
  ]);
}

function valuesOf(series: readonly Series[]): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const { group, values: numbers } of series) if (numbers[0] !== null && numbers[0] !== undefined) values.set(group[0], numbers[0]);
  return values;
}

function lengthOf({ fromMs, toMs }: Range): number {
  return toMs - fromMs;
}
