// The identity of what is asked of a tier: equal keys mean equal answers over the same data. Used to share executions in
// flight and to name cached segments. The tenant is part of every key.

import { createHash } from 'node:crypto';
import type { Definition } from '../definition/model.js';
import type { ReadSpec } from './plan.js';

/** What is asked, without the range: the same for every segment of a series. */
export function questionKey(def: Definition, spec: ReadSpec): string {
  const filters = spec.filters.map((filter) => JSON.stringify([filter.dimension, filter.op, filter.values])).sort();
  const outputs = spec.outputs.map((output) => [
    output.component,
    output.stat,
    'q' in output ? output.q : 'limit' in output ? output.limit : 0,
  ]);
  return JSON.stringify([def.layoutHash, spec.tenant, spec.grouping, spec.groupBy, filters, outputs, spec.bucketMs, spec.windowSizeMs]);
}

/** What is asked, range and all. */
export function readKey(def: Definition, tier: string, spec: ReadSpec): string {
  return `${tier}|${questionKey(def, spec)}|${spec.fromMs}|${spec.toMs}|${spec.maxRows}`;
}

/** 32 characters out of 192 bits: short enough for a store's key, and no two questions share one. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 32);
}
