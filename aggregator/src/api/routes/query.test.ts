import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../errors.js';
import { bench, EVENTS, M, NOW, S } from '../server.fixture.js';

describe('POST /api/v1/query', () => {
  it('answers each refId with a status, frames and their meta', async () => {
    const { query } = bench();
    const response = await query({ bucket: '1m' });
    expect([response.statusCode, response.headers['content-type'], response.headers['x-request-id']]).toEqual([
      200,
      'application/json; charset=utf-8',
      'request-1',
    ]);
    const { results } = response.json();
    expect(Object.keys(response.json())).toEqual(['results']);
    expect(Object.keys(results.A).sort()).toEqual(['frames', 'status']);
    expect(results.A.frames[0].schema.meta.type).toBe('timeseries-wide');
    const total = results.A.frames[0].data.values[1].reduce((sum: number, value: number) => sum + value, 0);
    expect(total).toBe(EVENTS.filter((event) => event.tenant === 'shop' && event.timeMs >= Date.UTC(2025, 5, 10, 11)).length);
  });

  it('answers 200 with the errors inside when some queries are wrong, in the form that Grafana reads', async () => {
    const { post } = bench();
    const response = await post('/api/v1/query', {
      from: 'now-1h',
      queries: [
        { refId: 'A', measure: 'revenu' },
        { refId: 'B', measure: 'views' },
        { refId: 'C', kind: 'funnel', measure: 'views' },
      ],
    });
    expect(response.statusCode).toBe(200);
    const { A, B, C } = response.json().results;
    expect([A.status, B.status, C.status]).toEqual([400, 200, 400]);
    expect(A.error).toBe(
      'queries[0].measure: there is no measure "revenu". Did you mean "revenue"? Known: views, buys, revenue, fastest, slowest, mean_latency, users, latency, pages, conversion, active_users.',
    );
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
    "'; DROP TABLE events; --",
    '" OR 1=1 --',
    "') UNION ALL SELECT password FROM system.users --",
    'redis.call("FLUSHALL")',
    "]] .. os.execute('id') .. [[",
    '${jndi:ldap://x}',
    '\u0000\r\nSET x 1',
    '<script>',
    '../../etc/passwd',
    '__proto__',
    '💥'.repeat(50),
  ])('takes %j for a plain value wherever a string may stand', async (text) => {
    const { query, get, hot } = bench();
    const filtered = await query({ filters: [{ dimension: 'country', op: 'in', values: [text] }], legend: text, format: 'total' });
    expect(filtered.json().results.A).toMatchObject({ status: 200 });
    expect(hot.reads[0].filters[0].values).toEqual([text]);
    expect(Number(filtered.json().results.A.frames[0].data.values[0]?.[0] ?? 0)).toBe(0);
    for (const wrong of [
      { measure: text },
      { groupBy: [text] },
      { filters: [{ dimension: text, value: 'x' }] },
      { bucket: text.slice(0, 16) },
      { stat: text },
      { kind: text },
      { fill: text },
      { [text]: 1 },
    ]) {
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
    expect(csv.body).toBe(
      'time,country,latency_p50,latency_p95\r\n2025-06-10T12:00:00.000Z,"=HYPERLINK(""x"",""y, z"")",7,7\r\n2025-06-10T12:00:00.000Z,DE,7,7\r\n',
    );
    expect((await get(`${url}&format=csv`)).body).toBe(csv.body);
    expect((await get(`${url}&format=json`, { accept: 'text/csv' })).headers['content-type']).toContain('application/json');
    expect((await get('/api/v1/series/latency?start=now-30d&end=now-29d&format=csv')).body).toBe('time\r\n');
  });

  it('understands filters that exclude, patterns, and commas in values', async () => {
    const { get, hot } = bench();
    await get(
      `/api/v1/series/views?filter=country!:DE&filter=${encodeURIComponent('country~:^(D|F)')}&filter=${encodeURIComponent('device:a\\,b,c\\\\')}`,
    );
    expect(hot.reads[0].filters).toEqual([
      { dimension: 0, op: 'not in', values: ['DE'] },
      { dimension: 0, op: '=~', values: ['^(D|F)'] },
      { dimension: 1, op: 'in', values: ['a,b', 'c\\'] },
    ]);
  });

  it.each([
    ['/api/v1/series/vews', 404, 'UNKNOWN_MEASURE', 'measure', 'Did you mean "views"?'],
    ['/api/v1/series/views?granularity=5x', 400, 'INVALID_DURATION', 'granularity', '5m'],
    ['/api/v1/series/views?dimensions=land', 400, 'UNKNOWN_DIMENSION', 'dimensions[0]', 'Known'],
    ['/api/v1/series/views?filter=DE', 400, 'INVALID_PARAMETER', 'filter', 'filter=country:DE'],
    ['/api/v1/series/views?filter=cuntry:DE', 400, 'UNKNOWN_DIMENSION', 'filter[0].dimension', 'country'],
    ['/api/v1/series/views?start=now&end=now-1h', 400, 'EMPTY_RANGE', 'start', 'Swap start and end'],
    ['/api/v1/series/views?start=gestern', 400, 'INVALID_TIME', 'start', 'time'],
    ['/api/v1/series/views?granularty=1m', 400, 'UNKNOWN_PARAMETER', 'granularty', 'Did you mean "granularity"?'],
    ['/api/v1/series/views?limit=many', 400, 'INVALID_PARAMETER', 'limit', 'Correct the parameter'],
    ['/api/v1/series/views?start=now-10y&granularity=1s', 400, 'TOO_MANY_BUCKETS', 'granularity', '12h'],
    ['/api/v1/series/pages', 400, 'NOT_A_NUMBER', 'measure', 'POST /api/v1/query'],
  ])('%s is refused in the words of its parameters', async (url, status, code, path, remedy) => {
    const response = await bench().get(url);
    expect([response.statusCode, response.json().error.code, response.json().error.path]).toEqual([status, code, path]);
    expect(response.json().error.remedy).toContain(remedy);
    expect(response.json().error.message).not.toMatch(/queries\[0\]|\bfrom\b|before to|no field/);
  });
});
