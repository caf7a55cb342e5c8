// Sliding windows of sketches kept ready: per minute, the estimate or quantiles over the window that ends with it. Merging a few
// states for each of a day's 1,440 minutes takes a second per series; reading them ready takes milliseconds.
// Invariant: written from closed minutes only, by the same protocol as hours (marks.ts), under a mark of this very set of windows,
// so that a changed set is written anew from the minutes that are kept.

import type { Component, Definition } from '../definition/model.js';
import type { Output, TierRead } from '../query/tier-read.js';
import { bucketSpans, type Span } from './spans.js';
import { dimensionColumn, MINUTE_MS, rollupDimensions, rollupTable } from './layout.js';
import { carried, named, quantilesPiece, uniquePiece, type ColumnSpec, type Piece } from './pieces.js';
import type { Names } from './schema.js';
import { identifier, sqlInt } from './sql.js';

export const WINDOWS_TABLE = 'windows_1m';
/** Longer windows are put together when they are read: here their cost grows with their length, minute by minute. */
const LONGEST_READY_MS = 60 * MINUTE_MS;

export interface ReadyWindow {
  readonly component: Component;
  readonly sizeMs: number;
}

/** The windows of the definition's measures that are kept ready, in a stable order. */
export function readyWindows(definition: Definition): readonly ReadyWindow[] {
  const windows = new Map<string, ReadyWindow>();
  for (const measure of definition.measures) {
    const sizeMs = measure.window?.sizeMs ?? 0;
    if (sizeMs <= MINUTE_MS || sizeMs % MINUTE_MS !== 0 || sizeMs > LONGEST_READY_MS) {
      continue;
    }
    for (const index of measure.components) {
      const component = definition.components[index];
      if (component.kind === 'unique' || component.kind === 'quantiles') {
        windows.set(`${component.key}_${sizeMs / 1000}`, { component, sizeMs });
      }
    }
  }
  return [...windows.keys()].sort().flatMap((key) => windows.get(key) ?? []);
}

/** Name under which the progress of this set of windows is marked; null when there are none. */
export function windowsMark(definition: Definition): `windows ${string}` | null {
  const windows = readyWindows(definition);
  return windows.length === 0
    ? null
    : `windows ${windowColumns(definition)
        .map((column) => column.name)
        .join(' ')}`;
}

/** Columns of the table beside its keys. */
export function windowColumns(definition: Definition): readonly ColumnSpec[] {
  const windows = readyWindows(definition);
  const sizes = [...new Set(windows.map((window) => window.sizeMs))].sort((a, b) => a - b);
  return [
    ...sizes.map((sizeMs) => ({ name: countName(sizeMs), type: 'UInt64', defaultSql: '' })),
    ...windows.flatMap((window) => valueNames(window).map((name) => ({ name, type: 'Float64', defaultSql: '' }))),
  ];
}

