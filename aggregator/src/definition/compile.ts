// Last step of loading: a checked definition becomes the model that every other room reads. Pure, and cannot fail: it is called
// only when no check has found a problem.

import { createHash } from 'node:crypto';
import { compileCold, compileHot, compileSource } from './compile-connections.js';
import { ComponentTable } from './components.js';
import type { ConnectionSecrets } from './connection-secrets.js';
import { compileGroupings } from './groupings.js';
import type { Definition, Dimension, Measure, Tenant } from './model.js';
import type { Plan } from './plan.js';
import { durationMs, sizeBytes } from './quantities.js';
import type { DefinitionInput, MeasureInput } from './schema.js';
import { compileWatches } from './watches.js';

const DEFAULT_CAP = 1_000;
const DEFAULT_KEEP_FACTOR = 10;
const LEAST_KEEP = 100;

/** @param tenants already with their tokens, in the order of the file */
export function compileDefinition(input: DefinitionInput, plan: Plan, tenants: readonly Tenant[], secrets: ConnectionSecrets): Definition {
  const dimensions = Object.entries(input.dimensions).map(([name, given], index): Dimension => {
    const cap = typeof given === 'object' && given !== null ? given.cap : DEFAULT_CAP;
    return { index, name, field: plan.table.id(plan.references.dimension(name)), cap };
  });
  const components = new ComponentTable(plan.fields);
  const names = Object.keys(input.measures);
  const measures = Object.entries(input.measures).map(([name, measure], index) =>
    compileMeasure(index, name, measure, plan, components, names),
  );
  const groupings = compileGroupings(input, dimensions);
  const { time } = input.event;
  const role = (name: 'id' | 'time' | 'type' | 'user' | 'session' | 'tenant'): number => plan.table.id(plan.references.role(name));
  const { retention } = input;
  const withoutHash = {
    name: input.name,
    dataDir: input.dataDir,
    source: compileSource(input, secrets),
    fields: plan.fields,
    event: {
      id: role('id'),
      time: role('time'),
      timeFormat: typeof time === 'object' && !Array.isArray(time) ? time.format : ('auto' as const),
      type: role('type'),
      user: role('user'),
      session: role('session'),
      tenant: role('tenant'),
    },
    dimensions,
    components: components.all(),
    measures,
    groupings,
    watches: compileWatches(input),
    latenessMs: durationMs(input.lateness),
    maxFutureMs: durationMs(input.maxFuture),
    duplicates: { windowMs: durationMs(input.duplicates.window), maxEvents: input.duplicates.maxEvents },
    retention: {
      hot1sMs: durationMs(retention.hot1s),
      hot10sMs: durationMs(retention.hot10s),
      hot1mMs: durationMs(retention.hot1m),
      rawMs: durationMs(retention.raw),
      rollup1mMs: durationMs(retention.rollup1m),
      rollup1hMs: durationMs(retention.rollup1h),
      rollup1dMs: retention.rollup1d === 'forever' ? 0 : durationMs(retention.rollup1d),
    },
    tenants,
    authRequired: input.auth !== 'none' && tenants.some((tenant) => tenant.tokenSha256.length > 0),
    hot: compileHot(input, secrets),
    cold: compileCold(input, secrets),
    server: { host: input.server.host, port: input.server.port, maxBodyBytes: sizeBytes(input.server.maxBody) },
    query: {
      deadlineMs: durationMs(input.query.deadline),
      maxRows: input.query.maxRows,
      maxBuckets: input.query.maxBuckets,
      cacheTtlMs: durationMs(input.query.cacheTtl),
    },
    flush: { intervalMs: durationMs(input.flush.interval), maxRows: input.flush.maxRows },
    roles: { ingest: input.roles.includes('ingest'), query: input.roles.includes('query'), compact: input.roles.includes('compact') },
    logLevel: input.logLevel,
  };
  return { ...withoutHash, layoutHash: layoutHash(withoutHash) };
}

function compileMeasure(
  index: number,
  name: string,
  measure: MeasureInput,
  plan: Plan,
  components: ComponentTable,
  names: readonly string[],
): Measure {
  const where = plan.wheres.get(name) ?? [];
  const field = 'field' in measure ? plan.table.id(plan.references.lookUp(measure.field)) : -1;
  const base = {
    index,
    name,
    kind: measure.kind,
    description: measure.description ?? '',
    unit: measure.unit ?? '',
    components: [],
    quantiles: [],
    limit: 0,
    numerator: -1,
    denominator: -1,
    window: measure.window === undefined ? null : { sizeMs: durationMs(measure.window.size), slideMs: durationMs(measure.window.slide) },
  };
  switch (measure.kind) {
    case 'ratio':
      return { ...base, numerator: names.indexOf(measure.of), denominator: names.indexOf(measure.to) };
    case 'avg':
      return { ...base, components: [components.add({ kind: 'sum', field, where }), components.add({ kind: 'count', field, where })] };
    case 'quantiles': {
      const quantiles = [...measure.quantiles].sort((a, b) => a - b);
      return { ...base, quantiles, components: [components.add({ kind: 'quantiles', field, where, quantiles })] };
    }
    case 'top': {
      const weightField = measure.weight === undefined ? -1 : plan.table.id(plan.references.lookUp(measure.weight));
      const keep = measure.keep ?? Math.max(LEAST_KEEP, DEFAULT_KEEP_FACTOR * measure.limit);
      return { ...base, limit: measure.limit, components: [components.add({ kind: 'top', field, where, weightField, keep })] };
    }
    default:
      return { ...base, components: [components.add({ kind: measure.kind, field, where })] };
  }
}

/**
 * 12 hex digits over what gives stored numbers their meaning and place: where values come from, what is computed, in which order,
 * how series are spread. Caps, retentions, names of measures and settings of the process may change without a new layout.
 */
export function layoutHash(definition: Omit<Definition, 'layoutHash'>): string {
  const { fields, event, dimensions, components, groupings, hot } = definition;
  const path = (field: number): readonly string[] | null => (field === -1 ? null : fields[field].path);
  const shape = {
    fields: fields.map((field) => [field.name, field.path, field.type, field.decimals]),
    event: [path(event.id), path(event.time), event.timeFormat, path(event.tenant)],
    dimensions: dimensions.map((dimension) => [dimension.name, path(dimension.field)]),
    components: components.map((component) => [component.key, component.kind, component.decimals, path(component.weightField)]),
    groupings: groupings.map((grouping) => [grouping.dimensions, grouping.hot]),
    shards: hot.shards,
  };
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 12);
}
