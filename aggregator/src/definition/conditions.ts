// A measure's `where` as written into conditions on fields: literals in the field's type, numbers in its fixed point, in an order
// that does not depend on how they were written, so that equal conditions are found to be equal.

import type { Condition, Field, Where } from './model.js';
import { decimalDigits, type FieldTable } from './fields.js';
import { show, type Finding, type Path } from './problem.js';
import { showPath, type References } from './references.js';
import type { WhereInput } from './schema.js';

type Literal = string | number | boolean;
type ComparisonInput = Exclude<WhereInput[string], Literal | readonly Literal[]>;

/** A range over a text field is spelt out as its whole numbers, at most this many. */
const MAX_RANGE_VALUES = 1_000;
/** Largest fixed-point integer that a number field may hold. */
const MAX_FIXED_POINT = 2 ** 52;

/** Registers the paths that a where reads. */
export function registerWhere(where: WhereInput | undefined, at: Path, label: string, references: References, fields: FieldTable): void {
  for (const [key, test] of Object.entries(where ?? {})) {
    const here = [...at, key];
    const literals = literalsOf(test);
    fields.use(references.resolve(key, here, 'key'), { as: 'condition', literals }, here, label, 'key');
  }
}

/** @returns the conditions in canonical order; what does not fit is reported and left out */
export function compileWhere(
  where: WhereInput | undefined,
  at: Path,
  references: References,
  fields: FieldTable,
  report: (finding: Finding) => void,
): Where {
  const conditions: Condition[] = [];
  for (const [key, test] of Object.entries(where ?? {})) {
    // Names were already resolved, and misspellings reported, when the where was registered.
    const field = fields.field(references.lookUp(key));
    if (field === null) continue;
    conditions.push(...compileTest(field, test, [...at, key], report));
  }
  const order = (condition: Condition): string => JSON.stringify([condition.field, condition.op, condition.values]);
  const byText = new Map(conditions.map((condition) => [order(condition), condition]));
  return [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? []);
}

function compileTest(field: Field, test: WhereInput[string], at: Path, report: (finding: Finding) => void): Condition[] {
  if (!isComparison(test)) return oneOf(field, test, false, at, report);
  const conditions: Condition[] = [];
  if (Object.values(test).every((value) => value === undefined)) {
    report({ path: at, at: 'value', found: 'an empty comparison', expected: 'at least one of in, not, gt, gte, lt, lte, exists' });
  }
  if (test.in !== undefined) conditions.push(...oneOf(field, test.in, false, [...at, 'in'], report));
  if (test.not !== undefined) conditions.push(...oneOf(field, test.not, true, [...at, 'not'], report));
  if (test.exists !== undefined) conditions.push({ field: field.index, op: test.exists ? 'exists' : 'missing', values: [] });
  if (test.exists === false && Object.values(test).filter((value) => value !== undefined).length > 1) {
    report({
      path: [...at, 'exists'],
      at: 'value',
      found: 'false together with comparisons',
      expected: 'exists: false alone; a missing value fulfils no comparison',
    });
  }
  conditions.push(...range(field, test, at, report));
  return conditions;
}

function oneOf(
  field: Field,
  test: Literal | readonly Literal[],
  negated: boolean,
  at: Path,
  report: (finding: Finding) => void,
): Condition[] {
  const literals = Array.isArray(test) ? test : [test];
  const values: (string | number)[] = [];
  literals.forEach((literal: Literal, index) => {
    const place = Array.isArray(test) ? [...at, index] : at;
    if (field.type === 'string') values.push(String(literal));
    else if (typeof literal === 'number') values.push(...fixedPoint(field, literal, place, report));
    else
      report({
        path: place,
        at: 'value',
        found: show(literal),
        expected: `a number: ${showPath(field.path)} is read as a number by a measure`,
      });
  });
  const distinct = [...new Set(values)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (distinct.length === 0) return [];
  if (distinct.length === 1) return [{ field: field.index, op: negated ? '!=' : '=', values: distinct }];
  return [{ field: field.index, op: negated ? 'not in' : 'in', values: distinct }];
}

function range(field: Field, test: ComparisonInput, at: Path, report: (finding: Finding) => void): Condition[] {
  const bounds = (
    [
      ['>', 'gt'],
      ['>=', 'gte'],
      ['<', 'lt'],
      ['<=', 'lte'],
    ] as const
  ).flatMap(([op, key]) => {
    const value = test[key];
    return value === undefined ? [] : [{ op, key, value }];
  });
  if (bounds.length === 0) return [];
  const lower = Math.max(test.gt ?? -Infinity, test.gte ?? -Infinity);
  const upper = Math.min(test.lt ?? Infinity, test.lte ?? Infinity);
  if (lower > upper || (lower === upper && (test.gt === lower || test.lt === upper))) {
    report({ path: at, at: 'value', found: `a range from ${lower} to ${upper}`, expected: 'a range that some number can be in' });
    return [];
  }
  if (field.type === 'number') {
    return bounds.flatMap(({ op, key, value }) =>
      fixedPoint(field, value, [...at, key], report).map((fixed): Condition => ({ field: field.index, op, values: [fixed] })),
    );
  }
  // Text, e.g. a status code that is a dimension too: a bounded range of whole numbers is a list of texts.
  const first = test.gt === lower ? Math.floor(lower) + 1 : Math.ceil(lower);
  const last = test.lt === upper ? Math.ceil(upper) - 1 : Math.floor(upper);
  if (!Number.isFinite(first) || !Number.isFinite(last) || last - first + 1 > MAX_RANGE_VALUES || last < first) {
    report({
      path: at,
      at: 'value',
      found: `a range on ${showPath(field.path)}, which is text elsewhere`,
      expected: `both bounds, with 1 to ${MAX_RANGE_VALUES} whole numbers between them, such as {gte: 500, lt: 600}; or a list of values`,
    });
    return [];
  }
  const values = Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
  return oneOf(field, values, false, at, report);
}

function fixedPoint(field: Field, value: number, at: Path, report: (finding: Finding) => void): number[] {
  const fixed = Math.round(value * 10 ** field.decimals);
  if (Math.abs(fixed) <= MAX_FIXED_POINT) return decimalDigits(value) <= field.decimals ? [fixed] : [];
  report({
    path: at,
    at: 'value',
    found: String(value),
    expected: `a number of at most ${MAX_FIXED_POINT / 10 ** field.decimals} (with ${field.decimals} decimals)`,
  });
  return [];
}

function isComparison(test: WhereInput[string]): test is ComparisonInput {
  return typeof test === 'object' && !Array.isArray(test);
}

function literalsOf(test: WhereInput[string]): readonly Literal[] {
  if (!isComparison(test)) return Array.isArray(test) ? test : [test];
  const not = test.not === undefined ? [] : Array.isArray(test.not) ? test.not : [test.not];
  return [...(test.in ?? []), ...not, ...[test.gt, test.gte, test.lt, test.lte].filter((bound) => bound !== undefined)];
}
