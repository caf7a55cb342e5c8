// `tidemark detect`: rows of a file or standard input through a detector, in one causal pass, and CSV out. Each input row gives one
// output row in its place, whatever its time or value. With labels, precision, recall and delay are told on standard error.
// Invariant: what is kept does not grow with the rows.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { basename } from 'node:path';
import { Backtest, type BacktestReport } from '../anomaly/backtest.js';
import { csvField, parseTime, parseValue, records, splitRecord } from '../anomaly/csv.js';
import { createDetector } from '../anomaly/detect.js';
import type { DetectorOptions, StreamingDetector, Verdict } from '../anomaly/detector.js';
import { parseLabels } from '../anomaly/labels.js';
import { TidemarkError } from '../errors.js';
import { chooseColumns, layoutOf, type AskedColumns, type Columns, type Layout } from './detect-columns.js';

export interface DetectIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

export interface DetectOptions extends AskedColumns {
  /** File with labels, see parseLabels. */
  readonly labels?: string | undefined;
  readonly detector: DetectorOptions;
}

const ADDED = ['expected', 'lower', 'upper', 'score', 'anomalous', 'reason'];
/** Rows without a time are taken to follow each other at this distance. */
const ROW_MS = 60_000;
const BATCH_CHARACTERS = 32_768;

/**
 * @param file path, or `-` for standard input
 * @returns the exit code, 0
 * @throws TidemarkError DETECT_INPUT (a column or file that is not there), ANOMALY_OPTION, ANOMALY_LABELS
 */
export async function runDetect(file: string, options: DetectOptions, io: DetectIo): Promise<number> {
  const windows = options.labels === undefined ? null : parseLabels(await readText(options.labels), file === '-' ? '' : basename(file));
  const pass = new Pass(options, windows === null ? null : new Backtest(windows));
  const input: AsyncIterable<string | Uint8Array> = file === '-' ? io.stdin : createReadStream(file);
  try {
    for await (const record of records(input)) {
      pass.take(record);
      if (pass.output.length < BATCH_CHARACTERS) continue;
      if (!io.stdout.write(pass.output)) await once(io.stdout, 'drain');
      pass.output = '';
    }
    pass.end();
  } catch (error) {
    throw inputError(file === '-' ? 'standard input' : file, error);
  }
  await written(io.stdout, pass.output);
  io.stderr.write(pass.told());
  return 0;
}

/** One reading of the rows: counters, and what is to be written. */
class Pass {
  output = '';
  readonly #asked: AskedColumns;
  readonly #detector: StreamingDetector;
  readonly #backtest: Backtest | null;
  #layout: Layout | null = null;
  #columns: Columns | null = null;
  #rows = 0;
  #anomalous = 0;
  #withoutTime = 0;
  #withoutValue = 0;
  #previousMs = Number.NaN;

  constructor(options: DetectOptions, backtest: Backtest | null) {
    this.#asked = options;
    this.#detector = createDetector(options.detector);
    this.#backtest = backtest;
  }

  take(record: string): void {
    const empty = record.trim() === '';
    if (this.#layout === null) {
      if (empty) return;
      this.#layout = layoutOf(record);
      if (!this.#layout.headless) return;
    }
    // An empty line is a row only where it can be one: a single column's missing value.
    if (empty && this.#layout.header.length > 1) return;
    this.#columns ??= this.#begin(this.#layout, record);
    this.#row(this.#columns, splitRecord(record, this.#columns.separator));
  }

  #begin(layout: Layout, firstRow: string | null): Columns {
    const columns = chooseColumns(layout, this.#asked, firstRow);
    this.output += `${outputHeader(layout.header).map(csvField).join(',')}\n`;
    return columns;
  }

  #row(columns: Columns, fields: readonly string[]): void {
    const given = columns.time < 0 ? Number.NaN : parseTime(fields[columns.time] ?? '');
    const timeMs = Number.isFinite(given) ? given : Number.isNaN(this.#previousMs) ? 0 : this.#previousMs + ROW_MS;
    const text = fields[columns.value] ?? '';
    const value = parseValue(text, columns.decimalComma);
    const verdict = this.#detector.push(timeMs, value);
    this.#rows++;
    if (columns.time >= 0 && !Number.isFinite(given)) this.#withoutTime++;
    if (value === null && !/^\s*(nan|null|none|na|n\/a|-)?\s*$/i.test(text)) this.#withoutValue++;
    if (verdict.anomalous) this.#anomalous++;
    this.#previousMs = timeMs;
    this.#backtest?.add(given, verdict.anomalous);
    this.output += outputRow(fields, columns.header.length, verdict);
  }

  /** @throws TidemarkError DETECT_INPUT where there was nothing at all */
  end(): void {
    if (this.#layout === null) throw new TidemarkError('invalid', 'DETECT_INPUT', 'there is no row', 'Give rows of time,value.');
    this.#columns ??= this.#begin(this.#layout, null);
  }

  /** For standard error. */
  told(): string {
    const lines = [`${this.#rows} rows, ${this.#anomalous} anomalous; ${this.#detector.describe()}`];
    const [time, value] = [this.#withoutTime, this.#withoutValue];
    if (time > 0) lines.push(`${time} ${time === 1 ? 'row' : 'rows'} without a readable time: taken as one minute after the row before`);
    if (value > 0) lines.push(`${value} ${value === 1 ? 'row' : 'rows'} with a value that is no number: taken as missing`);
    if (this.#backtest !== null) lines.push(...reportLines(this.#backtest.report()));
    return `${lines.join('\n')}\n`;
  }
}

/** Until the stream has it: what a full disk refuses is an error, although the program would end right after. */
function written(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw inputError(path, error);
  }
}

function inputError(file: string, error: unknown): unknown {
  if (error instanceof TidemarkError && error.code === 'DETECT_INPUT')
    return new TidemarkError('invalid', 'DETECT_INPUT', `${file}: ${error.message}`, error.remedy, { cause: error });
  if (error instanceof TidemarkError || !(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  return new TidemarkError(
    'invalid',
    'DETECT_INPUT',
    `${file}: cannot be read (${code})`,
    'Name a file that exists, or - for standard input.',
    { cause: error },
  );
}

/** An input column that is called like an added one is renamed, so that names stay unique. */
function outputHeader(header: readonly string[]): string[] {
  return [...header.map((name) => (ADDED.includes(name) ? `${name}_input` : name)), ...ADDED];
}

function outputRow(fields: readonly string[], width: number, verdict: Verdict): string {
  let out = '';
  for (let i = 0; i < width; i++) out += `${csvField(fields[i] ?? '')},`;
  const { expected, lower, upper, score, anomalous, reason } = verdict;
  return `${out}${numberText(expected)},${numberText(lower)},${numberText(upper)},${score},${anomalous ? '1' : '0'},${csvField(reason)}\n`;
}

function numberText(value: number | null): string {
  return value === null ? '' : String(value);
}

function reportLines(report: BacktestReport): string[] {
  const part = (value: number): string => value.toFixed(3);
  const delay = report.found === 0 ? 'none found' : `${report.meanDelayRows.toFixed(1)} rows (${Math.round(report.meanDelayMs / 1000)} s)`;
  return [
    `windows ${report.windows}, found ${report.found}; alarms ${report.alarms}, false ${report.falseAlarms}`,
    `precision ${part(report.precision)}  recall ${part(report.recall)}  F1 ${part(report.f1)}  mean delay ${delay}`,
  ];
}
