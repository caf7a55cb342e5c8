// A TierRead and its segments → one SELECT. Buckets that one rollup row per group answers are taken as they are (ready values);
// all others are put together from partial values of any sources and combined once per group and bucket, so each is exact.
// Result: one row per group, arrays over its buckets: `ks` (bucket index) and the outputs `o0`, `o1`, …

import type { Component, Definition, Grouping } from '../definition/model.js';
import type { Filter, Output, TierRead } from '../query/tier-read.js';
import { bucketSpans, rawSpans, type Span } from './spans.js';
import { fieldAlias, fieldsOf, filterSql, rawColumn } from './event-sql.js';
import { dimensionColumn, groupingName, MINUTE_MS, ROLLUP_MS, rollupTable, type RollupResolution } from './layout.js';
import {
  additivePiece,
  carried,
  extremePiece,
  histogramColumns,
  histogramPiece,
  named,
  quantilesPiece,
  quantilesState,
  readyColumn,
  readyQuantileColumn,
  sortedItems,
  topColumns,
  topPiece,
  uniquePiece,
  type Level,
  type Piece,
} from './pieces.js';
import { planSegments, planWindows, type BucketRange, type RollupReach, type Segment, type Source, type WindowPlan } from './read-plan.js';
import type { Names } from './schema.js';
import { sqlInt, sqlString } from './sql.js';
import { readyWindowValue, windowCount, windowsServe, WINDOWS_TABLE } from './windows.js';

/** How a read's range is cut: buckets, and for sliding windows the panes they are put together from. */
export interface ReadGrid {
  readonly buckets: number;
  /** Length of a bucket; for totals that of the range. */
  readonly bucketMs: number;
  /** What is read: earlier than the read's range where windows reach back. */
  readonly range: Span;
  /** Sliding only: window k covers panes [k × perBucket, k × perBucket + perWindow). */
  readonly panes: { readonly paneMs: number; readonly perBucket: number; readonly perWindow: number } | null;
  /** No segment may straddle a multiple of this; 0: only the range's ends count. */
  readonly stepMs: number;
}

export function readGrid(read: TierRead): ReadGrid {
  const { fromMs, toMs, bucketMs, windowSizeMs } = read;
  if (bucketMs === 0) {
    return { buckets: 1, bucketMs: toMs - fromMs, range: { fromMs, toMs }, panes: null, stepMs: 0 };
  }
  const buckets = Math.round((toMs - fromMs) / bucketMs);
  if (windowSizeMs === null || windowSizeMs === bucketMs) {
    return { buckets, bucketMs, range: { fromMs, toMs }, panes: null, stepMs: bucketMs };
  }
  const paneMs = greatestCommonDivisor(bucketMs, windowSizeMs);
  return {
    buckets,
    bucketMs,
    range: { fromMs: fromMs + bucketMs - windowSizeMs, toMs },
    panes: { paneMs, perBucket: bucketMs / paneMs, perWindow: windowSizeMs / paneMs },
    stepMs: paneMs,
  };
}

/** Names of the result's columns for an output. */
export function outputColumns(output: Output, index: number): readonly string[] {
  return output.stat === 'histogram'
    ? [`o${index}_bins`, `o${index}_counts`]
    : output.stat === 'items'
      ? [`o${index}_items`, `o${index}_weights`, `o${index}_lost`]
      : [`o${index}`];
}

/** What a SELECT is made of. */
export interface ReadPlan {
  /** Of everything that is not ready, ascending. */
  readonly segments: readonly Segment[];
  /** Buckets of windows: null where there are none, or all are put together. */
  readonly windows: WindowPlan | null;
}

export function planRead(definition: Definition, read: TierRead, grid: ReadGrid, reach: RollupReach): ReadPlan {
  const { windowSizeMs } = read;
  if (grid.panes === null || windowSizeMs === null || !windowsServe(definition, read) || !rowsAreCells(definition, read)) {
    return { segments: planSegments(grid.range, grid.stepMs, reach), windows: null };
  }
  const windows = planWindows(read.fromMs, read.bucketMs, grid.buckets, windowSizeMs, reach);
  const spans: Span[] = [];
  for (const { from, to } of windows.merged) {
    const span = { fromMs: grid.range.fromMs + from * read.bucketMs, toMs: read.fromMs + to * read.bucketMs };
    const last = spans[spans.length - 1];
    if (last !== undefined && span.fromMs <= last.toMs) {
      spans[spans.length - 1] = { fromMs: last.fromMs, toMs: span.toMs };
    } else {
      spans.push(span);
    }
  }
  return { segments: spans.flatMap((span) => planSegments(span, grid.stepMs, reach)), windows };
}

