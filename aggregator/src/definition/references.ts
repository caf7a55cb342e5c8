// What a name in a measure's field, weight or where means: an event role, a dimension, or a path in the event, in this order.
// `$.name` always means the path. A name that is a slip of the keyboard away from a role or dimension is refused instead of read
// as a path that no event has: such a measure would stay at zero for ever without a word.

import type { DefinitionInput } from './schema.js';
import { formatPath, type Finding, type Path } from './problem.js';

export const ROLES = ['id', 'time', 'type', 'user', 'session', 'tenant'] as const;
export type Role = (typeof ROLES)[number];

const MAX_DEPTH = 16;

export class References {
  readonly #roles = new Map<string, readonly string[]>();
  readonly #dimensions = new Map<string, readonly string[]>();
  readonly #report: (finding: Finding) => void;

  constructor(input: DefinitionInput, report: (finding: Finding) => void) {
    this.#report = report;
    for (const role of ROLES) {
      const given = input.event[role];
      if (given === undefined) continue;
      const isTimeMap = typeof given === 'object' && !Array.isArray(given);
      this.#roles.set(role, this.#parse(isTimeMap ? given.path : given, isTimeMap ? ['event', role, 'path'] : ['event', role]));
    }
    for (const [name, given] of Object.entries(input.dimensions)) {
      const isMap = typeof given === 'object' && given !== null;
      const path = isMap ? (given.path ?? [name]) : (given ?? [name]);
      this.#dimensions.set(
        name,
        this.#parse(path, isMap && given.path !== undefined ? ['dimensions', name, 'path'] : ['dimensions', name]),
      );
    }
  }

  /** The event path of a role; null where the definition leaves it out. */
  role(role: Role): readonly string[] | null {
    return this.#roles.get(role) ?? null;
  }

  dimension(name: string): readonly string[] {
    return this.#dimensions.get(name) ?? [name];
  }

  /**
   * @param written a name, a dotted path, or a list of keys
   * @param at where it stands in the definition
   */
  resolve(written: string | readonly string[], at: Path, side: 'key' | 'value'): readonly string[] {
    if (typeof written === 'string') {
      const known = this.#roles.get(written) ?? this.#dimensions.get(written);
      if (known !== undefined) return known;
      const slip = [...this.#roles.keys(), ...this.#dimensions.keys()].find((name) => isSlip(written, name));
      if (slip !== undefined) {
        this.#report({
          path: at,
          at: side,
          found: JSON.stringify(written),
          expected: `an event role or dimension (${[...this.#roles.keys(), ...this.#dimensions.keys()].join(', ')}), or $.${written} if the event really has this key`,
          suggestion: slip,
        });
        return splitPath(written);
      }
    }
    return this.#parse(written, at, side);
  }

  /** The same without a report: for names that `resolve` has already seen. */
  lookUp(written: string | readonly string[]): readonly string[] {
    if (typeof written !== 'string') return written;
    return this.#roles.get(written) ?? this.#dimensions.get(written) ?? splitPath(written);
  }

  #parse(written: string | readonly string[], at: Path, side: 'key' | 'value' = 'value'): readonly string[] {
    if (typeof written !== 'string') return written;
    const keys = splitPath(written);
    if (keys.some((key) => key === '' || key.trim() !== key)) {
      this.#report({ path: at, at: side, found: JSON.stringify(written), expected: 'keys joined by single dots, such as geo.country' });
    } else if (keys.some((key) => /[[\]*]/.test(key))) {
      this.#report({
        path: at,
        at: side,
        found: JSON.stringify(written),
        expected: 'a path through maps only; entries of lists cannot be read',
      });
    } else if (keys.length > MAX_DEPTH) {
      this.#report({ path: at, at: side, found: `${keys.length} keys`, expected: `at most ${MAX_DEPTH} keys` });
    }
    return keys;
  }
}

function splitPath(written: string): readonly string[] {
  return (written.startsWith('$.') ? written.slice(2) : written).split('.');
}

/** One letter too many, one missing, or two neighbours swapped, in a name of at least four letters. */
export function isSlip(written: string, name: string): boolean {
  if (written.length < 4 || name.length < 4 || written === name) return false;
  const [short, long] = written.length < name.length ? [written, name] : [name, written];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at++;
  if (short.length === long.length) {
    return short[at] === long[at + 1] && short[at + 1] === long[at] && short.slice(at + 2) === long.slice(at + 2);
  }
  return long.length === short.length + 1 && short.slice(at) === long.slice(at + 1);
}

/** An event path for people; keys that contain dots are quoted. */
export function showPath(path: readonly string[]): string {
  return path.some((key) => key.includes('.')) ? JSON.stringify(path) : formatPath(path);
}
