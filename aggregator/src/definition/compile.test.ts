import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { shop } from './bad-definitions.fixture.js';
import { loadDefinition } from './load.js';
import type { Component, Definition, Field, Measure } from './model.js';

function load(sections: Parameters<typeof shop>[0] = {}): Definition {
  return loadDefinition({ path: 'tidemark.yaml', text: shop(sections) });
}

function field(definition: Definition, name: string): Field {
  const found = definition.fields.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no field ${name}: ${definition.fields.map((candidate) => candidate.name).join(' ')}`);
  return found;
}

function measure(definition: Definition, name: string): Measure {
  return definition.measures.find((candidate) => candidate.name === name)!;
}

function component(definition: Definition, name: string, at = 0): Component {
  return definition.components[measure(definition, name).components[at]];
}

describe('fields', () => {
  it('are one per path, whoever reads it', () => {
    const definition = load({
      measures:
        'measures:\n  a: {kind: unique, field: user}\n  b: {kind: top, field: user_id}\n  c: {kind: count, where: {$.user_id: {exists: true}}}',
    });
    expect(definition.fields.filter((candidate) => candidate.path.join('.') === 'user_id')).toHaveLength(1);
    expect(component(definition, 'a').field).toBe(definition.event.user);
    expect(component(definition, 'b').field).toBe(definition.event.user);
    expect(component(definition, 'c').where).toEqual([{ field: definition.event.user, op: 'exists', values: [] }]);
  });

  it('are interned where values are few, and not where they name somebody', () => {
    const definition = load({
      measures:
        'measures:\n  a: {kind: count, where: {currency: EUR, user: u-1, note: {exists: true}}}\n  b: {kind: top, field: product.id}',
    });
    const interned = Object.fromEntries(definition.fields.map((candidate) => [candidate.name, candidate.interned]));
    expect(interned).toEqual({
      id: false,
      ts: false,
      type: true,
      user_id: false,
      geo_country: true,
      device: true,
      currency: true,
      note: false,
      product_id: false,
    });
  });

  it('keep clear of the raw table’s own columns and of components', () => {
    const definition = load({
      event: 'event: {id: offset, time: time, type: topic, tenant: tenant}',
      dimensions:
        'dimensions:\n  hours: hour\n  counts: count\n  totals: sum.amount\n  digits: 1st\n  odd: "Größe"\n  ab: a.b\n  a_b:\n  weird: A-B',
      measures: 'measures: {n: {kind: count}}',
      more: 'hot: {maxMemory: 0}',
    });
    const names = definition.fields.map((candidate) => candidate.name);
    expect(names.slice(0, 8)).toEqual([
      'event_offset',
      'event_time',
      'event_topic',
      'event_tenant',
      'event_hour',
      'event_count',
      'event_sum_amount',
      'event_1st',
    ]);
    expect(names[8]).toBe('gr_e');
    expect(names[10]).toBe('a_b'); // the path that is the name itself keeps it
    expect(names[9]).toMatch(/^a_b_[0-9a-f]{8}$/);
    expect(names[11]).toMatch(/^a_b_[0-9a-f]{8}$/);
    expect(new Set(names).size).toBe(names.length);
  });

  it('get distinct well-formed names that do not depend on the order of the definition', () => {
    const key = fc.stringMatching(/^[a-zA-Z0-9_ é-]{1,12}$/).filter((text) => text.trim() === text && text !== '');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.array(key, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8, selector: (path) => path.join('.') }),
        (paths) => {
          const namesOf = (order: string[][]): Map<string, string> => {
            const dimensions = order
              .map((path) => `  d${paths.indexOf(path)}: {cap: 1, path: ${JSON.stringify(['x', ...path])}}`)
              .join('\n');
            const definition = load({
              dimensions: `dimensions:\n${dimensions}`,
              measures: 'measures: {n: {kind: count}}',
              more: 'hot: {maxMemory: 0}\ngroupings: []',
            });
            return new Map(definition.fields.map((candidate) => [JSON.stringify(candidate.path), candidate.name]));
          };
          const names = namesOf(paths);
          expect(new Set(names.values()).size).toBe(names.size);
          for (const name of names.values()) expect(name).toMatch(/^[a-z_][a-z0-9_]{0,62}$/);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keep three decimals unless measures say otherwise, and the most that any measure says', () => {
    const definition = load({
      measures:
        'measures:\n  a: {kind: sum, field: x}\n  b: {kind: sum, field: y, decimals: 2}\n  c: {kind: max, field: y, decimals: 4}\n' +
        '  d: {kind: count, where: {z: {gt: 0.00005}}}\n  e: {kind: top, field: p, weight: w, decimals: 0}',
    });
    expect(['x', 'y', 'z', 'w'].map((name) => field(definition, name).decimals)).toEqual([3, 4, 5, 0]);
    expect(component(definition, 'b').decimals).toBe(4);
    expect(component(definition, 'd').where).toEqual([{ field: field(definition, 'z').index, op: '>', values: [5] }]);
    expect(component(definition, 'e')).toMatchObject({ decimals: 0, weightField: field(definition, 'w').index });
  });
});

describe('conditions', () => {
  const whereOf = (text: string, more = ''): [string, string, readonly (string | number)[]][] => {
    const definition = load({ measures: `measures:\n  a: {kind: count, where: ${text}}\n${more}` });
    return component(definition, 'a').where.map((condition) => [definition.fields[condition.field].name, condition.op, condition.values]);
  };

  it('take values, lists and comparisons', () => {
    expect(whereOf('{type: purchase}')).toEqual([['type', '=', ['purchase']]]);
    expect(whereOf('{type: [b, a, b]}')).toEqual([['type', 'in', ['a', 'b']]]);
    expect(whereOf('{type: {not: x}}')).toEqual([['type', '!=', ['x']]]);
    expect(whereOf('{type: {not: [x, y]}}')).toEqual([['type', 'not in', ['x', 'y']]]);
    expect(whereOf('{coupon: {exists: true}}')).toEqual([['coupon', 'exists', []]]);
    expect(whereOf('{coupon: {exists: false}}')).toEqual([['coupon', 'missing', []]]);
    expect(whereOf('{ok: true}')).toEqual([['ok', '=', ['true']]]);
    expect(whereOf('{price: {gte: 9.99, lt: 20}}')).toEqual([
      ['price', '<', [20_000]],
      ['price', '>=', [9_990]],
    ]);
    expect(whereOf('{price: [1, 2.5]}')).toEqual([['price', 'in', [1_000, 2_500]]]);
  });

  it('read roles and dimensions by name, and paths with $.', () => {
    expect(whereOf('{country: DE}')).toEqual([['geo_country', '=', ['DE']]]);
    expect(whereOf('{user: u}')).toEqual([['user_id', '=', ['u']]]);
    expect(whereOf('{$.country: DE}')).toEqual([['country', '=', ['DE']]]);
    expect(whereOf('{geo.city: Rome}')).toEqual([['geo_city', '=', ['Rome']]]);
  });

  it('spell a bounded range over text out as its whole numbers', () => {
    const codes = whereOf('{country: {gt: 499.5, lt: 503}}');
    expect(codes).toEqual([['geo_country', 'in', ['500', '501', '502']]]);
    expect(whereOf('{country: {gte: 500, lte: 500}}')).toEqual([['geo_country', '=', ['500']]]);
    expect(whereOf('{country: 404}')).toEqual([['geo_country', '=', ['404']]]);
  });

  it('take the type of a measure that reads the same path', () => {
    expect(whereOf('{amount: 5}', '  s: {kind: sum, field: amount, decimals: 2}')).toEqual([['amount', '=', [500]]]);
    expect(whereOf('{sku: 5}', '  s: {kind: unique, field: sku}')).toEqual([['sku', '=', ['5']]]);
  });
});

describe('components', () => {
  it('begin with the plain count and are shared where they compute the same', () => {
    const definition = load({
      measures:
        'measures:\n  all_events: {kind: count}\n  a: {kind: count, where: {type: purchase, country: [DE, FR]}}\n  b: {kind: count, where: {country: [FR, DE], $.type: [purchase]}}\n' +
        '  s: {kind: sum, field: amount}\n  m: {kind: avg, field: amount}\n  q1: {kind: quantiles, field: ms, quantiles: [0.9]}\n  q2: {kind: quantiles, field: ms, quantiles: [0.5]}\n' +
        '  t1: {kind: top, field: p, limit: 5}\n  t2: {kind: top, field: p, limit: 50}\n  r: {kind: ratio, of: a, to: all_events}',
    });
    expect(definition.components[0]).toMatchObject({ kind: 'count', key: 'count', field: -1, where: [] });
    expect(component(definition, 'all_events').index).toBe(0);
    expect(component(definition, 'b').index).toBe(component(definition, 'a').index);
    expect(component(definition, 'm').index).toBe(component(definition, 's').index);
    expect(component(definition, 'm', 1)).toMatchObject({
      kind: 'count',
      field: field(definition, 'amount').index,
      key: 'count_amount',
      decimals: 0,
    });
    expect(component(definition, 'q1')).toMatchObject({ key: 'quantiles_ms', quantiles: [0.5, 0.9] });
    expect(measure(definition, 'q1').quantiles).toEqual([0.9]);
    expect(component(definition, 't1')).toMatchObject({ index: component(definition, 't2').index, keep: 500 });
    expect(measure(definition, 'r')).toMatchObject({ components: [], numerator: 1, denominator: 0 });
    expect(definition.components.every((one) => /^[a-z0-9_]+$/.test(one.key))).toBe(true);
    expect(new Set(definition.components.map((one) => one.key)).size).toBe(definition.components.length);
  });

  it('keep their keys when measures around them come, go and are renamed', () => {
    const before = load({
      measures: 'measures:\n  a: {kind: sum, field: amount, where: {type: x, country: DE}}\n  b: {kind: top, field: p, weight: w}',
    });
    const after = load({
      measures:
        'measures:\n  z: {kind: max, field: other}\n  b2: {kind: top, field: p, weight: w, limit: 99}\n  a2: {kind: sum, field: amount, where: {geo.country: [DE], type: x}}',
    });
    expect(component(after, 'a2').key).toBe(component(before, 'a').key);
    expect(component(after, 'b2').key).toBe(component(before, 'b').key);
    expect(component(before, 'b').key).toBe('top_p_by_w');
  });
});

describe('groupings', () => {
  const groupings = (more: string, dimensions?: string): string[] =>
    load({ more: `hot: {maxMemory: 0}\n${more}`, ...(dimensions === undefined ? {} : { dimensions }) }).groupings.map(
      (grouping) => `${grouping.name} ${grouping.dimensions.join('+')} ${grouping.hot ? 'hot' : 'cold'}`,
    );

  it('are by default none, each dimension alone, and all in the cold tier only', () => {
    expect(groupings('')).toEqual(['none  hot', 'country 0 hot', 'device 1 hot', 'all 0+1 cold']);
  });

  it('always have none and all, hot where the dimensions are listed by name', () => {
    expect(groupings('groupings: [[device]]')).toEqual(['none  hot', 'device 1 hot', 'all 0+1 cold']);
    expect(groupings('groupings: [[], [device, country], all]')).toEqual(['none  hot', 'all 0+1 hot']);
    expect(groupings('groupings: [{dimensions: [country], hot: false}, none]')).toEqual(['none  hot', 'country 0 cold', 'all 0+1 cold']);
    expect(groupings('', 'dimensions: {}')).toEqual(['none  hot']);
    expect(groupings('', 'dimensions: {one: x}')).toEqual(['none  hot', 'all 0 hot']);
  });
});

describe('the layout hash', () => {
  const hash = (sections: Parameters<typeof shop>[0] = {}): string => load(sections).layoutHash;

  it('stays when only settings, caps, names of measures or descriptions change', () => {
    expect(hash()).toMatch(/^[0-9a-f]{12}$/);
    expect(hash({ name: 'name: other', more: 'lateness: 1m\nretention: {raw: 10d}\nserver: {port: 1}' })).toBe(hash());
    expect(hash({ dimensions: 'dimensions:\n  country: {path: geo.country, cap: 7}\n  device:' })).toBe(hash());
    expect(
      hash({
        measures:
          'measures:\n  buys: {kind: count, where: {type: purchase}, description: x}\n  turnover: {kind: sum, field: amount, decimals: 2, unit: EUR}',
      }),
    ).toBe(hash());
  });

  it('changes with everything that shapes stored numbers', () => {
    const changed = [
      hash({ event: 'event: {id: id, time: time, type: type, user: user_id}' }),
      hash({ dimensions: 'dimensions:\n  country: {path: country}\n  device:' }),
      hash({ dimensions: 'dimensions:\n  device:\n  country: {path: geo.country}' }),
      hash({ measures: 'measures:\n  orders: {kind: count, where: {type: order}}\n  revenue: {kind: sum, field: amount, decimals: 2}' }),
      hash({ measures: 'measures:\n  orders: {kind: count, where: {type: purchase}}\n  revenue: {kind: sum, field: amount, decimals: 3}' }),
      hash({ more: 'groupings: [[country]]' }),
      hash({ more: 'hot: {shards: 3}' }),
    ];
    expect(new Set([...changed, hash()]).size).toBe(changed.length + 1);
  });
});

describe('settings', () => {
  it('have the defaults that the schema publishes', () => {
    expect(load()).toMatchObject({
      dataDir: './data',
      source: { kafka: null, demo: null, format: 'json' },
      latenessMs: 30_000,
      maxFutureMs: 3_600_000,
      duplicates: { windowMs: 600_000, maxEvents: 500_000 },
      retention: { hot1sMs: 960_000, hot10sMs: 7_800_000, hot1mMs: 90_000_000, rawMs: 90 * 86_400_000, rollup1dMs: 0 },
      tenants: [{ name: 'default', tokenSha256: [], quotas: { queriesInFlight: 64, seriesPerQuery: 10_000 } }],
      authRequired: false,
      hot: { kind: 'memory', shards: 8, maxMemoryBytes: 4 * 2 ** 30 },
      cold: { kind: 'chdb', database: 'tidemark', cluster: '' },
      server: { host: '127.0.0.1', port: 4400, maxBodyBytes: 16 * 2 ** 20 },
      flush: { intervalMs: 1_000, maxRows: 250_000 },
      roles: { ingest: true, query: true, compact: true },
      logLevel: 'info',
    });
  });

  it('take short forms: one broker, tls: true, an empty demo, a start time', () => {
    const text = 'source:\n  kafka: {brokers: "b:9092", topics: shop, start: 2025-01-31T00:00:00Z, tls: true}\n  demo:';
    const { source } = load({ source: text, more: 'auth: none' });
    expect(source.kafka).toMatchObject({
      brokers: ['b:9092'],
      topics: ['shop'],
      start: { from: 'timestamp', timeMs: 1_738_281_600_000 },
      sasl: null,
      maxRecordBytes: 2 ** 20,
    });
    expect(source.kafka?.tls).toMatchObject({ enabled: true, ca: '', insecureSkipVerify: false });
    expect(source.demo).toEqual({ seed: 1, rate: 50, historyMs: 10_800_000, incidentsEveryMs: 900_000 });
  });

  it('share parts by YAML anchors and merges', () => {
    const definition = load({
      measures: 'measures:\n  a: &base {kind: sum, field: amount, unit: EUR}\n  b: {<<: *base, where: {type: x}}',
    });
    expect(measure(definition, 'b')).toMatchObject({ kind: 'sum', unit: 'EUR' });
  });
});
