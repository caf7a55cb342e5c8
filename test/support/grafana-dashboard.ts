// A dashboard's JSON, as far as the bundled ones use it. Strict where we write it by hand: panels, targets, variables, links.

import { z } from 'zod';

const dataSourceRef = z.strictObject({ type: z.string(), uid: z.string().min(1) });
const gridPos = z.strictObject({
  x: z.number().int().min(0).max(23),
  y: z.number().int().min(0),
  w: z.number().int().min(1).max(24),
  h: z.number().int().min(1),
});

/** The panels of Grafana's own that we use, and ours. */
export const CORE_PANELS = ['timeseries', 'stat', 'table', 'heatmap', 'bargauge', 'piechart', 'row'] as const;

/** A query as the data source's editor stores it (src/datasource/query/model.ts); values are checked by the aggregator itself. */
export const storedQuery = z.strictObject({
  refId: z.string().min(1),
  datasource: dataSourceRef.optional(),
  schemaVersion: z.literal(1),
  kind: z.enum(['metric', 'anomaly', 'top', 'events', 'values', 'annotations', 'contributors']),
  measure: z.string().optional(),
  stat: z.array(z.string()).optional(),
  groupBy: z.array(z.string()).optional(),
  filters: z
    .array(z.strictObject({ dimension: z.string(), op: z.string(), value: z.string().optional(), values: z.array(z.string()).optional() }))
    .optional(),
  bucket: z.string().optional(),
  format: z.string().optional(),
  window: z.union([z.literal('none'), z.strictObject({ size: z.string(), slide: z.string().optional() })]).optional(),
  limit: z.number().optional(),
  orderBy: z.string().optional(),
  order: z.string().optional(),
  compareWith: z.string().optional(),
  fill: z.string().optional(),
  legend: z.string().optional(),
  by: z.string().optional(),
  detector: z.record(z.string(), z.unknown()).optional(),
  history: z.string().optional(),
  fields: z.string().optional(),
  live: z.boolean().optional(),
  editorMode: z.literal('builder').optional(),
  // Grafana's own, in alert rules.
  intervalMs: z.number().int().positive().optional(),
  maxDataPoints: z.number().int().positive().optional(),
});

/** What a variable of the data source lists (src/datasource/variables/query.ts). */
export const variableQuery = z.strictObject({
  refId: z.string(),
  list: z.literal('values'),
  dimension: z.string(),
  limit: z.number().int().positive().optional(),
});

const target = z.looseObject({ refId: z.string().regex(/^[A-Z]$/), datasource: dataSourceRef });
const panel = z.strictObject({
  id: z.number().int().positive(),
  type: z.string(),
  title: z.string().min(1),
  description: z.string().optional(),
  collapsed: z.boolean().optional(),
  panels: z.array(z.never()).optional(),
  datasource: dataSourceRef.optional(),
  gridPos,
  fieldConfig: z
    .strictObject({
      defaults: z.strictObject({
        unit: z.string().optional(),
        decimals: z.number().int().optional(),
        color: z.looseObject({ mode: z.string() }).optional(),
        thresholds: z
          .strictObject({
            mode: z.enum(['absolute', 'percentage']),
            steps: z.array(z.strictObject({ color: z.string(), value: z.number().nullable() })).min(1),
          })
          .optional(),
        custom: z.record(z.string(), z.unknown()).optional(),
      }),
      overrides: z.array(
        z.strictObject({ matcher: z.looseObject({ id: z.string() }), properties: z.array(z.looseObject({ id: z.string() })) }),
      ),
    })
    .optional(),
  options: z.record(z.string(), z.unknown()).optional(),
  targets: z.array(target).min(1).optional(),
  timeFrom: z.string().optional(),
  interval: z.string().optional(),
});

const listVariable = z.strictObject({
  type: z.enum(['datasource', 'query']),
  name: z.string().regex(/^[a-z][A-Za-z0-9]*$/),
  label: z.string().min(1),
  datasource: dataSourceRef.optional(),
  query: z.union([z.string(), z.looseObject({})]),
  definition: z.string().optional(),
  current: z.strictObject({ text: z.string(), value: z.string() }),
  allValue: z.string().optional(),
  includeAll: z.boolean(),
  multi: z.boolean(),
  hide: z.number(),
  options: z.array(z.never()),
  refresh: z.number(),
  regex: z.string(),
  sort: z.number().optional(),
  skipUrlSync: z.boolean(),
});

/** Filters that people add to every query of the dashboard's data source. */
const adhocVariable = z.strictObject({
  type: z.literal('adhoc'),
  name: z.string().regex(/^[a-z][A-Za-z0-9]*$/),
  label: z.string().min(1),
  datasource: dataSourceRef,
  hide: z.number(),
  skipUrlSync: z.boolean(),
  filters: z.array(z.never()),
  baseFilters: z.array(z.never()).optional(),
  defaultKeys: z.array(z.never()).optional(),
});
const variable = z.discriminatedUnion('type', [listVariable, adhocVariable]);

export const dashboardSchema = z.strictObject({
  uid: z.string().regex(/^[a-zA-Z0-9_-]{1,40}$/),
  title: z.string().min(1),
  description: z.string(),
  tags: z.array(z.string()),
  schemaVersion: z.number().int().min(39),
  version: z.number().int(),
  editable: z.boolean(),
  graphTooltip: z.number().int().min(0).max(2),
  time: z.strictObject({ from: z.string(), to: z.string() }),
  refresh: z.string(),
  timezone: z.string(),
  weekStart: z.string(),
  fiscalYearStartMonth: z.number(),
  timepicker: z.strictObject({ refresh_intervals: z.array(z.string()) }),
  annotations: z.strictObject({ list: z.array(z.looseObject({ datasource: dataSourceRef, name: z.string() })) }),
  links: z.array(z.looseObject({ type: z.enum(['dashboards', 'link']), title: z.string(), tags: z.array(z.string()), url: z.string() })),
  templating: z.strictObject({ list: z.array(variable) }),
  panels: z.array(panel),
});

export type Dashboard = z.output<typeof dashboardSchema>;
export type Panel = z.output<typeof panel>;
export type Target = z.output<typeof target>;
