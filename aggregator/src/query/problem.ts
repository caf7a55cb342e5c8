// What is wrong with a query, in the form that goes out to people: code, sentence, remedy, and where it stands.
// Every check of the query room throws QueryProblem; nothing else of an error's inside is ever shown to a client.

import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { TidemarkError, type ErrorClass } from '../errors.js';

/** The body of an error as clients see it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly refId?: string;
  /** Where in the request, e.g. `queries[0].filters[1].op`. */
  readonly path?: string;
}

export interface ProblemPlace {
  readonly refId?: string;
  readonly path?: string;
}

/** A query that cannot be answered as it was asked. */
export class QueryProblem extends TidemarkError {
  readonly refId: string | undefined;
  readonly path: string | undefined;

  constructor(errorClass: ErrorClass, code: string, message: string, remedy: string, place: ProblemPlace = {}) {
    super(errorClass, code, message, remedy);
    this.name = 'QueryProblem';
    this.refId = place.refId;
    this.path = place.path;
  }
}

export function invalid(code: string, message: string, remedy: string, place: ProblemPlace = {}): QueryProblem {
  return new QueryProblem('invalid', code, message, remedy, place);
}

/** HTTP status of an error class; also the per-refId status inside an answer. 499 is the customary 'client closed request'. */
export function statusOf(error: unknown): number {
  if (!(error instanceof TidemarkError)) return 500;
  switch (error.errorClass) {
    case 'invalid':
      return 400;
    case 'limit':
      return error.code.startsWith('QUOTA_') ? 429 : 400;
    case 'deadline':
      return 504;
    case 'cancelled':
      return 499;
    case 'unavailable':
    case 'retryable':
    case 'unknown_outcome':
    case 'fenced':
      return 503;
    case 'fatal':
      return 500;
  }
}

/** The outside form of any error. What is not ours to explain is called an internal error; its text stays in the log. */
export function problemOf(error: unknown, place: ProblemPlace = {}): Problem {
  if (!(error instanceof TidemarkError)) {
    return {
      code: 'INTERNAL',
      message: 'Something failed inside the aggregator.',
      remedy: 'Look for the request id in the log.',
      ...place,
    };
  }
  const refId = error instanceof QueryProblem && error.refId !== undefined ? error.refId : place.refId;
  const path = error instanceof QueryProblem && error.path !== undefined ? error.path : place.path;
  return {
    code: error.code,
    message: error.message,
    remedy: error.remedy,
    ...(refId === undefined ? {} : { refId }),
    ...(path === undefined ? {} : { path }),
  };
}

/** The candidate that was probably meant, or null when none is near (at most a third of the letters differ). */
export function nearest(found: string, candidates: readonly string[]): string | null {
  if (candidates.length === 0 || found === '' || found.length > 200) return null;
  const lower = found.toLowerCase();
  const best = closest(lower, candidates);
  const budget = Math.max(2, Math.floor(Math.max(best.length, found.length) / 3));
  if (distance(lower, best.toLowerCase()) <= budget) return best;
  const inside = lower.length < 3 ? undefined : candidates.find((name) => name.toLowerCase().includes(lower));
  return inside ?? null;
}

/** 'Did you mean x?' and the list of what there is, cut to a readable length. */
export function suggestion(found: string, candidates: readonly string[], what: string): string {
  const best = nearest(found, candidates);
  const listed = candidates.slice(0, 12).join(', ') + (candidates.length > 12 ? `, and ${candidates.length - 12} more` : '');
  const all = candidates.length === 0 ? `There is no ${what} at all.` : `Known: ${listed}.`;
  return best === null ? all : `Did you mean ${quote(best)}? ${all}`;
}

/** A found value in a message: quoted, cut, and never more than a line. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : value === undefined ? 'nothing' : describe(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'an object' : typeof value;
}

/** `queries[0].filters[1].op` from a list of keys. */
export function pathText(keys: readonly PropertyKey[]): string {
  let text = '';
  for (const key of keys) text += typeof key === 'number' ? `[${key}]` : `${text === '' ? '' : '.'}${String(key)}`;
  return text;
}

/**
 * The first problem that a schema found, with what stands there and what was expected.
 * @param input what was parsed: issues name only places
 * @param allowed keys that the schema knows at a place, for the nearest spelling; none where they are not worth listing
 */
export function problemOfSchema(
  error: z.ZodError,
  input: unknown,
  prefix: string,
  allowed: (path: readonly PropertyKey[]) => readonly string[],
  refId?: string,
): QueryProblem {
  const issue = misspelt(error.issues) ?? deepest(error.issues);
  const found = valueAt(input, issue.path);
  const inner = pathText(issue.path);
  const at = prefix === '' ? inner : inner === '' ? prefix : `${prefix}${inner.startsWith('[') ? '' : '.'}${inner}`;
  const place = { path: at, ...(refId === undefined ? {} : { refId }) };
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const path = at === '' ? key : `${at}.${key}`;
    const names = allowed(issue.path);
    const hint = names.length > 0 ? suggestion(key, names, 'field') : 'Remove it.';
    return invalid('UNKNOWN_FIELD', `${path}: there is no field ${quote(key)} here.`, hint, { ...place, path });
  }
  const expected = expectation(issue);
  const where = at === '' ? 'The body' : at;
  return invalid('INVALID_FIELD', `${where}: found ${quote(found)}, expected ${expected.what}.`, expected.hint(found), place);
}

type Issue = z.core.$ZodIssue;

/** A required field that is missing and an unknown one beside it are one mistake, and the unknown one's name says which. */
function misspelt(issues: readonly Issue[]): Issue | null {
  return issues.find((issue) => issue.code === 'unrecognized_keys' && issue.path.length === deepest(issues).path.length - 1) ?? null;
}

/** Of a union's branches the one that got furthest says most. */
function deepest(issues: readonly Issue[]): Issue {
  const first = issues[0];
  if (first.code !== 'invalid_union' || first.errors.length === 0) return first;
  let best: Issue | null = null;
  for (const branch of first.errors) {
    const candidate = branch.length > 0 ? deepest(branch) : null;
    if (candidate !== null && candidate.path.length > (best?.path.length ?? 0)) best = candidate;
  }
  return best === null ? first : { ...best, path: [...first.path, ...best.path] };
}

function expectation(issue: Issue): { readonly what: string; readonly hint: (found: unknown) => string } {
  const none = (): string => 'Correct the field and ask again.';
  switch (issue.code) {
    case 'invalid_value': {
      const names = issue.values.map(String);
      return {
        what: `one of ${names.join(', ')}`,
        hint: (found) => (typeof found === 'string' ? suggestion(found, names, 'value') : none()),
      };
    }
    case 'invalid_type':
      return { what: `${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`, hint: none };
    case 'too_small':
      return {
        what: `at least ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`,
        hint: none,
      };
    case 'too_big':
      return {
        what: `at most ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`,
        hint: none,
      };
    case 'invalid_union': {
      const kinds = new Set(
        issue.errors
          .flat()
          .flatMap((inner) =>
            inner.code === 'invalid_type' ? [inner.expected] : inner.code === 'invalid_value' ? inner.values.map(String) : [],
          ),
      );
      return { what: kinds.size > 0 ? [...kinds].join(' or ') : 'another form', hint: none };
    }
    default:
      return { what: issue.message, hint: none };
  }
}

/** What a length counts; '' for numbers. */
function unitOf(origin: string, count: number | bigint): string {
  const unit = origin === 'string' ? ' character' : origin === 'array' ? ' element' : '';
  return unit === '' || count === 1 ? unit : `${unit}s`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
