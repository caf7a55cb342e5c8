// Who made an episode: the query engine's own answer of kind contributors, as a panel gets it, for the episode's series and time.

import type { Contributor } from '../cold/anomaly-store.js';
import type { Tenant, Watch } from '../definition/model.js';
import type { DataFrame, FieldValues } from '../query/data-frame.js';
import type { QueryResponse } from '../query/engine.js';
import { formatDuration } from '../query/time-expression.js';

/** Buckets before the episode that it is compared with, at least. */
const REFERENCE_BUCKETS = 10;
const REF_ID = 'contributors';

export interface Asker {
  run(tenant: Tenant, body: unknown, signal: AbortSignal): Promise<QueryResponse>;
}

/** @returns none where the question fails: an episode is kept without them @throws TidemarkError what the engine throws */
export async function findContributors(
  engine: Asker,
  tenant: Tenant,
  watch: Watch,
  labels: Readonly<Record<string, string>>,
  span: { readonly fromMs: number; readonly toMs: number },
  signal: AbortSignal,
): Promise<readonly Contributor[]> {
  if (watch.explain.length === 0) return [];
  const { measure, stat, filters } = watch.query;
  const own = Object.entries(labels).map(([dimension, value]) => ({ dimension, value }));
  const query = {
    refId: REF_ID,
    kind: 'contributors',
    measure,
    ...(stat === undefined ? {} : { stat }),
    filters: [...(Array.isArray(filters) ? filters : []), ...own],
    dimensions: watch.explain,
    before: formatDuration(Math.max(span.toMs - span.fromMs, REFERENCE_BUCKETS * watch.bucketMs)),
  };
  const { results } = await engine.run(tenant, { from: span.fromMs, to: span.toMs, queries: [query] }, signal);
  const { status, frames } = results[REF_ID];
  return status === 200 && frames.length > 0 ? contributorsIn(frames[0]) : [];
}

function contributorsIn({ schema, data }: DataFrame): readonly Contributor[] {
  const column = (name: string): FieldValues => data.values[schema.fields.findIndex((field) => field.name === name)] ?? [];
  const [values, changes, shares] = [column('value'), column('change'), column('share')];
  return column('dimension').map((dimension, row) => ({
    dimension: String(dimension),
    value: String(values[row]),
    change: Number(changes[row]),
    share: typeof shares[row] === 'number' ? shares[row] : null,
  }));
}
