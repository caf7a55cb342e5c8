// Which definitions shaped the stored data, and from when. A component or grouping that came later is backfilled from raw rows
// as far as they are kept; until then reads that need it take raw rows instead, and before that there is nothing to read.
// Invariant: rows are only appended (by migrate); progress of a backfill is a mark.

import type { Component, Definition, Grouping } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Span } from './spans.js';
import type { Engine } from './engine.js';
import { DAY_MS, groupingName, rawFields } from './layout.js';
import { decodeNative } from './native-reader.js';
import type { Names } from './schema.js';
import { sqlInt, sqlString } from './sql.js';

interface StoredLayout {
  readonly fields: Readonly<Record<string, { readonly type: string; readonly decimals: number }>>;
  /** Component key → names of the fields it looks at. */
  readonly components: Readonly<Record<string, readonly string[]>>;
  readonly groupings: readonly string[];
}

export interface DefinitionRow {
  readonly appliedMs: number;
  readonly layout: StoredLayout;
  /** What rollup rows closed before this definition lack. From ≥ until: nothing. */
  readonly backfill: Span;
  /** What this definition adds cannot be known before: raw rows were gone already. 0: there was nothing before. */
  readonly availableFromMs: number;
}

export function componentItem(component: Component): string {
  return `component ${component.key}`;
}

export function groupingItem(definition: Definition, grouping: Grouping): string {
  return `grouping ${groupingName(definition, grouping)}`;
}

export class DefinitionHistory {
  readonly #rows: readonly DefinitionRow[];
  /** By row: items that the row before did not have. */
  readonly #added: readonly ReadonlySet<string>[];
  readonly #availableFrom: ReadonlyMap<string, number>;

  constructor(rows: readonly DefinitionRow[]) {
    this.#rows = rows;
    const availableFrom = new Map<string, number>();
    const known = new Set<string>();
    this.#added = rows.map((row, i) => {
      const before = i === 0 ? null : rows[i - 1].layout;
      const added = new Set(before === null ? [] : itemsOf(row.layout).filter((item) => !itemsOf(before).includes(item)));
      for (const item of added) {
        if (!known.has(item)) {
          availableFrom.set(item, before !== null && needsNewField(item, row.layout, before) ? row.appliedMs : row.availableFromMs);
        }
      }
      itemsOf(row.layout).forEach((item) => known.add(item));
      return added;
    });
    this.#availableFrom = availableFrom;
  }

  get rows(): readonly DefinitionRow[] {
    return this.#rows;
  }

  /** Epoch ms before which a component was not recorded and cannot be computed any more; 0: always there. */
  availableFromMs(component: Component): number {
    return this.#availableFrom.get(componentItem(component)) ?? 0;
  }

  /** Spans whose rollup rows still lack one of the items. `done`: by applied_ms, see Marks.backfilled. */
  lacking(items: ReadonlySet<string>, done: ReadonlyMap<number, number>): readonly Span[] {
    return this.#rows.flatMap((row, i) => {
      const span = remaining(row, done);
      return span !== null && [...this.#added[i]].some((item) => items.has(item)) ? [span] : [];
    });
  }

  /** Backfills that are not finished, oldest definition first. */
  unfinished(done: ReadonlyMap<number, number>): readonly { readonly row: DefinitionRow; readonly span: Span }[] {
    return this.#rows.flatMap((row) => {
      const span = remaining(row, done);
      return span === null ? [] : [{ row, span }];
    });
  }

  isCurrent(definition: Definition): boolean {
    return this.#rows.length > 0 && canonical(this.#rows[this.#rows.length - 1].layout) === canonical(layoutOf(definition));
  }

  /** @throws TidemarkError invalid where stored numbers would change their meaning */
  check(definition: Definition): void {
    const stored = new Map<string, { readonly decimals: number }>();
    for (const row of this.#rows) {
      Object.entries(row.layout.fields).forEach(([name, field]) => stored.set(name, field));
    }
    for (const field of rawFields(definition)) {
      const before = stored.get(field.name);
      if (before !== undefined && field.type === 'number' && before.decimals !== field.decimals) {
        throw new TidemarkError(
          'invalid',
          'COLD_DECIMALS_CHANGED',
          `field ${field.name} is stored with ${before.decimals} decimals, the definition now wants ${field.decimals}`,
          'Stored fixed-point numbers cannot change their scale: give the field a new name.',
        );
      }
    }
  }

  /**
   * The row to append for a definition: what it adds is to be backfilled over raw rows in [rawFromMs, closedMs).
   * @param historyFromMs first bucket of any rollup, +Infinity without one
   */
  next(definition: Definition, appliedMs: number, rawFromMs: number, closedMs: number, historyFromMs: number): DefinitionRow {
    const layout = layoutOf(definition);
    const before = this.#rows.length === 0 ? null : this.#rows[this.#rows.length - 1].layout;
    const addsSomething = before !== null && itemsOf(layout).some((item) => !itemsOf(before).includes(item));
    const fromMs = Math.min(rawFromMs, closedMs);
    const backfill = addsSomething ? { fromMs, toMs: closedMs } : { fromMs: closedMs, toMs: closedMs };
    return { appliedMs, layout, backfill, availableFromMs: historyFromMs < Math.floor(fromMs / DAY_MS) * DAY_MS ? fromMs : 0 };
  }
}

