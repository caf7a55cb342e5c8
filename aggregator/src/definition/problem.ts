// What is wrong with a definition, for people: each problem says where it stands, what was found, what was expected and the
// nearest valid name. All of them are collected before the start is refused; nothing is fixed silently.

import { distance } from 'fastest-levenshtein';
import { TidemarkError } from '../errors.js';

/** Keys from the root of the definition to a value; numbers are list positions. */
export type Path = readonly (string | number)[];

export interface Problem {
  /** The file as it was named by the caller, or the name of the environment variable. */
  readonly file: string;
  /** 1-based; 0 when the problem is in the environment. */
  readonly line: number;
  readonly column: number;
  /** Dotted, e.g. `measures.revenue.field`; '' for the whole definition. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  /** The nearest valid spelling, or null when nothing is near. */
  readonly suggestion: string | null;
  /** The line as it stands in the file, '' where it must not be shown (secrets) or there is none. */
  readonly excerpt: string;
}

/** A problem before it was given its place in the file. */
export interface Finding {
  readonly path: Path;
  /** key: points at the key (unknown or misnamed); value: at the value, or at the nearest thing around it that is there. */
  readonly at: 'key' | 'value';
  readonly found: string;
  readonly expected: string;
  readonly suggestion?: string | null;
  /** True: the line holds a secret and is not repeated. */
  readonly secret?: boolean;
}

/** Every problem of a definition at once. `message` is a readable block; `problems` is the same for programs. */
export class DefinitionError extends TidemarkError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    const files = [...new Set(problems.filter((problem) => problem.line > 0).map((problem) => problem.file))];
    const where = files.length > 0 ? files.join(', ') : 'the environment';
    super(
      'invalid',
      'DEFINITION_INVALID',
      `The definition has ${count} (${where}).\n\n${problems.map(formatProblem).join('\n\n')}\n`,
      'Correct the places named and start again; `tidemark check` checks without starting.',
    );
    this.name = 'DefinitionError';
    this.problems = problems;
  }
}

/** One problem as a block of lines, without a newline at the end. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : `environment ${problem.file}`;
  const lines = [problem.path === '' ? place : `${place}  ${problem.path}`];
  if (problem.excerpt !== '' && problem.line > 0) {
    const gutter = String(problem.line).length;
    lines.push(`  ${problem.line} | ${problem.excerpt}`, `  ${' '.repeat(gutter)} | ${' '.repeat(Math.max(0, problem.column - 1))}^`);
  }
  lines.push(`  found:    ${problem.found}`, `  expected: ${problem.expected}`);
  if (problem.suggestion !== null) lines.push(`  nearest:  ${problem.suggestion}`);
  return lines.join('\n');
}

/** A path as people read it: `measures.revenue.where.status`, list positions as `topics[0]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  return text;
}

/**
 * The valid name nearest to what was written, by edit distance; case, `-` and `_` do not count.
 * @returns null when nothing is near: more than a third of the letters (at least one, at most four) would have to change.
 */
export function nearest(written: string, valid: Iterable<string>): string | null {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '');
  const target = plain(written);
  let best: string | null = null;
  let bestDistance = Math.min(4, Math.max(1, Math.ceil(target.length / 3))) + 1;
  for (const name of valid) {
    const steps = distance(target, plain(name));
    if (steps < bestDistance) {
      best = name;
      bestDistance = steps;
    }
  }
  return best;
}

/** A value for the `found` line: short, one line, with its type where that is what is wrong. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}…` : value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') {
    const keys = Object.keys(value);
    return keys.length === 0 ? 'an empty map' : `a map with ${keys.slice(0, 6).join(', ')}${keys.length > 6 ? ', …' : ''}`;
  }
  return String(value);
}
