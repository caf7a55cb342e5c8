// Turns filled panes into SeriesDeltas: folds values beyond their cap into `__other__`, sums panes up, and encodes each slot's
// sketches. Once per accumulation; the panes are spent afterwards.

import type { Definition } from '../definition/model.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import type { RunEncoder } from '../sketch/runs.js';
import type { SeriesDelta } from './flush-batch.js';
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
  decoder: EventDecoder,
  encoder: RunEncoder,
  names: SealNames,
  fold: Fold,
): SeriesDelta[] {
  const rollup = new PaneRollup(panes, definition, fold);
  const log = panes.sketchLog.sort(rollup.leafCount, rollup.movedTo);
  const { leaves, first } = rollup.leaves();
  const noSketches = definition.components.map(() => null);
  const values = panes.groupings.map((): (readonly string[])[] => []);
  const { numbers, width } = panes;
  const deltas: SeriesDelta[] = [];
  for (let slot = 0; slot < panes.slotCount; slot++) {
    if (rollup.isGone(slot)) {
      continue;
    }
    const pane = panes.paneOf(slot);
    const g = panes.groupingOf(slot);
    const series = panes.seriesOf(slot);
    deltas.push({
      tenant: names.tenants[pane.tenant],
      grouping: panes.groupings[g].index,
      values: (values[g][series] ??= valuesOf(panes, g, series, names)),
      resolution: pane.resolution,
      bucketS: pane.bucketS,
      numeric: numbers.subarray(slot * width, (slot + 1) * width),
      sketches: pane.resolution === 60 ? noSketches : log.encode(leaves, first[slot], first[slot + 1], width, decoder, encoder),
    });
  }
  return deltas;
}

function valuesOf(panes: Panes, grouping: number, series: number, names: SealNames): readonly string[] {
  const { dimensions } = panes.groupings[grouping];
  return panes.series[grouping].values(series).map((id, i) => names.valueOf(dimensions[i], id));
}
