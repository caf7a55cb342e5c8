// Which grouping can be summed up from which: a grouping's series are unions of the series of any grouping that has all of its
// dimensions. So events are counted in the finest groupings (the roots) alone, and the others follow when a flush is sealed.

import type { Definition, Grouping } from '../definition/model.js';

export class GroupingTree {
  /** The hot ones; a position is one in this list. */
  readonly groupings: readonly Grouping[];
  /** By position: the grouping it is summed up from, the coarsest that will do; -1 of a root. */
  readonly parentOf: readonly number[];
  /** Groupings that no other one contains: what events are added to. */
  readonly roots: readonly number[];
  /** The others, each after its parent. */
  readonly derived: readonly number[];

  constructor(definition: Definition) {
    const groupings = definition.groupings.filter((g) => g.hot);
    const width = (position: number): number => groupings[position].dimensions.length;
    const positions = groupings.map((_, position) => position);
    this.groupings = groupings;
    this.parentOf = groupings.map(({ dimensions }) => {
      const finer = positions.filter((p) => width(p) > dimensions.length && dimensions.every((d) => groupings[p].dimensions.includes(d)));
      return finer.reduce((best, p) => (best < 0 || width(p) < width(best) ? p : best), -1);
    });
    this.roots = positions.filter((p) => this.parentOf[p] < 0);
    this.derived = positions.filter((p) => this.parentOf[p] >= 0).sort((a, b) => width(b) - width(a));
  }
}