/** True when each rollup row that the filters leave is a cell of its own: every dimension is grouped by or pinned to one value. */
function rowsAreCells(definition: Definition, read: TierRead): boolean {
  const pinned = read.filters.filter((f) => f.op === '=' || (f.op === 'in' && f.values.length === 1)).map((f) => f.dimension);
  return definition.groupings[read.grouping].dimensions.every(
    (dimension) => read.groupBy.includes(dimension) || pinned.includes(dimension),
  );
}

export function readSql(definition: Definition, names: Names, read: TierRead, grid: ReadGrid, plan: ReadPlan): string {
  const builder = new ReadBuilder(definition, names, read, grid);
  const { segments, windows } = plan;
  const direct =
    grid.panes === null && rowsAreCells(definition, read)
      ? segments.filter((s) => s.source !== 'raw' && ROLLUP_MS[s.source] === read.bucketMs)
      : [];
  const merged = segments.filter((segment) => !direct.includes(segment));
  const branches = [
    ...bySource(direct).map(([source, spans]) => builder.direct(source, spans)),
    ...(windows === null || windows.ready.length === 0 ? [] : [builder.readyWindows(windows.ready)]),
    ...(merged.length === 0 ? [] : [builder.merged(bySource(merged), windows?.merged ?? null)]),
  ];
  const columns = read.outputs.flatMap(outputColumns);
  const groups = read.groupBy.map((_, i) => `g${i}`);
  const selected = [
    ...groups.map((name, i) => `CAST(${name} AS String) AS v${i}`),
    'groupArray(toUInt32(k)) AS ks',
    ...columns.map((name) => `groupArray(${name}) AS a_${name}`),
  ];
  return `SELECT ${selected.join(', ')}
FROM (SELECT * FROM (
${branches.join('\nUNION ALL\n')}
) LIMIT ${sqlInt(read.maxRows + 1)})${groups.length === 0 ? '' : `\nGROUP BY ${groups.join(', ')}`}`;
}

class ReadBuilder {
  readonly #definition: Definition;
  readonly #names: Names;
  readonly #read: TierRead;
  readonly #grid: ReadGrid;
  readonly #grouping: Grouping;
  readonly #groups: readonly string[];
  /** By component index and aspect. */
  readonly #pieces = new Map<string, Piece>();

  constructor(definition: Definition, names: Names, read: TierRead, grid: ReadGrid) {
    this.#definition = definition;
    this.#names = names;
    this.#read = read;
    this.#grid = grid;
    this.#grouping = definition.groupings[read.grouping];
    this.#groups = read.groupBy.map((_, i) => `g${i}`);
    for (const output of read.outputs) {
      this.#pieceOf(output);
    }
  }

