// Sorts a flush by shard and series and checks it: what both implementations do before anything changes.
// Invariant: a delta that passes can be stored exactly; one that cannot is a defect of the window room and ends the process.

import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { DeltaColumns } from '../window/delta-columns.js';
import type { Flush, SeriesDelta } from '../window/flush-batch.js';
import { seriesName, shardOf } from './keys.js';
import { MAX_EXTREMUM, type HotLayout } from './layout.js';

/** What one shard gets. */
export interface ShardDeltas {
  readonly columns: DeltaColumns;
  /** By series of the columns. */
  readonly names: readonly string[];
  /** Numbers of the shard's deltas; those of a series stand together. */
  readonly order: Int32Array;
}

/**
 * Deltas by shard (only the shards asked for), without those whose bucket ended longer ago than their retention.
 * @throws TidemarkError fatal on a delta that does not fit the definition
 */
export function planFlush(
  definition: Definition,
  layout: HotLayout,
  flush: Pick<Flush, 'deltas'>,
  shards: readonly number[],
  nowMs: number,
): readonly ShardDeltas[] {
  const columns = columnsOf(definition, flush.deltas);
  const count = definition.hot.shards;
  const names = columns.series.map(({ tenant, grouping, values }) => {
    if (definition.groupings[grouping]?.dimensions.length !== values.length) {
      throw invalid(`grouping ${grouping}`, `${values.length} values do not fit it`);
    }
    return seriesName(tenant, grouping, values);
  });
  const shard = names.map((name) => shardOf(name, count));
  checkDeltas(definition, columns);
  const order = bySeries(columns, layout, nowMs);
  const lengths = new Int32Array(count);
  for (let i = 0; i < order.length; i++) {
    lengths[shard[columns.seriesOf[order[i]]]]++;
  }
  const orders = Array.from(lengths, (length, s) => new Int32Array(shards.includes(s) ? length : 0));
  const filled = new Int32Array(count);
  for (let i = 0; i < order.length; i++) {
    const s = shard[columns.seriesOf[order[i]]];
    // Writes beyond the end of a shard that is not asked for are dropped.
    orders[s][filled[s]++] = order[i];
  }
  return orders.map((ofShard) => ({ columns, names, order: ofShard }));
}

function columnsOf(definition: Definition, deltas: Flush['deltas']): DeltaColumns {
  if (deltas instanceof DeltaColumns) {
    return deltas;
  }
  const width = definition.components.length;
  for (const delta of deltas) {
    if (delta.numeric.length !== width || delta.sketches.length !== width) {
      throw invalid(placeOf(delta), `it has ${delta.numeric.length} numbers and ${delta.sketches.length} sketches for ${width} components`);
    }
  }
  return DeltaColumns.of(definition, deltas);
}

/** A counting sort: the deltas of a series keep their order. */
function bySeries(columns: DeltaColumns, layout: HotLayout, nowMs: number): Int32Array {
  const { seriesOf, bucketS, length } = columns;
  const next = new Int32Array(columns.series.length + 1);
  const kept = new Uint8Array(length);
  let count = 0;
  for (let d = 0; d < length; d++) {
    if (!layout.isExpired(columns.resolutionOf(d), bucketS[d], nowMs)) {
      kept[d] = 1;
      next[seriesOf[d] + 1]++;
      count++;
    }
  }
  for (let s = 0; s < columns.series.length; s++) {
    next[s + 1] += next[s];
  }
  const order = new Int32Array(count);
  for (let d = 0; d < length; d++) {
    if (kept[d] === 1) {
      order[next[seriesOf[d]]++] = d;
    }
  }
  return order;
}

function checkDeltas({ components }: Definition, columns: DeltaColumns): void {
  const { numbers, numbersAt, length } = columns;
  const extrema = Uint16Array.from(components.filter((c) => c.kind === 'min' || c.kind === 'max').map((c) => c.index));
  const sums = Uint16Array.from(components.filter((c) => c.kind === 'count' || c.kind === 'sum').map((c) => c.index));
  const fail = (d: number, why: string): never => {
    throw invalid(placeOf(columns.get(d, components.length)), why);
  };
  for (let d = 0; d < length; d++) {
    const bucket = columns.bucketS[d];
    if (bucket < 0 || !Number.isInteger(bucket / columns.resolution[d])) {
      fail(d, 'its bucket is not a multiple of its resolution');
    }
    const at = numbersAt[d];
    for (let i = 0; i < sums.length; i++) {
      if (!Number.isSafeInteger(numbers[at + sums[i]])) {
        fail(d, `${numbers[at + sums[i]]} of ${components[sums[i]].key} is not an integer below 2^53`);
      }
    }
    for (let i = 0; i < extrema.length; i++) {
      const value = numbers[at + extrema[i]];
      if (value === value && !(Number.isInteger(value) && Math.abs(value) <= MAX_EXTREMUM)) {
        fail(d, `${value} of ${components[extrema[i]].key} is not an integer within 2^52`);
      }
    }
    if (columns.resolution[d] === 60) {
      for (let place = 0; place < columns.sketches.length; place++) {
        if (columns.entries(d, place) !== null) {
          fail(d, `minutes of the sketch ${columns.sketches[place].key} are not kept`);
        }
      }
    }
  }
}

function placeOf({ grouping, resolution, bucketS }: SeriesDelta): string {
  return `grouping ${grouping}, ${resolution} s bucket ${bucketS}`;
}

function invalid(where: string, why: string): TidemarkError {
  return new TidemarkError(
    'fatal',
    'HOT_DELTA_INVALID',
    `A delta cannot be stored (${where}): ${why}.`,
    'This is a defect; please report it with this message.',
  );
}
