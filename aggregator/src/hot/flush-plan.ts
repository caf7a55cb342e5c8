// Sorts a flush by shard and checks it: what both implementations do before anything changes.
// Invariant: a delta that passes can be stored exactly; one that cannot is a defect of the window room and ends the process.

import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Flush, SeriesDelta } from '../window/flush-batch.js';
import { seriesName, shardOf } from './keys.js';
import { isSketch, MAX_EXTREMUM, type HotLayout } from './layout.js';

export interface NamedDelta {
  readonly name: string;
  readonly delta: SeriesDelta;
}

/**
 * Deltas by shard (only the shards asked for), without those whose bucket ended longer ago than their retention.
 * @throws TidemarkError fatal on a delta that does not fit the definition
 */
export function planFlush(
  definition: Definition,
  layout: HotLayout,
  flush: Flush,
  shards: readonly number[],
  nowMs: number,
): NamedDelta[][] {
  const count = definition.hot.shards;
  const wanted = Array.from({ length: count }, (_, shard) => shards.includes(shard));
  const plan: NamedDelta[][] = Array.from({ length: count }, () => []);
  // A series comes once per bucket, mostly with the same array of values: named once.
  const series = new Map<readonly string[], SeriesPlace>();
  for (const delta of flush.deltas) {
    checkDelta(definition, delta);
    if (layout.isExpired(delta.resolution, delta.bucketS, nowMs)) {
      continue;
    }
    let place = series.get(delta.values);
    if (place === undefined || place.tenant !== delta.tenant || place.grouping !== delta.grouping) {
      const { tenant, grouping } = delta;
      const name = seriesName(tenant, grouping, delta.values);
      place = { tenant, grouping, name, shard: shardOf(name, count) };
      series.set(delta.values, place);
    }
    if (wanted[place.shard]) {
      plan[place.shard].push({ name: place.name, delta });
    }
  }
  return plan;
}

interface SeriesPlace {
  readonly tenant: string;
  readonly grouping: number;
  readonly name: string;
  readonly shard: number;
}

function checkDelta(definition: Definition, delta: SeriesDelta): void {
  const grouping = definition.groupings[delta.grouping];
  const components = definition.components;
  if (grouping === undefined || delta.values.length !== grouping.dimensions.length) {
    throw invalid(delta, `${delta.values.length} values do not fit grouping ${delta.grouping}`);
  }
  if (delta.bucketS < 0 || !Number.isInteger(delta.bucketS / delta.resolution)) {
    throw invalid(delta, 'its bucket is not a multiple of its resolution');
  }
  if (delta.numeric.length !== components.length || delta.sketches.length !== components.length) {
    throw invalid(
      delta,
      `it has ${delta.numeric.length} numbers and ${delta.sketches.length} sketches for ${components.length} components`,
    );
  }
  for (let i = 0; i < components.length; i++) {
    const component = components[i];
    const value = delta.numeric[i];
    if (isSketch(component)) {
      if (delta.resolution === 60 && delta.sketches[i] !== null) {
        throw invalid(delta, `minutes of the sketch ${component.key} are not kept`);
      }
    } else if (component.kind === 'min' || component.kind === 'max') {
      if (!Number.isNaN(value) && !(Number.isInteger(value) && Math.abs(value) <= MAX_EXTREMUM)) {
        throw invalid(delta, `${value} of ${component.key} is not an integer within 2^52`);
      }
    } else if (!Number.isSafeInteger(value)) {
      throw invalid(delta, `${value} of ${component.key} is not an integer below 2^53`);
    }
  }
}

function invalid(delta: SeriesDelta, why: string): TidemarkError {
  const where = `grouping ${delta.grouping}, ${delta.resolution} s bucket ${delta.bucketS}`;
  return new TidemarkError(
    'fatal',
    'HOT_DELTA_INVALID',
    `A delta cannot be stored (${where}): ${why}.`,
    'This is a defect; please report it with this message.',
  );
}
