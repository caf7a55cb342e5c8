// `tidemark detect`: rows of a file or standard input through a detector, in one causal pass, and CSV out. Each input row gives one
// output row in its place, whatever its time or value. With labels, precision, recall and delay are told on standard error.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { basename } from 'node:path';
import { backtest, type BacktestReport, parseLabels } from '../anomaly/backtest.js';
import { csvField, parseTime, parseValue, records, separatorOf, splitRecord } from '../anomaly/csv.js';
import { createDetector } from '../anomaly/detect.js';
import type { DetectorOptions, StreamingDetector, Verdict } from '../anomaly/detector.js';
import { TidemarkError } from '../errors.js';

export interface DetectIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

export interface DetectOptions {
  /** Column name, or its number from 1. @default the first that is named like a time, else the first */
  readonly time?: string | undefined;
  /** @default the first that is named like a value, else the first other one with a number */
  readonly value?: string | undefined;
  /** File with labels, see parseLabels. */
  readonly labels?: string | undefined;
  readonly detector: DetectorOptions;
}

const TIME_NAMES = ['time', 'timestamp', 'timestamps', 'date', 'datetime', 'ts', 'ds'];
const VALUE_NAMES = ['value', 'values', 'y', 'count', 'metric'];
const ADDED = ['expected', 'lower', 'upper', 'score', 'anomalous', 'reason'];
/** Rows without a time are taken to follow each other at this distance. */
const ROW_MS = 60_000;

interface Columns {
  readonly separator: string;
  readonly header: readonly string[];
  /** The first record is data. */
  readonly headless: boolean;
  /** -1: there is no time, rows follow each other. */
  readonly time: number;
  readonly value: number;
}

/**
 * @param file path, or `-` for standard input
 * @returns the exit code, 0
 * @throws TidemarkError DETECT_INPUT (a column or file that is not there), ANOMALY_OPTION, ANOMALY_LABELS
 */
export async function runDetect(file: string, options: DetectOptions, io: DetectIo): Promise<number> {
  const windows = options.labels === undefined ? null : parseLabels(await readText(options.labels), file === '-' ? '' : basename(file));
  const detector = createDetector(options.detector);
  const input: AsyncIterable<string | Uint8Array> = file === '-' ? io.stdin : createReadStream(file);
  const times: number[] = [];
  const anomalous: number[] = [];
  let columns: Columns | null = null;
  let unreadable = 0;
  let previousMs = Number.NaN;
  let batch = '';
  try {
    for await (const raw of records(input)) {
      const record: string = times.length === 0 && columns === null ? raw.replace(/^\uFEFF/, '') : raw;
      if (columns === null) {
        if (record.trim() === '') continue;
        columns = findColumns(record, options);
        batch += `${outputHeader(columns.header).map(csvField).join(',')}\n`;
        if (!columns.headless) continue;
      }
      // An empty line is a row only where it can be one: a single column's missing value.
      if (record.trim() === '' && columns.header.length > 1) continue;
      const fields = splitRecord(record, columns.separator);
      const given = columns.time < 0 ? Number.NaN : parseTime(fields[columns.time] ?? '');
      const timeMs = Number.isFinite(given) ? given : Number.isNaN(previousMs) ? 0 : previousMs + ROW_MS;
      if (columns.time >= 0 && !Number.isFinite(given)) unreadable++;
      previousMs = timeMs;
      const verdict = detector.push(timeMs, parseValue(fields[columns.value] ?? ''));
      times.push(given);
      anomalous.push(verdict.anomalous ? 1 : 0);
      batch += outputRow(fields, columns.header.length, verdict);
      if (batch.length > 32_768) {
        if (!io.stdout.write(batch)) await once(io.stdout, 'drain');
        batch = '';
      }
    }
  } catch (error) {
    throw inputError(file, error);
  }
  if (batch !== '') io.stdout.write(batch);
  if (columns === null) throw new TidemarkError('invalid', 'DETECT_INPUT', `${file}: there is no row`, 'Give rows of time,value.');
  tell(io, detector, times.length, anomalous, unreadable);
  if (windows !== null) io.stderr.write(reportText(backtest(times, anomalous, windows)));
  return 0;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw inputError(path, error);
  }
}

