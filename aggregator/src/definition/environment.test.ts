import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shop } from './bad-definitions.fixture.js';
import { loadDefinition } from './load.js';
import type { Definition } from './model.js';
import { DefinitionError, type Problem } from './problem.js';

const FILES: Readonly<Record<string, string>> = {
  [resolve('conf/secrets/redis')]: 'from-file\n',
  [resolve('secrets/redis')]: 'relative-to-working-directory',
  [resolve('conf/tokens')]: '# two for rotation\ntoken-number-one-1\n\n token-number-two-2 \n',
  [resolve('conf/short')]: 'short\n',
  [resolve('conf/empty')]: '\n',
  [resolve('conf/ca.pem')]: 'PEM CA\n',
};

function load(env: Record<string, string>, sections: Parameters<typeof shop>[0] = {}): Definition {
  const readFile = (path: string): string => {
    if (!Object.hasOwn(FILES, path)) throw new Error(`ENOENT: ${path}`);
    return FILES[path];
  };
  return loadDefinition({ path: 'conf/tidemark.yaml', text: shop(sections), env, readFile });
}

function problems(env: Record<string, string>, sections: Parameters<typeof shop>[0] = {}): readonly Problem[] {
  try {
    load(env, sections);
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems;
    throw error;
  }
  return [];
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('every setting can come from the environment', () => {
  it('numbers, texts, lists, switches, sections that the file does not have', () => {
    const definition = load({
      TIDEMARK_NAME: 'other',
      TIDEMARK_SERVER_PORT: '8080',
      TIDEMARK_SERVER_HOST: '0.0.0.0',
      TIDEMARK_SOURCE_KAFKA_BROKERS: 'a:9092, b:9092',
      TIDEMARK_SOURCE_KAFKA_TOPICS: 'shop',
      TIDEMARK_SOURCE_KAFKA_TLS_CA_FILE: resolve('conf/ca.pem'),
      TIDEMARK_HOT_KIND: 'redis',
      TIDEMARK_HOT_REDIS_MODE: 'cluster',
      TIDEMARK_HOT_REDIS_NODES: '["r1:6379", "r2:6379"]',
      TIDEMARK_HOT_REDIS_KEY_PREFIX: '123',
      TIDEMARK_HOT_REDIS_TLS: 'true',
      TIDEMARK_HOT_MAX_MEMORY: '0',
      TIDEMARK_COLD_KIND: 'http',
      TIDEMARK_ROLES: 'ingest',
      TIDEMARK_RETENTION_HOT1S: '5m',
      TIDEMARK_DUPLICATES_MAX_EVENTS: '1e4',
      TIDEMARK_AUTH: 'none',
      TIDEMARK_LOG_LEVEL: 'debug',
    });
    expect(definition).toMatchObject({
      name: 'other',
      server: { port: 8080, host: '0.0.0.0' },
      source: { kafka: { brokers: ['a:9092', 'b:9092'], topics: ['shop'], tls: { enabled: true, ca: 'PEM CA\n' } } },
      hot: {
        kind: 'redis',
        redis: { mode: 'cluster', nodes: ['r1:6379', 'r2:6379'], keyPrefix: '123', tls: { enabled: true } },
        maxMemoryBytes: 0,
      },
      cold: { kind: 'http' },
      roles: { ingest: true, query: false, compact: false },
      retention: { hot1sMs: 300_000 },
      duplicates: { maxEvents: 10_000 },
      logLevel: 'debug',
    });
  });

  it('settings of what the file names: measures, dimensions, tenants, groupings', () => {
    const definition = load({
      TIDEMARK_DIMENSIONS_COUNTRY_CAP: '42',
      TIDEMARK_DIMENSIONS_DEVICE: '{cap: 7}',
      TIDEMARK_MEASURES_REVENUE_UNIT: 'currencyUSD',
      TIDEMARK_MEASURES_ORDERS_WHERE_TYPE: 'sale',
      TIDEMARK_TENANTS_DEFAULT_QUOTAS_QUERIES_PER_SECOND: '2.5',
      TIDEMARK_GROUPINGS: '[[country], all]',
    });
    expect(definition.dimensions.map((dimension) => dimension.cap)).toEqual([42, 7]);
    expect(definition.measures.map((measure) => measure.unit)).toEqual(['', 'currencyUSD']);
    expect(definition.components[1].where[0].values).toEqual(['sale']);
    expect(definition.tenants[0].quotas.queriesPerSecond).toBe(2.5);
    expect(definition.groupings.map((grouping) => grouping.name)).toEqual(['none', 'country', 'all']);
  });

  it('an empty variable counts as not given, and one without the prefix is none of ours', () => {
    expect(load({ TIDEMARK_SERVER_PORT: '', PORT: '1', tidemark_server_port: '2' }).server.port).toBe(4400);
  });
});

describe('a variable that is wrong is named', () => {
  it('unknown ones with the nearest name, before anything else', () => {
    const [problem] = problems({ TIDEMARK_SERVER_PROT: '80' });
    expect(problem).toMatchObject({ file: 'TIDEMARK_SERVER_PROT', line: 0, suggestion: 'TIDEMARK_SERVER_PORT' });
    expect(problems({ TIDEMARK_HOT_REDIS_PASSWRD: 'x' })[0].suggestion).toBe('TIDEMARK_HOT_REDIS_PASSWORD');
    expect(problems({ TIDEMARK_XYZZY_PLUGH_42: 'x' })[0].suggestion).toBeNull();
    // Settings of another kind of measure are not settings of this one.
    expect(problems({ TIDEMARK_MEASURES_ORDERS_QUANTILES: '[0.5]' })).toHaveLength(1);
  });

  it('bad values like bad values in the file', () => {
    const found = problems({
      TIDEMARK_SERVER_PORT: 'eighty',
      TIDEMARK_LATENESS: '30',
      TIDEMARK_ROLES: 'ingest,qurey',
      TIDEMARK_HOT: '{kind: [}',
    });
    expect(found.map((problem) => `${problem.file} ${problem.path} ${problem.suggestion ?? '-'}`).sort()).toEqual([
      'TIDEMARK_HOT hot -',
      'TIDEMARK_LATENESS lateness -',
      'TIDEMARK_ROLES roles[1] query',
      'TIDEMARK_SERVER_PORT server.port -',
    ]);
  });

  it('except those that the command line reads and those that Kubernetes adds for services', () => {
    const env = {
      TIDEMARK_DEFINITION: 'x.yaml',
      TIDEMARK_URL: 'http://x',
      TIDEMARK_TOKEN: 't',
      TIDEMARK_PORT: 'tcp://10.0.0.1:4400',
      TIDEMARK_PORT_4400_TCP: 'tcp://10.0.0.1:4400',
      TIDEMARK_PORT_4400_TCP_ADDR: '10.0.0.1',
      TIDEMARK_SERVICE_HOST: '10.0.0.1',
      TIDEMARK_SERVICE_PORT_HTTP: '4400',
      TIDEMARK_SERVER_PORT: 'tcp://10.0.0.1:4400',
    };
    expect(load(env).server.port).toBe(4400);
  });
});

describe('secrets', () => {
  const redis = 'hot: {kind: redis, redis: {passwordFile: secrets/redis}}';

  it('come from files beside the definition, or from the environment, which wins', () => {
    expect(load({}, { more: redis }).hot.redis.password).toBe('from-file');
    expect(load({ TIDEMARK_HOT_REDIS_PASSWORD: 'from-env' }, { more: redis }).hot.redis.password).toBe('from-env');
    expect(load({ TIDEMARK_HOT_REDIS_PASSWORD_FILE: 'secrets/redis' }).hot.redis.password).toBe('relative-to-working-directory');
  });

  it('tokens are kept as hashes only, from files and variables together', () => {
    const more = 'tenants: {acme: {tokenFile: tokens}}';
    const definition = load({ TIDEMARK_TENANTS_ACME_TOKENS: 'token-number-three' }, { more });
    expect(definition.authRequired).toBe(true);
    expect(definition.tenants[0].tokenSha256).toEqual(['token-number-three', 'token-number-one-1', 'token-number-two-2'].map(sha256));
    expect(JSON.stringify(definition)).not.toContain('token-number');
    expect(load({ TIDEMARK_TENANTS_DEFAULT_TOKENS: 'token-of-the-default' }).authRequired).toBe(true);
  });

  it('that are too short, empty or shared are refused without repeating them', () => {
    expect(problems({}, { more: 'tenants: {acme: {tokenFile: short}}' })).toMatchObject([
      { path: 'tenants.acme.tokenFile', found: 'a token of 5 characters' },
    ]);
    expect(problems({}, { more: 'tenants: {acme: {tokenFile: empty}}' })).toMatchObject([{ found: 'empty: no token in it' }]);
    expect(problems({}, { more: 'hot: {redis: {passwordFile: empty}}' })).toMatchObject([{ path: 'hot.redis.passwordFile' }]);
    const env = { TIDEMARK_TENANTS_DEFAULT_TOKENS: 'hunter2' };
    expect(problems(env)).toMatchObject([{ file: 'TIDEMARK_TENANTS_DEFAULT_TOKENS' }]);
    expect(JSON.stringify(problems(env))).not.toContain('hunter2');
    const shared = problems(
      {},
      {
        event: 'event: {time: ts, tenant: t, type: type, id: id, user: user_id}',
        more: 'tenants: {a: {tokenFile: tokens}, b: {tokenFile: tokens}}',
      },
    );
    expect(shared[0]).toMatchObject({ path: 'tenants.b', found: 'a token that tenant a has too' });
  });

  it('make access by token the rule for all tenants', () => {
    const event = 'event: {time: ts, tenant: t, type: type, id: id, user: user_id}';
    const tokens = { TIDEMARK_TENANTS_A_TOKENS: 'a-token-for-tenant-a' };
    expect(problems(tokens, { event, more: 'tenants: {a: {}, b: {}}' })).toMatchObject([
      { path: 'tenants.b', found: expect.stringMatching(/without a token/) },
    ]);
    expect(problems({ ...tokens, TIDEMARK_TENANTS_B_TOKENS: 'a-token-for-tenant-b' }, { event, more: 'tenants: {a: {}, b: {}}' })).toEqual(
      [],
    );
    expect(problems({}, { event, more: 'tenants: {a: {}, b: {}}' })).toMatchObject([
      { path: 'tenants', found: '2 tenants without tokens' },
    ]);
    expect(problems(tokens, { more: 'auth: none\ntenants: {a: {}}' })).toMatchObject([{ path: 'auth' }]);
  });
});
