// Runs a read's SELECT and turns its arrays into a TierResult. Invariant: what one read returns was true at one moment of the state
// that it was planned with; a cell without events is NaN (or an empty list), never 0.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { GroupResult, Output, TierRead, TierResult, TopItem } from '../query/tier-read.js';
import type { DefinitionHistory } from './definition-history.js';
import type { Engine } from './engine.js';
import { decodeNative, type NativeResult } from './native-reader.js';
import type { RollupReach } from './read-plan.js';
import { outputColumns, planRead, readGrid, readSql, type ReadGrid, type ReadPlan } from './read-sql.js';
import type { Names } from './schema.js';
import { WINDOWS_TABLE } from './windows.js';

export interface Reader {
  readonly definition: Definition;
  readonly engine: Engine;
  readonly names: Names;
  readonly clock: Clock;
  readonly history: DefinitionHistory;
}

/** @throws TidemarkError invalid, limit, deadline, cancelled, unavailable */
export async function runRead(reader: Reader, read: TierRead, reach: RollupReach): Promise<TierResult> {
  const { definition, engine, names, clock } = reader;
  check(definition, read);
  const started = clock.monotonic();
  const grid = readGrid(read);
  const timesMs = Float64Array.from({ length: grid.buckets }, (_, i) => read.fromMs + i * read.bucketMs);
  const plan = planRead(definition, read, grid, reach);
  const result = decodeNative(await engine.query(readSql(definition, names, read, grid, plan), { lane: 'query', signal: read.signal }));
  const { groups, cells, topError } = toGroups(reader, read, grid, timesMs, result);
  return { timesMs, groups, topError, detail: { source: sourcesOf(plan), rows: cells, durationMs: clock.monotonic() - started } };
}

function toGroups(
  reader: Reader,
  read: TierRead,
  grid: ReadGrid,
  timesMs: Float64Array,
  result: NativeResult,
): { readonly groups: readonly GroupResult[]; readonly cells: number; readonly topError: number } {
  const buckets = result.numberLists('ks');
  const cells = buckets.reduce((sum, list) => sum + list.length, 0);
  if (cells > read.maxRows) {
    throw new TidemarkError(
      'limit',
      'COLD_ROW_LIMIT',
      `the answer has more than ${read.maxRows} rows (groups × buckets with events)`,
      'Use a longer bucket, a shorter range, fewer dimensions in groupBy, or more filters.',
    );
  }
  const labels = read.groupBy.map((_, i) => result.strings(`v${i}`));
  const decoded = read.outputs.map((output, i) => decodeOutput(reader, output, i, grid.buckets, timesMs, result, buckets));
  const groups: GroupResult[] = [];
  for (let row = 0; row < buckets.length; row++) {
    if (buckets[row].length > 0) {
      groups.push({
        values: labels.map((label) => label[row]),
        numbers: decoded.map((output) => output.numbers(row)),
        items: decoded.map((output) => output.items(row)),
        histograms: decoded.map((output) => output.histograms(row)),
      });
    }
  }
  return { groups, cells, topError: decoded.reduce((most, output) => Math.max(most, output.topError), 0) };
}

/** One output by row of the result (a group). */
interface DecodedOutput {
  readonly numbers: (row: number) => Float64Array;
  readonly items: (row: number) => readonly (readonly TopItem[])[] | null;
  readonly histograms: (row: number) => readonly ReadonlyMap<number, number>[] | null;
  readonly topError: number;
}

const NO_NUMBERS = (): Float64Array => new Float64Array(0);
const NOTHING = (): null => null;

function decodeOutput(
  reader: Reader,
  output: Output,
  index: number,
  count: number,
  timesMs: Float64Array,
  result: NativeResult,
  buckets: readonly Float64Array[],
): DecodedOutput {
  const component = reader.definition.components[output.component];
  const scale = 10 ** component.decimals;
  const availableFromMs = reader.history.availableFromMs(component);
  const columns = outputColumns(output, index).map((name) => `a_${name}`);
  if (output.stat === 'histogram') {
    const bins = result.numberListLists(columns[0]);
    const counts = result.numberListLists(columns[1]);
    return {
      numbers: NO_NUMBERS,
      items: NOTHING,
      histograms: (row) => histogramsOf(count, buckets[row], bins[row], counts[row]),
      topError: 0,
    };
  }
  if (output.stat === 'items') {
    const items = result.stringListLists(columns[0]);
    const weights = result.numberListLists(columns[1]);
    const lost = result.numberLists(columns[2]);
    const topError = lost.reduce((most, list) => list.reduce((a, b) => Math.max(a, b), most), 0) / scale;
    return {
      numbers: NO_NUMBERS,
      items: (row) => itemsOf(count, buckets[row], items[row], weights[row], scale),
      histograms: NOTHING,
      topError,
    };
  }
  const values = result.numberLists(columns[0]);
  // Estimates are plain numbers; everything else is in the component's fixed point.
  const divisor = output.stat === 'estimate' ? 1 : scale;
  return {
    numbers: (row) => {
      const numbers = new Float64Array(count).fill(Number.NaN);
      const at = buckets[row];
      const list = values[row];
      for (let i = 0; i < at.length; i++) {
        // Before the component existed there is nothing to know, which is not 0.
        if (timesMs[at[i]] >= availableFromMs) {
          numbers[at[i]] = list[i] / divisor;
        }
      }
      return numbers;
    },
    items: NOTHING,
    histograms: NOTHING,
    topError: 0,
  };
}

