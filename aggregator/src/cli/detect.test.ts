import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splitRecord } from '../anomaly/csv.js';
import { detectSeries } from '../anomaly/detect.js';
import { runDetect, type DetectOptions } from './detect.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'detect-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function sink(): { stream: Writable; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream, text: () => text };
}

async function detect(input: string, options: Partial<DetectOptions> = {}): Promise<{ rows: string[][]; told: string }> {
  const stdout = sink();
  const stderr = sink();
  const io = { stdin: Readable.from([input]), stdout: stdout.stream, stderr: stderr.stream };
  await runDetect('-', { detector: {}, ...options }, io);
  return {
    rows: stdout
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => splitRecord(line, ',')),
    told: stderr.text(),
  };
}

describe('tidemark detect', () => {
  it('gives each row one row in its place, with the verdicts of the detector', async () => {
    const times = Array.from({ length: 200 }, (_, i) => Date.UTC(2026, 0, 5) + (i === 50 ? 49 : i === 70 ? 20 : i) * 60_000);
    const values = times.map((_, i) => (i === 150 ? 99 : i === 90 ? null : 10 + Math.sin(i * 1.3)));
    const input = `timestamp,value\n${times.map((t, i) => `${new Date(t).toISOString()},${values[i] ?? ''}`).join('\n')}\n`;
    const { rows, told } = await detect(input);
    expect(rows[0]).toEqual(['timestamp', 'value', 'expected', 'lower', 'upper', 'score', 'anomalous', 'reason']);
    expect(rows.length).toBe(201);
    const verdicts = detectSeries(times, values);
    rows.slice(1).forEach((row, i) => {
      expect(row[0]).toBe(new Date(times[i]!).toISOString());
      expect(Number(row[5])).toBe(verdicts.score[i]);
      expect(row[6]).toBe(String(verdicts.anomalous[i]));
    });
    expect(rows[151]!.slice(6).join(',')).toMatch(/^1,"?99.*expected/);
    expect(told).toContain('200 rows');
  });

  it('finds its columns by name, number or content, and keeps the others', async () => {
    const named = await detect('host;when;load;score\na;2026-01-01;1;x\n', { time: 'when', value: 'load' });
    expect(named.rows[0]!.slice(0, 5)).toEqual(['host', 'when', 'load', 'score_input', 'expected']);
    expect((await detect('1767225600,5\n1767225660,6\n')).rows.map((row) => row.slice(0, 2))).toEqual([
      ['time', 'value'],
      ['1767225600', '5'],
      ['1767225660', '6'],
    ]);
    expect((await detect('5\n\nNaN\n7\n')).rows.length).toBe(5);
    expect((await detect('a,b\n1,2\n', { time: '1', value: '2' })).rows.length).toBe(2);
  });

  it('takes the first column with a number in it where none is named like a value', async () => {
    const input = Array.from({ length: 40 }, (_, i) => `2026-01-01 00:${String(i).padStart(2, '0')},a,${i === 39 ? 900 : 10 + (i % 3)}`);
    const { rows, told } = await detect(`minute,host,errors\n${input.join('\n')}\n`);
    expect(rows.at(-1)?.slice(7).join()).toMatch(/^1,"?900/);
    expect(told).toMatch(/^40 rows, 1 anomalous; /);
  });

  it('reads what spreadsheets write: a byte order mark, semicolons, quotes, decimal commas and Windows line ends', async () => {
    const { rows, told } = await detect('\uFEFF"Datum";"Wert";"Notiz"\r\n"2026-01-01 00:00";"1,5";"a; ""b"""\r\n2026-01-01 00:01;;\r\n', {
      time: 'Datum',
    });
    expect(rows.map((row) => row.slice(0, 3))).toEqual([
      ['Datum', 'Wert', 'Notiz'],
      ['2026-01-01 00:00', '1,5', 'a; "b"'],
      ['2026-01-01 00:01', '', ''],
    ]);
    expect(told).toMatch(/^2 rows, 0 anomalous; still learning: 1 of 16 values\n$/);
  });

  it('has an answer for a header alone, labels included', async () => {
    const labels = join(folder, 'labels.csv');
    writeFileSync(labels, 'from,to\n2026-01-01,2026-01-02\n');
    const { rows, told } = await detect('time,value\n', { labels });
    expect(rows).toEqual([['time', 'value', 'expected', 'lower', 'upper', 'score', 'anomalous', 'reason']]);
    expect(told).toContain('0 rows, 0 anomalous');
    expect(told).toContain('windows 1, found 0; alarms 0, false 0');
  });

  it('keeps rows whose time or value cannot be read', async () => {
    const { rows, told } = await detect('time,value\n2026-01-01,1\nlater,many\n2026-01-03,2\n');
    expect(rows.length).toBe(4);
    expect(rows[2]!.slice(0, 2)).toEqual(['later', 'many']);
    expect(told).toContain('1 row without a readable time');
    expect(told).toContain('1 row with a value that is no number: taken as missing');
  });

  it('tells precision, recall and delay against labels', async () => {
    const file = join(folder, 'series.csv');
    const lines = Array.from(
      { length: 300 },
      (_, i) => `${new Date(Date.UTC(2026, 0, 5) + i * 60_000).toISOString()},${i === 200 ? 99 : 10 + Math.sin(i * 1.3)}`,
    );
    writeFileSync(file, `time,value\n${lines.join('\n')}\n`);
    const labels = join(folder, 'labels.json');
    writeFileSync(labels, JSON.stringify({ 'series.csv': [['2026-01-05 03:18:00', '2026-01-05 03:30:00']] }));
    const stdout = sink();
    const stderr = sink();
    await runDetect(file, { detector: {}, labels }, { stdin: Readable.from([]), stdout: stdout.stream, stderr: stderr.stream });
    expect(stderr.text()).toContain('windows 1, found 1; alarms 1, false 0');
    expect(stderr.text()).toContain('precision 1.000  recall 1.000  F1 1.000  mean delay 2.0 rows (120 s)');
  });

  it('refuses a file, a column or labels that are not there', async () => {
    await expect(runDetect(join(folder, 'none.csv'), { detector: {} }, process)).rejects.toThrow('cannot be read (ENOENT)');
    await expect(detect('time,value\n1,2\n', { value: 'cost' })).rejects.toThrow('--value: there is no column cost');
    await expect(detect('')).rejects.toThrow('standard input: there is no row');
    await expect(runDetect(folder, { detector: {} }, process)).rejects.toThrow('cannot be read (EISDIR)');
    await expect(detect('1,2\n', { labels: join(folder, 'none.json') })).rejects.toThrow('ENOENT');
  });
});