function inputError(file: string, error: unknown): unknown {
  if (error instanceof TidemarkError || !(error instanceof Error) || !('code' in error)) return error;
  return new TidemarkError(
    'invalid',
    'DETECT_INPUT',
    `${file}: cannot be read (${String(error.code)})`,
    'Name a file that exists, or - for standard input.',
    {
      cause: error,
    },
  );
}

function findColumns(first: string, options: DetectOptions): Columns {
  const separator = separatorOf(first);
  const fields = splitRecord(first, separator).map((field) => field.trim());
  const named = fields.some((field) => TIME_NAMES.includes(field.toLowerCase()) || VALUE_NAMES.includes(field.toLowerCase()));
  const numeric = (field: string): boolean => parseValue(field) !== null;
  const headless = !named && fields.some((field) => numeric(field) || /^(nan|null|na)$/i.test(field));
  const header = headless
    ? fields.map((_, i) => (fields.length === 1 ? 'value' : i === 0 ? 'time' : i === 1 ? 'value' : `column${i + 1}`))
    : fields;
  let time = pick('time', options.time, header, TIME_NAMES);
  let value = pick('value', options.value, header, VALUE_NAMES);
  if (time < 0 && header.length > 1) time = value === 0 ? 1 : 0;
  if (value < 0) value = header.findIndex((_, i) => i !== time && (!headless || numeric(fields[i] ?? '')));
  if (value < 0) value = time === 0 && header.length > 1 ? 1 : 0;
  return { separator, header, headless, time, value };
}

/** @returns the column's place, -1 if nothing was asked and no name fits */
function pick(what: string, wanted: string | undefined, header: readonly string[], names: readonly string[]): number {
  if (wanted === undefined) return header.findIndex((name) => names.includes(name.toLowerCase()));
  const byName = header.indexOf(wanted);
  if (byName >= 0) return byName;
  const place = /^\d+$/.test(wanted) ? Number(wanted) - 1 : -1;
  if (place >= 0 && place < header.length) return place;
  throw new TidemarkError(
    'invalid',
    'DETECT_INPUT',
    `--${what}: there is no column ${wanted}`,
    `Columns are: ${header.join(', ')}; a number counts from 1.`,
  );
}

/** An input column that is called like an added one is renamed, so that names stay unique. */
function outputHeader(header: readonly string[]): string[] {
  return [...header.map((name) => (ADDED.includes(name) ? `${name}_input` : name)), ...ADDED];
}

function outputRow(fields: readonly string[], width: number, verdict: Verdict): string {
  const out: string[] = [];
  for (let i = 0; i < width; i++) out.push(csvField(fields[i] ?? ''));
  out.push(numberText(verdict.expected), numberText(verdict.lower), numberText(verdict.upper), String(verdict.score));
  out.push(verdict.anomalous ? '1' : '0', csvField(verdict.reason));
  return `${out.join(',')}\n`;
}

function numberText(value: number | null): string {
  return value === null ? '' : String(value);
}

function tell(io: DetectIo, detector: StreamingDetector, rows: number, anomalous: readonly number[], unreadable: number): void {
  const flagged = anomalous.reduce((sum, one) => sum + one, 0);
  io.stderr.write(`${rows} rows, ${flagged} anomalous; ${detector.describe()}\n`);
  if (unreadable > 0) io.stderr.write(`${unreadable} rows without a readable time were taken as one minute after the row before\n`);
}

function reportText(report: BacktestReport): string {
  const part = (value: number): string => value.toFixed(3);
  const delay = report.found === 0 ? 'none found' : `${report.meanDelayRows.toFixed(1)} rows (${Math.round(report.meanDelayMs / 1000)} s)`;
  return [
    `windows ${report.windows}, found ${report.found}; alarms ${report.alarms}, false ${report.falseAlarms}`,
    `precision ${part(report.precision)}  recall ${part(report.recall)}  F1 ${part(report.f1)}  mean delay ${delay}`,
    '',
  ].join('\n');
}
