// The statements that write rollups: raw events of whole buckets → rollup rows of every grouping in one pass, and rollup rows
// → rows of the next coarser rollup. Pure text.
// Invariant: `version` counts the raw events behind a row. Raw rows only grow, so of two rows for one key the one with more
// events knows more and wins; two compactions that saw the same write the same.

import type { Component, Definition, Grouping } from '../definition/model.js';
import { fieldAlias, fieldsOf, rawColumn } from './event-sql.js';
import { dimensionColumn, groupingName, ROLLUP_MS, rollupDimensions, rollupTable, type RollupResolution } from './layout.js';
import { histogramColumns, histogramSource, named, storedPieces, topColumns, topSource, type Piece } from './pieces.js';
import type { Names } from './schema.js';
import { bucketSpans, rawSpans, type Span } from './spans.js';
import { identifier, sqlInt, sqlString } from './sql.js';

/**
 * Raw events of whole buckets into a rollup, every grouping at once.
 * Histograms and tops need a finer key (bin, item): they are aggregated in passes of their own over hashes of the group and item,
 * a fourth of the cost of the values themselves, and joined. Items are exact before any is cut off.
 * @param into a table of the rollup's shape
 */
export function compactRaw(
  definition: Definition,
  names: Names,
  resolution: RollupResolution,
  spans: readonly Span[],
  into: string = rollupTable(resolution),
): string {
  const dimensions = rollupDimensions(definition).map(dimensionColumn);
  const keys = ['tenant', 'grouping', ...dimensions, 'bucket'];
  const source = eventSource(definition, names, resolution, spans);
  const main: Piece[] = [];
  const columns: { readonly column: string; readonly sql: string }[] = [];
  const joins: string[] = [];
  for (const component of definition.components) {
    const [first, ...rest] = storedPieces(definition, component);
    if (component.kind === 'top') {
      joins.push(topPass(definition, component, source));
      columns.push(...topStore(component));
      continue;
    }
    main.push(first);
    columns.push(...first.store('a'));
    if (rest.length > 0) {
      joins.push(histogramPass(definition, component, source));
      columns.push(...histogramStore(component));
    }
  }
  const groupingNames = definition.groupings.map((grouping) => sqlString(groupingName(definition, grouping)));
  const sets = definition.groupings.map(
    (grouping) => `(${['tenant', 'bucket', ...grouping.dimensions.map((d) => dimensionColumn(definition.dimensions[d]))].join(', ')})`,
  );
  const selected = [
    'tenant',
    'bucket',
    ...dimensions,
    `${groupingIndex(definition)} AS gi`,
    'count() AS a_version',
    ...named(main, 'a', (piece) => piece.fromRaw()),
  ];
  return `INSERT INTO ${names.table(into)} (${[...keys, 'version', ...columns.map((c) => c.column)].join(', ')})
SELECT ${[...keys, 'a_version', ...columns.map((c) => c.sql)].join(', ')}
FROM (
  SELECT *, CAST([${groupingNames.join(', ')}][gi + 1] AS LowCardinality(String)) AS grouping, ${groupKeys(definition, hashedHere)}[gi + 1] AS gkey
  FROM (SELECT ${selected.join(', ')} FROM ${source} GROUP BY GROUPING SETS (${sets.join(', ')}))
) AS main
${joins.join('\n')}`;
}

/** Rows of a closed rollup into the next coarser one; spans are whole coarse buckets. */
export function compactRollup(
  definition: Definition,
  names: Names,
  from: RollupResolution,
  to: RollupResolution,
  spans: readonly Span[],
): string {
  const dimensions = rollupDimensions(definition).map(dimensionColumn);
  const keys = ['tenant', 'grouping', ...dimensions];
  const pieces = definition.components.flatMap((component) => storedPieces(definition, component));
  const stored = pieces.flatMap((piece) => piece.store('b'));
  return `INSERT INTO ${names.table(rollupTable(to))} (${[...keys, 'bucket', 'version', ...stored.map((c) => c.column)].join(', ')})
SELECT ${[...keys, 'coarse', 'b_version', ...stored.map((c) => c.sql)].join(', ')}
FROM (
  SELECT ${[...keys, 'coarse', 'sum(a_version) AS b_version', ...named(pieces, 'b', (piece) => piece.combine('a'))].join(', ')}
  FROM (
    SELECT ${[...keys, `${bucketStart('bucket', to)} AS coarse`, 'version AS a_version', ...named(pieces, 'a', (piece) => piece.fromRollup())].join(', ')}
    FROM ${names.table(rollupTable(from))} FINAL
    WHERE ${bucketSpans(spans, ROLLUP_MS[from])}
  )
  GROUP BY ${[...keys, 'coarse'].join(', ')}
)`;
}

function bucketStart(time: string, resolution: RollupResolution): string {
  const seconds = ROLLUP_MS[resolution] / 1000;
  return `toDateTime(intDiv(toUnixTimestamp(${time}), ${seconds}) * ${seconds}, 'UTC')`;
}

