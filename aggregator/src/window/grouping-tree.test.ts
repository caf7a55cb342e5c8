import { describe, expect, it } from 'vitest';
import { loadDefinition } from '../definition/load.js';
import { GroupingTree } from './grouping-tree.js';

function treeOf(groupings: string): { readonly roots: string[]; readonly from: string[] } {
  const definition = loadDefinition({
    path: 'tree.yaml',
    text: `
name: tree
source: { http: {} }
event: { id: id, time: { path: ts, format: ms } }
dimensions: { a: { cap: 3 }, b: { cap: 3 }, c: { cap: 3 } }
measures: { events: { kind: count } }
groupings: ${groupings}
hot: { maxMemory: 0 }
auth: none
`,
  });
  const tree = new GroupingTree(definition);
  const nameOf = (position: number): string => tree.groupings[position].name;
  return { roots: tree.roots.map(nameOf).sort(), from: tree.derived.map((p) => `${nameOf(p)} < ${nameOf(tree.parentOf[p])}`) };
}

describe('the tree of groupings', () => {
  it('sums a grouping up from the coarsest one that has its dimensions, finer ones first', () => {
    const { roots, from } = treeOf('[[], [a], [b], [a, b], [a, b, c]]');
    expect(roots).toEqual(['all']);
    expect(from).toHaveLength(4);
    expect(from[0]).toMatch(/^a\W+b < all$/);
    expect(from.slice(1, 3).sort()).toEqual([expect.stringMatching(/^a < a\W+b$/), expect.stringMatching(/^b < a\W+b$/)]);
    expect(from[3]).toMatch(/^none < [ab]$/);
  });

  it('has several roots where no hot grouping contains the others', () => {
    const { roots, from } = treeOf('[[], [a], [a, b], [c], {dimensions: [b, c], hot: false}]');
    expect(roots).toHaveLength(2);
    expect(roots).toContain('c');
    expect(from).toHaveLength(2);
  });
});
