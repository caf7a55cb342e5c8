// Panes from raw rows instead of from the log: what a hot tier that lost its data gets back, in the form of a flush's deltas.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Definition, FieldId } from '../definition/model.js';
import { RunEncoder } from '../sketch/runs.js';
import { EventUpdates } from './component-plan.js';
import type { DeltaColumns } from './delta-columns.js';
import type { Resolution } from './flush-batch.js';
import { GroupingTree } from './grouping-tree.js';
import { sealPanes } from './pane-seal.js';
import { Panes } from './panes.js';
import { SketchLog } from './sketch-log.js';
import { StoredEvents, type StoredRows } from './stored-events.js';

/** Rows between two looks at the event loop: some milliseconds of work. */
const SLICE_ROWS = 2_048;

/** Fields that the hot panes of a time are made of. @param sketches whether panes that keep sketches are among them */
export function paneFields(definition: Definition, sketches: boolean): readonly FieldId[] {
  const fields = new Set<FieldId>();
  for (const grouping of definition.groupings) {
    if (grouping.hot) grouping.dimensions.forEach((d) => fields.add(definition.dimensions[d].field));
  }
  for (const { kind, field, weightField, where } of definition.components) {
    where.forEach((condition) => fields.add(condition.field));
    if (sketches || !(kind === 'unique' || kind === 'quantiles' || kind === 'top')) {
      fields.add(field);
      fields.add(weightField);
    }
  }
  return [...fields].filter((field) => field >= 0 && field !== definition.event.time && field !== definition.event.tenant);
}

/**
 * @param nowMs decides which resolutions an event still belongs to
 * @throws the signal's reason when it is aborted
 */
export async function panesOfStored(definition: Definition, rows: StoredRows, nowMs: number, signal?: AbortSignal): Promise<DeltaColumns> {
  const tree = new GroupingTree(definition);
  const panes = new Panes(definition, tree, new SketchLog(definition, tree.roots.length));
  const events = new StoredEvents(definition, rows);
  const updates = new EventUpdates(definition, events);
  const { retention, dimensions } = definition;
  const tenantField = definition.event.tenant;
  const dimensionIds = new Uint32Array(dimensions.length);
  for (let row = 0; row < rows.rows; row++) {
    events.show(row);
    const ageMs = nowMs - events.timeMs;
    if (ageMs <= retention.hot1mMs) {
      for (let d = 0; d < dimensions.length; d++) dimensionIds[d] = events.internId[dimensions[d].field];
      const resolution: Resolution = ageMs <= retention.hot1sMs ? 1 : ageMs <= retention.hot10sMs ? 10 : 60;
      updates.evaluate();
      panes.add(tenantField >= 0 ? events.internId[tenantField] : 0, resolution, events.timeMs, dimensionIds, updates, events);
    }
    if (row % SLICE_ROWS === SLICE_ROWS - 1) {
      await nextTurn();
      signal?.throwIfAborted();
    }
  }
  const tenants = tenantField >= 0 ? events.dictionary(tenantField) : [definition.tenants[0].name];
  const dictionaries = dimensions.map((d) => events.dictionary(d.field));
  // The rows hold kept values: what was beyond a cap was folded before they were written.
  const fold = dimensions.map(() => null);
  const names = { tenants, valueOf: (dimension: number, id: number) => dictionaries[dimension][id] };
  return sealPanes(panes, definition, events, new RunEncoder(), names, fold);
}
