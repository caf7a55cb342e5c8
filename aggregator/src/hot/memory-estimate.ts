// How much memory the hot tier can come to need, from the definition alone: caps, groupings, components and retentions.
// An estimate for planning, rather too high: it supposes that every value of every cap is active in every stretch.

import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { RESOLUTIONS } from '../window/flush-batch.js';
import { EXPIRY_SLACK_MS, HotLayout, isSketch, SKETCH_STRETCH_SLOTS, STRETCH_SLOTS } from './layout.js';

/** Redis' cost of a key besides its value: name, dictionary entries, object, time to live. */
const KEY_BYTES = 220;
/** Mean size of one sketch in one bucket. Busy series have more (a full HyperLogLog 16 KiB), most have much less. */
const SKETCH_BYTES = 200;

export interface MemoryEstimate {
  readonly bytes: number;
  readonly series: number;
  /** The groupings, largest first. */
  readonly groupings: readonly { readonly name: string; readonly series: number; readonly bytes: number }[];
}

export function estimateHotMemory(definition: Definition): MemoryEstimate {
  const layout = new HotLayout(definition);
  const sketches = definition.components.filter(isSketch).length;
  let seriesBytes = 0;
  for (const resolution of RESOLUTIONS) {
    const keptS = (layout.retentionMs(resolution) + EXPIRY_SLACK_MS) / 1000;
    seriesBytes += (Math.ceil(keptS / (resolution * STRETCH_SLOTS)) + 1) * (layout.stretchBytes + KEY_BYTES);
    if (resolution !== 60) {
      const slots = SKETCH_STRETCH_SLOTS[resolution];
      seriesBytes += sketches * (Math.ceil(keptS / (resolution * slots)) + 1) * (slots * SKETCH_BYTES + KEY_BYTES);
    }
  }
  const groupings = definition.groupings
    .filter((grouping) => grouping.hot)
    .map((grouping) => {
      // A dimension also has its missing and its other value.
      const series = grouping.dimensions.reduce((product, d) => product * (definition.dimensions[d].cap + 2), definition.tenants.length);
      return { name: grouping.name, series, bytes: series * seriesBytes };
    })
    .sort((a, b) => b.bytes - a.bytes);
  return {
    bytes: groupings.reduce((sum, g) => sum + g.bytes, 0),
    series: groupings.reduce((sum, g) => sum + g.series, 0),
    groupings,
  };
}

/** @throws TidemarkError invalid when the estimate is above hot.maxMemoryBytes (0: no limit) */
export function checkMemoryEstimate(definition: Definition): void {
  const { maxMemoryBytes } = definition.hot;
  const estimate = estimateHotMemory(definition);
  if (maxMemoryBytes > 0 && estimate.bytes > maxMemoryBytes) {
    const largest = estimate.groupings[0];
    throw new TidemarkError(
      'invalid',
      'HOT_MEMORY_ESTIMATE',
      `With all caps reached the hot tier would need about ${gibibytes(estimate.bytes)} for ${estimate.series} series, more than hot.maxMemory ${gibibytes(maxMemoryBytes)}; most of it for the grouping ${largest.name}.`,
      'Lower the caps of its dimensions, keep the grouping out of the hot tier, shorten retention.hot, or raise hot.maxMemory.',
    );
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
