// Which values of which dimensions made an episode: each dimension's values during it are compared with those before it.
// Pure, but for the questions that it asks through the query engine.

import type { Contributor } from '../cold/anomaly-store.js';
import type { Tenant, Watch } from '../definition/model.js';
import type { DataFrame } from '../query/data-frame.js';
import type { QueryResponse } from '../query/engine.js';

/** Values told per dimension, and those that did less than this part are not. */
const TOLD = 3;
const LEAST_SHARE = 0.1;
/** Values compared per dimension: the heaviest. */
const COMPARED = 200;
/** Buckets before the episode that it is compared with, at least. */
const REFERENCE_BUCKETS = 10;

export interface Asker {
  run(tenant: Tenant, body: unknown, signal: AbortSignal): Promise<QueryResponse>;
}

/** @throws TidemarkError what the engine throws; a dimension whose question fails is left out */
export async function findContributors(
  engine: Asker,
  tenant: Tenant,
  watch: Watch,
  labels: Readonly<Record<string, string>>,
  span: { readonly fromMs: number; readonly toMs: number },
  signal: AbortSignal,
): Promise<readonly Contributor[]> {
  if (watch.explain.length === 0) return [];
  const lengthMs = span.toMs - span.fromMs;
  const referenceMs = Math.max(lengthMs, REFERENCE_BUCKETS * watch.bucketMs);
  const ask = async (fromMs: number, toMs: number): Promise<QueryResponse> =>
    engine.run(tenant, { from: fromMs, to: toMs, queries: watch.explain.map((dimension) => breakdown(watch, dimension, labels)) }, signal);
  const [during, before] = await Promise.all([ask(span.fromMs, span.toMs), ask(span.fromMs - referenceMs, span.fromMs)]);
  // Sums of a longer time before are brought to the episode's length; other numbers are means already.
  const scale = watch.additive ? lengthMs / referenceMs : 1;
  return watch.explain.flatMap((dimension) => {
    const now = valuesOf(during, dimension);
    const then = valuesOf(before, dimension);
    return now === null || then === null ? [] : heaviest(dimension, now, then, scale, watch.additive);
  });
}

function breakdown(watch: Watch, dimension: string, labels: Readonly<Record<string, string>>): object {
  const { measure, stat, filters } = watch.query;
  const own = Object.entries(labels).map(([name, value]) => ({ dimension: name, value }));
  return {
    refId: dimension,
    kind: 'metric',
    measure,
    ...(stat === undefined ? {} : { stat }),
    filters: [...(Array.isArray(filters) ? filters : []), ...own],
    groupBy: [dimension],
    format: 'total',
    window: 'none',
    limit: COMPARED,
  };
}

function valuesOf(response: QueryResponse, dimension: string): ReadonlyMap<string, number> | null {
  const result = response.results[dimension];
  const [frame]: readonly (DataFrame | undefined)[] = result.status === 200 ? result.frames : [];
  if (frame === undefined) return null;
  const values = new Map<string, number>();
  frame.schema.fields.forEach((field, index) => {
    const value = frame.data.values[index][0];
    const name = field.labels?.[dimension];
    if (name !== undefined && typeof value === 'number') values.set(name, value);
  });
  return values;
}

/** The values whose change goes the way of the whole, largest first. */
export function heaviest(
  dimension: string,
  now: ReadonlyMap<string, number>,
  then: ReadonlyMap<string, number>,
  scale: number,
  additive: boolean,
): readonly Contributor[] {
  const names = [...new Set([...now.keys(), ...then.keys()])];
  // A ratio or a quantile of a value that was not there before has nothing to be compared with.
  const comparable = additive ? names : names.filter((name) => now.has(name) && then.has(name));
  const changes = comparable.map((value) => ({ value, change: (now.get(value) ?? 0) - (then.get(value) ?? 0) * scale }));
  const total = changes.reduce((sum, { change }) => sum + change, 0);
  if (total === 0) return [];
  const direction = Math.sign(total);
  return changes
    .map(({ value, change }) => ({ dimension, value, change, share: additive ? change / total : null }))
    .filter(({ change, share }) => Math.sign(change) === direction && (share === null || share >= LEAST_SHARE))
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || (a.value < b.value ? -1 : 1))
    .slice(0, TOLD);
}
