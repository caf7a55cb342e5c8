// Which combinations of dimensions are kept aggregated: how they are written, what is wrong with them, and what they compile to.

import type { Dimension, Grouping } from './model.js';
import { nearest, show, type Finding, type Path } from './problem.js';
import type { DefinitionInput } from './schema.js';

const MAX_GROUPINGS = 256;

interface Listed {
  /** Dimension names as written; `all` and `none` stand for themselves. */
  readonly keyword: 'all' | 'none' | null;
  readonly names: readonly string[];
  readonly hot: boolean;
  /** Where name i stands, below the grouping's own place. */
  readonly namePath: (position: number) => Path;
}

function listed(given: NonNullable<DefinitionInput['groupings']>[number]): Listed {
  if (typeof given === 'string') {
    const keyword = given === 'all' || given === 'none' ? given : null;
    return { keyword, names: keyword === null ? [given] : [], hot: keyword !== 'all', namePath: () => [] };
  }
  if (Array.isArray(given))
    return { keyword: given.length === 0 ? 'none' : null, names: given, hot: true, namePath: (position) => [position] };
  return { keyword: null, names: given.dimensions, hot: given.hot, namePath: (position) => ['dimensions', position] };
}

export function checkGroupings(input: DefinitionInput, isRemoved: (path: string) => boolean, report: (finding: Finding) => void): void {
  const dimensions = Object.keys(input.dimensions);
  const groupings = input.groupings ?? [];
  if (groupings.length > MAX_GROUPINGS) {
    report({ path: ['groupings'], at: 'key', found: `${groupings.length} groupings`, expected: `at most ${MAX_GROUPINGS}` });
  }
  const seen = new Map<string, number>();
  groupings.forEach((given, at) => {
    const { keyword, names, namePath } = listed(given);
    names.forEach((name, position) => {
      const path = ['groupings', at, ...namePath(position)];
      if (!dimensions.includes(name) && !isRemoved(`dimensions.${name}`)) {
        const valid = typeof given === 'string' ? [...dimensions, 'none', 'all'] : dimensions;
        const expected = `the name of a dimension: ${dimensions.join(', ') || 'there is none'}`;
        report({ path, at: 'value', found: show(name), expected, suggestion: nearest(name, valid) });
      } else if (names.indexOf(name) < position) {
        report({ path, at: 'value', found: `${name} a second time`, expected: 'each dimension once' });
      }
    });
    const key = keyword ?? JSON.stringify([...names].sort());
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      const expected = 'each combination once (the order of its dimensions does not matter)';
      report({ path: ['groupings', at], at: 'value', found: `the same grouping as entry ${earlier + 1}`, expected });
    }
    seen.set(key, at);
  });
}

/**
 * `none` first, then what is listed (or each dimension alone), then `all`. All are kept in the cold tier; `none` is always hot,
 * `all` only where the same dimensions are listed by name.
 */
export function compileGroupings(input: DefinitionInput, dimensions: readonly Dimension[]): readonly Grouping[] {
  const indexOf = new Map(dimensions.map((dimension) => [dimension.name, dimension.index]));
  const everything = dimensions.map((dimension) => dimension.index);
  const kept = new Map<string, { readonly subset: readonly number[]; readonly hot: boolean }>([['', { subset: [], hot: true }]]);
  let allIsHot = false;
  for (const given of input.groupings ?? dimensions.map((dimension) => [dimension.name])) {
    const { keyword, names, hot: isHot } = listed(given);
    const subset = names.flatMap((name) => indexOf.get(name) ?? []).sort((a, b) => a - b);
    if (keyword !== null || subset.length === 0) continue;
    if (subset.length === everything.length) allIsHot ||= isHot;
    else kept.set(subset.join(','), { subset, hot: isHot });
  }
  if (everything.length > 0) kept.set(everything.join(','), { subset: everything, hot: allIsHot });
  return [...kept.values()].map(({ subset, hot: isHot }, index): Grouping => {
    const name =
      subset.length === 0 ? 'none' : subset.length === everything.length ? 'all' : subset.map((at) => dimensions[at].name).join(',');
    return { index, name, dimensions: subset, hot: isHot };
  });
}
