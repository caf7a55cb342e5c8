// Turns what the schema refuses into findings for people, and cuts the refused parts out, so that the rest of the definition can
// still be cross-checked and every problem is reported in one go.

import type { z } from 'zod';
import { keysAt, type SchemaNode } from './json-schema.js';
import { nearest, show, type Finding, type Path } from './problem.js';
import { MEASURE_KINDS, definitionSchema, measureSchema, type DefinitionInput } from './schema.js';
import { secretAt } from './secrets.js';
import { variableName } from './variable-name.js';

/** Planned parts of the definition that this version does not have. */
const NOT_YET = new Set(['patterns', 'watches', 'privacy', 'enrich', 'source.registry', 'source.kafka.registry', 'source.kafka.format']);
const NOT_YET_FORMATS = new Set(['avro', 'protobuf', 'json-schema']);

/** What people write who know other systems. */
const KIND_WORDS: Readonly<Record<string, string>> = {
  average: 'avg',
  mean: 'avg',
  total: 'sum',
  distinct: 'unique',
  cardinality: 'unique',
  uniq: 'unique',
  percentile: 'quantiles',
  percentiles: 'quantiles',
  histogram: 'quantiles',
  summary: 'quantiles',
  topk: 'top',
  topn: 'top',
  percentage: 'ratio',
  counter: 'count',
};

/** Take the place of required sections that are missing or wrong, so that the others can be looked at. Never compiled. */
const STAND_INS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  name: { name: 'unnamed' },
  source: { source: { http: {} } },
  event: { event: { time: 'time' } },
  measures: { measures: {} },
};

export interface CheckedShape {
  /** null where too little is left to look further. */
  readonly input: DefinitionInput | null;
  readonly findings: readonly Finding[];
  /** Paths whose content was refused and is missing from `input`. */
  readonly removed: readonly Path[];
}

/** Checks the form of a definition (keys, types, bounds of single values). */
export function checkShape(value: unknown, schema: SchemaNode): CheckedShape {
  const findings: Finding[] = [];
  const removed: Path[] = [];
  let current = value;
  // Each round cuts out something, so a definition of n entries needs at most n rounds; real ones need two.
  for (let round = 0; round < 50; round++) {
    const result = definitionSchema.safeParse(current);
    if (result.success) return { input: result.data, findings, removed };
    const issues = result.error.issues.flatMap((issue) => unfold(issue, []));
    if (round === 0) findings.push(...findingsOf(issues, current, schema));
    const paths = issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
    );
    if (paths.some((path) => path.length === 0)) return { input: null, findings, removed };
    // Backwards, so that cutting an entry out of a list leaves the positions of those still to be cut.
    for (const path of paths.reverse()) {
      const isThere = valueAt(current, path) !== undefined;
      const victim = isThere || path.length === 1 ? path : path.slice(0, -1);
      removed.push(victim);
      current = isThere || path.length > 1 ? without(current, victim) : { ...asMap(current), ...STAND_INS[String(path[0])] };
    }
  }
  return { input: null, findings, removed };
}

type Issue = z.core.$ZodIssue & { path: (string | number)[] };

/** Unions report one list of issues per alternative: takes the alternative that was meant, if it is clear which. */
function unfold(issue: z.core.$ZodIssue, prefix: readonly (string | number)[]): Issue[] {
  const path = [...prefix, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const meant = issue.errors.filter((errors) => !errors.some(isOtherType));
    if (meant.length === 1) return meant[0].flatMap((inner) => unfold(inner, path));
  }
  return [{ ...issue, path }];
}

/** The value is not of this alternative's type at all. */
function isOtherType(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  return issue.code === 'invalid_type' || (issue.code === 'invalid_union' && issue.errors.every((errors) => errors.some(isOtherType)));
}

function findingsOf(issues: readonly Issue[], value: unknown, schema: SchemaNode): Finding[] {
  const findings: Finding[] = [];
  const misspelt = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    for (const key of issue.keys) {
      const finding = unknownKey(issue.path, key, valueAt(value, issue.path), schema);
      findings.push(finding);
      if (finding.suggestion !== null && finding.suggestion !== undefined)
        misspelt.add(JSON.stringify([...issue.path, finding.suggestion]));
    }
  }
  for (const issue of issues) {
    // A missing key whose misspelling was just reported is not a second problem.
    if (issue.code === 'unrecognized_keys' || misspelt.has(JSON.stringify(issue.path))) continue;
    findings.push(wrongValue(issue, value));
  }
  return findings;
}

function unknownKey(path: Path, key: string, container: unknown, schema: SchemaNode): Finding {
  const full = [...path, key];
  const secret = secretAt(full);
  if (secret !== null) {
    const variable = variableName(secret.path.map((part, at) => (part === '*' ? String(full[at]) : part)));
    return {
      path: full,
      at: 'key',
      found: 'a secret in the file',
      expected: `${secret.file}: a file that holds it, or the variable ${variable}`,
      suggestion: secret.file,
      secret: true,
    };
  }
  if (NOT_YET.has(full.join('.'))) {
    return { path: full, at: 'key', found: `the key ${key}`, expected: 'nothing here: it is not supported by this version' };
  }
  const valid = keysAt(schema, path, container);
  const suggestion = nearest(key, valid);
  const expected = valid.length === 0 ? 'no keys here' : `one of ${valid.join(', ')}`;
  const owners = path.length === 2 && path[0] === 'measures' ? kindsWith(key) : [];
  const note = owners.length > 0 ? ` (${key} belongs to measures of kind ${owners.join(', ')})` : '';
  return { path: full, at: 'key', found: `the unknown key ${key}`, expected: expected + note, suggestion };
}

function kindsWith(key: string): readonly string[] {
  return measureSchema.options.filter((option) => Object.hasOwn(option.shape, key)).map((option) => option.shape.kind.value);
}

function wrongValue(issue: Issue, value: unknown): Finding {
  const found = valueAt(value, issue.path);
  const base = { path: issue.path, at: 'value' as const, found: show(found) };
  if (issue.code === 'invalid_union' && issue.errors.length === 0) {
    const written = typeof found === 'string' ? found : '';
    const suggestion = KIND_WORDS[written.toLowerCase()] ?? nearest(written, MEASURE_KINDS);
    return { ...base, expected: `one of ${MEASURE_KINDS.join(', ')}`, suggestion };
  }
  if (issue.code === 'invalid_value') {
    const valid = issue.values.map(String);
    const isFormat = issue.path.join('.') === 'source.format' && typeof found === 'string' && NOT_YET_FORMATS.has(found);
    const expected = valid.length === 1 ? valid[0] : `one of ${valid.join(', ')}`;
    return {
      ...base,
      expected: isFormat ? `${expected} (${found} is not supported by this version)` : expected,
      suggestion: typeof found === 'string' && !isFormat ? nearest(found, valid) : null,
    };
  }
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    const wanted: Readonly<Record<string, string>> = { object: 'a map', record: 'a map', array: 'a list', string: 'a text' };
    return { ...base, expected: wanted[issue.expected] ?? issue.expected };
  }
  return { ...base, expected: issue.message };
}

/** undefined where nothing stands at the path. */
export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = Reflect.get(current, part);
  }
  return current;
}

function asMap(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

function without(value: unknown, path: Path): unknown {
  const [head, ...rest] = path;
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    return rest.length === 0 ? items.filter((_, at) => at !== head) : items.map((item, at) => (at === head ? without(item, rest) : item));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, child]) =>
      key !== String(head) ? [[key, child]] : rest.length > 0 ? [[key, without(child, rest)]] : [],
    ),
  );
}
