// Verdicts against labels: how many of the labelled windows were found and how soon, how many alarms were for nothing. Pure.

import { TidemarkError } from '../errors.js';
import { parseTime, separatorOf, splitRecord } from './csv.js';

/** Epoch ms, both ends inclusive. */
export interface LabelWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface BacktestReport {
  readonly windows: number;
  /** Windows with at least one flagged row. */
  readonly found: number;
  /** Episodes of flagged rows (apart by more than `EPISODE_GAP_ROWS` rows), and those of them that touch no window. */
  readonly alarms: number;
  readonly falseAlarms: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** From a found window's begin to its first flagged row; the mean, NaN if none was found. */
  readonly meanDelayMs: number;
  readonly meanDelayRows: number;
}

const EPISODE_GAP_ROWS = 12;

/**
 * @param times epoch ms per row; rows without a readable time are in no window
 * @param anomalous 1 where flagged
 */
export function backtest(times: ArrayLike<number>, anomalous: ArrayLike<number>, windows: readonly LabelWindow[]): BacktestReport {
  let found = 0;
  let delayMs = 0;
  let delayRows = 0;
  const inside = new Uint8Array(times.length);
  for (const window of windows) {
    let first = -1;
    let hit = -1;
    for (let i = 0; i < times.length; i++) {
      if (!(times[i] >= window.fromMs && times[i] <= window.toMs)) continue;
      inside[i] = 1;
      if (first < 0) first = i;
      if (hit < 0 && anomalous[i] === 1) hit = i;
    }
    if (hit < 0) continue;
    found++;
    delayMs += times[hit] - window.fromMs;
    delayRows += hit - first;
  }
  let alarms = 0;
  let falseAlarms = 0;
  let last = Number.NEGATIVE_INFINITY;
  let touches = false;
  const close = (): void => {
    if (last !== Number.NEGATIVE_INFINITY && !touches) falseAlarms++;
  };
  for (let i = 0; i < times.length; i++) {
    if (anomalous[i] !== 1) continue;
    if (i - last > EPISODE_GAP_ROWS) {
      close();
      alarms++;
      touches = false;
    }
    if (inside[i] === 1) touches = true;
    last = i;
  }
  close();
  const precision = alarms === 0 ? 1 : (alarms - falseAlarms) / alarms;
  const recall = windows.length === 0 ? 1 : found / windows.length;
  return {
    windows: windows.length,
    found,
    alarms,
    falseAlarms,
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    meanDelayMs: delayMs / found,
    meanDelayRows: delayRows / found,
  };
}

/**
 * Labels in any of the forms people have them: JSON `[[from, to], …]` or `{"series.csv": [[from, to], …]}` (the key that ends like
 * `seriesName`), CSV with columns from and to, or CSV with a time and a 0/1 label per row (neighbouring ones make a window).
 * @throws TidemarkError ANOMALY_LABELS
 */
export function parseLabels(text: string, seriesName: string): LabelWindow[] {
  const trimmed = text.trim();
  return trimmed.startsWith('[') || trimmed.startsWith('{') ? jsonLabels(trimmed, seriesName) : csvLabels(trimmed);
}

function labelError(message: string): TidemarkError {
  return new TidemarkError(
    'invalid',
    'ANOMALY_LABELS',
    `labels: ${message}`,
    'Give [[from, to], …] as JSON, or CSV with the columns from,to or time,label.',
  );
}

function jsonLabels(text: string, seriesName: string): LabelWindow[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw labelError(`not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  let list: unknown = parsed;
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
    const entry = Object.entries(parsed).find(
      ([key]) => key === seriesName || seriesName.endsWith(`/${key}`) || key.endsWith(`/${seriesName}`),
    );
    if (entry === undefined) throw labelError(`no entry for ${seriesName}`);
    list = entry[1];
  }
  if (!Array.isArray(list)) throw labelError('expected a list of windows');
  return list.map((item: unknown, i) => {
    const pair: readonly unknown[] = Array.isArray(item) ? item : [item, item];
    return windowOf(String(pair[0]), String(pair[1]), `window ${i + 1}`);
  });
}

function windowOf(from: string, to: string, where: string): LabelWindow {
  const fromMs = parseTime(from);
  const toMs = parseTime(to);
  if (!(fromMs <= toMs)) throw labelError(`${where}: expected two times, the first not after the second, got ${from} and ${to}`);
  return { fromMs, toMs };
}

function csvLabels(text: string): LabelWindow[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const [head = ''] = lines;
  const separator = separatorOf(head);
  const names = splitRecord(head, separator).map((name) => name.trim().toLowerCase());
  const column = (...wanted: string[]): number => names.findIndex((name) => wanted.includes(name));
  const from = column('from', 'start', 'begin');
  const to = column('to', 'end', 'until');
  const rows = lines.slice(1).map((line) => splitRecord(line, separator));
  if (from >= 0 && to >= 0) return rows.map((row, i) => windowOf(row[from] ?? '', row[to] ?? '', `line ${i + 2}`));
  const time = column('time', 'timestamp', 'date', 'datetime', 'ts');
  const label = column('label', 'anomaly', 'anomalous', 'is_anomaly');
  if (time < 0 || label < 0) throw labelError(`line 1: expected the columns from and to, or time and label, got ${names.join(', ')}`);
  const windows: LabelWindow[] = [];
  let open = -1;
  rows.forEach((row, i) => {
    const on = /^(1|1\.0|true)$/i.test((row[label] ?? '').trim());
    if (on && open < 0) open = i;
    if (open >= 0 && (!on || i === rows.length - 1)) {
      const last = on ? i : i - 1;
      windows.push(windowOf(rows[open]?.[time] ?? '', rows[last]?.[time] ?? '', `lines ${open + 2} to ${last + 2}`));
      open = -1;
    }
  });
  return windows;
}
