// Requests that are wrong, to the running program: each is refused with a code, what was found and what to do; nothing of it is
// stored, the process goes on, and its memory stays where it was.

import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SHOP_YAML } from './bench.js';
import { refusal, Served } from './served.js';

const MIB = 2 ** 20;
let served: Served;
let collected = 0;
let residentBefore = 0;

beforeAll(async () => {
  served = await Served.start(SHOP_YAML);
  await collect(100);
  residentBefore = await residentBytes();
});
afterAll(async () => {
  await served?.stop();
});
/** It still takes events, and exactly those that it said it had taken are there. */
afterEach(async () => {
  await collect(1);
  expect(await served.ledgerAt(collected)).toEqual({
    consumed: collected,
    applied: collected,
    duplicates: 0,
    deadLettered: 0,
  });
  expect((await served.columns({ measure: 'events', format: 'total' })).values).toEqual([[collected]]);
  expect(served.tidemark.log().filter((line) => line['level'] === 'error' || line['level'] === 'fatal')).toEqual([]);
});

async function collect(count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, i) => ({
    event_id: `good-${collected + i}`,
    ts: Date.now() - 1_000,
    user_id: 'u',
    device: 'phone',
    amount: 1,
  }));
  const { status } = await served.post('/api/v1/events', events);
  expect(status).toBe(200);
  collected += count;
}

async function residentBytes(): Promise<number> {
  const text = await readFile(`/proc/${served.tidemark.process.pid}/statm`, 'utf8');
  return Number(text.split(' ')[1]) * 4096;
}

const query = (more: object, range: object = { from: 'now-5m' }) =>
  served.post('/api/v1/query', { ...range, queries: [{ refId: 'A', ...more }] });

/** The status, the code and the words of a request's only query. */
async function answered(more: object, range?: object): Promise<{ status: number; code: string; error: string }> {
  const { status, body } = await query(more, range);
  expect(status).toBe(200);
  const { A } = (
    body as {
      results: Record<
        string,
        { status: number; error?: string; frames: { schema: { meta: { custom?: { error?: { code: string } } } } }[] }
      >;
    }
  ).results;
  return { status: A.status, code: A.frames[0].schema.meta.custom?.error?.code ?? '', error: A.error ?? '' };
}

