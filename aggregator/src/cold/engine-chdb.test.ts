import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawColumn, RawRows } from '../window/flush-batch.js';
import { TextColumn } from '../window/text-column.js';
import { ChdbEngine } from './engine-chdb.js';
import { encodeNative } from './native.js';
import { decodeNative, type NativeResult } from './native-reader.js';
import { sqlInt, sqlString, sqlStrings } from './sql.js';

describe('the embedded engine', { timeout: 60_000 }, () => {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-chdb-'));
  const dataDir = join(base, 'data');
  const ramDirectory = join(base, 'ram');
  mkdirSync(ramDirectory);
  mkdirSync(join(ramDirectory, 'tidemark-pass-999999999-left'));
  let engine: ChdbEngine;
  const select = async (sql: string): Promise<NativeResult> => decodeNative(await engine.query(sql, { lane: 'query' }));

  beforeAll(async () => {
    engine = new ChdbEngine({ dataDir, ramDirectory });
    await engine.start();
    await engine.command('CREATE DATABASE IF NOT EXISTS t', { lane: 'control' });
  });

  afterAll(async () => {
    await engine.stop();
    expect(readdirSync(ramDirectory)).toEqual([]);
    expect(existsSync(join(dataDir, 'tidemark.lock'))).toBe(false);
    rmSync(base, { recursive: true, force: true });
  });

  it('text passes through a statement unchanged, whatever it is', async () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom("'", '\\', '\0', '\n', '`', '"', '{', '}', '-', '/', '*', 'x', '4', ';', 'é', '😀', '\x7f') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 20 }), async (texts) => {
        const whole = texts.map((text) => Buffer.from(text).toString());
        const result = await select(
          `SELECT ${whole.map((text, i) => `${sqlString(text)} AS c${i}`).join(', ')}, ${sqlString(whole[0])} IN ${sqlStrings(whole)} AS found`,
        );
        whole.forEach((text, i) => expect(result.strings(`c${i}`)).toEqual([text]));
        expect(result.numbers('found')).toEqual(Float64Array.of(1));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('numbers that are not whole are refused before they become text', () => {
    for (const value of [Number.NaN, Infinity, 1.5, 2 ** 60]) expect(() => sqlInt(value)).toThrow(/not an integer/);
    expect(sqlInt(-0)).toBe('0');
  });

  it('rows go in as a Native block and come out the same', async () => {
    await engine.command(
      `CREATE TABLE t.rows (i Int64, u UInt64, at DateTime64(3, 'UTC'), p UInt32, s UInt16, n Nullable(Int64), low LowCardinality(String), wide LowCardinality(String), text String)
       ENGINE = MergeTree ORDER BY u`,
      { lane: 'control' },
    );
    for (const rows of [1, 300, 70_000]) {
      await engine.command('TRUNCATE TABLE t.rows', { lane: 'control' });
      const block = someRows(rows);
      await engine.insertNative(
        't.rows',
        block.columns.map((column) => column.name),
        encodeNative(block),
        { lane: 'insert' },
      );
      const result = await select('SELECT i, u, at, p, s, n, low, CAST(wide AS String) AS wide, text, low AS again FROM t.rows ORDER BY u');
      expect(result.rows).toBe(rows);
      for (const column of block.columns) {
        if ('data' in column) expect(result.numbers(column.name)).toEqual(column.data);
        else if ('ids' in column) expect(result.strings(column.name)).toEqual(Array.from(column.ids, (id) => column.dictionary[id]));
        else expect(result.strings(column.name)).toEqual(someTexts(rows));
      }
      expect(result.strings('again')).toEqual(result.strings('low'));
    }
  });

  it('a result cut off anywhere is an error, never a short answer', async () => {
    const bytes = await engine.query("SELECT number AS n, [toString(number), 'x'] AS list, toNullable(1.5) AS f FROM numbers(50)", {
      lane: 'query',
    });
    expect(decodeNative(bytes).stringLists('list')[49]).toEqual(['49', 'x']);
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decodeNative(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ errorClass: 'unavailable', code: 'COLD_CUT_OFF' }),
      );
    }
  });

  it('a long statement in one lane holds up no other lane', async () => {
    const stop = new AbortController();
    const long = engine.query('SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 8', {
      lane: 'compaction',
      signal: stop.signal,
    });
    const ended = expect(long).rejects.toMatchObject({ errorClass: 'cancelled' });
    for (const lane of ['insert', 'control', 'query'] as const) await engine.query('SELECT 1 AS one', { lane });
    const waiting = new AbortController();
    const queued = engine.query('SELECT 1 AS one', { lane: 'compaction', signal: waiting.signal });
    waiting.abort();
    await expect(queued).rejects.toMatchObject({ errorClass: 'cancelled' });
    stop.abort();
    await ended;
    await expect(engine.query('SELECT 1 AS one', { lane: 'compaction' })).resolves.toBeDefined();
  });

  it('a second owner of the data directory is told who has it', async () => {
    const second = new ChdbEngine({ dataDir, ramDirectory });
    await expect(second.start()).rejects.toMatchObject({
      errorClass: 'unavailable',
      code: 'COLD_DATA_DIR_IN_USE',
      message: expect.stringContaining(`pid ${process.pid}`),
    });
    expect(existsSync(join(dataDir, 'tidemark.lock'))).toBe(true);
  });

  it('what a killed process left in memory is removed', () => {
    expect(existsSync(join(ramDirectory, 'tidemark-pass-999999999-left'))).toBe(false);
  });
});

