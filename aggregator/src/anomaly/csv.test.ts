import { describe, expect, it } from 'vitest';
import { csvField, parseTime, parseValue, records, separatorOf, splitRecord } from './csv.js';

async function all(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  async function* source(): AsyncGenerator<string | Uint8Array> {
    yield* chunks;
  }
  const out: string[] = [];
  for await (const record of records(source())) out.push(record);
  return out;
}

describe('reading CSV', () => {
  it('gives complete records, wherever the chunks break', async () => {
    expect(await all('a,b\r\n1', ',2\n"x\ny",3\n', '\n4,5')).toEqual(['a,b', '1,2', '"x\ny",3', '', '4,5']);
    const bytes = new TextEncoder().encode('größe\n1');
    expect(await all(bytes.slice(0, 3), bytes.slice(3))).toEqual(['größe', '1']);
    expect(await all('')).toEqual([]);
    expect(await all('\uFEFFa\n1')).toEqual(['a', '1']);
    expect(await all(new TextEncoder().encode('\uFEFFa\n1'))).toEqual(['a', '1']);
    const quoted = 'a,b\n"x ""y"", \nz",1\n5" pipe,2\n"",3\n';
    for (let cut = 0; cut <= quoted.length; cut++)
      expect(await all(quoted.slice(0, cut), quoted.slice(cut)), String(cut)).toEqual(['a,b', '"x ""y"", \nz",1', '5" pipe,2', '"",3']);
  });

  it('refuses a quote that is never closed, with its row, and what is no text', async () => {
    await expect(all('a,b\n1,2\n"3,4\n', ...Array.from({ length: 20 }, () => 'x'.repeat(65_536)))).rejects.toThrow('row 3 is longer');
    await expect(all(Buffer.from('a,b\n1,2\n', 'utf16le'))).rejects.toThrow('no text in UTF-8');
  });

  it('knows separators, quotes and doubled quotes', () => {
    expect(separatorOf('time;value')).toBe(';');
    expect(separatorOf('time\tvalue')).toBe('\t');
    expect(separatorOf('value')).toBe(',');
    expect(separatorOf('"a, b, c";value')).toBe(';');
    expect(splitRecord('"a,""b""",2,', ',')).toEqual(['a,"b"', '2', '']);
    expect(splitRecord('5" pipe,"a"b,2', ',')).toEqual(['5" pipe', 'ab', '2']);
    expect(csvField('a,"b"')).toBe('"a,""b"""');
    expect(splitRecord(csvField('a,"b"'), ',')).toEqual(['a,"b"']);
  });

  it('reads times in the forms people have', () => {
    const expected = Date.UTC(2026, 1, 16, 14);
    for (const text of [
      '2026-02-16T14:00:00Z',
      '2026-02-16 14:00:00',
      '2026-02-16 14:00',
      '2026-02-16T14:00:00.000000',
      '2026-02-16T15:00:00+01:00',
      '2026-02-16 15:00:00+0100',
      '2026-02-16 15:00:00+01',
      '2026-02-16 14:00:00 UTC',
      '2026-02-16t14:00:00,000z',
      'Mon, 16 Feb 2026 14:00:00 GMT',
      '16 Feb 2026 15:00 +0100',
      '2026/02/16 14:00',
      '2/16/2026 14:00',
      String(expected),
      String(expected / 1000),
      `${expected}000`,
      `${expected}000000`,
    ]) {
      expect(parseTime(text), text).toBe(expected);
    }
    expect(parseTime('2026-02-16')).toBe(Date.UTC(2026, 1, 16));
    expect(parseTime('2026-2-6 9:00')).toBe(Date.UTC(2026, 1, 6, 9));
    expect(parseTime('1.7672256e+09')).toBe(Date.UTC(2026, 0, 1));
    for (const text of ['soon', '', 'host 7', 'item-1', '2026-02-30x', '13/13/2026', '2026-02-16T25:00'])
      expect(parseTime(text), text).toBeNaN();
  });

  it('takes everything that is no number for a missing value', () => {
    for (const text of ['', ' ', 'NaN', 'null', 'inf', '-Infinity', 'n/a', '1e999']) expect(parseValue(text), text).toBeNull();
    expect(parseValue(' 1e15 ')).toBe(1e15);
    expect(parseValue('-0.5')).toBe(-0.5);
    expect([parseValue('1,5'), parseValue('-1,5', true), parseValue('1,234,5', true), parseValue('2.5', true)]).toEqual([
      null,
      -1.5,
      null,
      2.5,
    ]);
  });
});