export async function readHistory(engine: Engine, names: Names): Promise<DefinitionHistory> {
  const sql = `SELECT applied_ms, layout, backfill_from_ms, backfill_until_ms, available_from_ms FROM ${names.table('definitions')} FINAL ORDER BY applied_ms, layout_hash`;
  const result = decodeNative(await engine.query(sql, { lane: 'control' }));
  const [applied, from, until, available] = ['applied_ms', 'backfill_from_ms', 'backfill_until_ms', 'available_from_ms'].map((name) =>
    result.numbers(name),
  );
  return new DefinitionHistory(
    result.strings('layout').map((layout, i) => ({
      appliedMs: applied[i],
      layout: parseLayout(layout),
      backfill: { fromMs: from[i], toMs: until[i] },
      availableFromMs: available[i],
    })),
  );
}

export async function appendHistory(engine: Engine, names: Names, definition: Definition, row: DefinitionRow): Promise<void> {
  const values = [
    sqlInt(row.appliedMs),
    sqlString(definition.layoutHash),
    sqlString(canonical(row.layout)),
    sqlInt(row.backfill.fromMs),
    sqlInt(row.backfill.toMs),
    sqlInt(row.availableFromMs),
  ];
  await engine.command(
    `INSERT INTO ${names.table('definitions')} (applied_ms, layout_hash, layout, backfill_from_ms, backfill_until_ms, available_from_ms) VALUES (${values.join(', ')})`,
    { lane: 'control' },
  );
}

function remaining(row: DefinitionRow, done: ReadonlyMap<number, number>): Span | null {
  const toMs = row.backfill.toMs - (done.get(row.appliedMs) ?? 0);
  return toMs > row.backfill.fromMs ? { fromMs: row.backfill.fromMs, toMs } : null;
}

function itemsOf(layout: StoredLayout): string[] {
  return [...Object.keys(layout.components).map((key) => `component ${key}`), ...layout.groupings.map((name) => `grouping ${name}`)];
}

function needsNewField(item: string, layout: StoredLayout, before: StoredLayout): boolean {
  const fields = layout.components[item.replace(/^component /, '')] ?? [];
  return item.startsWith('component ') && fields.some((field) => before.fields[field] === undefined);
}

function layoutOf(definition: Definition): StoredLayout {
  const own = new Set(rawFields(definition).map((field) => field.index));
  const fieldNames = (component: Component): string[] => {
    const all = [component.field, component.weightField, ...component.where.map((condition) => condition.field)];
    return [...new Set(all.filter((field) => own.has(field)).map((field) => definition.fields[field].name))].sort();
  };
  return {
    fields: Object.fromEntries(rawFields(definition).map(({ name, type, decimals }) => [name, { type, decimals }])),
    components: Object.fromEntries(definition.components.map((component) => [component.key, fieldNames(component)])),
    groupings: definition.groupings.map((grouping) => groupingName(definition, grouping)),
  };
}

/** The same text for the same layout, whatever the order in the definition. */
function canonical(layout: StoredLayout): string {
  const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      Object.keys(record)
        .sort()
        .map((key) => [key, record[key]]),
    );
  return JSON.stringify({ fields: sorted(layout.fields), components: sorted(layout.components), groupings: [...layout.groupings].sort() });
}

function parseLayout(text: string): StoredLayout {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || !('fields' in parsed) || !('components' in parsed) || !('groupings' in parsed)) {
    throw new TidemarkError(
      'fatal',
      'COLD_BAD_HISTORY',
      'the table of definitions holds something else',
      'Restore the table `definitions` from a backup.',
    );
  }
  const fields: Record<string, { type: string; decimals: number }> = {};
  for (const [name, field] of Object.entries(Object(parsed.fields))) {
    if (typeof field === 'object' && field !== null && 'type' in field && 'decimals' in field) {
      fields[name] = { type: String(field.type), decimals: Number(field.decimals) };
    }
  }
  const components: Record<string, string[]> = {};
  for (const [key, names] of Object.entries(Object(parsed.components))) {
    components[key] = Array.isArray(names) ? names.map(String) : [];
  }
  return { fields, components, groupings: Array.isArray(parsed.groupings) ? parsed.groupings.map(String) : [] };
}