describe('the lock of a data directory', () => {
  it('is taken over from a process that is gone, or whose number another one has', async () => {
    const { DataDirectoryLock } = await import('./data-directory-lock.js');
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-lock-'));
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    for (const left of [
      JSON.stringify({ pid: gone, started: 'x/1' }),
      JSON.stringify({ pid: process.pid, started: 'another-boot/1' }),
      '{"pid":',
      '',
    ]) {
      writeFileSync(join(directory, 'tidemark.lock'), left);
      const lock = new DataDirectoryLock(directory);
      lock.acquire();
      expect(() => new DataDirectoryLock(directory).acquire()).toThrow(/in use by pid/);
      lock.release();
      expect(readdirSync(directory)).toEqual([]);
    }
    rmSync(directory, { recursive: true });
  });
});

function someTexts(rows: number): string[] {
  return Array.from({ length: rows }, (_, i) => (i % 7 === 0 ? '' : i % 11 === 0 ? 'ä😀\0'.repeat(60) : `text ${i}`));
}

function someRows(rows: number): RawRows {
  const data = (value: (i: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, i) => value(i));
  const extremes = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1, 2 ** 52, -(2 ** 52), 2 ** 53 - 1];
  const text = new TextColumn();
  for (const value of someTexts(rows).map((value) => Buffer.from(value))) {
    text.append(value, 0, value.length);
  }
  const columns: RawColumn[] = [
    { name: 'i', type: 'Int64', data: data((i) => extremes[i % extremes.length]) },
    { name: 'u', type: 'UInt64', data: data((i) => i * 4_000_000_007) },
    { name: 'at', type: 'DateTime64(3)', data: data((i) => 1_790_000_000_000 + i * 977) },
    { name: 'p', type: 'UInt32', data: data((i) => (i * 65_537) % 2 ** 32) },
    { name: 's', type: 'UInt16', data: data((i) => i % 65_536) },
    { name: 'n', type: 'Nullable(Int64)', data: data((i) => (i % 3 === 0 ? Number.NaN : extremes[i % extremes.length])) },
    {
      name: 'low',
      type: 'LowCardinality(String)',
      ids: Uint32Array.from({ length: rows }, (_, i) => (i * 13) % 200),
      dictionary: Array.from({ length: 1000 }, (_, i) => (i === 0 ? '' : `low ${i}`)),
    },
    {
      name: 'wide',
      type: 'LowCardinality(String)',
      ids: Uint32Array.from({ length: rows }, (_, i) => i),
      dictionary: Array.from({ length: Math.max(1, rows) }, (_, i) => `wide ${i}`),
    },
    { name: 'text', type: 'String', encoded: text.encoded },
  ];
  return { rows, columns, minutes: [] };
}