  direct(source: Source, spans: readonly Span[]): string {
    const outputs = this.#read.outputs.flatMap((output, i) => as(outputColumns(output, i), this.#readyOutput(output)));
    return `SELECT ${[...this.#rollupGroups(), `${this.#rollupIndex(this.#grid.bucketMs)} AS k`, ...outputs].join(', ')}
FROM ${this.#rollupRows(source, spans)}`;
  }

  /** Windows that stand ready: the row of a window's last minute is the cell. */
  readyWindows(ready: readonly BucketRange[]): string {
    const { fromMs, bucketMs, windowSizeMs } = this.#read;
    const size = windowSizeMs ?? 0;
    const spans = ready.map(({ from, to }) => ({ fromMs: fromMs + (from + 1) * bucketMs - MINUTE_MS, toMs: fromMs + to * bucketMs }));
    const ends = `(toInt64(toUnixTimestamp(bucket)) * 1000 + ${MINUTE_MS} - ${sqlInt(fromMs)})`;
    const outputs = this.#read.outputs.flatMap((output, i) =>
      as(outputColumns(output, i), [number(readyWindowValue(this.#definition, size, output) ?? 'NULL')]),
    );
    return `SELECT ${[...this.#rollupGroups(), `intDiv(${ends}, ${sqlInt(bucketMs)}) - 1 AS k`, ...outputs].join(', ')}
FROM ${this.#names.table(WINDOWS_TABLE)} FINAL
WHERE ${[...this.#rowConditions(spans, MINUTE_MS), `${windowCount(size)} > 0`, `${ends} % ${sqlInt(bucketMs)} = 0`].join(' AND ')}`;
  }

  /** @param only buckets of windows to be put together; null: all */
  merged(sources: readonly (readonly [Source, readonly Span[]])[], only: readonly BucketRange[] | null): string {
    const pieces = [...this.#pieces.values()];
    const partials = sources.map(([source, spans]) =>
      source === 'raw' ? this.#rawPartial(pieces, spans) : this.#rollupPartial(pieces, source, spans),
    );
    const combined = `SELECT ${[...this.#groups, 'p', ...named(pieces, 'b', (piece) => piece.combine('a'))].join(', ')}
FROM (
${partials.join('\nUNION ALL\n')}
) GROUP BY ${[...this.#groups, 'p'].join(', ')}`;
    const { panes, buckets } = this.#grid;
    if (panes === null) {
      return `SELECT ${[...this.#groups, 'p AS k', ...this.#finals('b')].join(', ')}
FROM (${combined})`;
    }
    const { perBucket, perWindow } = panes;
    const first = `if(p < ${perWindow}, 0, intDiv(p - ${perWindow} + ${perBucket}, ${perBucket}))`;
    const end = `least(${buckets}, intDiv(p, ${perBucket}) + 1)`;
    const wanted = only === null ? '' : ` WHERE ${only.map(({ from, to }) => `(k >= ${from} AND k < ${to})`).join(' OR ')}`;
    return `SELECT ${[...this.#groups, 'k', ...this.#finals('c')].join(', ')}
FROM (
SELECT ${[...this.#groups, 'k', ...named(pieces, 'c', (piece) => piece.combine('b'))].join(', ')}
FROM (SELECT *, arrayJoin(range(toUInt32(${first}), toUInt32(greatest(${first}, ${end})))) AS k FROM (${combined}))${wanted}
GROUP BY ${[...this.#groups, 'k'].join(', ')})`;
  }

  #finals(level: Level): string[] {
    return this.#read.outputs.flatMap((output, i) => as(outputColumns(output, i), this.#final(output, level)));
  }

  #rollupPartial(pieces: readonly Piece[], source: RollupResolution, spans: readonly Span[]): string {
    return `SELECT ${[...this.#rollupGroups(), `${this.#rollupIndex(this.#stepMs())} AS p`, ...named(pieces, 'a', (piece) => piece.fromRollup())].join(', ')}
FROM ${this.#rollupRows(source, spans)}`;
  }

  #rawPartial(pieces: readonly Piece[], spans: readonly Span[]): string {
    const { components } = this.#definition;
    const used = this.#read.outputs.map((output) => components[output.component]);
    const fields = [...new Set(used.flatMap((c) => [c.field, c.weightField, ...fieldsOf(c.where)]).filter((field) => field >= 0))];
    const columns = [
      ...this.#read.groupBy.map((d, i) => `CAST(${this.#rawDimension(d)} AS LowCardinality(String)) AS g${i}`),
      ...fields.map((field) => `${rawColumn(this.#definition, field)} AS ${fieldAlias(field)}`),
      `intDiv(toUnixTimestamp64Milli(time) - ${sqlInt(this.#grid.range.fromMs)}, ${sqlInt(this.#stepMs())}) AS p`,
    ];
    const where = [
      `tenant = ${sqlString(this.#read.tenant)}`,
      rawSpans(spans),
      ...this.#filters((dimension) => this.#rawDimension(dimension)),
    ];
    return `SELECT ${[...this.#groups, 'p', ...named(pieces, 'a', (piece) => piece.fromRaw())].join(', ')}
FROM (SELECT ${columns.join(', ')} FROM ${this.#names.table('events')} FINAL WHERE ${where.join(' AND ')})
GROUP BY ${[...this.#groups, 'p'].join(', ')}`;
  }

  #rollupRows(source: Source, spans: readonly Span[]): string {
    if (source === 'raw') {
      throw new Error('raw events are no rollup rows');
    }
    return `${this.#names.table(rollupTable(source))} FINAL
WHERE ${this.#rowConditions(spans, ROLLUP_MS[source]).join(' AND ')}`;
  }

  #rowConditions(spans: readonly Span[], rowMs: number): string[] {
    return [
      `tenant = ${sqlString(this.#read.tenant)}`,
      `grouping = ${sqlString(groupingName(this.#definition, this.#grouping))}`,
      bucketSpans(spans, rowMs),
      ...this.#filters((dimension) => dimensionColumn(this.#definition.dimensions[dimension])),
    ];
  }

  #rollupGroups(): string[] {
    return this.#read.groupBy.map((d, i) => `${dimensionColumn(this.#definition.dimensions[d])} AS g${i}`);
  }

  #rollupIndex(stepMs: number): string {
    return `intDiv(toInt64(toUnixTimestamp(bucket)) * 1000 - ${sqlInt(this.#grid.range.fromMs)}, ${sqlInt(stepMs)})`;
  }

  #stepMs(): number {
    return this.#grid.panes?.paneMs ?? this.#grid.bucketMs;
  }

