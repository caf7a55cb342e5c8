import { describe, expect, it } from 'vitest';
import { emptyState } from '../flush/position.js';
import { coverageOf, SeenPositions, type ShardState } from './shard-state.js';

const shard = (
  expected: readonly string[],
  markers: Readonly<Record<string, readonly [offset: number, coverageFromMs: number]>>,
): ShardState => ({
  epoch: 'e',
  expected,
  markers: new Map(Object.entries(markers).map(([id, [offset, coverageFromMs]]) => [id, { state: emptyState(offset), coverageFromMs }])),
  bases: new Map(),
});

describe('coverage', () => {
  it('lets no partition that is not read any more hold anybody back, but is no older than its data', () => {
    const coverage = coverageOf([shard(['new/0'], { 'old/0': [7, 5_000], 'new/0': [3, 1_000] })], 'life');
    expect(coverage).toMatchObject({ fromMs: 5_000, missing: [] });
    expect([...coverage.partitions.keys()]).toEqual(['new/0']);
  });
});

describe('a store that went back', () => {
  const at = (offset: number) => coverageOf([shard(['a/0'], { 'a/0': [offset, 0] })], 'life');

  it('covers nothing until it stands again where it was seen, and says where it stands', () => {
    const seen = new SeenPositions();
    expect(seen.check(at(10)).fromMs).toBe(0);
    const behind = seen.check(at(6));
    expect(behind.fromMs).toBe(Number.POSITIVE_INFINITY);
    expect(behind.reason).toBe('The hot tier stands behind where it stood before in a/0 and is catching up.');
    expect(behind.partitions.get('a/0')?.offset).toBe(6);
    expect(seen.check(at(9)).fromMs).toBe(Number.POSITIVE_INFINITY);
    expect(seen.check(at(10)).fromMs).toBe(0);
  });

  it('is known to have gone back by a process that has not seen it itself but was told', () => {
    const seen = new SeenPositions();
    seen.raise(new Map([['a/0', 10]]));
    seen.raise(new Map([['a/0', 4]]));
    expect(seen.check(at(9)).fromMs).toBe(Number.POSITIVE_INFINITY);
    expect(seen.check(at(10)).fromMs).toBe(0);
  });

  it('is not one that was emptied on purpose', () => {
    const seen = new SeenPositions();
    seen.check(at(10));
    seen.forget();
    expect(seen.check(at(0)).fromMs).toBe(0);
  });
});
