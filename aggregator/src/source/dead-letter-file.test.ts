import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeadLetterFile, formatDeadLetter } from './dead-letter-file.js';
import type { DeadLetter } from './log.js';

function letter(offset: number, value: Uint8Array | string, timestampMs = 1_700_000_000_000): DeadLetter {
  return { partition: 'embedded/0', offset, timestampMs, reason: 'malformed_json', detail: 'expected a value', value: Buffer.from(value) };
}

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dead-letters-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('dead-letter file', () => {
  it('keeps text as text and other bytes as base64, so that the value can be had back exactly', () => {
    expect(JSON.parse(formatDeadLetter(letter(7, '{"a":"é"')))).toEqual({
      reason: 'malformed_json',
      detail: 'expected a value',
      partition: 'embedded/0',
      offset: 7,
      timestamp: '2023-11-14T22:13:20.000Z',
      value: '{"a":"é"',
    });
    expect(JSON.parse(formatDeadLetter(letter(8, Uint8Array.of(0xff, 0x00, 0x7b))))).toMatchObject({ valueBase64: '/wB7' });
  });

  it('stores a letter whose record has an impossible time', () => {
    expect(JSON.parse(formatDeadLetter(letter(1, '', 9e18)))).toMatchObject({ timestamp: null });
  });

  it('cuts a value at 64 KiB', () => {
    const { value } = JSON.parse(formatDeadLetter(letter(1, 'x'.repeat(100_000)))) as { value: string };
    expect(value.length).toBe(65_536);
  });

  it('appends over restarts, one line a letter', async () => {
    for (const offset of [1, 2]) {
      const sink = createDeadLetterFile({ dir });
      await Promise.all([sink.write([letter(offset, 'a')]), sink.write([letter(offset + 10, 'b\nc')])]);
      await sink.close();
    }
    const lines = (await readFile(join(dir, 'dead-letters.ndjson'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { offset: number }).offset)).toEqual([1, 11, 2, 12]);
  });

  it('stays under its size: the oldest file goes first, the newest letters stay', async () => {
    const sink = createDeadLetterFile({ dir, fileBytes: 2_000, keepFiles: 2 });
    for (let offset = 0; offset < 60; offset++) await sink.write([letter(offset, 'x'.repeat(100))]);
    await sink.close();
    const names = (await readdir(dir)).sort();
    expect(names).toEqual(['dead-letters.1.ndjson', 'dead-letters.2.ndjson', 'dead-letters.ndjson']);
    for (const name of names) expect((await stat(join(dir, name))).size).toBeLessThan(2_400);
    const kept = (await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')))).join('').trimEnd().split('\n');
    expect(Math.max(...kept.map((line) => (JSON.parse(line) as { offset: number }).offset))).toBe(59);
  });
});
