import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bench } from '../server.fixture.js';

describe('POST /api/v1/events', () => {
  it('hands on the bytes of each event, from an array, lines, one object, gzip', async () => {
    const { post, collected } = bench();
    const lines = { 'content-type': 'application/x-ndjson' };
    const bodies: [string | Buffer, Record<string, string>][] = [
      ['[{"n":12345678901234567890, "s":"a,]}\\"" } , [1,[2]],"x"]', {}],
      ['{"one":1}\r\n\n  {"two":2}', lines],
      [' {"a":[1,2]} ', {}],
      [gzipSync('[{"z":1}]'), { 'content-encoding': 'gzip' }],
      ['[]', {}],
    ];
    for (const [body, headers] of bodies) expect((await post('/api/v1/events', body, headers)).statusCode).toBe(200);
    expect(collected.map(({ texts }) => texts)).toEqual([
      ['{"n":12345678901234567890, "s":"a,]}\\"" }', '[1,[2]]', '"x"'],
      ['{"one":1}', '{"two":2}'],
      ['{"a":[1,2]}'],
      ['{"z":1}'],
    ]);
    expect(collected[0].tenant).toBe('shop');
  });

  it('says which events were refused and why', async () => {
    const refused = [{ index: 1, reason: 'missing_time' as const, detail: 'field time: found nothing' }];
    const mixed = await bench({ answer: { accepted: 1, refused } }).post('/api/v1/events', [{}, {}]);
    expect([mixed.statusCode, mixed.json()]).toEqual([207, { accepted: 1, refused }]);
    const none = await bench({ answer: { accepted: 0, refused } }).post('/api/v1/events', [{}]);
    expect([none.statusCode, none.json().error.code, none.json().refused]).toEqual([400, 'ALL_EVENTS_REFUSED', refused]);
    expect(none.json().error.message).toBe('The event was refused: field time: found nothing.');
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
