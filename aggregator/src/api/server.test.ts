import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Definition, Tenant } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { QueryEngine } from '../query/engine.js';
import { ListCold, ListFreshness, ListHot, randomEvents, TEST_BINS, TestClock, testDefinition, testTenant, type TestEvent } from '../query/event-list.fixture.js';
import type { CollectAnswer } from './collect.js';
import type { Dependency } from './routes/operations.js';
import { createServer } from './server.js';

const [S, M, H, D] = [1_000, 60_000, 3_600_000, 86_400_000];
const NOW = Date.UTC(2025, 5, 10, 12, 0, 30);
const EVENTS = randomEvents(3_000, NOW - 2 * H, NOW, 21);
const sha = (token: string): string => createHash('sha256').update(token).digest('hex');
const NO_QUOTAS = testTenant().quotas;

interface Given {
  readonly def?: Partial<Definition>;
  readonly events?: TestEvent[];
  readonly staticDir?: string;
  readonly dependencies?: readonly Dependency[];
  readonly answer?: CollectAnswer;
}

function bench(given: Given = {}) {
  const def = testDefinition(given.def);
  const events = given.events ?? EVENTS;
  const clock = new TestClock(NOW);
  const [hot, cold] = [new ListHot(def, events, clock, 0), new ListCold(def, events)];
  const logged: string[] = [];
  const refusals: string[] = [];
  const collected: { tenant: string; texts: string[] }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(line) });
  const engine = new QueryEngine({ def, hot, cold, freshness: new ListFreshness(def, events, clock), bins: TEST_BINS, clock, onError: (error) => log.error(error) });
  const app = createServer({
    def, clock, log, version: '0.1.0', engine, staticDir: given.staticDir ?? '', newRequestId: () => 'request-1',
    collect: async (tenant, list) => {
      collected.push({ tenant, texts: list.map(String) });
      return given.answer ?? { accepted: list.length, refused: [] };
    },
    operations: {
      ready: async () => given.dependencies ?? [{ name: 'hot', ok: true, detail: 'memory' }],
      status: async () => ({ name: def.name }),
      catalog: () => ({ measures: def.measures.map((measure) => measure.name) }),
      metrics: async () => ({ text: 'tidemark_up 1\n', contentType: 'text/plain; version=0.0.4' }),
    },
    onRefusal: (code) => refusals.push(code),
  });
  const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json', ...headers }, payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) });
  const query = (more: object, headers: Record<string, string> = {}) => post('/api/v1/query', { from: 'now-1h', to: 'now', queries: [{ refId: 'A', measure: 'views', ...more }] }, headers);
  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });
  return { def, clock, hot, cold, logged, refusals, collected, app, post, query, get };
}

const TENANTS: Tenant[] = [testTenant('shop', { tokenSha256: [sha('old-shop'), sha('secret-shop')] }), testTenant('other', { tokenSha256: [sha('secret-other')] })];

