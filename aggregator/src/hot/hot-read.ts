// Answers a TierRead from the hot tier: lists and filters series, reads their panes in batches, merges them by group, and puts
// buckets, windows and totals together. The same for Redis and memory.
// Invariant: the answer is of panes that were complete before and are still there after the reading; otherwise it throws.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Coverage, GroupResult, TierRead, TierResult, TopItem } from '../query/tier-read.js';
import { eachLimited, throwIfAborted, Turns } from './abort.js';
import { GroupNumbers } from './group-numbers.js';
import { GroupSketches, type SketchCodecs } from './group-sketches.js';
import type { HotTier } from './hot-tier.js';
import { resolutionFor, unitMsOf, type HotPlan } from './resolution.js';
import { compileFilters, positionOf } from './series-filter.js';

export interface HotReadContext {
  readonly definition: Definition;
  readonly tier: HotTier;
  readonly clock: Clock;
  readonly sketches: SketchCodecs;
}

/** How the read's buckets lie on the units that panes are folded into. Unit u covers [startS + u × unitS, …). */
export interface UnitGrid {
  readonly startS: number;
  readonly unitS: number;
  readonly units: number;
  readonly buckets: number;
  /** Units per answered value, and from one value to the next. */
  readonly width: number;
  readonly step: number;
}

interface Group {
  readonly values: readonly string[];
  readonly series: (readonly string[])[];
}

/** Series read at once; two batches are in work at a time. */
const SERIES_PER_BATCH = 250;
/** A read over more series than this is refused: the cold tier is made for it. */
const MAX_SERIES = 100_000;

/**
 * @param coverage what the planner planned with
 * @throws TidemarkError retryable (HOT_CHANGED, HOT_NOT_COVERED: plan again), limit, invalid, unavailable, or the signal's reason
 */
export async function readHot(context: HotReadContext, read: TierRead, coverage: Coverage): Promise<TierResult> {
  const { definition, tier, clock } = context;
  const startedMs = clock.monotonic();
  throwIfAborted(read.signal);
  const plan = resolutionFor(definition, read, read.fromMs, read.toMs, coverage, clock.now());
  if (plan === null || !(definition.groupings[read.grouping]?.hot ?? false)) {
    throw new TidemarkError(
      'retryable',
      'HOT_NOT_COVERED',
      'The hot tier does not hold what the read asks for (any more).',
      'Plan the query again.',
    );
  }
  const grid = gridOf(read);
  const groups = await findGroups(context, read, plan);
  if (groups.length * grid.buckets > read.maxRows) {
    throw new TidemarkError(
      'limit',
      'TOO_MANY_ROWS',
      `The answer would have ${groups.length * grid.buckets} rows, more than ${read.maxRows}.`,
      'Ask for fewer groups, longer buckets or a shorter range.',
    );
  }
  const results: GroupResult[] = [];
  let topError = 0;
  let rows = 0;
  const turns = new Turns(() => clock.monotonic(), read.signal);
  const numbers = groups.map(() => new GroupNumbers(definition, read.outputs, grid));
  rows += await readAllNumbers(context, read, plan, groups, numbers, turns);
  for (const batch of batchesOf(groups.flatMap((group, g) => liveGroup(group, numbers[g])))) {
    const sketches = batch.map(() => new GroupSketches(definition, context.sketches, read.outputs, grid, turns));
    rows += await readAllSketches(context, read, plan, batch, sketches);
    for (let g = 0; g < batch.length; g++) {
      const { group, numbers: ofGroup, counts } = batch[g];
      const answers = await sketches[g].answers(counts);
      topError = Math.max(topError, answers.topError);
      results.push({
        values: group.values,
        numbers: read.outputs.map((output, o) =>
          output.stat === 'value' ? ofGroup.values(output.component, counts) : (answers.numbers.get(o) ?? new Float64Array(0)),
        ),
        items: read.outputs.map((_, o): readonly (readonly TopItem[])[] | null => answers.items.get(o) ?? null),
        histograms: read.outputs.map((_, o): readonly ReadonlyMap<number, number>[] | null => answers.histograms.get(o) ?? null),
      });
      if (turns.due) {
        await turns.yield();
      }
    }
  }
  await checkStillCovered(tier, coverage);
  return {
    timesMs: Float64Array.from({ length: grid.buckets }, (_, i) => read.fromMs + i * read.bucketMs),
    groups: results,
    topError,
    detail: { source: describePlan(plan), rows, durationMs: clock.monotonic() - startedMs },
  };
}

function gridOf(read: TierRead): UnitGrid {
  if (read.bucketMs === 0) {
    return { startS: read.fromMs / 1000, unitS: (read.toMs - read.fromMs) / 1000, units: 1, buckets: 1, width: 1, step: 1 };
  }
  const unitMs = unitMsOf(read.bucketMs, read.windowSizeMs);
  const sizeMs = read.windowSizeMs ?? read.bucketMs;
  const startMs = read.fromMs + read.bucketMs - sizeMs;
  return {
    startS: startMs / 1000,
    unitS: unitMs / 1000,
    units: Math.max(0, (read.toMs - startMs) / unitMs),
    buckets: Math.max(0, (read.toMs - read.fromMs) / read.bucketMs),
    width: sizeMs / unitMs,
    step: read.bucketMs / unitMs,
  };
}

