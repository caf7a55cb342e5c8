// What is shipped for Grafana, read as Grafana reads it: every file by the fields that Grafana documents, every name in it looked up
// where it must exist, every query by the aggregator's own checks and the definition that it is made for.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import type { Definition } from '../../aggregator/src/definition/model.js';
import { checkRequest } from '../../aggregator/src/query/request.js';
import { resolveQuery } from '../../aggregator/src/query/resolve.js';
import { CORE_PANELS } from '../support/grafana-dashboard.js';
import {
  alerting,
  alertRules,
  apps,
  asAsked,
  bundledDashboards,
  DASHBOARD_DEFINITIONS,
  dashboardProviders,
  dataSources,
  plugins,
  tidemarkQueries,
} from '../support/grafana-files.js';
import { alertingFile, dataSourcesFile, type Route, type RuleQuery } from '../support/grafana-provisioning.js';
import { repositoryRoot } from '../support/repository-root.js';

const APP = 'tidemark-realtime-app';
const DATA_SOURCE = 'tidemark-realtime-datasource';
/** Which shipped definition the Tidemark rules are made for: the one that docker-compose.yaml runs. */
const RULES_DEFINITION = 'webshop';

const definitions = new Map<string, Definition>();
const definitionOf = (name: string): Definition => {
  const known = definitions.get(name) ?? loadDefinition({ path: join(repositoryRoot(), 'definitions', `${name}.yaml`), env: {} });
  definitions.set(name, known);
  return known;
};