describe('POST /api/v1/query', () => {
  it('answers each refId with a status, frames and their meta', async () => {
    const { query } = bench();
    const response = await query({ bucket: '1m' });
    expect([response.statusCode, response.headers['content-type'], response.headers['x-request-id']]).toEqual([200, 'application/json; charset=utf-8', 'request-1']);
    const { results } = response.json();
    expect(Object.keys(response.json())).toEqual(['results']);
    expect(Object.keys(results.A).sort()).toEqual(['frames', 'status']);
    expect(results.A.frames[0].schema.meta.type).toBe('timeseries-wide');
    const total = results.A.frames[0].data.values[1].reduce((sum: number, value: number) => sum + value, 0);
    expect(total).toBe(EVENTS.filter((event) => event.tenant === 'shop' && event.timeMs >= Date.UTC(2025, 5, 10, 11)).length);
  });

  it('answers 200 with the errors inside when some queries are wrong, in the form that Grafana reads', async () => {
    const { post } = bench();
    const response = await post('/api/v1/query', { from: 'now-1h', queries: [{ refId: 'A', measure: 'revenu' }, { refId: 'B', measure: 'views' }, { refId: 'C', kind: 'anomaly', measure: 'views' }] });
    expect(response.statusCode).toBe(200);
    const { A, B, C } = response.json().results;
    expect([A.status, B.status, C.status]).toEqual([400, 200, 400]);
    expect(A.error).toBe('queries[0].measure: there is no measure "revenu". Did you mean "revenue"? Known: views, buys, revenue, fastest, slowest, mean_latency, users, latency, pages, conversion, active_users.');
    expect(A.frames[0].schema.meta.custom.error).toMatchObject({ code: 'UNKNOWN_MEASURE', refId: 'A', path: 'queries[0].measure' });
    expect(C.frames[0].schema.meta.custom.error.code).toBe('NOT_SUPPORTED_YET');
  });

  it.each([
    ['no body', '', 400, 'INVALID_JSON'],
    ['broken JSON', '{"from": "now-1h", "queries": [', 400, 'INVALID_JSON'],
    ['a list', '[]', 400, 'INVALID_FIELD'],
    ['no queries', { from: 'now-1h', queries: [] }, 400, 'INVALID_FIELD'],
    ['start after end', { from: 'now', to: 'now-1h', queries: [{ refId: 'A', measure: 'views' }] }, 400, 'EMPTY_RANGE'],
    ['a time that is none', { from: 'last tuesday', queries: [{ refId: 'A', measure: 'views' }] }, 400, 'INVALID_TIME'],
  ])('refuses a body that is unusable as a whole: %s', async (_, body, status, code) => {
    const response = await bench().post('/api/v1/query', body);
    expect(response.statusCode).toBe(status);
    expect(response.json().error).toMatchObject({ code });
    expect(response.json().error.remedy).not.toBe('');
  });

  it('refuses 10 years at 1 s, saying which bucket would do', async () => {
    const response = await bench().post('/api/v1/query', { from: 'now-10y', queries: [{ refId: 'A', measure: 'views', bucket: '1s' }] });
    expect(response.json().results.A).toMatchObject({ status: 400 });
    expect(response.json().results.A.error).toContain('Use bucket 12h or longer');
  });

  it.each([
    "'; DROP TABLE events; --", '" OR 1=1 --', "') UNION ALL SELECT password FROM system.users --", 'redis.call("FLUSHALL")', "]] .. os.execute('id') .. [[", '${jndi:ldap://x}', '\u0000\r\nSET x 1', '<script>', '../../etc/passwd', '__proto__', '💥'.repeat(50),
  ])('takes %j for a plain value wherever a string may stand', async (text) => {
    const { query, get, hot } = bench();
    const filtered = await query({ filters: [{ dimension: 'country', op: 'in', values: [text] }], legend: text, format: 'total' });
    expect(filtered.json().results.A).toMatchObject({ status: 200 });
    expect(hot.reads[0].filters[0].values).toEqual([text]);
    expect(Number(filtered.json().results.A.frames[0].data.values[0]?.[0] ?? 0)).toBe(0);
    for (const wrong of [{ measure: text }, { groupBy: [text] }, { filters: [{ dimension: text, value: 'x' }] }, { bucket: text.slice(0, 16) }, { stat: text }, { kind: text }, { fill: text }, { [text]: 1 }]) {
      expect((await query(wrong)).json().results.A.status).toBe(400);
    }
    const series = await get(`/api/v1/series/${encodeURIComponent(text)}`);
    expect([400, 404]).toContain(series.statusCode);
    expect((await query({ refId: text.slice(0, 64) })).json().results).toHaveProperty([text.slice(0, 64)]);
  });

  it('answers 503 inside when cold storage is down and the question needs it, and logs the cause', async () => {
    const { cold, post, logged } = bench();
    cold.failure = new TidemarkError('unavailable', 'COLD_UNAVAILABLE', 'ClickHouse does not answer.', 'Start it.');
    const response = await post('/api/v1/query', { from: 'now-3d', queries: [{ refId: 'A', measure: 'views' }] });
    expect(response.json().results.A).toMatchObject({ status: 503, error: 'ClickHouse does not answer. Start it.' });
    expect(logged.join('')).toContain('COLD_UNAVAILABLE');
  });

  it('shows no stack and no inner text of an unforeseen error', async () => {
    const { hot, cold, query, app } = bench();
    hot.failure = new Error('redis://user:password@host');
    cold.failure = new Error('SELECT secret');
    for (const text of [(await query({})).body, (await app.inject({ url: '/api/v1/%ZZ' })).body]) {
      expect(text).not.toMatch(/password|SELECT|at .*\.ts/);
    }
  });
});

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
    const total = async (token: string): Promise<number> => (await query({ format: 'total' }, { authorization: `Bearer ${token}` })).json().results.A.frames[0].data.values[0][0];
    const range = (tenant: string): number => EVENTS.filter((event) => event.tenant === tenant && event.timeMs >= NOW - H && event.timeMs < NOW).length;
    expect([await total('secret-shop'), await total('old-shop'), await total('secret-other')]).toEqual([range('shop'), range('shop'), range('other')]);
  });

  it('liveness, readiness, metrics and the description need no token; all else does', async () => {
    for (const url of ['/healthz', '/readyz', '/metrics', '/api/v1/openapi.json']) expect((await get(url)).statusCode).toBe(200);
    for (const url of ['/api/v1/status', '/api/v1/catalog', '/api/v1/series/views']) expect((await get(url)).statusCode).toBe(401);
    expect((await app.inject({ method: 'POST', url: '/api/v1/events', payload: 'x'.repeat(2_000_000), headers: { 'content-type': 'application/json' } })).statusCode).toBe(401);
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
    expect([...statuses, refused.statusCode, refused.headers['retry-after'], refused.json().error.code]).toEqual([200, 200, 429, '1', 'QUOTA_QUERY_RATE']);
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

  it('are each tenant\'s own', async () => {
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

describe('GET /api/v1/series', () => {
  it('answers JSON with labels and points', async () => {
    const { get } = bench();
    const response = await get('/api/v1/series/revenue?start=now-10m&granularity=1m&dimensions=country&filter=country:DE,FR');
    expect(response.statusCode).toBe(200);
    const body = response.json();
    expect(body).toMatchObject({ measure: 'revenue', unit: 'currencyEUR', bucketMs: M, partialFrom: expect.any(Number) });
    expect(body.series.map((series: { labels: object }) => series.labels)).toEqual([{ country: 'DE' }, { country: 'FR' }]);
    expect(body.series[0].points.length).toBe(11);
    expect(body.series[0].points[0][0]).toBe(Date.UTC(2025, 5, 10, 11, 50));
  });

  it('answers CSV by Accept or by format, values unaltered', async () => {
    const event = { ...EVENTS[0], tenant: 'shop', timeMs: NOW - 5 * S, country: '=HYPERLINK("x","y, z")', latency: 7 };
    const { get } = bench({ events: [event, { ...event, country: 'DE' }] });
    const url = '/api/v1/series/latency?start=now-30s&granularity=30s&dimensions=country&stat=p50,p95';
    const csv = await get(url, { accept: 'text/csv' });
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    expect(csv.headers['content-disposition']).toBe('attachment; filename="latency.csv"');
    expect(csv.body).toBe('time,country,latency_p50,latency_p95\r\n2025-06-10T12:00:00.000Z,"=HYPERLINK(""x"",""y, z"")",7,7\r\n2025-06-10T12:00:00.000Z,DE,7,7\r\n');
    expect((await get(`${url}&format=csv`)).body).toBe(csv.body);
    expect((await get(`${url}&format=json`, { accept: 'text/csv' })).headers['content-type']).toContain('application/json');
    expect((await get('/api/v1/series/latency?start=now-30d&end=now-29d&format=csv')).body).toBe('time\r\n');
  });

  it('understands filters that exclude, patterns, and commas in values', async () => {
    const { get, hot } = bench();
    await get(`/api/v1/series/views?filter=country!:DE&filter=${encodeURIComponent('country~:^(D|F)')}&filter=${encodeURIComponent('device:a\\,b,c\\\\')}`);
    expect(hot.reads[0].filters).toEqual([{ dimension: 0, op: 'not in', values: ['DE'] }, { dimension: 0, op: '=~', values: ['^(D|F)'] }, { dimension: 1, op: 'in', values: ['a,b', 'c\\'] }]);
  });

  it.each([
    ['/api/v1/series/vews', 404, 'UNKNOWN_MEASURE', 'measure', 'Did you mean "views"?'],
    ['/api/v1/series/views?granularity=5x', 400, 'INVALID_DURATION', 'granularity', '5m'],
    ['/api/v1/series/views?dimensions=land', 400, 'UNKNOWN_DIMENSION', 'dimensions[0]', 'Known'],
    ['/api/v1/series/views?filter=DE', 400, 'INVALID_PARAMETER', 'filter', 'filter=country:DE'],
    ['/api/v1/series/views?filter=cuntry:DE', 400, 'UNKNOWN_DIMENSION', 'filter[0].dimension', 'country'],
    ['/api/v1/series/views?start=now&end=now-1h', 400, 'EMPTY_RANGE', 'start', 'Swap'],
    ['/api/v1/series/views?start=gestern', 400, 'INVALID_TIME', 'start', 'time'],
    ['/api/v1/series/views?granularty=1m', 400, 'UNKNOWN_PARAMETER', 'granularty', 'Did you mean "granularity"?'],
    ['/api/v1/series/views?limit=many', 400, 'INVALID_PARAMETER', 'limit', 'again'],
    ['/api/v1/series/views?start=now-10y&granularity=1s', 400, 'TOO_MANY_BUCKETS', 'granularity', '12h'],
    ['/api/v1/series/pages', 400, 'NOT_A_NUMBER', 'measure', 'top'],
  ])('%s is refused in the words of its parameters', async (url, status, code, path, remedy) => {
    const response = await bench().get(url);
    expect([response.statusCode, response.json().error.code, response.json().error.path]).toEqual([status, code, path]);
    expect(response.json().error.remedy).toContain(remedy);
    expect(response.json().error.message).not.toMatch(/queries\[0\]|\bfrom\b/);
  });
});

describe('POST /api/v1/events', () => {
  it('hands on the bytes of each event, from an array, lines, one object, gzip', async () => {
    const { post, collected } = bench();
    const lines = { 'content-type': 'application/x-ndjson' };
    const bodies: [string | Buffer, Record<string, string>][] = [
      ['[{"n":12345678901234567890, "s":"a,]}\\"" } , [1,[2]],"x"]', {}], ['{"one":1}\r\n\n  {"two":2}', lines], [' {"a":[1,2]} ', {}], [gzipSync('[{"z":1}]'), { 'content-encoding': 'gzip' }], ['[]', {}],
    ];
    for (const [body, headers] of bodies) expect((await post('/api/v1/events', body, headers)).statusCode).toBe(200);
    expect(collected.map(({ texts }) => texts)).toEqual([['{"n":12345678901234567890, "s":"a,]}\\"" }', '[1,[2]]', '"x"'], ['{"one":1}', '{"two":2}'], ['{"a":[1,2]}'], ['{"z":1}']]);
    expect(collected[0].tenant).toBe('shop');
  });

  it('says which events were refused and why', async () => {
    const refused = [{ index: 1, reason: 'missing_time' as const, detail: 'field time: found nothing' }];
    const mixed = await bench({ answer: { accepted: 1, refused } }).post('/api/v1/events', [{}, {}]);
    expect([mixed.statusCode, mixed.json()]).toEqual([207, { accepted: 1, refused }]);
    const none = await bench({ answer: { accepted: 0, refused } }).post('/api/v1/events', [{}]);
    expect([none.statusCode, none.json().error.code, none.json().refused]).toEqual([400, 'ALL_EVENTS_REFUSED', refused]);
  });

  it.each([
    ['a body beyond the limit', 'x'.repeat(1_000_001), {}, 413, 'BODY_TOO_LARGE'],
    ['a small body that inflates beyond it', gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }, 413, 'BODY_TOO_LARGE'],
    ['broken gzip', 'no gzip', { 'content-encoding': 'gzip' }, 400, 'BAD_GZIP'],
    ['gzip that is cut off', gzipSync('[{"a":1}]').subarray(0, 15), { 'content-encoding': 'gzip' }, 400, 'BAD_GZIP'],
    ['another encoding', '[]', { 'content-encoding': 'br' }, 415, 'UNKNOWN_ENCODING'],
    ['another type', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'UNKNOWN_TYPE'],
    ['an array that does not end', '[{"a":1}', {}, 400, 'INVALID_JSON'],
    ['a string that does not end', '[{"a":"1}]', {}, 400, 'INVALID_JSON'],
    ['an empty place', '[{},,{}]', {}, 400, 'INVALID_JSON'],
    ['a trailing comma', '[{},]', {}, 400, 'INVALID_JSON'],
    ['too many closing brackets', '[}]', {}, 400, 'INVALID_JSON'],
    ['a number', '5', {}, 400, 'INVALID_JSON'],
    ['too many events', `[${'1,'.repeat(50_000)}1]`, {}, 413, 'TOO_MANY_EVENTS'],
  ])('refuses %s', async (_, body: string | Buffer, headers: Record<string, string>, status, code) => {
    const { post, collected } = bench();
    const response = await post('/api/v1/events', body, headers);
    expect([response.statusCode, response.json().error.code, collected.length]).toEqual([status, code, 0]);
  });

  it('does not hold what nobody asked it to: queries have the same limits', async () => {
    expect((await bench().post('/api/v1/query', 'x'.repeat(1_000_001))).statusCode).toBe(413);
    expect((await bench().post('/api/v1/query', '{}', { 'content-type': 'text/plain' })).statusCode).toBe(415);
  });
});

describe('operations', () => {
  it('readiness names each dependency, and is 503 when one is missing', async () => {
    const dependencies = [{ name: 'hot', ok: true, detail: 'memory' }, { name: 'cold', ok: false, detail: 'connection refused; start ClickHouse' }];
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
    expect(Object.keys(document.paths).sort()).toEqual(['/api/v1/catalog', '/api/v1/events', '/api/v1/openapi.json', '/api/v1/query', '/api/v1/series/{measure}', '/api/v1/status', '/healthz', '/metrics', '/readyz']);
    const query = document.paths['/api/v1/query'].post;
    expect(query.requestBody.content['application/json'].schema.properties.queries.items.anyOf.length).toBe(4);
    expect(Object.keys(query.responses)).toEqual(['200', '400', '401', '403', '413', '415', '429']);
    const parameters = document.paths['/api/v1/series/{measure}'].get.parameters;
    expect(parameters.find((one: { name: string }) => one.name === 'measure')).toMatchObject({ in: 'path', required: true });
    expect(parameters.find((one: { name: string }) => one.name === 'start')).toMatchObject({ in: 'query', required: false, schema: { default: 'now-1h' } });
    const ids = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap((path) => Object.values(path).map((one) => one.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    expect(JSON.stringify(document)).not.toContain('$schema');
  });

  it('another method and another address are refused with what there is', async () => {
    const { get, app } = bench();
    const method = await app.inject({ method: 'DELETE', url: '/api/v1/query' });
    expect([method.statusCode, method.headers['allow'], method.json().error.code]).toEqual([405, 'POST', 'METHOD_NOT_ALLOWED']);
    const address = await get('/api/v1/catalogue');
    expect([address.statusCode, address.json().error.remedy]).toEqual([404, 'Did you mean /api/v1/catalog? GET /api/v1/openapi.json lists what there is.']);
    expect((await app.inject({ method: 'OPTIONS', url: '/api/v1/query', headers: { origin: 'https://evil.example' } })).headers['access-control-allow-origin']).toBeUndefined();
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

  it.each(['/../secret.txt', '/..%2fsecret.txt', '/%2e%2e/secret.txt', '/sub/../../secret.txt', '/link.txt', '/.env', '/sub', '/page.js%00', '/..%5csecret.txt', '/%', '/sub/'])('does not serve %s', async (url) => {
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
      const ask = (body: string): Promise<Response> => fetch(`http://127.0.0.1:${port}/api/v1/query`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect((await ask('x'.repeat(1_000_500))).status).toBe(413);
      expect((await ask(JSON.stringify({ from: 'now-5m', queries: [{ refId: 'A', measure: 'views' }] }))).status).toBe(200);
    } finally {
      await app.close();
    }
  });
});
