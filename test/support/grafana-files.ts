// Reads what is shipped for Grafana: provisioning files, bundled dashboards and plugin.json files, each checked by its schema.
// A file that does not fit is an error that names file and path.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { dashboardSchema, storedQuery, variableQuery, type Dashboard, type Target } from './grafana-dashboard.js';
import {
  alertingFile,
  appsFile,
  dashboardProvidersFile,
  dataSourcesFile,
  type AlertingFile,
  type AlertRule,
} from './grafana-provisioning.js';
import { repositoryRoot } from './repository-root.js';

const root = repositoryRoot();

/** Which definition answers a dashboard's queries; null: it asks Prometheus. A bundled dashboard must be named here. */
export const DASHBOARD_DEFINITIONS: Readonly<Record<string, string | null>> = {
  'shop-overview.json': 'webshop',
  'http-service.json': 'http-service',
  'pipeline-health.json': null,
};

/** What the plugin takes out of a stored query before the aggregator sees it (pkg/plugin/query.go), and what it sends otherwise. */
const NOT_FOR_THE_AGGREGATOR = [
  'datasource',
  'key',
  'hide',
  'queryType',
  'intervalMs',
  'maxDataPoints',
  'live',
  'schemaVersion',
  'editorMode',
  'json',
];

export const provisioned = (folder: string): string[] =>
  readdirSync(join(root, 'provisioning', folder))
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => join(root, 'provisioning', folder, name));

export function dataSources() {
  return provisioned('datasources').flatMap((file) => readYaml(file, dataSourcesFile).datasources);
}

export function dashboardProviders() {
  return provisioned('dashboards').flatMap((file) => readYaml(file, dashboardProvidersFile).providers);
}

export function apps() {
  return provisioned('plugins').flatMap((file) => readYaml(file, appsFile).apps);
}

export function alerting(): readonly AlertingFile[] {
  return provisioned('alerting').map((file) => readYaml(file, alertingFile));
}

export function alertRules(): readonly AlertRule[] {
  return alerting().flatMap(({ groups = [] }) => groups.flatMap(({ rules }) => rules));
}

export interface BundledDashboard {
  readonly file: string;
  readonly dashboard: Dashboard;
}

export function bundledDashboards(): readonly BundledDashboard[] {
  const folder = join(root, 'src', 'dashboards');
  return readdirSync(folder).map((file) => ({
    file,
    dashboard: check(dashboardSchema, JSON.parse(readFileSync(join(folder, file), 'utf8')), `src/dashboards/${file}`),
  }));
}

const pluginJson = z.looseObject({
  id: z.string(),
  type: z.enum(['app', 'datasource', 'panel']),
  includes: z.array(z.looseObject({ type: z.string(), name: z.string(), path: z.string().optional() })).optional(),
});

/** The app and every plugin inside it. */
export function plugins() {
  const nested = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => /(^|\/)plugin\.json$/.test(path));
  return ['plugin.json', ...nested.map((path) => join('src', path))].map((path) => ({
    path,
    ...check(pluginJson, JSON.parse(readFileSync(join(root, path), 'utf8')), path),
  }));
}

/**
 * A stored query as the aggregator gets it.
 * @throws Error where it has a field that the editor would not have stored
 * @param variables values of the dashboard's variables as their `:regex` form, e.g. `{ country: '.*' }`
 */
export function asAsked(
  stored: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, string>> = {},
): Record<string, unknown> {
  const query = check(storedQuery, stored, `query ${String(stored['refId'])}`);
  const rest = Object.fromEntries(Object.entries(query).filter(([name]) => !NOT_FOR_THE_AGGREGATOR.includes(name)));
  const text = JSON.stringify(rest).replace(/\$\{(\w+):regex\}/g, (whole, name: string) => variables[name] ?? whole);
  const left = /\$\{?\w+/.exec(text);
  if (left !== null) throw new Error(`${left[0]} is no variable of the dashboard: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Queries of a dashboard's panels and variables that go to Tidemark. */
export function tidemarkQueries({
  dashboard,
}: BundledDashboard): readonly { readonly where: string; readonly query: Record<string, unknown> }[] {
  const lists = dashboard.templating.list.filter((variable) => variable.type !== 'adhoc');
  const all = lists.filter(({ includeAll }) => includeAll);
  const variables = Object.fromEntries(all.map(({ name, allValue }) => [name, allValue ?? '']));
  const isOurs = (target: Pick<Target, 'datasource'>): boolean => target.datasource.type === 'tidemark-realtime-datasource';
  return [
    ...dashboard.panels.flatMap((panel) =>
      (panel.targets ?? [])
        .filter(isOurs)
        .map((target) => ({ where: `${panel.id} ${panel.title}, ${target.refId}`, query: asAsked(target, variables) })),
    ),
    ...lists
      .filter(({ type, datasource }) => type === 'query' && datasource?.type === 'tidemark-realtime-datasource')
      .map(({ name, query }) => {
        const { refId, dimension, limit } = check(variableQuery, query, `variable ${name}`);
        return { where: `variable ${name}`, query: { refId, kind: 'values', dimension, limit } };
      }),
  ];
}

/** PromQL of a dashboard's panels, with the variables' current values. */
export function promQueries({ dashboard }: BundledDashboard): readonly string[] {
  return dashboard.panels.flatMap(({ targets = [] }) =>
    targets.flatMap((target) => (typeof target['expr'] === 'string' ? [target['expr']] : [])),
  );
}

export function readYaml<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  return check(schema, parse(readFileSync(file, 'utf8')), relative(root, file));
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw new Error(`${name}:\n${z.prettifyError(result.error)}`);
  return result.data;
}
