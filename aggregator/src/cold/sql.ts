// The only place where values become SQL text. Everything that stands in a statement and was not written in this folder
// goes through one of these functions; a property test sends hostile strings through the real engine and back.

import { TidemarkError } from '../errors.js';

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const CLUSTER = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const SPECIAL = /[\u0000-\u001f\u007f'\\]/g;

/** A string literal. Lone surrogates become U+FFFD, as everywhere where JavaScript strings turn into UTF-8. */
export function sqlString(value: string): string {
  return `'${value.replace(SPECIAL, escapeCharacter)}'`;
}

function escapeCharacter(character: string): string {
  if (character === "'" || character === '\\') {
    return `\\${character}`;
  }
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** `('a', 'b')`; an empty list is given a form that matches nothing by the caller. */
export function sqlStrings(values: readonly string[]): string {
  return `(${values.map(sqlString).join(', ')})`;
}

/** An integer literal. @throws TidemarkError invalid for anything that is not a safe integer */
export function sqlInt(value: number): string {
  if (!Number.isSafeInteger(value)) {
    throw new TidemarkError(
      'invalid',
      'COLD_BAD_NUMBER',
      `${value} is not an integer below 2^53`,
      'Ask for whole milliseconds and whole numbers.',
    );
  }
  return String(value === 0 ? 0 : value);
}

/** A float literal, finite. */
export function sqlFloat(value: number): string {
  if (!Number.isFinite(value)) {
    throw new TidemarkError('invalid', 'COLD_BAD_NUMBER', `${value} is not a finite number`, 'Ask for a finite number.');
  }
  return value.toString();
}

/** A quoted name of a table or column. @throws TidemarkError invalid where the name is not `[A-Za-z_][A-Za-z0-9_]*` */
export function identifier(name: string): string {
  if (!IDENTIFIER.test(name)) {
    throw new TidemarkError(
      'invalid',
      'COLD_BAD_NAME',
      `${JSON.stringify(name.slice(0, 80))} cannot be a name in ClickHouse`,
      'Use letters, digits and underscores, not starting with a digit, at most 128 characters.',
    );
  }
  return `\`${name}\``;
}

/** `ON CLUSTER '…'` or nothing. */
export function onCluster(cluster: string): string {
  return cluster === '' ? '' : ` ON CLUSTER ${clusterName(cluster)}`;
}

export function clusterName(cluster: string): string {
  if (!CLUSTER.test(cluster)) {
    throw new TidemarkError(
      'invalid',
      'COLD_BAD_CLUSTER',
      `${JSON.stringify(cluster.slice(0, 80))} cannot be the name of a cluster`,
      'Give cold.cluster the name that system.clusters lists.',
    );
  }
  return sqlString(cluster);
}
