import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf } from '../decode/definition.fixture.js';
import { createJsonDecoder } from '../decode/json-decoder.js';
import { loadDefinition } from '../definition/load.js';
import { DdSketchReader } from '../sketch/ddsketch.js';
import { HeavyHittersReader } from '../sketch/heavy-hitters.js';
import { HyperLogLogReader } from '../sketch/hyperloglog.js';
import { RunEncoder } from '../sketch/runs.js';
import { EventUpdates } from './component-plan.js';
import type { Resolution, SeriesDelta } from './flush-batch.js';
import { GroupingTree } from './grouping-tree.js';
import type { Fold } from './pane-rollup.js';
import { sealPanes } from './pane-seal.js';
import { Panes } from './panes.js';
import { tenantValueKey } from './raw-columns.js';
import { SketchLog } from './sketch-log.js';

const YAML = `
name: panes
source: { http: {} }
event: { id: id, time: { path: ts, format: ms }, user: user }
dimensions: { country: { cap: 3 }, device: { cap: 3 }, plan: { cap: 3 } }
measures:
  events: { kind: count }
  spent: { kind: sum, field: amount, decimals: 0 }
  least: { kind: min, field: amount, decimals: 0 }
  most: { kind: max, field: amount, decimals: 0 }
  paid: { kind: count, where: { amount: { gt: 0 } } }
  users: { kind: unique, field: user }
  amounts: { kind: quantiles, field: amount, decimals: 0, quantiles: [0.5] }
  pages: { kind: top, field: page, limit: 5 }
  earners: { kind: top, field: page, weight: amount, decimals: 0, limit: 5, where: { amount: { gt: 0 } } }
groupings: [[], [country], [country, device], [country, device, plan], all]
auth: none
`;
const T0_MS = 1_700_000_000_000 - (1_700_000_000_000 % 60_000);

interface TestEvent {
  readonly atMs: number;
  readonly resolution: Resolution;
  readonly country: string;
  readonly device: string;
  readonly plan: string;
  readonly user: string;
  readonly page: string;
  readonly amount: number | undefined;
}

const event: fc.Arbitrary<TestEvent> = fc.record({
  atMs: fc.integer({ min: 0, max: 130_000 }).map((ms) => T0_MS + ms),
  resolution: fc.constantFrom<Resolution>(1, 1, 1, 10, 60),
  country: fc.constantFrom('DE', 'FR', 'IT', ''),
  device: fc.constantFrom('phone', 'desk'),
  plan: fc.constantFrom('a', 'b', 'c'),
  user: fc.integer({ min: 0, max: 12 }).map((n) => `u${n}`),
  page: fc.constantFrom('/', '/a', '/b', '/c', '/d', '/e'),
  amount: fc.option(fc.integer({ min: -20, max: 500 }), { nil: undefined }),
});

/** What a series in a bucket must come to: every event of it, looked at plainly. */
function expected(events: readonly TestEvent[], withSketches: boolean): unknown {
  const amounts = events.flatMap((e) => (e.amount === undefined ? [] : [e.amount]));
  const sketched = withSketches ? events.filter((e) => e.resolution !== 60) : [];
  const weigh = (of: readonly TestEvent[], weight: (e: TestEvent) => number): [string, number][] => {
    const totals = new Map<string, number>();
    of.forEach((e) => totals.set(e.page, (totals.get(e.page) ?? 0) + weight(e)));
    return [...totals].sort(([a], [b]) => (a < b ? -1 : 1));
  };
  return {
    events: events.length,
    spent: amounts.reduce((a, b) => a + b, 0),
    least: amounts.length === 0 ? Number.NaN : Math.min(...amounts),
    most: amounts.length === 0 ? Number.NaN : Math.max(...amounts),
    paid: amounts.filter((a) => a > 0).length,
    users: new Set(sketched.map((e) => e.user)).size,
    amounts: sketched.filter((e) => e.amount !== undefined).length,
    pages: weigh(sketched, () => 1),
    earners: weigh(
      sketched.filter((e) => (e.amount ?? 0) > 0),
      (e) => e.amount ?? 0,
    ),
  };
}

