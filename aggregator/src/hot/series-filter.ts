// Which series of a grouping a read is about: its filters compiled, and, where the filters name every value, the series
// themselves without asking the store for a list.

import { RE2JS } from 're2js';
import type { Definition, Grouping } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Filter, TierRead } from '../query/tier-read.js';

type ValueTest = (value: string) => boolean;

/** Named series are looked up one by one up to this many. */
const MAX_NAMED_SERIES = 1_000;

export interface SeriesFilter {
  readonly matches: (values: readonly string[]) => boolean;
  /** All series that could match, when the filters name them; null: list them. */
  readonly named: readonly (readonly string[])[] | null;
}

/** @throws TidemarkError invalid on a filter outside the grouping or a pattern that is not RE2 */
export function compileFilters(definition: Definition, read: TierRead): SeriesFilter {
  const grouping = definition.groupings[read.grouping];
  const tests: { readonly position: number; readonly test: ValueTest }[] = read.filters.map((filter) => ({
    position: positionOf(definition, grouping, filter.dimension),
    test: compileFilter(definition, filter),
  }));
  const matches = (values: readonly string[]): boolean => tests.every(({ position, test }) => test(values[position]));
  return { matches, named: nameSeries(grouping, read.filters, matches) };
}

/** Position of a dimension among a grouping's. @throws TidemarkError invalid */
export function positionOf(definition: Definition, grouping: Grouping, dimension: number): number {
  const position = grouping.dimensions.indexOf(dimension);
  if (position < 0) {
    throw new TidemarkError(
      'invalid',
      'HOT_READ_DIMENSION',
      `The grouping ${grouping.name} does not keep ${definition.dimensions[dimension]?.name ?? `dimension ${dimension}`}.`,
    );
  }
  return position;
}

function compileFilter(definition: Definition, { dimension, op, values }: Filter): ValueTest {
  const set = new Set(values);
  switch (op) {
    case '=':
    case 'in':
      return (value) => set.has(value);
    case '!=':
    case 'not in':
      return (value) => !set.has(value);
    case '=~':
    case '!~': {
      const pattern = compilePattern(values[0] ?? '', definition.dimensions[dimension].name);
      const wanted = op === '=~';
      // Series share few distinct values.
      const known = new Map<string, boolean>();
      return (value) => {
        let found = known.get(value);
        if (found === undefined) {
          found = pattern.matcher(value).find();
          known.set(value, found);
        }
        return found === wanted;
      };
    }
  }
}

function compilePattern(pattern: string, dimension: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TidemarkError(
      'invalid',
      'INVALID_PATTERN',
      `The filter on ${dimension} is not a regular expression: ${why}`,
      'Patterns are RE2 (as in Go); look-around and back references do not exist there.',
      {
        cause: error,
      },
    );
  }
}

function nameSeries(grouping: Grouping, filters: readonly Filter[], matches: SeriesFilter['matches']): SeriesFilter['named'] {
  let named: string[][] = [[]];
  for (const dimension of grouping.dimensions) {
    const filter = filters.find((f) => f.dimension === dimension && (f.op === '=' || f.op === 'in'));
    if (filter === undefined || named.length * filter.values.length > MAX_NAMED_SERIES) {
      return null;
    }
    const values = [...new Set(filter.values)];
    named = named.flatMap((start) => values.map((value) => [...start, value]));
  }
  return named.filter(matches);
}
