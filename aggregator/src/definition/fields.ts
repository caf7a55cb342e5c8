// Which values are taken out of each event: one field per event path, however many dimensions, measures and conditions read it.
// Invariant: a path has one type. Field names are columns of the raw table, so they depend on the path alone and stay the same
// when a definition grows.

import { createHash } from 'node:crypto';
import type { Field, FieldId } from './model.js';
import { showPath } from './references.js';
import type { Finding, Path } from './problem.js';

/** Decimals kept of a number that no measure says more about. */
export const DEFAULT_DECIMALS = 3;
const MAX_DECIMALS = 9;
const MAX_NAME_CHARS = 56;

/** Columns that the raw table and the rollups have besides; fields keep clear of them. */
const FIXED_COLUMNS = new Set([
  'tenant',
  'topic',
  'partition',
  'offset',
  'time',
  'log_time',
  'bucket',
  'grouping',
  'minute',
  'hour',
  'day',
  'version',
  'revision',
]);
/** Component keys start with these, and name rollup columns. */
const COMPONENT_PREFIX = /^(count|sum|min|max|unique|quantiles|top)(_|$)/;

export type Need =
  | { readonly as: 'text'; readonly interned: boolean }
  | { readonly as: 'number'; readonly decimals: number | undefined }
  | { readonly as: 'time' }
  /** A condition: text or number, whatever the others say; alone it takes what its literals are. */
  | { readonly as: 'condition'; readonly literals: readonly (string | number | boolean)[] };

interface Use {
  readonly need: Need;
  /** Where in the definition, and in words. */
  readonly at: Path;
  readonly side: 'key' | 'value';
  readonly label: string;
}

interface Entry {
  readonly path: readonly string[];
  readonly uses: Use[];
}

export class FieldTable {
  readonly #entries = new Map<string, Entry>();
  #fields: readonly Field[] = [];
  readonly #ids = new Map<string, FieldId>();

  /** Registers that `path` is read. Order of first use is the order of the fields. */
  use(path: readonly string[], need: Need, at: Path, label: string, side: 'key' | 'value' = 'value'): void {
    const key = JSON.stringify(path);
    const entry = this.#entries.get(key) ?? { path, uses: [] };
    this.#entries.set(key, entry);
    entry.uses.push({ need, at, side, label });
  }

  /** Decides types, decimals and names; no `use` afterwards. */
  settle(report: (finding: Finding) => void): readonly Field[] {
    const names = columnNames([...this.#entries.values()].map((entry) => entry.path));
    this.#fields = [...this.#entries.entries()].map(([key, entry], index): Field => {
      this.#ids.set(key, index);
      const type = typeOf(entry, report);
      return {
        index,
        name: names[index],
        path: entry.path,
        type,
        decimals: type === 'number' ? decimalsOf(entry, report) : 0,
        interned: type === 'string' && isInterned(entry),
      };
    });
    return this.#fields;
  }

