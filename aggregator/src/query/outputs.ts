// A measure in the outputs that tiers are asked for: components with a statistic, and the formulas that make the measure of them.

import type { Definition, Measure } from '../definition/model.js';
import type { Formula, Stat } from './ask.js';
import type { Names } from './names.js';
import { quote, suggestion } from './problem.js';
import type { Output } from './tier-read.js';

/** Collects what tiers are asked; equal outputs are asked once. Output 0 counts events. */
export class Outputs {
  readonly list: Output[] = [{ component: 0, stat: 'value' }];

  add(output: Output): number {
    const key = JSON.stringify(output);
    const known = this.list.findIndex((candidate) => JSON.stringify(candidate) === key);
    return known >= 0 ? known : this.list.push(output) - 1;
  }
}

/** @throws QueryProblem UNKNOWN_STAT */
export function statsOf(names: Names, measure: Measure, asked: string | string[] | undefined, outputs: Outputs): Stat[] {
  const list = asked === undefined ? [] : typeof asked === 'string' ? [asked] : asked;
  if (measure.kind === 'quantiles') {
    const ready = measure.quantiles.map(quantileName);
    const wanted = list.length > 0 ? [...new Set(list)] : ready;
    return wanted.map((stat) => {
      const q = parseQuantile(stat);
      if (q === null) {
        throw names.problem(
          'UNKNOWN_STAT',
          'stat',
          `found ${quote(stat)}, expected a quantile of ${quote(measure.name)} such as p50 or p99.9.`,
          suggestion(stat, ready, 'quantile'),
        );
      }
      const output = outputs.add({ component: measure.components[0], stat: 'quantile', q });
      return { name: quantileName(q), formula: { op: 'output', output }, zeroWhenEmpty: false, additive: false };
    });
  }
  const other = list.find((stat) => stat !== 'value' && stat !== measure.kind);
  if (other !== undefined) {
    throw names.problem(
      'UNKNOWN_STAT',
      'stat',
      `found ${quote(other)}, but ${quote(measure.name)} is a ${measure.kind}.`,
      `Leave stat out, or use ${measure.kind}.`,
    );
  }
  const additive = measure.kind === 'count' || measure.kind === 'sum';
  return [
    { name: 'value', formula: formulaOf(names.def, measure, outputs), zeroWhenEmpty: additive || measure.kind === 'unique', additive },
  ];
}

function formulaOf(def: Definition, measure: Measure, outputs: Outputs): Formula {
  const value = (component: number): Formula => ({ op: 'output', output: outputs.add({ component, stat: 'value' }) });
  switch (measure.kind) {
    case 'unique':
      return { op: 'output', output: outputs.add({ component: measure.components[0], stat: 'estimate' }) };
    case 'avg':
      return { op: 'divide', numerator: value(measure.components[0]), denominator: value(measure.components[1]) };
    case 'ratio':
      return {
        op: 'divide',
        numerator: formulaOf(def, def.measures[measure.numerator], outputs),
        denominator: formulaOf(def, def.measures[measure.denominator], outputs),
      };
    default:
      return value(measure.components[0]);
  }
}

/** 0.95 → `p95`, 0.999 → `p99.9`. */
export function quantileName(q: number): string {
  return `p${Number((q * 100).toFixed(6))}`;
}

function parseQuantile(text: string): number | null {
  const match = /^p(\d{1,3}(?:\.\d{1,4})?)$/.exec(text);
  const percent = match === null ? NaN : Number(match[1]);
  return percent >= 0 && percent <= 100 ? Number((percent / 100).toFixed(8)) : null;
}
