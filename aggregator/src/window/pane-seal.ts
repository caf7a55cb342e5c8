// Turns filled panes into deltas: folds values beyond their cap into `__other__`, sums panes up, and encodes each slot's
// sketches. Once per accumulation; the panes are spent afterwards.

import type { Definition } from '../definition/model.js';
import type { CurrentEvent } from '../decode/decoder.js';
import type { RunEncoder } from '../sketch/runs.js';
import { DeltaColumns } from './delta-columns.js';
import { PaneRollup, type Fold } from './pane-rollup.js';
import type { Panes } from './panes.js';

export interface SealNames {
  readonly tenants: readonly string[];
  /** Value of an id, by dimension. */
  valueOf(dimension: number, id: number): string;
}

export function sealPanes(
  panes: Panes,
  definition: Definition,
  decoder: CurrentEvent,
  encoder: RunEncoder,
  names: SealNames,
  fold: Fold,
): DeltaColumns {
  const rollup = new PaneRollup(panes, definition, fold);
  const log = panes.sketchLog.sort(rollup.leafCount, rollup.movedTo);
  const { leaves, first } = rollup.leaves();
  const { width, slotCount } = panes;
  const columns = new DeltaColumns(definition, panes.numbers);
  /** By grouping, tenant and series: the series' number in the columns + 1. */
  const known = panes.groupings.map((): Int32Array[] => []);
  for (let slot = 0; slot < slotCount; slot++) {
    if (rollup.isGone(slot)) {
      continue;
    }
    const pane = panes.paneOf(slot);
    const g = panes.groupingOf(slot);
    const own = panes.seriesOf(slot);
    const ofTenant = (known[g][pane.tenant] ??= new Int32Array(panes.series[g].count));
    if (ofTenant[own] === 0) {
      const values = valuesOf(panes, g, own, names);
      ofTenant[own] = columns.series.push({ tenant: names.tenants[pane.tenant], grouping: panes.groupings[g].index, values });
    }
    const delta = columns.add(ofTenant[own] - 1, pane.resolution, pane.bucketS, slot * width);
    if (pane.resolution !== 60) {
      // Minutes of sketches are not kept hot.
      log.encode(leaves, first[slot], first[slot + 1], columns, delta, decoder, encoder);
    }
  }
  return columns;
}

function valuesOf(panes: Panes, grouping: number, series: number, names: SealNames): readonly string[] {
  const { dimensions } = panes.groupings[grouping];
  return panes.series[grouping].values(series).map((id, i) => names.valueOf(dimensions[i], id));
}
