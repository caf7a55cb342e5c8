// Evaluates an alert rule as Grafana's server does, for the expressions that our rules use: reduce, math and threshold over the answers
// of their queries. Series are matched by equal labels; an input without labels goes with every series.

import type { RuleQuery } from './grafana-provisioning.js';

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** One number where it is reduced. */
  readonly values: readonly (number | null)[];
}

export interface AnsweredFrame {
  readonly schema: { readonly fields: readonly { readonly type: string; readonly labels?: Readonly<Record<string, string>> }[] };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

/** Label sets for which the rule's condition holds. */
export type Firing = readonly Readonly<Record<string, string>>[];

/**
 * @param ask the frames of a query that goes to a data source
 * @throws Error where the rule uses an expression that is not known here
 */
export async function evaluateRule(
  rule: { readonly condition: string; readonly data: readonly RuleQuery[] },
  ask: (query: RuleQuery) => Promise<readonly AnsweredFrame[]>,
): Promise<Firing> {
  const results = new Map<string, readonly Series[]>();
  for (const query of rule.data) {
    const { model } = query;
    results.set(query.refId, query.datasourceUid === '__expr__' ? expression(model, results) : seriesOf(await ask(query)));
  }
  return (results.get(rule.condition) ?? []).flatMap(({ labels, values }) => (values[0] !== null && values[0] !== 0 ? [labels] : []));
}

function seriesOf(frames: readonly AnsweredFrame[]): Series[] {
  return frames.flatMap(({ schema, data }) =>
    schema.fields.flatMap((field, index) =>
      field.type === 'number'
        ? [{ labels: field.labels ?? {}, values: data.values[index].map((value) => (typeof value === 'number' ? value : null)) }]
        : [],
    ),
  );
}

function expression(model: Readonly<Record<string, unknown>>, results: ReadonlyMap<string, readonly Series[]>): readonly Series[] {
  const input = (): readonly Series[] => results.get(String(model['expression'])) ?? [];
  switch (model['type']) {
    case 'reduce':
      return input().map(({ labels, values }) => ({ labels, values: [reduced(String(model['reducer']), model['settings'], values)] }));
    case 'threshold': {
      const [{ evaluator }] = model['conditions'] as [{ evaluator: { type: string; params: number[] } }];
      return input().map(({ labels, values: [value] }) => ({
        labels,
        values: [value === null ? null : Number(exceeds(evaluator, value))],
      }));
    }
    case 'math':
      return math(String(model['expression']), results);
    default:
      throw new Error(`an expression of type ${String(model['type'])}`);
  }
}

function reduced(reducer: string, settings: unknown, given: readonly (number | null)[]): number | null {
  const { mode = '', replaceWithValue = 0 } = (settings ?? {}) as { mode?: string; replaceWithValue?: number };
  if (mode === '' && given.includes(null)) return null;
  const values = mode === 'replaceNN' ? given.map((value) => value ?? replaceWithValue) : given.filter((value) => value !== null);
  const sum = values.reduce((total, value) => total + value, 0);
  const sorted = [...values].sort((a, b) => a - b);
  switch (reducer) {
    case 'sum':
      return sum;
    case 'mean':
      return values.length === 0 ? null : sum / values.length;
    case 'median':
      return values.length === 0 ? null : (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
    case 'last':
      return values.at(-1) ?? null;
    default:
      throw new Error(`a reducer ${reducer}`);
  }
}

function exceeds({ type, params: [limit] }: { readonly type: string; readonly params: readonly number[] }, value: number): boolean {
  if (type === 'gt') return value > limit;
  if (type === 'lt') return value < limit;
  throw new Error(`an evaluator ${type}`);
}

/** Comparisons and products of numbers and references, joined by `&&`: `$now >= 150 && $now > 3 * $before`. */
function math(text: string, results: ReadonlyMap<string, readonly Series[]>): Series[] {
  const names = [...new Set([...text.matchAll(/\$(\w+)/g)].map(([, name]) => name))];
  const inputs = names.map((name) => results.get(name) ?? []);
  const labelled = inputs.flat().filter(({ labels }) => Object.keys(labels).length > 0);
  const sets = labelled.length > 0 ? distinct(labelled.map(({ labels }) => labels)) : [{}];
  return sets.map((labels) => {
    const numbers = new Map(
      names.map((name, index) => [name, inputs[index].find((one) => matches(one.labels, labels))?.values[0] ?? null]),
    );
    const parts = text.split('&&').map((part) => comparison(part.trim(), numbers));
    return { labels, values: [parts.includes(null) ? null : Number(parts.every((part) => part === true))] };
  });
}

function comparison(text: string, numbers: ReadonlyMap<string, number | null>): boolean | null {
  const [, left, operator, right] = /^(.+?)\s*(>=|>)\s*(.+)$/.exec(text) ?? [];
  if (operator === undefined) throw new Error(`a comparison ${text}`);
  const [a, b] = [left, right].map((side) =>
    side.split('*').reduce<number | null>((product, factor) => {
      const name = factor.trim();
      const value = name.startsWith('$') ? (numbers.get(name.slice(1)) ?? null) : Number(name);
      return product === null || value === null ? null : product * value;
    }, 1),
  );
  if (a === null || b === null) return null;
  return operator === '>=' ? a >= b : a > b;
}

function matches(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  return Object.keys(one).length === 0 || Object.entries(one).every(([name, value]) => other[name] === value);
}

function distinct(sets: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>>[] {
  return [...new Map(sets.map((labels) => [JSON.stringify(Object.entries(labels).sort()), labels])).values()];
}