describe('a query', () => {
  it('for a measure that is not there names the nearest one', async () => {
    expect(await answered({ measure: 'revenu' })).toMatchObject({
      status: 400,
      code: 'UNKNOWN_MEASURE',
      error: expect.stringContaining('Did you mean "revenue"?') as string,
    });
    const series = await served.get('/api/v1/series/evnets');
    expect([series.status, refusal(series).code]).toEqual([404, 'UNKNOWN_MEASURE']);
    expect(refusal(series).remedy).toContain('Did you mean "events"?');
  });

  it('of ten years at one second says how coarse it must be', async () => {
    for (const range of [{ from: 'now-10y' }, { from: '2010-01-01', to: '2020-01-01' }]) {
      expect(await answered({ measure: 'events', bucket: '1s' }, range)).toMatchObject({
        status: 400,
        code: 'TOO_MANY_BUCKETS',
        error: expect.stringMatching(/Use bucket \d+[hd] or longer/) as string,
      });
    }
    // Left to itself it finds a bucket.
    expect((await answered({ measure: 'events', bucket: 'auto' }, { from: 'now-10y' })).status).toBe(200);
  });

  it('that starts after it ends is told to swap them', async () => {
    const reply = await query({ measure: 'events' }, { from: 'now', to: 'now-1h' });
    expect([reply.status, refusal(reply).code]).toEqual([400, 'EMPTY_RANGE']);
    const series = await served.get('/api/v1/series/events?start=now&end=now-1h');
    expect([series.status, refusal(series).remedy]).toEqual([400, 'Swap start and end, or give end a later time.']);
  });

  it('with NaN, Infinity and nothing for a number or a time', async () => {
    for (const from of [null, 'NaN', '', 'Infinity', true, {}, [], -1, 1e300]) {
      expect((await query({ measure: 'events' }, { from })).status, JSON.stringify(from)).toBe(400);
    }
    for (const more of [
      { limit: null },
      { limit: 'NaN' },
      { limit: -1 },
      { limit: 0.5 },
      { limit: 1e300 },
      { maxDataPoints: 0 },
      { bucket: 'NaN' },
      { bucket: 0 },
      { bucket: '0s' },
      { stat: 'pNaN' },
      { window: { size: '1s', slide: '0s' } },
    ]) {
      expect((await answered({ measure: 'events', ...more })).status, JSON.stringify(more)).toBe(400);
    }
    expect((await served.post('/api/v1/query', '{"from":NaN,"queries":[{"refId":"A","measure":"events"}]}')).status).toBe(400);
    expect(
      (await served.post('/api/v1/query', '{"from":"now-5m","queries":[{"refId":"A","measure":"events","limit":1e999}]}')).status,
    ).toBe(200);
    expect((await served.get('/api/v1/series/events?limit=NaN')).status).toBe(400);
  });

  it('that is no JSON, or the JSON of something else', async () => {
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '"text"',
      '{"from":"now-5m"}',
      '{"from":"now-5m","queries":[]}',
      '{"from":"now-5m","queries":"all"}',
      '['.repeat(400_000),
      `{"from":"now-5m","queries":[${'['.repeat(200_000)}${']'.repeat(200_000)}]}`,
    ]) {
      const reply = await served.post('/api/v1/query', body);
      const { results } = reply.body as { results?: Record<string, { status: number }> };
      expect(results === undefined ? reply.status : Object.values(results)[0].status, body.slice(0, 60)).toBe(400);
    }
    expect((await served.post('/api/v1/query', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('of too many queries, filters and values', async () => {
    const one = { refId: 'A', measure: 'events' };
    expect(
      (
        await served.post('/api/v1/query', {
          from: 'now-5m',
          queries: Array.from({ length: 1_000 }, (_, i) => ({ ...one, refId: `q${i}` })),
        })
      ).status,
    ).toBe(400);
    expect(
      (await answered({ measure: 'events', filters: Array.from({ length: 100 }, () => ({ dimension: 'device', op: '=', value: 'x' })) }))
        .status,
    ).toBe(400);
    expect(
      (
        await answered({
          measure: 'events',
          filters: [{ dimension: 'device', op: 'in', values: Array.from({ length: 100_00 }, (_, i) => `v${i}`) }],
        })
      ).status,
    ).toBe(400);
  });

  it('whose refId is a name that objects have of themselves', async () => {
    for (const refId of ['__proto__', 'constructor', 'toString']) {
      const { status, body } = await served.post(
        '/api/v1/query',
        `{"from":"now-5m","queries":[{"refId":${JSON.stringify(refId)},"measure":"events"}]}`,
      );
      expect(status).toBe(200);
      expect(Object.keys((body as { results: object }).results)).toEqual([refId]);
    }
  });

  it('in an address with anything in it', async () => {
    for (const text of [
      "'; DROP TABLE events; --",
      '../../etc/passwd',
      '%00',
      '%',
      '%ff',
      'a'.repeat(400),
      '{{7*7}}',
      'x\ty',
      '..%2f..%2fstatus',
    ]) {
      const raw = await served.get(`/api/v1/series/${encodeURIComponent(text)}`);
      expect([400, 404], text).toContain(raw.status);
      for (const parameter of [
        'start',
        'end',
        'granularity',
        'dimensions',
        'filter',
        'stat',
        'fill',
        'limit',
        'compareWith',
        'timezone',
        'maxDataPoints',
        'format',
      ]) {
        const { status } = await served.get(`/api/v1/series/events?${parameter}=${encodeURIComponent(text)}`);
        expect([200, 400], `${parameter}=${text}`).toContain(status);
      }
    }
    for (const path of [
      '/api/v1/series/%',
      '/api/v1/series/%ff',
      '/%',
      '//',
      '/..%2f..%2fetc%2fpasswd',
      '/api/v1/../../../etc/passwd',
      `/${'a/'.repeat(2_000)}`,
    ]) {
      expect((await served.get(path)).status, path).toBeGreaterThanOrEqual(200);
      expect((await served.get(path)).status, path).toBeLessThan(500);
    }
  });
});

describe('collected events', () => {
  it('that are wrong are refused one by one, the others are stored', async () => {
    const good = { event_id: `good-${collected}`, ts: Date.now() - 1_000, device: 'phone' };
    const reply = await served.post('/api/v1/events', [
      { ts: 'yesterday' },
      good,
      {},
      5,
      { ts: 0 },
      { ts: '2099-01-01T00:00:00Z' },
      { ...good, amount: 'NaN' },
    ]);
    collected++;
    expect(reply.status).toBe(207);
    const { accepted, refused } = reply.body as { accepted: number; refused: { index: number; reason: string }[] };
    expect(accepted).toBe(1);
    expect(refused.map(({ index, reason }) => [index, reason])).toEqual([
      [0, 'invalid_time'],
      [2, 'missing_time'],
      [3, 'not_an_object'],
      [4, 'time_too_old'],
      [5, 'time_in_future'],
      [6, 'wrong_type'],
    ]);
  });

  it('of invalid UTF-8, and NaN as a number', async () => {
    const lines = Buffer.concat([
      Buffer.from(`{"ts":${Date.now()},"device":"`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`"}\n{"ts":${Date.now()},"amount":NaN}\n`),
    ]);
    const reply = await served.post('/api/v1/events', lines, { 'content-type': 'application/x-ndjson' });
    expect([reply.status, (reply.body as { refused: { reason: string }[] }).refused.map(({ reason }) => reason)]).toEqual([
      400,
      ['invalid_utf8', 'malformed_json'],
    ]);
  });

  it('in a body that is broken, empty, of another type or encoding', async () => {
    const cases: readonly (readonly [string | Uint8Array, Record<string, string>, number])[] = [
      ['', {}, 400],
      ['[', {}, 400],
      ['[{"ts":1}', {}, 400],
      ['[{"ts":1},]', {}, 400],
      ['{"a":1}]', {}, 400],
      ['[{}', { 'content-type': 'text/plain' }, 415],
      ['a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['{}', { 'content-encoding': 'br' }, 415],
      ['not gzip', { 'content-encoding': 'gzip' }, 400],
      [gzipSync('[{"ts":1}]').subarray(0, 12), { 'content-encoding': 'gzip' }, 400],
      ['['.repeat(200_000), {}, 400],
    ];
    for (const [body, headers, status] of cases) {
      const reply = await served.post('/api/v1/events', body, headers);
      expect(reply.status, `${String(body).slice(0, 40)} ${JSON.stringify(headers)}`).toBe(status);
      refusal(reply);
    }
  });

  it('in a gzip bomb: 900 MiB in less than one, and smaller ones again and again', async () => {
    const megabyte = gzipSync(Buffer.alloc(MIB, ' '));
    const large = Buffer.concat(Array.from({ length: 900 }, () => megabyte));
    for (const bomb of [large, ...Array.from({ length: 20 }, () => gzipSync(Buffer.alloc(50 * MIB)))]) {
      const reply = await served.post('/api/v1/events', bomb, { 'content-encoding': 'gzip' }).catch(() => null);
      // The answer may be lost where the connection is closed under a body that is still being sent.
      if (reply !== null) expect([reply.status, refusal(reply).code]).toEqual([413, 'BODY_TOO_LARGE']);
    }
    for (const path of ['/api/v1/query', '/api/v1/events']) {
      const reply = await served.post(path, gzipSync(Buffer.alloc(50 * MIB)), { 'content-encoding': 'gzip' });
      expect([reply.status, refusal(reply).code]).toEqual([413, 'BODY_TOO_LARGE']);
    }
    expect(await residentBytes()).toBeLessThan(residentBefore + 300 * MIB);
  });

  it('in a body beyond the limit, announced or not', async () => {
    for (const path of ['/api/v1/query', '/api/v1/events']) {
      const announced = await served.post(path, 'x'.repeat(20 * MIB)).catch(() => null);
      if (announced !== null) expect([announced.status, refusal(announced).code]).toEqual([413, 'BODY_TOO_LARGE']);
      const small = await served.post(path, ' '.repeat(MIB + 1)).catch(() => null);
      if (small !== null) expect(small.status).toBe(413);
    }
    // Refused before it is read; the answer is lost where the connection closes under what is still being sent.
    expect(['', 'HTTP/1.1 413 Payload Too Large']).toContain(await chunked('/api/v1/events', 200));
    expect(await residentBytes()).toBeLessThan(residentBefore + 300 * MIB);
  });

  it('of 5 MB each', async () => {
    const reply = await served.post('/api/v1/events', JSON.stringify([{ ts: Date.now(), pad: 'x'.repeat(5_000_000) }])).catch(() => null);
    if (reply !== null) expect(reply.status).toBe(413);
  });

  it('that never come: a connection that says nothing more holds nobody up', async () => {
    const socket = connect(served.tidemark.port, '127.0.0.1');
    socket.write('POST /api/v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n[{"ts":');
    await new Promise((resolve) => socket.once('connect', resolve));
    expect((await served.get('/readyz')).status).toBe(200);
    socket.destroy();
  });
});

/** A body without a length, one mebibyte a chunk. @returns the first line of the answer, '' when the connection was only closed */
async function chunked(path: string, chunks: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(served.tidemark.port, '127.0.0.1');
    let answer = '';
    let sent = 0;
    const more = (): void => {
      while (sent < chunks && !socket.destroyed) {
        sent++;
        if (!socket.write(`100000\r\n${'x'.repeat(MIB)}\r\n`)) return;
      }
    };
    socket.on('data', (data) => {
      answer += data.toString();
      socket.destroy();
    });
    socket.on('drain', more);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer.split('\r\n')[0]));
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`);
    more();
  });
}

describe('headers', () => {
  it('of any kind are refused or passed over', async () => {
    for (const headers of [
      { 'x-request-id': "'; DROP TABLE events; --" },
      { 'x-tidemark-tenant': 'nobody' },
      { authorization: 'Bearer anything' },
      { authorization: `Bearer ${'x'.repeat(6_000)}` },
      { accept: '*/*;q=NaN,,,;' },
      { 'content-type': 'application/json; charset="\'' },
      { 'if-none-match': '*' },
      { cookie: 'x'.repeat(6_000) },
    ]) {
      const { status } = await served.get('/api/v1/series/events', headers as Record<string, string>);
      expect([200, 400, 403], JSON.stringify(headers).slice(0, 80)).toContain(status);
    }
    const long = await served.get('/healthz', { cookie: 'x'.repeat(100_000) }).catch(() => null);
    if (long !== null) expect(long.status).toBe(431);
  });
});
