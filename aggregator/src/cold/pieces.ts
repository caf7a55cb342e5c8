// How each kind of component is stored and computed: a piece is a value that can be taken from raw rows or from rollup rows,
// combined any number of times, stored again or turned into an answer. Reading and compaction are put together from pieces.
// Invariant: combining is associative and exact (sketches: mergeable), so that it does not matter where a cut was made.
// States are stored as their bytes (String), because merging parts of AggregateFunction columns costs four times as much CPU.

import type { Component, Definition } from '../definition/model.js';
import { allOf, present, presentValue } from './event-sql.js';
import { coarseBinSql } from './histogram-sql.js';
import { identifier, sqlFloat, sqlInt } from './sql.js';

export interface ColumnSpec {
  readonly name: string;
  readonly type: string;
  /** Expression for rows written before the column existed, and for inserts that leave it out; '' : the type's default. */
  readonly defaultSql: string;
}

/** Values under names of a level (`a_…`, `b_…`): a name is never reused within one SELECT, which ClickHouse would take for an alias. */
export type Level = 'a' | 'b' | 'c';

export interface Piece {
  /** Names of the values it carries, without the level. */
  readonly names: readonly string[];
  /** Aggregates over raw rows (field aliases), by name. */
  fromRaw(): readonly string[];
  /** Expressions over one rollup row, by name. */
  fromRollup(): readonly string[];
  /** Aggregates over carried values of a level, by name. */
  combine(from: Level): readonly string[];
  /** Expressions over carried values of a level, for the rollup's columns. */
  store(from: Level): readonly { readonly column: string; readonly sql: string }[];
  /** Sketches: the answer (estimate, or array of quantiles) over the states of those rows that meet a condition. */
  readonly mergeIf?: (state: string, condition: string) => string;
}

/** HyperLogLog with 2^15 registers: 0.6 % standard error, exact below some thousands; 17 makes windows three times as slow. */
const UNIQUE = 'uniqCombined64';
const UNIQUE_PRECISION = 15;
/** The state of no value at all. */
const EMPTY_UNIQUE = "unhex('0100')";
const EMPTY_QUANTILES = "unhex('02FD4A815ABF52F03F0000000000000000010C00FEFFFFFF0F02030C00FEFFFFFF0F02040000000000000000')";
const RELATIVE_ACCURACY = '0.01';

export function carried(piece: Piece, level: Level, index = 0): string {
  return `${level}_${piece.names[index]}`;
}

/** `sql AS name` for each value of each piece. */
export function named(pieces: readonly Piece[], level: Level, values: (piece: Piece) => readonly string[]): string[] {
  return pieces.flatMap((piece) => values(piece).map((sql, i) => `${sql} AS ${carried(piece, level, i)}`));
}

function column(component: Component, suffix = ''): string {
  return identifier(`c_${component.key}${suffix}`);
}

/** SQL over field aliases: true where an event counts for a component. */
export function condition(definition: Definition, component: Component): string {
  const further = component.field >= 0 ? [present(definition, component.field)] : [];
  if (component.weightField >= 0) {
    further.push(present(definition, component.weightField));
  }
  return allOf(definition, component.where, further);
}

/** count and sum. */
export function additivePiece(definition: Definition, component: Component): Piece {
  const name = `p${component.index}`;
  const raw =
    component.kind === 'count'
      ? `countIf(${condition(definition, component)})`
      : `sumIf(${presentValue(definition, component.field)}, ${condition(definition, component)})`;
  return {
    names: [name],
    fromRaw: () => [raw],
    fromRollup: () => [column(component)],
    combine: (from) => [`sum(${from}_${name})`],
    store: (from) => [{ column: column(component), sql: `${from}_${name}` }],
  };
}

/** min and max: NULL where there was no value. */
export function extremePiece(definition: Definition, component: Component): Piece {
  const name = `p${component.index}`;
  const { kind } = component;
  return {
    names: [name],
    fromRaw: () => [`${kind}OrNullIf(${presentValue(definition, component.field)}, ${condition(definition, component)})`],
    fromRollup: () => [column(component)],
    combine: (from) => [`${kind}(${from}_${name})`],
    store: (from) => [{ column: column(component), sql: `${from}_${name}` }],
  };
}