function describePlan(plan: HotPlan): string {
  const resolutions = new Set([...plan.numeric, ...(plan.sketch ?? [])].map((segment) => `${segment.resolution}s`));
  return `hot ${[...resolutions].join(' + ')}`;
}

async function findGroups({ definition, tier }: HotReadContext, read: TierRead, plan: HotPlan): Promise<Group[]> {
  const grouping = definition.groupings[read.grouping];
  const filter = compileFilters(definition, read);
  const positions = read.groupBy.map((dimension) => positionOf(definition, grouping, dimension));
  const fromS = plan.numeric[0]?.fromS ?? 0;
  const listed =
    filter.named ?? (await tier.listSeries(read.tenant, read.grouping, fromS, plan.numeric.at(-1)?.toS ?? 0, MAX_SERIES + 1, read.signal));
  if (listed.length > MAX_SERIES) {
    throw new TidemarkError(
      'limit',
      'TOO_MANY_SERIES',
      `More than ${MAX_SERIES} series of ${grouping.name} would have to be read.`,
      'Add a filter, or group by fewer dimensions.',
    );
  }
  const groups = new Map<string, Group>();
  for (const series of listed) {
    if (filter.named === null && !filter.matches(series)) {
      continue;
    }
    const values = positions.map((position) => series[position]);
    const key = JSON.stringify(values);
    let group = groups.get(key);
    if (group === undefined) {
      group = { values, series: [] };
      groups.set(key, group);
    }
    group.series.push(series);
  }
  return [...groups.values()];
}

/** A group that had an event in some bucket. */
interface LiveGroup {
  readonly group: Group;
  readonly numbers: GroupNumbers;
  readonly counts: Float64Array;
}

function liveGroup(group: Group, numbers: GroupNumbers): LiveGroup[] {
  const counts = numbers.counts();
  return counts.some((count) => count > 0) ? [{ group, numbers, counts }] : [];
}

/** Groups of few series are read together; a large one alone. */
function batchesOf(groups: readonly LiveGroup[]): LiveGroup[][] {
  const batches: LiveGroup[][] = [];
  let series = SERIES_PER_BATCH;
  for (const live of groups) {
    if (series + live.group.series.length > SERIES_PER_BATCH) {
      batches.push([]);
      series = 0;
    }
    batches[batches.length - 1].push(live);
    series += live.group.series.length;
  }
  return batches;
}

interface Batch {
  readonly groups: readonly number[];
  readonly series: readonly (readonly string[])[];
}

async function readAllNumbers(
  { tier }: HotReadContext,
  read: TierRead,
  plan: HotPlan,
  groups: readonly Group[],
  numbers: readonly GroupNumbers[],
  turns: Turns,
): Promise<number> {
  if (groups.length === 0) {
    return 0;
  }
  const { components } = numbers[0];
  const flat = groups.flatMap((group, g) => group.series.map((series) => ({ g, series })));
  const batches: Batch[] = [];
  for (let i = 0; i < flat.length; i += SERIES_PER_BATCH) {
    const part = flat.slice(i, i + SERIES_PER_BATCH);
    batches.push({ groups: part.map(({ g }) => g), series: part.map(({ series }) => series) });
  }
  let rows = 0;
  for (const segment of plan.numeric) {
    await eachLimited(batches, 2, read.signal, async (batch) => {
      const { resolution, fromS, toS } = segment;
      const columns = await tier.readNumeric(
        { tenant: read.tenant, grouping: read.grouping, series: batch.series, resolution, fromS, toS, signal: read.signal },
        components,
      );
      for (let s = 0; s < columns.length; s++) {
        numbers[batch.groups[s]].merge(columns[s], segment);
        if (turns.due) {
          await turns.yield();
        }
      }
      rows += (columns.length * (toS - fromS)) / resolution;
    });
  }
  return rows;
}

async function readAllSketches(
  { tier }: HotReadContext,
  read: TierRead,
  plan: HotPlan,
  groups: readonly LiveGroup[],
  sketches: readonly GroupSketches[],
): Promise<number> {
  const flat = groups.flatMap(({ group }, g) => group.series.map((values) => ({ g, values })));
  let rows = 0;
  for (const segment of plan.sketch ?? []) {
    const { resolution, fromS, toS } = segment;
    for (const component of sketches[0].components) {
      for (let i = 0; i < flat.length; i += SERIES_PER_BATCH) {
        const part = flat.slice(i, i + SERIES_PER_BATCH);
        const series = part.map(({ values }) => values);
        const panes = await tier.readSketch(
          { tenant: read.tenant, grouping: read.grouping, series, resolution, fromS, toS, signal: read.signal },
          component,
        );
        for (let s = 0; s < panes.length; s++) {
          await sketches[part[s].g].merge(component, panes[s], segment);
        }
        rows += (series.length * (toS - fromS)) / resolution;
      }
    }
  }
  return rows;
}

/** Data that vanished or went back while it was read must not be answered. */
async function checkStillCovered(tier: HotTier, before: Coverage): Promise<void> {
  const after = await tier.coverage();
  const wentBack = [...before.partitions].some(([partition, state]) => (after.partitions.get(partition)?.offset ?? -1) < state.offset);
  if (after.fromMs > before.fromMs || wentBack || after.epoch !== before.epoch) {
    throw new TidemarkError('retryable', 'HOT_CHANGED', 'The hot tier lost data while it was read.', 'Plan the query again.');
  }
}