/** The statement that writes the windows ending with the minutes of a span. */
export function compactWindows(definition: Definition, names: Names, span: Span): string {
  const windows = readyWindows(definition);
  const pieces = piecesOf(definition, windows);
  const longest = Math.max(...windows.map((window) => window.sizeMs)) / 1000;
  const [from, to] = [sqlInt(span.fromMs / 1000), sqlInt(span.toMs / 1000)];
  const keys = ['tenant', 'grouping', ...rollupDimensions(definition).map(dimensionColumn)];
  const sizes = [...new Set(windows.map((window) => window.sizeMs))];
  const counts = sizes.map((sizeMs) => `sumIf(version, ${within(sizeMs)}) AS ${identifier(countName(sizeMs))}`);
  const merges = windows.map((window, i) => `${mergeIf(window, pieces)} AS m${i}`);
  const values = windows.flatMap((window, i) =>
    window.component.kind === 'unique' ? [`toFloat64(m${i})`] : window.component.quantiles.map((_, q) => `m${i}[${q + 1}]`),
  );
  const columns = [...sizes.map(countName), ...windows.flatMap(valueNames)].map(identifier);
  return `INSERT INTO ${names.table(WINDOWS_TABLE)} (${[...keys, 'bucket', 'version', ...columns].join(', ')})
SELECT ${[...keys, "toDateTime(w, 'UTC')", 'total', ...sizes.map((sizeMs) => identifier(countName(sizeMs))), ...values].join(', ')}
FROM (
  SELECT ${[...keys, 'w', 'sum(version) AS total', ...counts, ...merges].join(', ')}
  FROM (
    SELECT ${[...keys, 'version', 'toUnixTimestamp(bucket) AS at', ...named(pieces, 'a', (piece) => piece.fromRollup())].join(', ')},
      arrayJoin(range(greatest(at, toUInt32(${from})), toUInt32(least(at + ${longest}, ${to})), toUInt32(60))) AS w
    FROM ${names.table(rollupTable('1m'))} FINAL
    WHERE ${bucketSpans([{ fromMs: span.fromMs - longest * 1000 + MINUTE_MS, toMs: span.toMs }], MINUTE_MS)}
  )
  GROUP BY ${[...keys, 'w'].join(', ')}
)`;
}

/** True when every output of a sliding read stands ready, minute by minute. */
export function windowsServe(definition: Definition, read: TierRead): boolean {
  const { windowSizeMs, bucketMs } = read;
  if (windowSizeMs === null || bucketMs === 0 || bucketMs % MINUTE_MS !== 0) {
    return false;
  }
  const windows = readyWindows(definition).filter((window) => window.sizeMs === windowSizeMs);
  return windows.length > 0 && read.outputs.every((output) => readyValue(windows, output) !== null);
}

/** Expression over a row of the table. @returns null when the output is not kept */
export function readyWindowValue(definition: Definition, windowSizeMs: number, output: Output): string | null {
  return readyValue(
    readyWindows(definition).filter((window) => window.sizeMs === windowSizeMs),
    output,
  );
}

/** Events in the window, which is what makes a cell exist. */
export function windowCount(windowSizeMs: number): string {
  return identifier(countName(windowSizeMs));
}

function readyValue(windows: readonly ReadyWindow[], output: Output): string | null {
  if (output.component === 0 && output.stat === 'value') {
    return windows.length === 0 ? null : windowCount(windows[0].sizeMs);
  }
  const window = windows.find(({ component }) => component.index === output.component);
  if (window === undefined) {
    return null;
  }
  if (output.stat === 'estimate') {
    return identifier(valueNames(window)[0]);
  }
  const position = output.stat === 'quantile' ? window.component.quantiles.indexOf(output.q) : -1;
  return position < 0 ? null : identifier(valueNames(window)[position]);
}

function countName(sizeMs: number): string {
  return `n_${sizeMs / 1000}`;
}

function valueNames({ component, sizeMs }: ReadyWindow): readonly string[] {
  const name = `w_${component.key}_${sizeMs / 1000}`;
  return component.kind === 'unique' ? [name] : component.quantiles.map((q) => `${name}_q${String(q).replace(/[^0-9a-z]/gi, '_')}`);
}

/** One piece per component, whatever the number of windows over it. */
function piecesOf(definition: Definition, windows: readonly ReadyWindow[]): readonly Piece[] {
  const components = new Set(windows.map((window) => window.component));
  return [...components].map((component) =>
    component.kind === 'unique' ? uniquePiece(definition, component) : quantilesPiece(definition, component, component.quantiles),
  );
}

function within(sizeMs: number): string {
  return `at + ${sizeMs / 1000} > w`;
}

function mergeIf(window: ReadyWindow, pieces: readonly Piece[]): string {
  const piece = pieces.find((p) => p.names[0] === `p${window.component.index}`);
  if (piece?.mergeIf === undefined) {
    throw new Error(`component ${window.component.key} has no mergeable state`);
  }
  return piece.mergeIf(carried(piece, 'a'), within(window.sizeMs));
}
