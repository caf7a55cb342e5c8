// Labels of true anomalies in any of the forms people have them: text in, windows of time out. Pure.

import { TidemarkError } from '../errors.js';
import type { LabelWindow } from './backtest.js';
import { parseTime, separatorOf, splitRecord } from './csv.js';

const FROM_NAMES = ['from', 'start', 'begin'];
const TO_NAMES = ['to', 'end', 'until'];
const TIME_NAMES = ['time', 'timestamp', 'timestamps', 'date', 'datetime', 'ts'];
const LABEL_NAMES = ['label', 'anomaly', 'anomalous', 'is_anomaly'];

/**
 * JSON `[[from, to], …]` or `[{"from": …, "to": …}, …]`, a lone time being a window of that time; the same below a series' name as in
 * `{"series.csv": [[from, to], …]}`; CSV with columns from and to, or CSV with a time and a 0/1 label per row (neighbouring ones make a window).
 * @param seriesName of the file that is judged, without its folder; '' for standard input, which is the only entry there is
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
  const list = isMap(parsed) ? entryOf(parsed, seriesName) : parsed;
  if (!Array.isArray(list)) throw labelError('expected a list of windows');
  return list.map((item: unknown, i) => {
    const [from, to] = boundsOf(item);
    return windowOf(textOf(from), textOf(to), `window ${i + 1}`);
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entryOf(map: Readonly<Record<string, unknown>>, seriesName: string): unknown {
  const entries = Object.entries(map);
  const only = seriesName === '' && entries.length === 1 ? entries[0] : undefined;
  const entry = only ?? entries.find(([key]) => key === seriesName || key.endsWith(`/${seriesName}`));
  if (entry === undefined) throw labelError(`no entry for ${seriesName === '' ? 'standard input, and more than one series' : seriesName}`);
  return entry[1];
}

function boundsOf(item: unknown): readonly [unknown, unknown] {
  if (Array.isArray(item)) return [item[0], item[1]];
  if (!isMap(item)) return [item, item];
  const pick = (names: readonly string[]): unknown => names.map((name) => item[name]).find((value) => value !== undefined);
  return [pick(FROM_NAMES), pick(TO_NAMES)];
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
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
  const column = (wanted: readonly string[]): number => names.findIndex((name) => wanted.includes(name));
  const from = column(FROM_NAMES);
  const to = column(TO_NAMES);
  const rows = lines.slice(1).map((line) => splitRecord(line, separator));
  if (from >= 0 && to >= 0) return rows.map((row, i) => windowOf(row[from] ?? '', row[to] ?? '', `line ${i + 2}`));
  const time = column(TIME_NAMES);
  const label = column(LABEL_NAMES);
  if (time < 0 || label < 0) throw labelError(`line 1: expected the columns from and to, or time and label, got ${names.join(', ')}`);
  const windows: LabelWindow[] = [];
  let open = -1;
  rows.forEach((row, i) => {
    const on = isOn(row[label] ?? '', i + 2);
    if (on && open < 0) open = i;
    if (open >= 0 && (!on || i === rows.length - 1)) {
      const last = on ? i : i - 1;
      windows.push(windowOf(rows[open]?.[time] ?? '', rows[last]?.[time] ?? '', `lines ${open + 2} to ${last + 2}`));
      open = -1;
    }
  });
  return windows;
}

/** A label that is neither would quietly count as no anomaly. */
function isOn(label: string, line: number): boolean {
  const text = label.trim().toLowerCase();
  if (['', '0', '0.0', 'false', 'no'].includes(text)) return false;
  if (['1', '1.0', 'true', 'yes'].includes(text)) return true;
  throw labelError(`line ${line}: expected a label of 0 or 1, got ${text}`);
}
