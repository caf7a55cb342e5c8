// The operator's pages: what they name exists, and the queries in them are answered by the definitions they are made for.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingNames } from '../../aggregator/src/definition/environment.js';
import { definitionJsonSchema } from '../../aggregator/src/definition/json-schema.js';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import { SECRET_SETTINGS } from '../../aggregator/src/definition/secrets.js';
import { variableName } from '../../aggregator/src/definition/variable-name.js';
import { checkRequest } from '../../aggregator/src/query/request.js';
import { resolveQuery } from '../../aggregator/src/query/resolve.js';
import { composeVariables, readCompose } from '../support/compose-file.js';
import { asAsked, plugins, provisioned } from '../support/grafana-files.js';
import { alertingFile } from '../support/grafana-provisioning.js';
import { repositoryRoot } from '../support/repository-root.js';

const root = repositoryRoot();
const PAGES = ['docs/install.md', 'docs/provisioning.md', 'docs/alerting.md', 'docs/operate.md'].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));
const textOf = (path: string): string => PAGES.find((page) => page.path === path)?.text ?? '';
const webshop = join(root, 'definitions', 'webshop.yaml');

describe.each(PAGES)('$path', ({ path, text }) => {
  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => link).filter((link) => !/^https?:/.test(link));
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect([link, existsSync(join(root, dirname(path), link))]).toEqual([link, true]);
  });

  it('names only variables that mean something', () => {
    const compose = join(root, 'docker-compose.yaml');
    const known = new Set([
      ...settingNames(definitionJsonSchema(), parse(readFileSync(webshop, 'utf8'))).keys(),
      ...SECRET_SETTINGS.map(({ path: parts }) => variableName(parts.map((part) => (part === '*' ? 'default' : part)))),
      ...composeVariables(compose),
      ...Object.keys(readCompose(compose).services['grafana']?.environment ?? {}),
      // Examples for people to choose, and what Kubernetes sets.
      ...['TIDEMARK_ALERT_SLACK_URL', 'TIDEMARK_ALERT_PAGERDUTY_KEY', 'TIDEMARK_ALERT_WEBHOOK_URL', 'TIDEMARK_CA_PEM', 'TIDEMARK_PORT'],
    ]);
    const named = text.replaceAll('<NAME>', 'DEFAULT').match(/\bTIDEMARK_[A-Z_]+\b/g) ?? [];
    for (const name of named) expect(known).toContain(name);
  });
});

describe('the pages together', () => {
  it('tell of every provisioning file, and of no other', () => {
    const told = [...textOf('docs/provisioning.md').matchAll(/^\| `((?:datasources|dashboards|plugins|alerting)\/[^`]+)`/gm)].map(
      ([, file]) => file,
    );
    const files = ['datasources', 'dashboards', 'plugins', 'alerting']
      .flatMap(provisioned)
      .map((file) => file.slice(join(root, 'provisioning/').length));
    expect(told.sort()).toEqual(files.sort());
  });

  it('name every plugin that must be allowed', () => {
    const [, list = ''] = /^\s*GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS=(\S+)$/m.exec(textOf('docs/install.md')) ?? [];
    expect(list).toBe(
      readCompose(join(root, 'docker-compose.yaml')).services['grafana']?.environment?.['GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS'],
    );
    for (const { id } of plugins()) expect(list.split(',')).toContain(id);
  });

  it('show queries that the web shop answers', () => {
    const definition = loadDefinition({ path: webshop, env: {} });
    const blocks = PAGES.flatMap(({ text }) => [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => json));
    expect(blocks.length).toBeGreaterThanOrEqual(2);
    for (const block of blocks) {
      const stored = { refId: 'A', schemaVersion: 1, ...(JSON.parse(block) as Record<string, unknown>) };
      const request = checkRequest({ from: 'now-1h', queries: [asAsked(stored, { device: '.*' })] }, Date.UTC(2025, 0, 1));
      const [{ problem, query, at }] = request.queries;
      expect(problem).toBeNull();
      if (query !== null) expect(() => resolveQuery(definition, query, at, request.maxDataPoints)).not.toThrow();
    }
  });

  it('give detectors as the query API takes them', () => {
    const inTable = [...textOf('docs/alerting.md').matchAll(/`(\{"(?:direction|name)"[^`]*\})`/g)].map(([, json]) => json);
    expect(inTable.length).toBeGreaterThanOrEqual(4);
    for (const json of [...inTable, '{"sensitivity": "low"}', '{"maintenance": [{"days": ["sun"], "from": "02:00", "to": "04:00"}]}']) {
      const query = { refId: 'A', kind: 'anomaly', measure: 'errors', detector: JSON.parse(json) as object };
      expect([json, checkRequest({ from: 'now-1h', queries: [query] }, Date.UTC(2025, 0, 1)).queries[0].problem]).toEqual([json, null]);
    }
  });

  it('show an alert rule that Grafana takes, with a query that is answered', () => {
    const [, yaml] = /```yaml\n( *apiVersion: 1\n *groups:[\s\S]*?)```/.exec(textOf('docs/alerting.md')) ?? [];
    const { groups = [] } = alertingFile.parse(parse(yaml));
    const [query] = groups.flatMap(({ rules }) => rules.flatMap(({ data }) => data));
    const [{ problem }] = checkRequest({ from: 'now-1h', queries: [asAsked(query.model)] }, Date.UTC(2025, 0, 1)).queries;
    expect(problem).toBeNull();
  });

  it('name metrics that there are', () => {
    const source = ['aggregator/src', 'aggregator/src/runtime', 'aggregator/src/live']
      .flatMap((folder) =>
        readdirSync(join(root, folder))
          .filter((file) => file.endsWith('.ts'))
          .map((file) => join(root, folder, file)),
      )
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const named = textOf('docs/operate.md').match(/\btidemark_[a-z_]+\b/g) ?? [];
    expect(new Set(named).size).toBeGreaterThan(8);
    for (const name of named) expect([name, source.includes(`name: '${name}'`)]).toEqual([name, true]);
  });
});
