// Conditions and fields of events as SQL over the raw table. Invariant: the same decisions as the window room's, row by row:
// a missing field ('' or NULL) matches nothing but `missing`.

import type { Condition, Definition, Field, Where } from '../definition/model.js';
import type { Filter } from '../query/tier-read.js';
import { identifier, sqlInt, sqlString, sqlStrings } from './sql.js';

/** Raw column of a field; the event's time and tenant stand under names of their own. */
export function rawColumn(definition: Definition, field: number): string {
  if (field === definition.event.time) {
    return '`time`';
  }
  if (field === definition.event.tenant) {
    return '`tenant`';
  }
  return identifier(definition.fields[field].name);
}

/** Name under which subqueries over raw events hand on a field: never collides with another column. */
export function fieldAlias(field: number): string {
  return `f${field}`;
}

export function isText(field: Field): boolean {
  return field.type === 'string';
}

/** SQL over field aliases: true where the field is present. */
export function present(definition: Definition, field: number): string {
  const { type } = definition.fields[field];
  return type === 'string' ? `${fieldAlias(field)} != ''` : type === 'number' ? `${fieldAlias(field)} IS NOT NULL` : '1';
}

/** A field's value as a plain Int64 or String; to be used under `present`. */
export function presentValue(definition: Definition, field: number): string {
  const { type } = definition.fields[field];
  if (type === 'string') {
    return `CAST(${fieldAlias(field)} AS String)`;
  }
  return type === 'number' ? `assumeNotNull(${fieldAlias(field)})` : `toUnixTimestamp64Milli(${fieldAlias(field)})`;
}

/** Conjunction of conditions and further terms over field aliases; `1` when there is none. Never NULL. */
export function allOf(definition: Definition, where: Where, further: readonly string[] = []): string {
  const terms = [...where.map((condition) => conditionSql(definition, condition)), ...further].filter((term) => term !== '1');
  return terms.length === 0 ? '1' : terms.map((term) => `(${term})`).join(' AND ');
}

/** Fields that conditions look at. */
export function fieldsOf(where: Where): readonly number[] {
  return where.map((condition) => condition.field);
}

function conditionSql(definition: Definition, condition: Condition): string {
  const field = definition.fields[condition.field];
  const there = present(definition, condition.field);
  if (condition.op === 'exists') {
    return there;
  }
  if (condition.op === 'missing') {
    return `NOT (${there})`;
  }
  const value = isText(field) ? fieldAlias(condition.field) : presentValue(definition, condition.field);
  const literals = condition.values.map((v) => (typeof v === 'string' ? sqlString(v) : sqlInt(v)));
  if (condition.op === 'in' || condition.op === 'not in') {
    if (literals.length === 0) {
      return condition.op === 'in' ? '0' : there;
    }
    return `(${there}) AND ${value} ${condition.op === 'in' ? 'IN' : 'NOT IN'} (${literals.join(', ')})`;
  }
  return `(${there}) AND ${value} ${condition.op} ${literals[0]}`;
}

/**
 * A query's filter over a column of dimension values, where a missing value is an ordinary ''.
 * Patterns are RE2 and unanchored, as Go's.
 */
export function filterSql(column: string, filter: Filter): string {
  const first = filter.values[0] ?? '';
  switch (filter.op) {
    case '=':
      return `${column} = ${sqlString(first)}`;
    case '!=':
      return `${column} != ${sqlString(first)}`;
    case 'in':
      return filter.values.length === 0 ? '0' : `${column} IN ${sqlStrings(filter.values)}`;
    case 'not in':
      return filter.values.length === 0 ? '1' : `${column} NOT IN ${sqlStrings(filter.values)}`;
    case '=~':
      return `match(${column}, ${sqlString(first)})`;
    case '!~':
      return `NOT match(${column}, ${sqlString(first)})`;
  }
}
