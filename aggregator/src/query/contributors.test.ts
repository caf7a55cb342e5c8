import { describe, expect, it } from 'vitest';
import { heaviest } from './contributors.js';
import { Bench, custom, M, NOW } from './engine.fixture.js';
import type { TestEvent } from './event-list.fixture.js';

const of = (values: Record<string, number>): Map<string, number> => new Map(Object.entries(values));

describe('contributors', () => {
  it('of a sum are the values with the largest part of the change, scaled to the episode', () => {
    // Five minutes against ten: 100 and 40 would have been 50 and 20.
    expect(heaviest('country', of({ DE: 350, FR: 30, US: 21 }), of({ DE: 100, FR: 40, US: 40 }), 0.5, true)).toEqual([
      { dimension: 'country', value: 'DE', now: 350, before: 50, change: 300, share: 300 / 311 },
    ]);
  });

  it('of a drop are those that fell', () => {
    const told = heaviest('device', of({ phone: 10, tv: 95 }), of({ phone: 100, tv: 100, tablet: 20 }), 1, true);
    expect(told.map(({ value, change }) => [value, change])).toEqual([
      ['phone', -90],
      ['tablet', -20],
    ]);
  });

  it('of a ratio have no share, and need a value before and during', () => {
    expect(heaviest('route', of({ '/a': 0.5, '/b': 0.1, '/new': 0.9 }), of({ '/a': 0.1, '/b': 0.1 }), 1, false)).toEqual([
      { dimension: 'route', value: '/a', now: 0.5, before: 0.1, change: 0.4, share: null },
    ]);
  });

  it('are none where nothing changed', () => {
    expect(heaviest('country', of({ DE: 5 }), of({ DE: 5 }), 1, true)).toEqual([]);
    expect(heaviest('country', of({}), of({}), 1, true)).toEqual([]);
  });
});

const MINUTE = NOW - (NOW % M);

/** Two events a minute of each country and device; in the last two minutes twenty from German phones. */
function burst(): TestEvent[] {
  const events: TestEvent[] = [];
  const rest = { tenant: 'shop', type: 'view', user: 'u', page: '/', amount: Number.NaN, latency: 1 };
  for (let minute = MINUTE - 40 * M; minute < MINUTE; minute += M) {
    for (const country of ['DE', 'FR']) {
      for (const device of ['phone', 'tv']) {
        const loud = country === 'DE' && device === 'phone' && minute >= MINUTE - 2 * M;
        for (let i = 0; i < (loud ? 20 : 2); i++) events.push({ ...rest, timeMs: minute + i * 1_000, country, device });
      }
    }
  }
  return events;
}

describe('a query of kind contributors', () => {
  const bench = new Bench(burst());
  const ask = async (query: object) => {
    const from = MINUTE - 2 * M;
    const body = { from, to: MINUTE, queries: [{ refId: 'A', kind: 'contributors', measure: 'views', ...query }] };
    const { results } = await bench.engine.run(bench.def.tenants[0], body, new AbortController().signal);
    return results['A'];
  };

  it('says which values made the change, by every dimension that no filter holds', async () => {
    const { status, frames } = await ask({});
    expect(status).toBe(200);
    const [dimensions, values, now, before, change, share] = frames[0].data.values;
    expect(frames[0].schema.fields.map(({ name }) => name)).toEqual(['dimension', 'value', 'now', 'before', 'change', 'share']);
    const rows = dimensions.map((dimension, row) => [dimension, values[row], now[row], before[row], change[row], share[row]]);
    expect(rows).toContainEqual(['country', 'DE', 44, 8, 36, 1]);
    expect(rows).toContainEqual(['device', 'phone', 44, 8, 36, 1]);
    const german = await ask({ filters: [{ dimension: 'country', value: 'DE' }] });
    expect(german.frames[0].data.values[0]).not.toContain('country');
    expect(german.frames[0].data.values[0]).toContain('device');
    // Of a dimension that is not kept together with the filter's nothing can be said.
    expect(german.frames[0].schema.meta.notices?.map(({ text }) => text).join()).toMatch(/^type was left out: .*no grouping/);
  });

  it.each([
    [{ measure: 'latency' }, 'STAT_MANY', 'queries[0].stat'],
    [{ measure: 'pages' }, 'NOT_A_NUMBER', 'queries[0].measure'],
    [{ dimensions: ['contry'] }, 'UNKNOWN_DIMENSION', 'queries[0].dimensions'],
    [{ before: 'long' }, 'INVALID_DURATION', 'queries[0].before'],
    [{ dimensions: ['type'], filters: [{ dimension: 'country', value: 'DE' }] }, 'NO_GROUPING', 'queries[0].groupBy'],
  ])('%j is refused: %s', async (query, code, path) => {
    const { status, frames } = await ask(query);
    expect(status).toBe(400);
    expect(custom(frames[0]).error).toMatchObject({ code, path });
  });
});
