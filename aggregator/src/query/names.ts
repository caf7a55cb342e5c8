// The names of one query, looked up in the definition. Every refusal names the field, what was found and the nearest valid name.

import { RE2JS } from 're2js';
import type { Definition, Measure } from '../definition/model.js';
import { invalid, quote, suggestion, type QueryProblem } from './problem.js';
import type { FilterInput } from './request.js';
import type { Filter } from './tier-read.js';
import { formatDuration, parseDuration } from './time-expression.js';

/** Looks names up and makes the problems of one query. */
export class Names {
  constructor(
    readonly def: Definition,
    readonly refId: string,
    readonly at: string,
  ) {}

  problem(code: string, field: string, message: string, remedy: string): QueryProblem {
    const path = `${this.at}.${field}`;
    return invalid(code, `${path}: ${message}`, remedy, { refId: this.refId, path });
  }

  measure(name: string): Measure {
    const measure = this.def.measures.find((candidate) => candidate.name === name);
    if (measure !== undefined) return measure;
    const known = this.def.measures.map((candidate) => candidate.name);
    throw this.problem('UNKNOWN_MEASURE', 'measure', `there is no measure ${quote(name)}.`, suggestion(name, known, 'measure'));
  }

  dimension(name: string, field: string): number {
    const dimension = this.def.dimensions.find((candidate) => candidate.name === name);
    if (dimension !== undefined) return dimension.index;
    const known = this.def.dimensions.map((candidate) => candidate.name);
    throw this.problem('UNKNOWN_DIMENSION', field, `there is no dimension ${quote(name)}.`, suggestion(name, known, 'dimension'));
  }

  dimensions(names: readonly string[], field: string): number[] {
    const found = names.map((name, index) =>
      this.dimension(name, names.length === 1 && field !== 'groupBy' ? field : `${field}[${index}]`),
    );
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw this.problem('DIMENSION_TWICE', field, `${quote(twice)} is named twice.`, 'Name each dimension once.');
    return found;
  }

  duration(text: string, field: string): number {
    const parsed = parseDuration(text);
    if (!parsed.ok)
      throw this.problem(
        'INVALID_DURATION',
        field,
        `found ${quote(text)}, expected ${parsed.expected}.`,
        `For example ${formatDuration(300_000)}.`,
      );
    return parsed.value;
  }

  filters(inputs: readonly FilterInput[]): Filter[] {
    return inputs.map((input, index) => {
      const field = `filters[${index}]`;
      const dimension = this.dimension(input.dimension, `${field}.dimension`);
      if (input.value !== undefined && input.values !== undefined) {
        throw this.problem('VALUE_TWICE', field, 'both value and values are given.', 'Give one of them.');
      }
      const values = (input.values ?? (input.value === undefined ? [] : [input.value])).map(String);
      const many = input.op === 'in' || input.op === 'not in';
      if (values.length === 0) {
        throw this.problem(
          'VALUE_MISSING',
          `${field}.${many ? 'values' : 'value'}`,
          'found nothing, expected a value.',
          'To match events without the dimension, give an empty string.',
        );
      }
      if (!many && values.length > 1) {
        throw this.problem(
          'VALUE_MANY',
          `${field}.values`,
          `found ${values.length} values, but ${input.op} takes one.`,
          `Use op: '${input.op.startsWith('!') ? 'not in' : 'in'}'.`,
        );
      }
      if (input.op === '=~' || input.op === '!~') this.#checkPattern(values[0], `${field}.value`);
      return { dimension, op: input.op, values: many ? [...new Set(values)].sort() : values };
    });
  }

  #checkPattern(pattern: string, field: string): void {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it does not parse';
      throw this.problem(
        'INVALID_PATTERN',
        field,
        `${quote(pattern)} is not an RE2 pattern: ${reason.slice(0, 160)}.`,
        'RE2 has no look-around and no back-references.',
      );
    }
  }
}