/** @returns what is wrong with a query; '' where the definition can answer it */
function problemOf(definition: Definition, query: Record<string, unknown>): string {
  const request = checkRequest({ from: 'now-1h', to: 'now', queries: [query] }, Date.UTC(2025, 0, 1));
  const [checked] = request.queries;
  if (checked.problem !== null) return checked.problem.message;
  try {
    resolveQuery(definition, checked.query, checked.at, request.maxDataPoints);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('provisioned data sources', () => {
  it('have distinct uids and names, and exactly one default of our type', () => {
    const all = dataSources();
    expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(all.filter(({ isDefault }) => isDefault).map(({ type }) => type)).toEqual([DATA_SOURCE]);
    expect(plugins().map(({ id }) => id)).toContain(DATA_SOURCE);
  });

  it('take addresses and secrets from the environment only', () => {
    for (const source of dataSources()) {
      const secrets = 'secureJsonData' in source ? Object.values(source.secureJsonData ?? {}) : [];
      const address = source.type === DATA_SOURCE ? source.jsonData.url : (source.url ?? '');
      for (const value of [address, ...secrets]) expect(value).toMatch(/^\$[A-Z][A-Z0-9_]*$/);
    }
  });

  it('are refused by this check where a field is misspelt', () => {
    const [tidemark] = dataSources().filter(({ type }) => type === DATA_SOURCE);
    const file = (source: object): object => ({ apiVersion: 1, datasources: [source] });
    expect(dataSourcesFile.safeParse(file(tidemark)).success).toBe(true);
    expect(dataSourcesFile.safeParse(file({ ...tidemark, secureJSONData: {} })).success).toBe(false);
    expect(dataSourcesFile.safeParse(file({ ...tidemark, jsonData: { url: 'x', timeout: 1 } })).success).toBe(false);
  });
});

describe('the provisioned app', () => {
  it('is this one, switched on', () => {
    expect(apps()).toEqual([{ type: APP, org_id: 1, disabled: false }]);
    expect(plugins()[0]).toMatchObject({ path: 'plugin.json', id: APP, type: 'app' });
  });
});

describe('bundled dashboards', () => {
  const dashboards = bundledDashboards();

  it('are all listed in plugin.json, and only these', () => {
    const listed = (plugins()[0].includes ?? []).filter(({ type }) => type === 'dashboard');
    expect(listed.map(({ path }) => path).sort()).toEqual(dashboards.map(({ file }) => `dashboards/${file}`).sort());
    for (const { path, name } of listed) {
      expect(name).toBe(dashboards.find(({ file }) => path === `dashboards/${file}`)?.dashboard.title);
    }
    expect(Object.keys(DASHBOARD_DEFINITIONS).sort()).toEqual(dashboards.map(({ file }) => file).sort());
  });

  it('are provisioned from where the plugin is installed', () => {
    expect(dashboardProviders().map(({ options }) => options.path)).toEqual([`/var/lib/grafana/plugins/${APP}/dashboards`]);
    const uids = dashboards.map(({ dashboard }) => dashboard.uid);
    expect(new Set(uids).size).toBe(uids.length);
  });

  it.each(dashboards)('$file has distinct panel ids and refIds, and panels that do not overlap', ({ dashboard: { panels } }) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos, targets = [] } of panels) {
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`), `${title} lies over another panel`).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });

  it.each(dashboards)('$file uses panels that exist, and data sources by a variable of the right type', ({ dashboard }) => {
    const ours = plugins().flatMap(({ id, type }) => (type === 'panel' ? [id] : []));
    const sources = dashboard.templating.list.filter((variable) => variable.type !== 'adhoc').filter(({ type }) => type === 'datasource');
    const byVariable = new Map(sources.map(({ name, query }) => [`\${${name}}`, query]));
    for (const { type, title, datasource, targets = [] } of dashboard.panels) {
      expect([...CORE_PANELS, ...ours], title).toContain(type);
      expect(type === 'row' || (datasource !== undefined && targets.length > 0), title).toBe(true);
    }
    const references = [
      ...dashboard.panels.flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((target) => target.datasource)]),
      ...dashboard.templating.list.map(({ datasource }) => datasource),
    ].filter((reference) => reference !== undefined);
    expect(references.length).toBeGreaterThan(10);
    for (const { type, uid } of references) expect(byVariable.get(uid)).toBe(type);
    for (const { type, current } of sources) {
      expect(
        dataSources().map(({ uid }) => uid),
        type,
      ).toContain(current.value);
    }
  });

  it.each(dashboards.filter(({ file }) => DASHBOARD_DEFINITIONS[file] !== null))(
    '$file asks only what its definition answers',
    (bundled) => {
      const definition = definitionOf(DASHBOARD_DEFINITIONS[bundled.file] ?? '');
      const queries = tidemarkQueries(bundled);
      expect(queries.length).toBeGreaterThan(15);
      for (const { where, query } of queries) expect([where, problemOf(definition, query)]).toEqual([where, '']);
    },
  );

  it('would be caught asking for a measure that is not there', () => {
    const plain = { refId: 'A', schemaVersion: 1, kind: 'metric', measure: 'revenue' };
    expect(problemOf(definitionOf('webshop'), asAsked({ ...plain, measure: 'revenu' }))).toMatch(/revenu/);
    expect(() => asAsked({ ...plain, bukcet: '1m' })).toThrow(/bukcet/);
    expect(() => asAsked({ ...plain, measure: '$measure' })).toThrow('is no variable');
  });
});

describe('alert rules', () => {
  const rules = alertRules();

  it('have distinct uids and titles, and say who is concerned and what is wrong', () => {
    expect(rules.length).toBeGreaterThanOrEqual(6);
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
    expect(new Set(rules.map(({ title }) => title)).size).toBe(rules.length);
    for (const { title, labels, annotations } of rules) {
      expect(labels, title).toMatchObject({ service: 'tidemark', severity: expect.stringMatching(/^(warning|critical)$/) });
      expect(annotations, title).toMatchObject({ summary: expect.any(String), description: expect.any(String) });
    }
  });

  it.each(rules)('$title ends in a condition, and each part reads one before it', ({ condition, data }) => {
    const seen: string[] = [];
    for (const { refId, datasourceUid, model, relativeTimeRange } of data) {
      expect(model['refId']).toBe(refId);
      expect(seen).not.toContain(refId);
      if (datasourceUid === '__expr__') for (const input of inputsOf(model)) expect(seen, refId).toContain(input);
      else {
        expect(dataSources().map(({ uid }) => uid)).toContain(datasourceUid);
        expect(relativeTimeRange.from).toBeGreaterThan(relativeTimeRange.to);
      }
      seen.push(refId);
    }
    expect(data.at(-1)).toMatchObject({
      refId: condition,
      datasourceUid: '__expr__',
      model: { type: expect.stringMatching(/^(math|threshold)$/) },
    });
    const used = data.flatMap(({ datasourceUid, model }) => (datasourceUid === '__expr__' ? inputsOf(model) : []));
    for (const { refId } of data.slice(0, -1)) expect(used, `${refId} is used`).toContain(refId);
  });

  it.each(rules)('$title leads to a panel of a bundled dashboard that asks for the same', ({ dashboardUid, panelId, data }) => {
    const bundled = bundledDashboards().find(({ dashboard }) => dashboard.uid === dashboardUid);
    const panel = bundled?.dashboard.panels.find(({ id }) => id === panelId);
    expect(panel?.targets?.length).toBeGreaterThan(0);
    const shown = (panel?.targets ?? []).map((target) => target['measure'] ?? metricsOf(target['expr'])[0]);
    const asked = data.flatMap(({ datasourceUid, model }) =>
      datasourceUid === 'tidemark' ? [model['measure']] : datasourceUid === 'tidemark-prometheus' ? metricsOf(model['expr']) : [],
    );
    expect(asked.length).toBeGreaterThan(0);
    expect(shown).toEqual(expect.arrayContaining([asked[0]]));
  });

  it.each(rules)('$title uses only values and labels that it has', ({ annotations = {}, data }) => {
    const refIds = data.map(({ refId }) => refId);
    const labels = data.flatMap(({ model }) => [
      ...(Array.isArray(model['groupBy']) ? model['groupBy'] : []),
      ...(/by \(([^)]*)\)/.exec(String(model['expr']))?.[1].split(/,\s*/) ?? []),
    ]);
    for (const text of Object.values(annotations)) {
      for (const [, name] of text.matchAll(/\$values\.(\w+)/g)) expect(refIds).toContain(name);
      for (const [, name] of text.matchAll(/\$labels\.(\w+)/g)) expect(labels).toContain(name);
      // Grafana replaces ${…} by its environment when it reads the file.
      expect(text).not.toContain('${');
    }
  });

  it('ask Tidemark only what the definition of docker-compose.yaml answers', () => {
    const queries = rules.flatMap(({ title, data }) =>
      data.flatMap(({ datasourceUid, model }) => (datasourceUid === 'tidemark' ? [{ title, query: asAsked(model) }] : [])),
    );
    expect(queries.length).toBeGreaterThanOrEqual(4);
    for (const { title, query } of queries) expect([title, problemOf(definitionOf(RULES_DEFINITION), query)]).toEqual([title, '']);
  });

  it('are refused by this check where a field is misspelt', () => {
    const group = (rule: object): object => ({ apiVersion: 1, groups: [{ name: 'a', folder: 'b', interval: '1m', rules: [rule] }] });
    expect(alertingFile.safeParse(group(rules[0])).success).toBe(true);
    expect(alertingFile.safeParse(group({ ...rules[0], nodataState: 'OK' })).success).toBe(false);
    expect(alertingFile.safeParse(group({ ...rules[0], for: '1 minute' })).success).toBe(false);
  });
});

describe('contact points and notification policies', () => {
  const files = alerting();
  const contactPoints = files.flatMap(({ contactPoints: list = [] }) => list);
  const routes = files.flatMap(({ policies = [] }) => policies.flatMap(allRoutes));

  it('name contact points and mute timings that are provisioned too', () => {
    const receivers = contactPoints.map(({ name }) => name);
    const mutes = files.flatMap(({ muteTimes = [] }) => muteTimes.map(({ name }) => name));
    expect(files.flatMap(({ policies = [] }) => policies)).toHaveLength(1);
    expect(routes[0].receiver).toBeDefined();
    for (const { receiver, mute_time_intervals: muted = [] } of routes) {
      if (receiver !== undefined) expect(receivers).toContain(receiver);
      for (const name of muted) expect(mutes).toContain(name);
    }
    const uids = contactPoints.flatMap((point) => point.receivers.map(({ uid }) => uid));
    expect(new Set(uids).size).toBe(uids.length);
  });

  it('route every rule, and mute no critical one', () => {
    for (const { title, labels = {} } of alertRules()) {
      const taken = routes
        .slice(1)
        .find(({ object_matchers: matchers = [] }) => matchers.every(([name, , value]) => labels[name] === value));
      expect(taken, title).toBeDefined();
      if (labels['severity'] === 'critical') expect(taken?.mute_time_intervals, title).toBeUndefined();
    }
  });

  it('have no address of anybody in them', () => {
    for (const { receivers } of contactPoints) {
      for (const { settings } of receivers) expect('addresses' in settings ? settings.addresses : settings.url).toMatch(/^\$[A-Z_]+$/);
    }
  });
});

function allRoutes(route: Route): Route[] {
  return [route, ...(route.routes ?? []).flatMap(allRoutes)];
}

function inputsOf(model: RuleQuery['model']): string[] {
  const expression = String(model['expression']);
  return model['type'] === 'math' ? [...expression.matchAll(/\$(\w+)/g)].map(([, name]) => name) : [expression];
}

function metricsOf(expression: unknown): string[] {
  return typeof expression === 'string' ? (expression.match(/tidemark_[a-z_]+/g) ?? []) : [];
}
