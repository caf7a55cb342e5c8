// What the aggregator relies on when it talks to a ClickHouse server, held against the process that stands in for one.

import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync, gunzipSync } from 'node:zlib';
import { createClient, ClickHouseLogLevel, type ClickHouseError, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startClickHouseHttp, type ClickHouseHttp } from './clickhouse-http.js';

const quiet = { level: ClickHouseLogLevel.OFF };
let server: ClickHouseHttp;
let client: ClickHouseClient;

beforeAll(async () => {
  server = await startClickHouseHttp({ password: 'secret' });
  client = createClient({
    url: server.url,
    password: 'secret',
    compression: { request: true, response: true },
    log: quiet,
  });
});
afterAll(async () => {
  await client.close();
  await server.stop();
});
afterEach(() => server.control.clear());

const rowsOf = async <T>(query: string, extra: object = {}): Promise<T[]> =>
  (await client.query({ query, format: 'JSONEachRow', ...extra })).json<T>();
const post = (
  query: string,
  body: string | Uint8Array<ArrayBuffer> | null = null,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${server.url}/?${query}`, {
    method: 'POST',
    body,
    headers: { authorization: `Basic ${btoa('default:secret')}`, ...headers },
  });
const failure = (promise: Promise<unknown>): Promise<ClickHouseError> =>
  promise.then(
    () => expect.fail('expected an error'),
    (error: ClickHouseError) => error,
  );

describe('the client', () => {
  it('pings with and without a query', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toEqual({ success: true });
  });

  it('creates, inserts, selects and reports how much was written', async () => {
    await client.command({
      query: "CREATE TABLE basics (a UInt32, b String DEFAULT upper('x'), c UInt8 MATERIALIZED a % 2) ENGINE = MergeTree ORDER BY a",
    });
    const inserted = await client.insert({ table: 'basics', values: [{ a: 1, b: 'öne' }, { a: 2 }], format: 'JSONEachRow' });
    expect(inserted.summary?.written_rows).toBe('2');
    expect(inserted.query_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await rowsOf('SELECT a, b, c FROM basics ORDER BY a')).toEqual([
      { a: 1, b: 'öne', c: 1 },
      { a: 2, b: 'X', c: 0 },
    ]);
  });

  it('runs exec with rows in the body and hands back the answer of a query', async () => {
    await client.command({ query: 'CREATE TABLE executed (a UInt32) ENGINE = MergeTree ORDER BY a' });
    await client.exec({ query: 'INSERT INTO executed FORMAT TabSeparated', values: Readable.from([Buffer.from('7\n8\n')]) });
    const { stream } = await client.exec({ query: 'SELECT sum(a) FROM executed FORMAT TabSeparated' });
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('15\n');
  });

  it('stores every byte value of a Native and of a RowBinary body', async () => {
    await client.command({ query: 'CREATE TABLE bytes (k UInt32, s String) ENGINE = MergeTree ORDER BY k' });
    for (const format of ['Native', 'RowBinary'] as const) {
      await client.command({ query: 'TRUNCATE TABLE bytes' });
      const made = await client.exec({
        query: `SELECT toUInt32(number) AS k, concat(char(number), repeat('\\n', number % 3)) AS s FROM numbers(256) FORMAT ${format}`,
      });
      const body = Buffer.concat(await made.stream.toArray());
      await client.exec({ query: `INSERT INTO bytes (k, s) FORMAT ${format}`, values: Readable.from([body], { objectMode: false }) });
      const [sums] = await rowsOf<object>(
        'SELECT count() AS n, countIf(k = reinterpretAsUInt8(substring(s, 1, 1))) AS right, sum(length(s)) AS bytes FROM bytes',
        {
          clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
        },
      );
      expect(sums).toEqual({ n: 256, right: 256, bytes: 256 + 255 });
      const back = await client.exec({ query: `SELECT k, s FROM bytes ORDER BY k FORMAT ${format}` });
      expect(Buffer.concat(await back.stream.toArray()).equals(body)).toBe(true);
    }
  });

  it('streams a long answer and keeps its order and count', async () => {
    const result = await client.query({ query: 'SELECT number FROM numbers(500000)', format: 'JSONCompactEachRow' });
    let next = 0;
    for await (const rows of result.stream<[string]>()) for (const row of rows) if (Number(row.json()[0]) === next) next++;
    expect(next).toBe(500_000);
  });

  it('sees an error that comes after the first rows', async () => {
    const result = await client.query({
      query: "SELECT throwIf(number = 300000, 'late trouble') FROM numbers(400000) SETTINGS max_block_size = 1000",
      format: 'JSONEachRow',
    });
    await expect(result.json()).rejects.toThrow(/late trouble/);
  });
});

describe('parameters and settings', () => {
  it('substitutes values of every kind, whatever stands in them', async () => {
    const nasty = "a'b\\c\t\n{x:String} ; DROP TABLE basics -- \0ü";
    const [row] = await rowsOf(
      'SELECT {s:String} AS s, toString({n:UInt64}) AS n, {a:Array(String)} AS a, {d:DateTime64(3)} AS d, {z:Nullable(String)} AS z',
      {
        query_params: { s: nasty, n: '18446744073709551615', a: [nasty, 'b'], d: '2026-01-02 03:04:05.678', z: null },
      },
    );
    expect(row).toEqual({ s: nasty, n: '18446744073709551615', a: [nasty, 'b'], d: '2026-01-02 03:04:05.678', z: null });
  });

  it('refuses a parameter that another request had set', async () => {
    for (let n = 0; n < 20; n++) await rowsOf('SELECT {leaked:String} AS s', { query_params: { leaked: 'x' } });
    expect((await failure(rowsOf('SELECT {leaked:String} AS s'))).code).toBe('456');
  });

  it('applies settings to their own request only, failed ones included', async () => {
    const read = async (settings?: object): Promise<string | undefined> =>
      (
        await rowsOf<{ v: string }>(
          "SELECT toString(getSetting('max_block_size')) AS v",
          settings === undefined ? {} : { clickhouse_settings: settings },
        )
      )[0]?.v;
    const before = await read();
    expect(await read({ max_block_size: '1234' })).toBe('1234');
    await failure(rowsOf('SELECT throwIf(1)', { clickhouse_settings: { max_block_size: '1235' } }));
    expect((await failure(rowsOf('SELECT 1', { clickhouse_settings: { max_block_size: '1236', no_such_setting: 1 } }))).code).toBe('115');
    await client.command({ query: 'SET max_block_size = 1237' });
    for (let n = 0; n < 10; n++) expect(await read()).toBe(before);
  });

  it('keeps the parameters and settings of queries that run at once apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const query = "SELECT {v:String} AS v, toString(getSetting('max_block_size')) AS size, sleepEachRow(0.002) AS slept";
        const [row] = await rowsOf<object>(query, {
          query_params: { v: `v${n}` },
          clickhouse_settings: { max_block_size: String(1000 + n) },
        });
        return row;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => ({ v: `v${n}`, size: String(1000 + n), slept: 0 })));
  });

  it('uses the database of each request', async () => {
    await client.command({ query: 'CREATE DATABASE other' });
    await client.command({ query: 'CREATE TABLE other.only_there (a UInt8) ENGINE = Memory' });
    const there = createClient({ url: server.url, password: 'secret', database: 'other' });
    expect(await (await there.query({ query: 'SELECT count() FROM only_there', format: 'TabSeparated' })).text()).toBe('0\n');
    await there.close();
    expect((await failure(rowsOf('SELECT * FROM only_there'))).type).toBe('UNKNOWN_TABLE');
    expect((await post('database=nowhere', 'SELECT 1')).status).toBe(404);
  });
});

describe('errors', () => {
  it('answers in the words, codes and statuses of a server', async () => {
    const error = await failure(rowsOf('SELECT * FROM nowhere'));
    expect(error).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    const response = await post('query=SELECT+nope');
    expect(response.status).toBe(404);
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('47');
    expect(await response.text()).toMatch(/^Code: 47\. DB::Exception: .*\(UNKNOWN_IDENTIFIER\) \(version [\d.]+ \(official build\)\)\n$/);
    expect((await post('query=SELEC')).status).toBe(400);
    expect((await post('query=SELECT+throwIf(1)')).status).toBe(500);
  });

  it('refuses a wrong password, a second statement and writing by GET', async () => {
    const wrong = createClient({ url: server.url, password: 'guess', log: quiet });
    expect(await failure(wrong.query({ query: 'SELECT 1' }))).toMatchObject({ code: '516', type: 'AUTHENTICATION_FAILED' });
    await wrong.close();
    expect((await fetch(`${server.url}/?query=SELECT+1`)).status).toBe(401);
    expect(
      (await fetch(`${server.url}/?query=SELECT+1`, { headers: { 'x-clickhouse-user': 'default', 'x-clickhouse-key': 'secret' } })).status,
    ).toBe(200);
    expect(await failure(rowsOf("SELECT ';' ; SELECT 2"))).toMatchObject({ code: '62' });
    const headers = { authorization: `Basic ${btoa('default:secret')}` };
    const get = await fetch(`${server.url}/?query=${encodeURIComponent('CREATE TABLE got (a UInt8) ENGINE = Memory')}`, { headers });
    expect(get.headers.get('x-clickhouse-exception-code')).toBe('164');
  });

  it('writes nothing of a block that cannot be read', async () => {
    await client.command({ query: 'CREATE TABLE strict (a UInt32) ENGINE = MergeTree ORDER BY a' });
    expect((await post('query=INSERT+INTO+strict+FORMAT+JSONEachRow', '{"a":1}\n{"a":"x"}\n')).status).toBe(400);
    expect(await rowsOf('SELECT * FROM strict')).toEqual([]);
  });
});

describe('raw HTTP', () => {
  it('takes the statement in the URL, in the body, and its rows behind it', async () => {
    await client.command({ query: 'CREATE TABLE raw (a UInt32, b String) ENGINE = MergeTree ORDER BY a' });
    await post('query=INSERT+INTO+raw+(a,b)+SETTINGS+max_threads%3D1+FORMAT+CSV', '1,x\n');
    await post('', 'INSERT INTO raw FORMAT JSONEachRow\n{"a":2,"b":"y"}\n');
    await post('', "INSERT INTO raw VALUES (3, 'FORMAT JSON')");
    await post('query=INSERT+INTO+raw+VALUES', "(4, 'z')");
    await post(`query=${encodeURIComponent("INSERT INTO raw SELECT n * 10, s FROM input('n UInt32, s String') FORMAT CSV")}`, '5,w\n');
    const answer = await post('default_format=CSV', 'SELECT * FROM raw ORDER BY a');
    expect(answer.headers.get('x-clickhouse-format')).toBe('CSV');
    expect(await answer.text()).toBe('1,"x"\n2,"y"\n3,"FORMAT JSON"\n4,"z"\n50,"w"\n');
    expect((await post('', 'SELECT 1 AS a FORMAT JSON')).headers.get('content-type')).toContain('application/json');
  });

  it('takes and gives gzip', async () => {
    const response = await post('enable_http_compression=1&default_format=TSV', gzipSync('SELECT 41 + 1'), {
      'content-encoding': 'gzip',
      'accept-encoding': 'gzip',
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toBe('42\n');
    const broken = await post('', gunzipSync(gzipSync('not gzip')), { 'content-encoding': 'gzip' });
    expect(broken.status).toBe(500);
    expect(await broken.text()).toContain('inflate');
  });
});

describe('concurrency and cancellation', () => {
  const endless = 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 0';
  const runningCount = async (): Promise<number> =>
    Number(
      (
        await rowsOf<{ n: string }>(
          "SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(100000000000)%' AND query NOT LIKE '%processes%'",
        )
      )[0]?.n,
    );
  const until = async (expected: number): Promise<void> => {
    for (let n = 0; n < 250 && (await runningCount()) !== expected; n++) await delay(20);
    expect(await runningCount()).toBe(expected);
  };

  it('answers short queries while a long one runs, and ends it when its client goes', async () => {
    const abort = new AbortController();
    const long = failure(
      rowsOf(endless, { abort_signal: abort.signal, clickhouse_settings: { cancel_http_readonly_queries_on_client_close: 1 } }),
    );
    await until(1);
    expect(await Promise.all(Array.from({ length: 20 }, (_, n) => rowsOf(`SELECT ${n} AS n`)))).toHaveLength(20);
    abort.abort();
    await long;
    await until(0);
  });

  it('lets a query run on when its client goes without asking for its end, until it is killed', async () => {
    const abort = new AbortController();
    const long = failure(rowsOf(endless, { abort_signal: abort.signal, query_id: 'left-alone' }));
    await until(1);
    abort.abort();
    await long;
    await delay(100);
    expect(await runningCount()).toBe(1);
    await client.command({ query: "KILL QUERY WHERE query_id = 'left-alone' SYNC" });
    await until(0);
  });

  it('ends a query at its deadline', async () => {
    expect(await failure(rowsOf(endless, { clickhouse_settings: { max_execution_time: 1 } }))).toMatchObject({ code: '159' });
  });

  it('refuses one query too many', async () => {
    const small = await startClickHouseHttp({ maxConcurrentQueries: 1 });
    const abort = new AbortController();
    const one = createClient({ url: small.url, log: quiet });
    const held = failure(
      one.query({ query: endless, abort_signal: abort.signal, clickhouse_settings: { cancel_http_readonly_queries_on_client_close: 1 } }),
    );
    await delay(300);
    expect(await failure(one.query({ query: 'SELECT 1' }))).toMatchObject({ code: '202' });
    abort.abort();
    await held;
    await one.close();
    await small.stop();
  });
});

describe('faults', () => {
  it('fails, drops and delays the requests that were named, as often as was said', async () => {
    await client.command({ query: 'CREATE TABLE faulty (a UInt32) ENGINE = MergeTree ORDER BY a' });
    const insert = (): Promise<unknown> => client.insert({ table: 'faulty', values: [{ a: 1 }], format: 'JSONEachRow' });
    const count = async (): Promise<number> => Number((await rowsOf<{ n: string }>('SELECT count() AS n FROM faulty'))[0]?.n);

    await server.control.tooManyParts('INSERT INTO faulty', 2);
    expect(await failure(insert())).toMatchObject({ code: '252' });
    expect(await failure(insert())).toMatchObject({ code: '252' });
    expect(await count()).toBe(0);
    await server.control.fault({ match: 'INSERT INTO faulty', drop: true });
    await failure(insert());
    expect(await count()).toBe(0);
    await server.control.fault({ match: 'INSERT INTO faulty', drop: true, when: 'after' });
    await failure(insert());
    expect(await count()).toBe(1);
    await server.control.fault({
      match: 'INSERT INTO faulty',
      when: 'after',
      error: { code: 319, type: 'UNKNOWN_STATUS_OF_INSERT', message: 'lost' },
    });
    expect(await failure(insert())).toMatchObject({ code: '319' });
    expect(await count()).toBe(2);
    await server.control.fault({ match: 'INSERT INTO faulty', delayMs: 300 });
    const started = performance.now();
    await insert();
    expect(performance.now() - started).toBeGreaterThan(290);
  });

  it('holds requests while paused and keeps a log of what it was asked', async () => {
    await server.control.pause();
    let answered = false;
    const waiting = rowsOf('SELECT 77 AS held').then(() => (answered = true));
    await delay(200);
    expect(answered).toBe(false);
    await server.control.resume();
    await waiting;
    const log = await server.control.log();
    expect(log.at(-1)).toMatchObject({ status: 200, code: 0 });
    expect(log.at(-1)?.sql).toContain('SELECT 77 AS held');
  });

  it('keeps acknowledged rows when it is killed and started again on the same port', async () => {
    const own = await startClickHouseHttp();
    const one = createClient({ url: own.url, log: quiet });
    await one.command({ query: 'CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a' });
    for (let a = 0; a < 20; a++) await one.insert({ table: 'kept', values: [{ a }], format: 'JSONEachRow' });
    await own.kill();
    expect((await one.ping()).success).toBe(false);
    await own.restart();
    expect(await (await one.query({ query: 'SELECT count(), sum(a) FROM kept', format: 'TabSeparated' })).text()).toBe('20\t190\n');
    await one.close();
    await own.stop();
  });
});
