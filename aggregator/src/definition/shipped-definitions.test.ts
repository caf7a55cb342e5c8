import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { shop } from './bad-definitions.fixture.js';
import { catalogOf } from './describe.js';
import { definitionJsonSchemaText } from './json-schema.js';
import { loadDefinition } from './load.js';
import { estimateHotMemory } from './memory-estimate.js';
import type { Definition } from './model.js';
import { checkRequest } from '../query/request.js';
import { resolveQuery } from '../query/resolve.js';

const path = (name: string): string => fileURLToPath(new URL(`../../../definitions/${name}`, import.meta.url));
const SHIPPED = ['webshop', 'http-service', 'demo'] as const;
const load = (name: (typeof SHIPPED)[number]): Definition => loadDefinition({ path: path(`${name}.yaml`) });

const named = (definition: Definition, name: string) => definition.measures.find((measure) => measure.name === name)!;

describe('the published JSON Schema', () => {
  const text = readFileSync(path('tidemark.schema.json'), 'utf8');
  const published = z.fromJSONSchema(JSON.parse(text));

  it('is not stale: else run `node scripts/write-definition-schema.mjs`', () => {
    expect(text).toBe(definitionJsonSchemaText());
  });

  it.each(SHIPPED)('accepts %s.yaml', (name) => {
    const result = published.safeParse(parse(readFileSync(path(`${name}.yaml`), 'utf8')));
    expect(result.error?.issues ?? []).toEqual([]);
  });

  it.each([
    ['an unknown section', shop({ more: 'retenton: {}' })],
    ['an unknown key of a measure', shop({ measures: 'measures: {a: {kind: sum, feild: x}}' })],
    ['an unknown kind', shop({ measures: 'measures: {a: {kind: cuont}}' })],
    ['a duration without a unit', shop({ more: 'lateness: 30' })],
    ['a password', shop({ more: 'hot: {redis: {password: x}}' })],
  ])('refuses %s', (_, bad) => {
    expect(published.safeParse(parse(shop())).success).toBe(true);
    expect(published.safeParse(parse(bad)).success).toBe(false);
  });
});

describe('shipped definitions', () => {
  it.each(SHIPPED)('%s compiles, fits its memory limit and names its schema for editors', (name) => {
    const definition = load(name);
    expect(definition.name).toBe(name);
    expect(estimateHotMemory(definition).totalBytes).toBeLessThanOrEqual(definition.hot.maxMemoryBytes);
    expect(readFileSync(path(`${name}.yaml`), 'utf8')).toMatch(/^# yaml-language-server: \$schema=\.\/tidemark\.schema\.json\n/);
  });

  it('demo is the web shop, embedded', () => {
    const demo = load('demo');
    expect(demo).toMatchObject({
      source: { kafka: null, demo: { seed: 1, rate: 50, historyMs: 10_800_000 } },
      hot: { kind: 'memory' },
      cold: { kind: 'chdb' },
      authRequired: false,
      server: { port: 4400 },
    });
    const shopDefinition = load('webshop');
    expect(demo.measures).toEqual(shopDefinition.measures);
    expect(demo.layoutHash).toBe(shopDefinition.layoutHash);
  });

  it('http-service counts a status both as a dimension and by range', () => {
    const definition = load('http-service');
    expect(definition.dimensions.map((dimension) => dimension.name)).toEqual(['service', 'route', 'method', 'status']);
    const errors = definition.components[named(definition, 'errors').components[0]];
    expect(errors.where[0]).toMatchObject({ field: definition.dimensions[3].field, op: 'in' });
    expect(errors.where[0].values).toHaveLength(100);
    expect(errors.where[0].values[3]).toBe('503');
    expect(named(definition, 'error_rate')).toMatchObject({
      numerator: named(definition, 'errors').index,
      denominator: named(definition, 'requests').index,
    });
  });
});

describe('the catalogue', () => {
  it('says what can be asked, how exact it is and how long it is kept', () => {
    const catalog = catalogOf(load('webshop'));
    expect(catalog.measures.find((measure) => measure.name === 'latency')).toMatchObject({
      kind: 'quantiles',
      unit: 'ms',
      stats: ['p50', 'p95', 'p99'],
      accuracy: 'within 1 % of the value',
    });
    expect(catalog.measures.find((measure) => measure.name === 'active_users')).toMatchObject({ window: { size: '5m', slide: '30s' } });
    expect(catalog.measures.find((measure) => measure.name === 'conversion')).toMatchObject({
      of: 'purchases',
      to: 'page_views',
      accuracy: 'exact',
    });
    expect(catalog.dimensions[0]).toEqual({ name: 'country', path: 'geo.country', cap: 250 });
    expect(catalog.watches).toContainEqual({
      name: 'slow_answers',
      description: 'Slower answers than usual',
      measure: 'latency',
      bucket: '1m',
    });
    expect(catalog.groupings.map((grouping) => `${grouping.name}${grouping.hot ? '' : ' (cold)'}`)).toEqual([
      'none',
      'country',
      'device',
      'category',
      'country,device',
      'all (cold)',
    ]);
    expect(catalog.retention).toMatchObject({ hot1s: '16m', raw: '90d', rollup1h: '730d', rollup1d: 'forever' });
    expect(catalog).toMatchObject({ defaultTenant: 'default', authRequired: false });
  });

  it('is JSON without addresses, secrets or folders', () => {
    const definition = loadDefinition({
      path: path('webshop.yaml'),
      env: { TIDEMARK_COLD_PASSWORD: 'hunter2', TIDEMARK_AUTH: 'token', TIDEMARK_TENANTS_DEFAULT_TOKENS: 'a-token-of-some-length' },
    });
    const text = JSON.stringify(catalogOf(definition));
    expect(JSON.parse(text)).toEqual(catalogOf(definition));
    for (const hidden of ['hunter2', 'a-token', 'localhost', 'data', definition.tenants[0].tokenSha256[0]])
      expect(text.includes(`"${hidden}`)).toBe(false);
  });

  it.each(SHIPPED)('of %s gives examples that the query API takes', (name) => {
    const definition = load(name);
    const posts = catalogOf(definition).examples.filter((example) => example.method === 'POST');
    expect(posts.length).toBeGreaterThanOrEqual(5);
    for (const { body } of posts) {
      const request = checkRequest(body, Date.UTC(2025, 0, 1));
      for (const { query, problem, at } of request.queries) {
        expect(problem).toBeNull();
        if (query !== null) expect(() => resolveQuery(definition, query, at, request.maxDataPoints)).not.toThrow();
      }
    }
  });
});