  /** -1 for null. */
  id(path: readonly string[] | null): FieldId {
    return path === null ? -1 : (this.#ids.get(JSON.stringify(path)) ?? -1);
  }

  field(path: readonly string[]): Field | null {
    return this.#fields[this.id(path)] ?? null;
  }

  /** Who reads the path, for messages. */
  labels(path: readonly string[]): readonly string[] {
    return (this.#entries.get(JSON.stringify(path))?.uses ?? []).map((use) => use.label);
  }
}

function typeOf(entry: Entry, report: (finding: Finding) => void): Field['type'] {
  const firm = entry.uses.filter((use) => use.need.as !== 'condition');
  const first = firm[0];
  if (first !== undefined) {
    for (const use of firm) {
      // A measure on the event time is refused by name in plan.ts; saying that it is no text would not help.
      if (use.need.as === first.need.as || (first.need.as === 'time' && use.at[0] === 'measures')) continue;
      report({
        path: use.at,
        at: use.side,
        found: `${showPath(entry.path)} as ${wording(use.need.as)}, while ${first.label} reads it as ${wording(first.need.as)}`,
        expected: 'one type per path: text (dimensions, ids, unique, top) or number (sum, min, max, avg, quantiles, weight)',
      });
    }
    return first.need.as === 'number' ? 'number' : first.need.as === 'time' ? 'time' : 'string';
  }
  const literals = entry.uses.flatMap((use) => (use.need.as === 'condition' ? use.need.literals : []));
  if (literals.some((literal) => typeof literal !== 'number')) return 'string';
  return literals.length > 0 ? 'number' : 'string';
}

function wording(as: Need['as']): string {
  return as === 'text' ? 'text' : as === 'number' ? 'a number' : as === 'time' ? 'the event time' : 'a condition';
}

function decimalsOf(entry: Entry, report: (finding: Finding) => void): number {
  const declared = entry.uses.flatMap(({ need }) => (need.as === 'number' && need.decimals !== undefined ? [need.decimals] : []));
  const isMeasured = entry.uses.some(({ need }) => need.as === 'number');
  const decimals = declared.length > 0 ? Math.max(...declared) : DEFAULT_DECIMALS;
  let needed = 0;
  for (const { need, at, side } of entry.uses) {
    if (need.as !== 'condition') continue;
    const digits = Math.max(0, ...need.literals.map((literal) => (typeof literal === 'number' ? decimalDigits(literal) : 0)));
    if (digits > (isMeasured ? decimals : MAX_DECIMALS)) {
      const limit = isMeasured
        ? `${decimals} decimals, as the measures on ${showPath(entry.path)} keep (raise their decimals)`
        : `${MAX_DECIMALS} decimals`;
      report({ path: at, at: side, found: `a number with ${digits} decimals`, expected: `at most ${limit}` });
    }
    needed = Math.max(needed, digits);
  }
  return isMeasured ? decimals : Math.min(MAX_DECIMALS, Math.max(DEFAULT_DECIMALS, needed));
}

/** Digits after the point: 0.05 has 2, 1e-7 has 7. */
export function decimalDigits(value: number): number {
  const [mantissa, exponent] = String(Math.abs(value)).split('e');
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent ?? 0));
}

/** Few values: dimensions and the like, and fields compared in conditions unless they are ids of something. */
function isInterned(entry: Entry): boolean {
  const texts = entry.uses.flatMap(({ need }) => (need.as === 'text' ? [need.interned] : []));
  if (texts.includes(true)) return true;
  return texts.length === 0 && entry.uses.some(({ need }) => need.as === 'condition' && need.literals.length > 0);
}

/**
 * Column names: the path's keys joined by `_`, made `[a-z_][a-z0-9_]*`; `event_` in front where it would meet a fixed column or
 * a component's. Where two paths come to the same name, one that is the name itself keeps it, the others get a hash of their path.
 */
function columnNames(paths: readonly (readonly string[])[]): readonly string[] {
  const plain = paths.map((path) => {
    const joined = path
      .join('_')
      .toLowerCase()
      .replaceAll(/[^a-z0-9_]+/g, '_');
    const name = /^[a-z_]/.test(joined) ? joined : `event_${joined}`;
    return FIXED_COLUMNS.has(name) || COMPONENT_PREFIX.test(name) ? `event_${name}` : name;
  });
  const owners = new Map<string, number>();
  plain.forEach((name, index) => {
    if (paths[index].length === 1 && paths[index][0] === name) owners.set(name, index);
  });
  return plain.map((name, index) => {
    const owner = owners.get(name);
    if (name.length <= MAX_NAME_CHARS && (owner === undefined || owner === index)) {
      owners.set(name, index);
      return name;
    }
    const hash = createHash('sha256').update(JSON.stringify(paths[index])).digest('hex').slice(0, 8);
    return `${name.slice(0, MAX_NAME_CHARS - 9)}_${hash}`;
  });
}