function histogramsOf(
  count: number,
  at: Float64Array,
  bins: readonly Float64Array[],
  counts: readonly Float64Array[],
): readonly ReadonlyMap<number, number>[] {
  const histograms = Array.from({ length: count }, () => new Map<number, number>());
  at.forEach((bucket, i) => {
    // Sorted, so that two answers about the same events are the same text.
    const order = Array.from(bins[i].keys()).sort((a, b) => bins[i][a] - bins[i][b]);
    order.forEach((j) => histograms[bucket].set(bins[i][j], counts[i][j]));
  });
  return histograms;
}

function itemsOf(
  count: number,
  at: Float64Array,
  items: readonly (readonly string[])[],
  weights: readonly Float64Array[],
  scale: number,
): readonly (readonly TopItem[])[] {
  const lists: TopItem[][] = Array.from({ length: count }, () => []);
  at.forEach((bucket, i) => {
    lists[bucket] = items[i].map((item, j) => ({ item, weight: weights[i][j] / scale }));
  });
  return lists;
}

function sourcesOf({ segments, windows }: ReadPlan): string {
  const used = new Set(segments.map(({ source }) => (source === 'raw' ? 'events' : `rollup_${source}`)));
  if (windows !== null && windows.ready.length > 0) {
    used.add(WINDOWS_TABLE);
  }
  return [WINDOWS_TABLE, 'rollup_1d', 'rollup_1h', 'rollup_1m', 'events'].filter((name) => used.has(name)).join(' + ');
}

function check(definition: Definition, read: TierRead): void {
  const problem = problemOf(definition, read);
  if (problem !== '') {
    throw new TidemarkError(
      'invalid',
      'COLD_BAD_READ',
      `the cold tier cannot read this: ${problem}`,
      'This is a defect of the planner: report it.',
    );
  }
}

function problemOf(definition: Definition, read: TierRead): string {
  const { fromMs, toMs, bucketMs, windowSizeMs } = read;
  const grouping = definition.groupings[read.grouping];
  const step = bucketMs === 0 ? 1000 : bucketMs;
  if (grouping === undefined) {
    return `there is no grouping ${read.grouping}`;
  }
  if (!Number.isSafeInteger(step) || step % 1000 !== 0 || step <= 0) {
    return `the bucket of ${bucketMs} ms is not a multiple of 1 s`;
  }
  if (!(toMs > fromMs) || fromMs % step !== 0 || toMs % step !== 0) {
    return `[${fromMs}, ${toMs}) is not a range of whole buckets of ${step} ms`;
  }
  if (windowSizeMs !== null && (windowSizeMs % 1000 !== 0 || windowSizeMs <= 0 || bucketMs === 0)) {
    return `a window of ${windowSizeMs} ms with buckets of ${bucketMs} ms`;
  }
  const missing = [...read.groupBy, ...read.filters.map((f) => f.dimension)].find((dimension) => !grouping.dimensions.includes(dimension));
  if (missing !== undefined) {
    return `grouping ${grouping.name} does not keep dimension ${missing}`;
  }
  const strange = read.outputs.find((output) => !fits(definition.components[output.component]?.kind, output));
  return strange === undefined ? '' : `component ${strange.component} has no ${strange.stat}`;
}

function fits(kind: string | undefined, output: Output): boolean {
  switch (output.stat) {
    case 'value':
      return kind === 'count' || kind === 'sum' || kind === 'min' || kind === 'max';
    case 'estimate':
      return kind === 'unique';
    case 'quantile':
      return kind === 'quantiles' && output.q >= 0 && output.q <= 1;
    case 'histogram':
      return kind === 'quantiles';
    case 'items':
      return kind === 'top' && Number.isSafeInteger(output.limit) && output.limit >= 0;
  }
}
