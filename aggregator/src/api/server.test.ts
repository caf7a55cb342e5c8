import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testTenant } from '../query/shop.fixture.js';
import { bench, D, EVENTS, H, NO_QUOTAS, NOW, sha, TENANTS } from './server.fixture.js';

describe('who may ask', () => {
  const { query, get, app } = bench({ def: { authRequired: true, tenants: TENANTS } });

  it.each([
    ['no token', {}, 401, 'TOKEN_MISSING'],
    ['a wrong token', { authorization: 'Bearer guess' }, 401, 'TOKEN_INVALID'],
    ['the digest instead of the token', { authorization: `Bearer ${sha('secret-shop')}` }, 401, 'TOKEN_INVALID'],
    ['another scheme', { authorization: 'Basic c2VjcmV0LXNob3A=' }, 401, 'TOKEN_INVALID'],
    ['an empty token', { authorization: 'Bearer ' }, 401, 'TOKEN_INVALID'],
    ["another tenant's data", { authorization: 'Bearer secret-shop', 'x-tidemark-tenant': 'other' }, 403, 'FOREIGN_TENANT'],
  ])('%s is refused', async (_, headers: Record<string, string>, status, code) => {
    const response = await query({}, headers);
    expect([response.statusCode, response.json().error.code]).toEqual([status, code]);
    expect(response.headers['www-authenticate'] !== undefined).toBe(status === 401);
    expect(response.body).not.toContain('secret');
  });

  it('a token answers with its own tenant only', async () => {
    const total = async (token: string): Promise<number> =>
      (await query({ format: 'total' }, { authorization: `Bearer ${token}` })).json().results.A.frames[0].data.values[0][0];
    const range = (tenant: string): number =>
      EVENTS.filter((event) => event.tenant === tenant && event.timeMs >= NOW - H && event.timeMs < NOW).length;
    expect([await total('secret-shop'), await total('old-shop'), await total('secret-other')]).toEqual([
      range('shop'),
      range('shop'),
      range('other'),
    ]);
  });

  it('liveness, readiness, metrics and the description need no token; all else does', async () => {
    for (const url of ['/healthz', '/readyz', '/metrics', '/api/v1/openapi.json']) expect((await get(url)).statusCode).toBe(200);
    for (const url of ['/api/v1/status', '/api/v1/catalog', '/api/v1/series/views']) expect((await get(url)).statusCode).toBe(401);
    expect(
      (
        await app.inject({
          method: 'POST',
          url: '/api/v1/events',
          payload: 'x'.repeat(2_000_000),
          headers: { 'content-type': 'application/json' },
        })
      ).statusCode,
    ).toBe(401);
  });

  it('without required tokens everybody is the first tenant', async () => {
    const open = bench();
    expect((await open.query({}, { authorization: 'Bearer whatever' })).statusCode).toBe(200);
    expect((await open.query({}, { 'x-tidemark-tenant': 'other' })).statusCode).toBe(403);
  });
});

describe('quotas', () => {
  it('refuse queries beyond the rate, and say when to come back', async () => {
    const { query, clock, refusals } = bench({ def: { tenants: [testTenant('shop', { quotas: { ...NO_QUOTAS, queriesPerSecond: 2 } })] } });
    const statuses = [(await query({})).statusCode, (await query({})).statusCode];
    const refused = await query({});
    expect([...statuses, refused.statusCode, refused.headers['retry-after'], refused.json().error.code]).toEqual([
      200,
      200,
      429,
      '1',
      'QUOTA_QUERY_RATE',
    ]);
    expect(refusals).toEqual(['QUOTA_QUERY_RATE']);
    clock.nowMs += 500;
    expect((await query({})).statusCode).toBe(200);
  });

  it('refuse queries beyond those in flight, which end', async () => {
    const { query, hot } = bench({ def: { tenants: [testTenant('shop', { quotas: { ...NO_QUOTAS, queriesInFlight: 1 } })] } });
    let open: () => void = () => undefined;
    hot.beforeAnswer = () => new Promise<void>((resolve) => (open = resolve));
    const first = query({ bucket: '1m' });
    while (hot.reads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await query({})).json().error.code).toBe('QUOTA_QUERIES_IN_FLIGHT');
    open();
    expect((await first).statusCode).toBe(200);
    hot.beforeAnswer = null;
    expect((await query({ bucket: '1m' })).statusCode).toBe(200);
  });

  it("are each tenant's own", async () => {
    const quotas = { ...NO_QUOTAS, queriesPerSecond: 1 };
    const { query } = bench({ def: { authRequired: true, tenants: TENANTS.map((tenant) => ({ ...tenant, quotas })) } });
    const status = async (token: string): Promise<number> => (await query({}, { authorization: `Bearer ${token}` })).statusCode;
    expect([await status('secret-shop'), await status('secret-shop'), await status('secret-other')]).toEqual([200, 429, 200]);
  });

  it('refuse events beyond the rate', async () => {
    const { post, collected } = bench({ def: { tenants: [testTenant('shop', { quotas: { ...NO_QUOTAS, ingestEventsPerSecond: 3 } })] } });
    const statuses = [];
    for (let request = 0; request < 3; request++) statuses.push((await post('/api/v1/events', [{}, {}])).statusCode);
    expect([statuses, collected.length]).toEqual([[200, 200, 429], 2]);
  });
});