function uniqueType(definition: Definition, component: Component): string {
  return `AggregateFunction(${UNIQUE}(${UNIQUE_PRECISION}), ${definition.fields[component.field].type === 'string' ? 'String' : 'Int64'})`;
}

export function uniquePiece(definition: Definition, component: Component): Piece {
  const name = `p${component.index}`;
  return {
    names: [name],
    fromRaw: () => [
      `${UNIQUE}StateIf(${UNIQUE_PRECISION})(${presentValue(definition, component.field)}, ${condition(definition, component)})`,
    ],
    fromRollup: () => [`CAST(${column(component, '_state')} AS ${uniqueType(definition, component)})`],
    combine: (from) => [`${UNIQUE}MergeState(${UNIQUE_PRECISION})(${from}_${name})`],
    store: (from) => [
      { column: column(component, '_state'), sql: `CAST(${from}_${name} AS String)` },
      { column: column(component), sql: `finalizeAggregation(${from}_${name})` },
    ],
    mergeIf: (state, only) => `${UNIQUE}MergeIf(${UNIQUE_PRECISION})(${state}, ${only})`,
  };
}

function quantilesFunction(quantiles: readonly number[], form: string): string {
  return `quantilesDD${form}(${[RELATIVE_ACCURACY, ...quantiles.map(sqlFloat)].join(', ')})`;
}

/** Column in which a quantile's value stands ready. */
export function readyQuantileColumn(component: Component, q: number): string {
  return column(component, readyQuantileSuffix(q));
}

function readyQuantileSuffix(q: number): string {
  return `_q${String(q).replace(/[^0-9a-z]/gi, '_')}`;
}

/** The sketch; `quantiles` are those that `finalizeAggregation` of it lists, in this order. */
export function quantilesPiece(definition: Definition, component: Component, quantiles: readonly number[]): Piece {
  const name = `p${component.index}`;
  return {
    names: [name],
    fromRaw: () => [
      `${quantilesFunction(quantiles, 'StateIf')}(${presentValue(definition, component.field)}, ${condition(definition, component)})`,
    ],
    fromRollup: () => [quantilesState(component, quantiles)],
    combine: (from) => [`${quantilesFunction(quantiles, 'MergeState')}(${from}_${name})`],
    store: (from) => [
      { column: column(component, '_state'), sql: `CAST(${from}_${name} AS String)` },
      ...quantiles.map((q, i) => ({ column: readyQuantileColumn(component, q), sql: `finalizeAggregation(${from}_${name})[${i + 1}]` })),
    ],
    mergeIf: (state, only) => `${quantilesFunction(quantiles, 'MergeIf')}(${state}, ${only})`,
  };
}

/** The stored sketch of a rollup row as a state that lists `quantiles`. */
export function quantilesState(component: Component, quantiles: readonly number[]): string {
  return `CAST(${column(component, '_state')} AS AggregateFunction(${quantilesFunction(quantiles, '')}, Int64))`;
}

/** Counts per coarse bin, as (bins, counts). */
export function histogramPiece(definition: Definition, component: Component): Piece {
  const name = `h${component.index}`;
  const bin = coarseBinSql(presentValue(definition, component.field));
  return {
    names: [name],
    fromRaw: () => [`sumMapIf([${bin}], [toUInt64(1)], ${condition(definition, component)})`],
    fromRollup: () => [`(${column(component, '_bins')}, ${column(component, '_counts')})`],
    combine: (from) => [`sumMap(${from}_${name})`],
    store: (from) => [
      { column: column(component, '_bins'), sql: `${from}_${name}.1` },
      { column: column(component, '_counts'), sql: `${from}_${name}.2` },
    ],
  };
}

/** SQL of a component's coarse bin, its condition, for compaction's own pass over (group, bin). */
export function histogramSource(definition: Definition, component: Component): { readonly bin: string; readonly condition: string } {
  return { bin: coarseBinSql(presentValue(definition, component.field)), condition: condition(definition, component) };
}

/** Item, weight and condition of a `top` component over field aliases, for compaction's own pass over (group, item). */
export function topSource(
  definition: Definition,
  component: Component,
): { readonly item: string; readonly weight: string; readonly condition: string } {
  const item = presentValue(definition, component.field);
  return {
    item: definition.fields[component.field].type === 'string' ? item : `toString(${item})`,
    weight: component.weightField < 0 ? 'toInt64(1)' : presentValue(definition, component.weightField),
    condition: condition(definition, component),
  };
}