/** One root, and one that leaves no hot grouping with all dimensions: two roots with a grouping below each and one below both. */
describe.each([
  ['of groupings within one another', YAML],
  ['of groupings side by side', YAML.replace(/^groupings: .*$/m, 'groupings: [[], [country], [country, device], [device, plan]]')],
])('sealed panes %s', (_, text) => {
  const definition = loadDefinition({ path: 'panes.yaml', text });
  const componentOf = (measure: string): number => definition.measures.find((m) => m.name === measure)!.components[0];

  function found(delta: SeriesDelta): unknown {
    const sketch = (measure: string): Uint8Array => delta.sketches[componentOf(measure)] ?? new Uint8Array(0);
    const users = new HyperLogLogReader();
    users.merge(sketch('users'));
    const amounts = new DdSketchReader();
    amounts.merge(sketch('amounts'));
    const items = (measure: string): [string, number][] => {
      const reader = new HeavyHittersReader();
      reader.merge(sketch(measure));
      return reader
        .items(100)
        .map(({ item, weight }): [string, number] => [item, weight])
        .sort(([a], [b]) => (a < b ? -1 : 1));
    };
    const number = (measure: string): number => delta.numeric[componentOf(measure)];
    return {
      events: number('events'),
      spent: number('spent'),
      least: number('least'),
      most: number('most'),
      paid: number('paid'),
      users: Math.round(users.estimate()),
      amounts: amounts.count(),
      pages: items('pages'),
      earners: items('earners'),
    };
  }

  function seal(events: readonly TestEvent[], foldOf: (ids: { id(dimension: number, value: string): number }) => Fold): SeriesDelta[] {
    const decoder = createJsonDecoder(definition);
    const updates = new EventUpdates(definition, decoder);
    const tree = new GroupingTree(definition);
    const panes = new Panes(definition, tree, new SketchLog(definition, tree.roots.length));
    const batch = batchOf(
      events.map((e, i) =>
        JSON.stringify({
          id: i,
          ts: e.atMs,
          country: e.country,
          device: e.device,
          plan: e.plan,
          user: e.user,
          page: e.page,
          amount: e.amount,
        }),
      ),
    );
    const timestamped = { ...batch, timestampMs: Float64Array.from(events, (e) => e.atMs) };
    const ids = new Uint32Array(definition.dimensions.length);
    events.forEach((e, i) => {
      expect(decoder.decode(timestamped, i), decoder.detail()).toBe(0);
      definition.dimensions.forEach((d) => (ids[d.index] = decoder.internId[d.field]));
      updates.evaluate();
      panes.add(0, e.resolution, decoder.timeMs, ids, updates, decoder);
    });
    const fold = foldOf({ id: (dimension, value) => decoder.intern(definition.dimensions[dimension].field, value) });
    const names = { tenants: ['default'], valueOf: (d: number, id: number) => decoder.dictionary(definition.dimensions[d].field)[id] };
    const columns = sealPanes(panes, definition, decoder, new RunEncoder(), names, fold);
    return Array.from({ length: columns.length }, (_, delta) => columns.get(delta, definition.components.length));
  }

  const NO_FOLD: Fold = definition.dimensions.map(() => null);

  function check(events: readonly TestEvent[], deltas: readonly SeriesDelta[], kept: (e: TestEvent) => TestEvent): void {
    const wanted = new Map<string, TestEvent[]>();
    for (const e of events.map(kept)) {
      for (const resolution of [1, 10, 60] as const) {
        if (resolution < e.resolution) continue;
        for (const grouping of definition.groupings.filter((g) => g.hot)) {
          const values = grouping.dimensions.map(
            (d) => [e.country, e.device, e.plan][['country', 'device', 'plan'].indexOf(definition.dimensions[d].name)],
          );
          const key = JSON.stringify([grouping.index, values, resolution, Math.floor(e.atMs / 1000 / resolution) * resolution]);
          wanted.set(key, [...(wanted.get(key) ?? []), e]);
        }
      }
    }
    const keys = deltas.map((d) => JSON.stringify([d.grouping, d.values, d.resolution, d.bucketS]));
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(keys)).toEqual(new Set(wanted.keys()));
    deltas.forEach((delta, i) => {
      expect(found(delta), keys[i]).toEqual(expected(wanted.get(keys[i]) ?? [], delta.resolution !== 60));
    });
  }

  it('hold what a plain pass over the events finds, at every resolution and grouping', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        check(
          events,
          seal(events, () => NO_FOLD),
          (e) => e,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('count values beyond their cap under __other__, whatever else they are combined with', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const country = definition.dimensions.find((d) => d.name === 'country')!.index;
        const deltas = seal(events, (names) =>
          definition.dimensions.map((d) =>
            d.index === country
              ? new Map(['FR', 'IT'].map((value) => [tenantValueKey(0, names.id(country, value)), names.id(country, '__other__')]))
              : null,
          ),
        );
        check(events, deltas, (e) => (e.country === 'FR' || e.country === 'IT' ? { ...e, country: '__other__' } : e));
      }),
      { numRuns: 60 },
    );
  });

  it('keep thousands of series of many panes apart', () => {
    const events = Array.from({ length: 2_500 }, (_, i): TestEvent => ({
      atMs: T0_MS + ((i * 37) % 90_000),
      resolution: 1,
      country: `c${i % 97}`,
      device: `d${i % 53}`,
      plan: `p${i % 11}`,
      user: `u${i % 700}`,
      page: `/${i % 6}`,
      amount: i % 100,
    }));
    check(
      events,
      seal(events, () => NO_FOLD),
      (e) => e,
    );
  });
});
