// What a panel stores as its query, and what of it the aggregator takes. The same rule as in the Go backend (pkg/plugin/query.go), for a
// page that has no Go behind it.

import { isRecord } from '../boot/host-settings.js';

const GRAFANAS_FIELDS: ReadonlySet<string> = new Set([
  'datasource',
  'datasourceId',
  'datasourceUid',
  'key',
  'hide',
  'queryType',
  'intervalMs',
  'maxDataPoints',
  'live',
  'schemaVersion',
  'editorMode',
  'json',
  'annotation',
  'queryCachingTTL',
  'requestId',
  'timeRange',
  'scopes',
  'adhocFilters',
  'groupByKeys',
]);

/** The query without what is Grafana's or the editor's; nulls count as not given. */
export function queryForAggregator(stored: unknown): Record<string, unknown> {
  if (!isRecord(stored)) return {};
  return Object.fromEntries(
    Object.entries(stored).filter(([name, value]) => !GRAFANAS_FIELDS.has(name) && value !== null && value !== undefined),
  );
}