describe('operations', () => {
  it('readiness names each dependency, and is 503 when one is missing', async () => {
    const dependencies = [
      { name: 'hot', ok: true, detail: 'memory' },
      { name: 'cold', ok: false, detail: 'connection refused; start ClickHouse' },
    ];
    const response = await bench({ dependencies }).get('/readyz');
    expect([response.statusCode, response.json()]).toEqual([503, { ready: false, dependencies }]);
    expect((await bench({ dependencies }).get('/healthz')).statusCode).toBe(200);
  });

  it('metrics, status and catalogue come as they were given', async () => {
    const { get } = bench();
    expect((await get('/metrics')).body).toBe('tidemark_up 1\n');
    expect((await get('/api/v1/status')).json()).toEqual({ name: 'shop' });
    expect((await get('/api/v1/catalog')).json().measures).toContain('views');
  });

  it('the description names every route with its schemas', async () => {
    const document = (await bench().get('/api/v1/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).sort()).toEqual([
      '/api/v1/anomalies',
      '/api/v1/catalog',
      '/api/v1/events',
      '/api/v1/openapi.json',
      '/api/v1/query',
      '/api/v1/series/{measure}',
      '/api/v1/status',
      '/healthz',
      '/metrics',
      '/readyz',
    ]);
    const query = document.paths['/api/v1/query'].post;
    expect(query.requestBody.content['application/json'].schema.properties.queries.items.anyOf.length).toBe(7);
    expect(Object.keys(query.responses)).toEqual(['200', '400', '401', '403', '413', '415', '429']);
    const parameters = document.paths['/api/v1/series/{measure}'].get.parameters;
    expect(parameters.find((one: { name: string }) => one.name === 'measure')).toMatchObject({ in: 'path', required: true });
    expect(parameters.find((one: { name: string }) => one.name === 'start')).toMatchObject({
      in: 'query',
      required: false,
      schema: { default: 'now-1h' },
    });
    const ids = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap((path) =>
      Object.values(path).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(JSON.stringify(document)).not.toContain('$schema');
  });

  it('another method and another address are refused with what there is', async () => {
    const { get, app } = bench();
    const method = await app.inject({ method: 'DELETE', url: '/api/v1/query' });
    expect([method.statusCode, method.headers['allow'], method.json().error.code]).toEqual([405, 'POST', 'METHOD_NOT_ALLOWED']);
    const address = await get('/api/v1/catalogue');
    expect([address.statusCode, address.json().error.remedy]).toEqual([
      404,
      'Did you mean /api/v1/catalog? GET /api/v1/openapi.json lists what there is.',
    ]);
    expect(
      (await app.inject({ method: 'OPTIONS', url: '/api/v1/query', headers: { origin: 'https://evil.example' } })).headers[
        'access-control-allow-origin'
      ],
    ).toBeUndefined();
  });
});

describe('the page', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'static-'));
    await mkdir(join(dir, 'page', 'sub'), { recursive: true });
    await writeFile(join(dir, 'secret.txt'), 'secret');
    await writeFile(join(dir, 'page', 'index.html'), '<h1>hello</h1>');
    await writeFile(join(dir, 'page', 'page.js'), 'run()');
    await writeFile(join(dir, 'page', '.env'), 'secret');
    await symlink(join(dir, 'secret.txt'), join(dir, 'page', 'link.txt'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it('is served with types, and answers 304 to who has it', async () => {
    const { get } = bench({ staticDir: join(dir, 'page') });
    const index = await get('/');
    expect([index.statusCode, index.headers['content-type'], index.body]).toEqual([200, 'text/html; charset=utf-8', '<h1>hello</h1>']);
    expect((await get('/page.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect((await get('/', { 'if-none-match': String(index.headers['etag']) })).statusCode).toBe(304);
    expect((await bench().get('/')).statusCode).toBe(404);
  });

  it('is served at addresses of its own to browsers alone', async () => {
    const { get } = bench({ staticDir: join(dir, 'page') });
    const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
    expect((await get('/d/shop?from=now-1h', { accept })).body).toBe('<h1>hello</h1>');
    expect((await get('/d/shop')).statusCode).toBe(404);
    expect((await get('/missing.js', { accept })).statusCode).toBe(404);
    expect((await get('/api/v1/nothing', { accept })).statusCode).toBe(404);
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/sub/../../secret.txt',
    '/link.txt',
    '/.env',
    '/sub',
    '/page.js%00',
    '/..%5csecret.txt',
    '/%',
    '/sub/',
  ])('does not serve %s', async (url) => {
    const response = await bench({ staticDir: join(dir, 'page') }).get(url);
    expect(response.body).not.toContain('secret"');
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(response.body).not.toBe('secret');
  });
});

describe('a client that goes away', () => {
  it('takes its query with it', async () => {
    const { app, cold } = bench();
    let aborted: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => (aborted = resolve));
    let started: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (started = resolve));
    cold.beforeAnswer = (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted();
          reject(new Error('aborted'));
        });
        started();
      });
    await app.listen({ host: '127.0.0.1', port: 0 });
    try {
      const { port } = app.server.address() as AddressInfo;
      const request = httpRequest({ port, method: 'POST', path: '/api/v1/query', headers: { 'content-type': 'application/json' } });
      request.on('error', () => undefined);
      request.end(JSON.stringify({ from: NOW - 3 * D, queries: [{ refId: 'A', measure: 'views' }] }));
      await asked;
      request.destroy();
      await seen;
    } finally {
      await app.close();
    }
  });

  it('that stays has its answer over a real connection, also after a body that was too large', async () => {
    const { app } = bench();
    await app.listen({ host: '127.0.0.1', port: 0 });
    try {
      const { port } = app.server.address() as AddressInfo;
      const ask = (body: string): Promise<Response> =>
        fetch(`http://127.0.0.1:${port}/api/v1/query`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect((await ask('x'.repeat(1_000_500))).status).toBe(413);
      expect((await ask(JSON.stringify({ from: 'now-5m', queries: [{ refId: 'A', measure: 'views' }] }))).status).toBe(200);
    } finally {
      await app.close();
    }
  });
});
