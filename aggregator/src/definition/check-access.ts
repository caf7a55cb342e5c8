// Checks of what surrounds the data: where events come from, which stores there are, which roles this process has, who may ask.
// The rule behind access: data from Kafka is somebody's real data, so running it without tokens has to be said.

import { nearest, show, type Finding } from './problem.js';
import { formatBytes, parseBytes } from './quantities.js';
import type { DefinitionInput } from './schema.js';

const TENANT_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const SIZE_BOUNDS_BYTES = { maxRecord: [1_024, 64 * 2 ** 20], maxBody: [1_024, 2 ** 30] } as const;

type Report = (finding: Finding) => void;

export function checkAccess(input: DefinitionInput, isRemoved: (path: string) => boolean, report: Report): void {
  checkSource(input, isRemoved, report);
  checkStores(input, isRemoved, report);
  checkSizes(input, report);
  const tenants = Object.keys(input.tenants);
  for (const name of tenants) {
    if (!TENANT_NAME.test(name)) {
      report({
        path: ['tenants', name],
        at: 'key',
        found: `the name ${show(name)}`,
        expected: 'letters, digits, _ . and -, starting with a letter or digit, at most 63 characters',
      });
    }
  }
  if (tenants.length === 0 && !isRemoved('tenants')) {
    report({ path: ['tenants'], at: 'value', found: 'no tenant', expected: 'at least one, such as default: {}' });
  }
  if (tenants.length > 1 && input.event.tenant === undefined && !isRemoved('event.tenant')) {
    report({
      path: ['tenants'],
      at: 'key',
      found: `${tenants.length} tenants`,
      expected: 'event.tenant: the path that says whose an event is; or one tenant',
    });
  }
}

/** @param hasTokens by tenant, in the order of the file */
export function checkTokens(
  input: DefinitionInput,
  hasTokens: ReadonlyMap<string, boolean>,
  isRemoved: (path: string) => boolean,
  report: Report,
): void {
  if (isRemoved('tenants') || isRemoved('auth')) return;
  const remedy = 'a tokenFile under tenants (or TIDEMARK_TENANTS_<NAME>_TOKENS)';
  const tenants = [...hasTokens.keys()];
  const without = tenants.filter((name) => hasTokens.get(name) !== true);
  if (without.length < tenants.length) {
    if (input.auth === 'none') {
      report({
        path: ['auth'],
        at: 'value',
        found: 'none, although tenants have tokens',
        expected: 'auth: token, or tenants without tokens',
      });
    }
    for (const name of without) {
      const expected = `${remedy}: nobody could ask for its data`;
      report({ path: ['tenants', name], at: 'key', found: 'a tenant without a token, while others have one', expected });
    }
  } else if (input.auth === 'token') {
    report({ path: ['auth'], at: 'value', found: 'token, although no tenant has a token', expected: remedy });
  } else if (tenants.length > 1) {
    // Where event.tenant is missing, the number of tenants was already objected to.
    if (input.event.tenant === undefined) return;
    const expected = `${remedy} for each: without tokens there is only one tenant`;
    report({ path: ['tenants'], at: 'key', found: `${tenants.length} tenants without tokens`, expected });
  } else if (input.auth === undefined && input.source.kafka !== undefined) {
    const found = 'a Kafka source and no tokens, so that anybody could read its data';
    report({ path: ['source', 'kafka'], at: 'key', found, expected: `${remedy}, or auth: none to allow it` });
  }
}

function checkSource(input: DefinitionInput, isRemoved: (path: string) => boolean, report: Report): void {
  const { kafka, http, demo } = input.source;
  if (kafka === undefined && http === undefined && demo === undefined && !isRemoved('source')) {
    report({
      path: ['source'],
      at: 'key',
      found: 'a source without kafka, http or demo',
      expected: 'kafka: {brokers, topics}, http: {} or demo: {}',
    });
  }
  if (kafka === undefined || isRemoved('source.kafka')) return;
  const topics = typeof kafka.topics === 'string' ? [kafka.topics] : kafka.topics;
  topics.forEach((topic, at) => {
    const path = ['source', 'kafka', 'topics', ...(typeof kafka.topics === 'string' ? [] : [at])];
    if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic)) {
      report({ path, at: 'value', found: show(topic), expected: 'a topic name: A-Z, a-z, 0-9, . _ - (patterns are not supported)' });
    } else if (topics.indexOf(topic) < at) report({ path, at: 'value', found: `${topic} a second time`, expected: 'each topic once' });
    else if (topic === (kafka.deadLetterTopic ?? `${topics[0]}.dead-letters`)) {
      report({
        path,
        at: 'value',
        found: `${topic}, where dead letters go`,
        expected: 'a topic of events; dead letters would be read again and again',
      });
    }
  });
  if (parseStart(kafka.start) === null) {
    const path = ['source', 'kafka', 'start'];
    report({
      path,
      at: 'value',
      found: show(kafka.start),
      expected: 'earliest, latest, or an ISO 8601 time such as 2025-01-31T00:00:00Z',
      suggestion: nearest(kafka.start, ['earliest', 'latest']),
    });
  }
}