/** Items by weight, and how much any weight may lack: (items, weights), dropped. */
export function topPiece(definition: Definition, component: Component): Piece {
  const name = `p${component.index}`;
  const source = topSource(definition, component);
  return {
    names: [name, `${name}d`],
    fromRaw: () => [`sumMapIf([${source.item}], [${source.weight}], ${source.condition})`, 'toInt64(0)'],
    fromRollup: () => [`(${column(component, '_items')}, ${column(component, '_weights')})`, column(component, '_dropped')],
    combine: (from) => [`sumMap(${from}_${name})`, `sum(${from}_${name}d)`],
    store: (from) => {
      const sorted = sortedItems(`${from}_${name}`);
      const keep = sqlInt(component.keep);
      return [
        { column: column(component, '_items'), sql: `arrayMap(x -> x.1, arraySlice(${sorted}, 1, ${keep}))` },
        { column: column(component, '_weights'), sql: `arrayMap(x -> x.2, arraySlice(${sorted}, 1, ${keep}))` },
        // An item cut here weighed at most this and whatever it had lost before.
        {
          column: column(component, '_dropped'),
          sql: `${from}_${name}d + if(length(${sorted}) > ${keep}, greatest(0, ${sorted}[${keep} + 1].2), 0)`,
        },
      ];
    },
  };
}

/** (items, weights) → array of (item, weight), heaviest first, ties by item. */
export function sortedItems(tuple: string): string {
  return `arraySort(x -> (-x.2, x.1), arrayZip(${tuple}.1, ${tuple}.2))`;
}

export function topColumns(component: Component): { readonly items: string; readonly weights: string; readonly dropped: string } {
  return { items: column(component, '_items'), weights: column(component, '_weights'), dropped: column(component, '_dropped') };
}

export function histogramColumns(component: Component): { readonly bins: string; readonly counts: string } {
  return { bins: column(component, '_bins'), counts: column(component, '_counts') };
}

/** Column with a component's ready number (numeric components and uniques). */
export function readyColumn(component: Component): string {
  return column(component);
}

/** All pieces in which a component is stored. */
export function storedPieces(definition: Definition, component: Component): readonly Piece[] {
  switch (component.kind) {
    case 'count':
    case 'sum':
      return [additivePiece(definition, component)];
    case 'min':
    case 'max':
      return [extremePiece(definition, component)];
    case 'unique':
      return [uniquePiece(definition, component)];
    case 'quantiles':
      return [quantilesPiece(definition, component, component.quantiles), histogramPiece(definition, component)];
    case 'top':
      return [topPiece(definition, component)];
  }
}

/** Rollup columns of a component, with names unquoted. */
export function componentColumns(definition: Definition, component: Component): readonly ColumnSpec[] {
  const key = `c_${component.key}`;
  const plain = (suffix: string, type: string, defaultSql = ''): ColumnSpec => ({ name: `${key}${suffix}`, type, defaultSql });
  switch (component.kind) {
    case 'count':
      return [plain('', 'UInt64')];
    case 'sum':
      return [plain('', 'Int64')];
    case 'min':
    case 'max':
      return [plain('', 'Nullable(Int64)')];
    case 'unique':
      return [
        plain('_state', 'String', EMPTY_UNIQUE),
        plain('', 'UInt64', `finalizeAggregation(CAST(${column(component, '_state')} AS ${uniqueType(definition, component)}))`),
      ];
    case 'quantiles':
      return [
        plain('_state', 'String', EMPTY_QUANTILES),
        plain('_bins', 'Array(Int16)'),
        plain('_counts', 'Array(UInt64)'),
        // A quantile added later is ready at once: old rows compute it from their sketch.
        ...component.quantiles.map((q) =>
          plain(readyQuantileSuffix(q), 'Float64', `finalizeAggregation(${quantilesState(component, [q])})[1]`),
        ),
      ];
    case 'top':
      return [plain('_items', 'Array(String)'), plain('_weights', 'Array(Int64)'), plain('_dropped', 'Int64')];
  }
}
