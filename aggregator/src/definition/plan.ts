// Collects everything that a definition reads out of an event, in the order of the file, and settles it: fields with one type each,
// and every measure's conditions on them. Between the checks (it reports what contradicts) and compile.ts (which uses the result).

import { compileWhere, registerWhere } from './conditions.js';
import { FieldTable } from './fields.js';
import type { Field, Where } from './model.js';
import type { Finding, Path } from './problem.js';
import { References, ROLES, showPath } from './references.js';
import type { DefinitionInput, MeasureInput, WhereInput } from './schema.js';

export interface Plan {
  readonly references: References;
  readonly table: FieldTable;
  readonly fields: readonly Field[];
  /** By measure name; a ratio has none. */
  readonly wheres: ReadonlyMap<string, Where>;
}

export function planFields(input: DefinitionInput, report: (finding: Finding) => void): Plan {
  const references = new References(input, report);
  const table = new FieldTable();
  for (const role of ROLES) {
    const path = references.role(role);
    if (path === null) continue;
    const interned = role === 'type' || role === 'tenant';
    table.use(path, role === 'time' ? { as: 'time' } : { as: 'text', interned }, ['event', role], `event.${role}`);
  }
  planDimensions(input, references, table, report);
  for (const [name, measure] of Object.entries(input.measures)) planMeasure(name, measure, references, table);
  const reserved = reservedPaths(references);
  for (const [name, measure] of Object.entries(input.measures)) checkReserved(name, measure, references, reserved, report);
  const fields = table.settle(report);
  const wheres = new Map<string, Where>();
  for (const [name, measure] of Object.entries(input.measures)) {
    wheres.set(name, compileWhere(whereOf(measure), ['measures', name, 'where'], references, table, report));
  }
  return { references, table, fields, wheres };
}

export function whereOf(measure: MeasureInput): WhereInput | undefined {
  return measure.kind === 'ratio' ? undefined : measure.where;
}

/** A dimension has few values, and its raw column holds the capped ones: it cannot share its path with an identity or another cap. */
function planDimensions(input: DefinitionInput, references: References, table: FieldTable, report: (finding: Finding) => void): void {
  const owners = new Map<string, string>();
  for (const role of ['id', 'time', 'user', 'session', 'tenant'] as const) {
    const path = references.role(role);
    if (path !== null) owners.set(JSON.stringify(path), `event.${role}`);
  }
  for (const name of Object.keys(input.dimensions)) {
    const path = references.dimension(name);
    const owner = owners.get(JSON.stringify(path));
    if (owner !== undefined) {
      const remedy = owner.startsWith('event.')
        ? 'a path with few values; to count or rank identities use a measure of kind unique or top'
        : 'one dimension per path';
      report({ path: ['dimensions', name], at: 'key', found: `${showPath(path)}, which ${owner} reads too`, expected: remedy });
      continue;
    }
    owners.set(JSON.stringify(path), `dimensions.${name}`);
    table.use(path, { as: 'text', interned: true }, ['dimensions', name], `dimensions.${name}`);
  }
}

function planMeasure(name: string, measure: MeasureInput, references: References, table: FieldTable): void {
  const at = ['measures', name];
  const label = `measures.${name}`;
  if (measure.kind !== 'count' && measure.kind !== 'ratio') {
    const path = references.resolve(measure.field, [...at, 'field'], 'value');
    const isText = measure.kind === 'unique' || measure.kind === 'top';
    table.use(path, isText ? { as: 'text', interned: false } : { as: 'number', decimals: measure.decimals }, [...at, 'field'], label);
  }
  if (measure.kind === 'top' && measure.weight !== undefined) {
    const path = references.resolve(measure.weight, [...at, 'weight'], 'value');
    table.use(path, { as: 'number', decimals: measure.decimals }, [...at, 'weight'], label);
  }
  registerWhere(whereOf(measure), [...at, 'where'], label, references, table);
}

/** Paths that the raw table keeps in fixed columns of its own. */
function reservedPaths(references: References): ReadonlyMap<string, string> {
  const reserved = new Map<string, string>();
  for (const role of ['time', 'tenant'] as const) {
    const path = references.role(role);
    if (path !== null) reserved.set(JSON.stringify(path), role);
  }
  return reserved;
}

function checkReserved(
  name: string,
  measure: MeasureInput,
  references: References,
  reserved: ReadonlyMap<string, string>,
  report: (finding: Finding) => void,
): void {
  const check = (written: string | readonly string[], path: Path, side: 'key' | 'value'): void => {
    const role = reserved.get(JSON.stringify(references.lookUp(written)));
    if (role === 'time')
      report({ path, at: side, found: 'the event time', expected: 'another path; the range of a query selects by time' });
    if (role === 'tenant') report({ path, at: side, found: 'the tenant', expected: 'another path; each tenant sees its own events only' });
  };
  if ('field' in measure) check(measure.field, ['measures', name, 'field'], 'value');
  if (measure.kind === 'top' && measure.weight !== undefined) check(measure.weight, ['measures', name, 'weight'], 'value');
  for (const key of Object.keys(whereOf(measure) ?? {})) check(key, ['measures', name, 'where', key], 'key');
}
