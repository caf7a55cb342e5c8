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
  });

  it('knows separators, quotes and doubled quotes', () => {
    expect(separatorOf('time;value')).toBe(';');
    expect(separatorOf('time\tvalue')).toBe('\t');
    expect(separatorOf('value')).toBe(',');
    expect(splitRecord('"a,""b""",2,', ',')).toEqual(['a,"b"', '2', '']);
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
      String(expected),
      String(expected / 1000),
      `${expected}000`,
      `${expected}000000`,
    ]) {
      expect(parseTime(text), text).toBe(expected);
    }
    expect(parseTime('2026-02-16')).toBe(Date.UTC(2026, 1, 16));
    expect(parseTime('soon')).toBeNaN();
    expect(parseTime('')).toBeNaN();
  });

  it('takes everything that is no number for a missing value', () => {
    for (const text of ['', ' ', 'NaN', 'null', 'inf', '-Infinity', 'n/a', '1e999']) expect(parseValue(text), text).toBeNull();
    expect(parseValue(' 1e15 ')).toBe(1e15);
    expect(parseValue('-0.5')).toBe(-0.5);
  });
});