/** @returns null where the text is none of them; a date alone is midnight UTC, a time needs its zone */
export function parseStart(
  text: string,
): { readonly from: 'earliest' | 'latest' } | { readonly from: 'timestamp'; readonly timeMs: number } | null {
  if (text === 'earliest' || text === 'latest') return { from: text };
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?$/.test(text)) return null;
  const timeMs = Date.parse(text.replace(' ', 'T'));
  return Number.isFinite(timeMs) ? { from: 'timestamp', timeMs } : null;
}

function checkStores(input: DefinitionInput, isRemoved: (path: string) => boolean, report: Report): void {
  const { hot, cold, roles } = input;
  if (hot.kind === 'redis') {
    const redis = hot.redis;
    const nodes = typeof redis?.nodes === 'string' ? [redis.nodes] : (redis?.nodes ?? []);
    if (redis?.mode === 'sentinel' && redis.sentinelName === undefined) {
      report({
        path: ['hot', 'redis', 'mode'],
        at: 'value',
        found: 'sentinel without sentinelName',
        expected: 'sentinelName: the name of the primary that the sentinels watch',
      });
    }
    if (redis?.mode === 'cluster' && redis.db !== 0)
      report({ path: ['hot', 'redis', 'db'], at: 'value', found: show(redis.db), expected: '0: a Redis Cluster has no other database' });
    if (redis?.mode === 'single' && nodes.length > 1) {
      report({
        path: ['hot', 'redis', 'nodes'],
        at: 'value',
        found: `${nodes.length} nodes with mode single`,
        expected: 'one node, or mode sentinel or cluster',
      });
    }
  }
  if (/^https?:\/\/[^/]*@/.test(cold.url)) {
    report({
      path: ['cold', 'url'],
      at: 'value',
      found: 'a URL with a user or password in it',
      expected: 'username, and passwordFile or TIDEMARK_COLD_PASSWORD',
      secret: true,
    });
  }
  const coldTls = cold.tls === true || (typeof cold.tls === 'object' && cold.tls.enabled);
  if (cold.kind === 'http' && coldTls && cold.url.startsWith('http:')) {
    report({
      path: ['cold', 'url'],
      at: 'value',
      found: `${show(cold.url)} with tls`,
      expected: 'an https:// URL',
      suggestion: cold.url.replace('http:', 'https:'),
    });
  }
  if (cold.kind === 'chdb' && cold.cluster !== undefined) {
    report({
      path: ['cold', 'cluster'],
      at: 'key',
      found: 'a cluster with kind chdb',
      expected: 'kind: http; the embedded engine is one process',
    });
  }
  for (const section of ['source.kafka.tls', 'hot.redis.tls', 'cold.tls'] as const) {
    const tls = section === 'source.kafka.tls' ? input.source.kafka?.tls : section === 'hot.redis.tls' ? hot.redis?.tls : cold.tls;
    if (typeof tls === 'object' && tls.keyFile !== undefined && tls.certFile === undefined) {
      report({ path: [...section.split('.'), 'keyFile'], at: 'key', found: 'keyFile without certFile', expected: 'both, or neither' });
    }
  }
  if (isRemoved('roles')) return;
  roles.forEach((role, at) => {
    if (roles.indexOf(role) < at) report({ path: ['roles', at], at: 'value', found: `${role} a second time`, expected: 'each role once' });
  });
  if (new Set(roles).size < 3 && (hot.kind === 'memory' || cold.kind === 'chdb')) {
    const store = hot.kind === 'memory' ? 'hot.kind memory' : 'cold.kind chdb';
    report({
      path: ['roles'],
      at: 'value',
      found: `only ${roles.join(', ')} with ${store}`,
      expected: `all roles: ${store} lives in this one process; redis and http can be shared`,
    });
  }
}

function checkSizes(input: DefinitionInput, report: Report): void {
  const sizes = [
    [['server', 'maxBody'], input.server.maxBody, SIZE_BOUNDS_BYTES.maxBody],
    ...(input.source.kafka === undefined
      ? []
      : [[['source', 'kafka', 'maxRecord'], input.source.kafka.maxRecord, SIZE_BOUNDS_BYTES.maxRecord] as const]),
    [['hot', 'maxMemory'], input.hot.maxMemory, [0, 2 ** 53]],
  ] as const;
  for (const [path, size, [leastBytes, mostBytes]] of sizes) {
    const sizeBytes = parseBytes(size);
    if (sizeBytes === null || sizeBytes < leastBytes || sizeBytes > mostBytes) {
      report({ path, at: 'value', found: show(size), expected: `a size from ${formatBytes(leastBytes)} to ${formatBytes(mostBytes)}` });
    }
  }
}