/** Raw events, deduplicated by identity, with dimensions and the fields that components need. */
function eventSource(definition: Definition, names: Names, resolution: RollupResolution, spans: readonly Span[]): string {
  const fields = new Set<number>();
  for (const component of definition.components) {
    for (const field of [component.field, component.weightField, ...fieldsOf(component.where)]) {
      if (field >= 0) {
        fields.add(field);
      }
    }
  }
  const columns = [
    'tenant',
    `${bucketStart('time', resolution)} AS bucket`,
    ...rollupDimensions(definition).map((d) => `${rawColumn(definition, d.field)} AS ${dimensionColumn(d)}`),
    ...[...fields].map((field) => `${rawColumn(definition, field)} AS ${fieldAlias(field)}`),
  ];
  return `(SELECT ${columns.join(', ')} FROM ${names.table('events')} FINAL WHERE ${rawSpans(spans)})`;
}

/** Position in Definition.groupings of the grouping that a row of GROUPING SETS belongs to. */
function groupingIndex(definition: Definition): string {
  const dimensions = rollupDimensions(definition);
  const test = (grouping: Grouping): string =>
    ['1', ...dimensions.map((d) => `GROUPING(${dimensionColumn(d)}) = ${grouping.dimensions.includes(d.index) ? 0 : 1}`)].join(' AND ');
  return `multiIf(${definition.groupings.map((grouping, i) => `${test(grouping)}, ${i}`).join(', ')}, -1)`;
}

/** Array of one hash per grouping that names a group among all groups and buckets of a statement. */
function groupKeys(definition: Definition, hashOf: (column: string) => string): string {
  const keys = definition.groupings.map((grouping, i) => {
    const columns = grouping.dimensions.map((d) => hashOf(dimensionColumn(definition.dimensions[d])));
    return `cityHash64(${[`toUInt16(${i})`, hashOf('tenant'), 'bucket', ...columns].join(', ')})`;
  });
  return `[${keys.join(', ')}]`;
}

/** Over a dictionary-encoded column this hashes its dictionary, not its rows. */
function hashedHere(column: string): string {
  return `toUInt64(cityHash64(${column}))`;
}

function hashedBefore(column: string): string {
  return column === 'tenant' ? 'h_tenant' : identifier(`h_${column.slice(1, -1)}`);
}

/** Rows of a source once per grouping, as `gkey` beside the given columns. */
function perGrouping(
  definition: Definition,
  source: string,
  columns: readonly { readonly name: string; readonly sql: string }[],
  condition: string,
): string {
  const hashed = ['tenant', ...rollupDimensions(definition).map(dimensionColumn)].map(
    (column) => `${hashedHere(column)} AS ${hashedBefore(column)}`,
  );
  const inner = `SELECT ${[...hashed, 'bucket', ...columns.map(({ name, sql }) => `${sql} AS ${name}`)].join(', ')} FROM ${source} WHERE ${condition}`;
  return `(SELECT ${[`arrayJoin(${groupKeys(definition, hashedBefore)}) AS gkey`, ...columns.map(({ name }) => name)].join(', ')} FROM (${inner}))`;
}

function histogramPass(definition: Definition, component: Component, source: string): string {
  const { bin, condition } = histogramSource(definition, component);
  const name = `h${component.index}`;
  return `LEFT ANY JOIN (
  SELECT gkey, groupArray(bin) AS ${name}_bins, groupArray(n) AS ${name}_counts
  FROM (SELECT gkey, bin, count() AS n FROM ${perGrouping(definition, source, [{ name: 'bin', sql: bin }], condition)} GROUP BY gkey, bin)
  GROUP BY gkey
) AS ${name} USING (gkey)`;
}

function histogramStore(component: Component): readonly { readonly column: string; readonly sql: string }[] {
  const { bins, counts } = histogramColumns(component);
  return [
    { column: bins, sql: `h${component.index}_bins` },
    { column: counts, sql: `h${component.index}_counts` },
  ];
}

/** One more than `keep` is taken: the first that is left out is the heaviest of all that are. */
function topPass(definition: Definition, component: Component, source: string): string {
  const { item, weight, condition } = topSource(definition, component);
  const name = `t${component.index}`;
  const rows = perGrouping(
    definition,
    source,
    [
      { name: 'ih', sql: `sipHash64(${item})` },
      { name: 'weight', sql: weight },
    ],
    condition,
  );
  return `LEFT ANY JOIN (
  SELECT gkey, arraySort(x -> (-x.1, x.2), groupArray((w, item))) AS ${name}
  FROM (SELECT gkey, ih, sum(weight) AS w FROM ${rows} GROUP BY gkey, ih ORDER BY gkey, w DESC, ih LIMIT ${sqlInt(component.keep + 1)} BY gkey) AS heaviest
  INNER JOIN (SELECT sipHash64(${item}) AS ih, any(${item}) AS item FROM ${source} WHERE ${condition} GROUP BY ih) AS items USING (ih)
  GROUP BY gkey
) AS ${name}j USING (gkey)`;
}

function topStore(component: Component): readonly { readonly column: string; readonly sql: string }[] {
  const { items, weights, dropped } = topColumns(component);
  const keep = sqlInt(component.keep);
  const list = `t${component.index}`;
  return [
    { column: items, sql: `arrayMap(x -> x.2, arraySlice(${list}, 1, ${keep}))` },
    { column: weights, sql: `arrayMap(x -> x.1, arraySlice(${list}, 1, ${keep}))` },
    { column: dropped, sql: `if(length(${list}) > ${keep}, greatest(0, ${list}[${keep} + 1].1), 0)` },
  ];
}
