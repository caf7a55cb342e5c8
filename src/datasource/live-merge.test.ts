import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyLine, fieldKey, merge, trim, type Cell, type Line, type LineField, type Patch } from './live-merge';

const field = (name: string, labels: Record<string, string> = {}): LineField => ({ key: fieldKey(name, labels), name, labels });

const patchOf = (order: number, rows: Record<number, Record<string, Cell>>): Patch => {
  const names = [...new Set(Object.values(rows).flatMap((cells) => Object.keys(cells)))];
  const times = Object.keys(rows).map(Number);
  return {
    order,
    fields: names.map((name) => field(name)),
    timesMs: times,
    columns: names.map((name) => times.map((time) => rows[time][name] ?? null)),
  };
};

const read = (line: Line): Record<number, Record<string, Cell>> =>
  Object.fromEntries(
    line.timesMs.map((time, row) => [time, Object.fromEntries(line.fields.map(({ name }, at) => [name, line.columns[at][row]]))]),
  );

/** The rule said plainly: of all cells that were ever sent, the one of the highest order, and of equal orders the one applied last. */
function reference(patches: readonly Patch[]): Map<string, Cell> {
  const all = patches.flatMap((patch, applied) =>
    patch.timesMs.flatMap((time, row) =>
      patch.fields.map(({ key }, at) => ({
        cell: `${key}@${time}`,
        value: patch.columns[at][row] ?? null,
        order: patch.order,
        applied,
        row,
      })),
    ),
  );
  all.sort((a, b) => a.order - b.order || a.applied - b.applied || a.row - b.row);
  return new Map(all.map(({ cell, value }) => [cell, value]));
}

const anyPatch: fc.Arbitrary<Patch> = fc
  .record({
    order: fc.integer({ min: 0, max: 4 }),
    names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 0, maxLength: 4 }),
    timesMs: fc.array(
      fc.integer({ min: 0, max: 12 }).map((bucket) => bucket * 1_000),
      { maxLength: 8 },
    ),
  })
  .chain(({ order, names, timesMs }) =>
    fc
      .array(fc.array(fc.oneof(fc.integer(), fc.constant(null)), { minLength: timesMs.length, maxLength: timesMs.length }), {
        minLength: names.length,
        maxLength: names.length,
      })
      .map((columns) => ({ order, fields: names.map((name) => field(name)), timesMs, columns })),
  );

describe('merging history and live rows', () => {
  it('equals the plain rule for any patches in any order of arrival', () => {
    fc.assert(
      fc.property(fc.array(anyPatch, { maxLength: 6 }), (patches) => {
        const line = patches.reduce<Line>((sum, patch) => merge(sum, patch), emptyLine());
        const wanted = reference(patches);
        const times = [...line.timesMs];
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
        for (const [at, { key }] of line.fields.entries()) {
          for (const [row, time] of times.entries()) expect(line.columns[at][row]).toBe(wanted.get(`${key}@${time}`) ?? null);
        }
        const cells = new Set(line.fields.flatMap(({ key }) => times.map((time) => `${key}@${time}`)));
        for (const cell of wanted.keys()) expect(cells.has(cell)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing when the same patch comes twice', () => {
    fc.assert(
      fc.property(fc.array(anyPatch, { maxLength: 4 }), anyPatch, (before, patch) => {
        const once = merge(
          before.reduce<Line>((sum, one) => merge(sum, one), emptyLine()),
          patch,
        );
        expect(merge(once, patch)).toEqual(once);
      }),
    );
  });

  it('lets a changed row replace the old one, and adds new ones behind', () => {
    const history = merge(emptyLine(), patchOf(0, { 1000: { events: 5 }, 2000: { events: 1 } }));
    expect(read(merge(history, patchOf(1, { 2000: { events: 7 }, 3000: { events: 2 } })))).toEqual({
      1000: { events: 5 },
      2000: { events: 7 },
      3000: { events: 2 },
    });
  });

  it('does not let an answer that was asked for before a live row undo it', () => {
    const live = merge(emptyLine(), patchOf(2, { 2000: { events: 9 } }));
    expect(read(merge(live, patchOf(1, { 1000: { events: 4 }, 2000: { events: 3 } })))).toEqual({
      1000: { events: 4 },
      2000: { events: 9 },
    });
  });

  it('keeps series apart that have one name and other labels, and fills new ones with nothing', () => {
    const history = merge(emptyLine(), { order: 0, fields: [field('events', { country: 'DE' })], timesMs: [1000], columns: [[1]] });
    const line = merge(history, {
      order: 1,
      fields: [field('events', { country: 'AT' }), field('events', { country: 'DE' })],
      timesMs: [2000],
      columns: [[8], [2]],
    });
    expect(line.fields.map(({ labels }) => labels['country'])).toEqual(['DE', 'AT']);
    expect(line.columns).toEqual([
      [1, 2],
      [null, 8],
    ]);
  });

  it('never changes the line it was given', () => {
    const history = merge(emptyLine(), patchOf(0, { 1000: { events: 5 } }));
    const before = structuredClone(history);
    merge(history, patchOf(1, { 1000: { events: 6, errors: 1 }, 500: { events: 1 } }));
    expect(history).toEqual(before);
  });

  it('trims to a range, both ends included', () => {
    const line = merge(emptyLine(), patchOf(0, { 1000: { a: 1 }, 2000: { a: 2 }, 3000: { a: 3 }, 4000: { a: 4 } }));
    expect(read(trim(line, 2000, 3000))).toEqual({ 2000: { a: 2 }, 3000: { a: 3 } });
    expect(trim(line, 0, 9000)).toBe(line);
    expect(trim(line, 9000, 9999).timesMs).toEqual([]);
  });
});