  #rawDimension(dimension: number): string {
    return rawColumn(this.#definition, this.#definition.dimensions[dimension].field);
  }

  #filters(column: (dimension: number) => string): string[] {
    return this.#read.filters.map((filter: Filter) => `(${filterSql(column(filter.dimension), filter)})`);
  }

  #pieceOf(output: Output): Piece {
    const component = this.#definition.components[output.component];
    const key = `${component.index} ${output.stat === 'histogram' ? 'histogram' : 'value'}`;
    const piece = this.#pieces.get(key) ?? this.#makePiece(component, output);
    this.#pieces.set(key, piece);
    return piece;
  }

  #makePiece(component: Component, output: Output): Piece {
    const definition = this.#definition;
    switch (component.kind) {
      case 'count':
      case 'sum':
        return additivePiece(definition, component);
      case 'min':
      case 'max':
        return extremePiece(definition, component);
      case 'unique':
        return uniquePiece(definition, component);
      case 'quantiles':
        return output.stat === 'histogram'
          ? histogramPiece(definition, component)
          : quantilesPiece(definition, component, this.#quantiles(component));
      case 'top':
        return topPiece(definition, component);
    }
  }

  /** All quantiles that the read wants of a component: one state lists them all. */
  #quantiles(component: Component): readonly number[] {
    const wanted = this.#read.outputs.flatMap((output) =>
      output.stat === 'quantile' && output.component === component.index ? [output.q] : [],
    );
    return [...new Set(wanted)];
  }

  #final(output: Output, level: Level): readonly string[] {
    const component = this.#definition.components[output.component];
    const piece = this.#pieceOf(output);
    const value = carried(piece, level);
    switch (output.stat) {
      case 'value':
        return [number(value)];
      case 'estimate':
        return [`toFloat64(finalizeAggregation(${value}))`];
      case 'quantile':
        return [`finalizeAggregation(${value})[${this.#quantiles(component).indexOf(output.q) + 1}]`];
      case 'histogram':
        return histogram(`${value}.1`, `${value}.2`);
      case 'items': {
        const sorted = `arraySlice(${sortedItems(value)}, 1, ${sqlInt(output.limit)})`;
        return [
          `arrayMap(x -> x.1, ${sorted})`,
          `CAST(arrayMap(x -> x.2, ${sorted}) AS Array(Float64))`,
          `toFloat64(${carried(piece, level, 1)})`,
        ];
      }
    }
  }

  /** The same from one rollup row, without touching its sketches where a ready value stands beside them. */
  #readyOutput(output: Output): readonly string[] {
    const component = this.#definition.components[output.component];
    switch (output.stat) {
      case 'value':
      case 'estimate':
        return [number(readyColumn(component))];
      case 'quantile':
        return component.quantiles.includes(output.q)
          ? [readyQuantileColumn(component, output.q)]
          : [`finalizeAggregation(${quantilesState(component, [output.q])})[1]`];
      case 'histogram': {
        const { bins, counts } = histogramColumns(component);
        return histogram(bins, counts);
      }
      case 'items': {
        const { items, weights, dropped } = topColumns(component);
        const limit = sqlInt(output.limit);
        return [
          `arraySlice(${items}, 1, ${limit})`,
          `CAST(arraySlice(${weights}, 1, ${limit}) AS Array(Float64))`,
          `toFloat64(${dropped})`,
        ];
      }
    }
  }
}

/** groupArray leaves NULL out, which would shift the arrays against each other. */
function number(sql: string): string {
  return `ifNull(toFloat64(${sql}), nan)`;
}

function histogram(bins: string, counts: string): readonly string[] {
  return [`CAST(${bins} AS Array(Int16))`, `CAST(${counts} AS Array(Float64))`];
}

function as(names: readonly string[], expressions: readonly string[]): string[] {
  return expressions.map((sql, i) => `${sql} AS ${names[i]}`);
}

function bySource(segments: readonly Segment[]): (readonly [Source, readonly Span[]])[] {
  const spans = new Map<Source, Span[]>();
  for (const { source, fromMs, toMs } of segments) {
    const known = spans.get(source);
    if (known === undefined) {
      spans.set(source, [{ fromMs, toMs }]);
    } else {
      known.push({ fromMs, toMs });
    }
  }
  return [...spans];
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
