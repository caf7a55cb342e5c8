// SQL, Lua, quotes, control characters and prototypes in every string that comes from outside, through a real Redis and the real
// engine: each is data, comes back as it was sent, and changes nothing but its own count.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisHotTier } from '../../aggregator/src/hot/redis.js';
import { compactDelta } from '../../aggregator/src/sketch/codecs.js';
import { embeddedStores } from '../oracle/stack.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { Bench, shopDefinition } from './bench.js';

const STRINGS: readonly string[] = [
  "'; DROP TABLE events; --",
  "' OR 1=1 --",
  "\\'; DROP DATABASE tidemark; --",
  '") UNION SELECT * FROM system.tables --',
  '`; ATTACH TABLE x ENGINE = URL(file) /*',
  "') FORMAT Native SETTINGS allow_ddl = 1",
  '{x:String}',
  '${7*7} {{7*7}} #{7*7} %s %d %n',
  "]] return redis.call('FLUSHALL') --[[",
  "'..redis.call('flushall')..'",
  'redis.call("DEL", KEYS[1])\r\n*1\r\n$8\r\nFLUSHALL\r\n',
  '\u0000',
  'a\u0000b',
  '\u0001\u001f\u007f',
  'line\nbreak\ttab\rreturn',
  'a,b;c|d:e/f\\g',
  '}{tenant/shard}{',
  '"quoted"',
  "it's",
  '\\',
  "\\'",
  '$&$1$`',
  '.*',
  '(a+)+$',
  '[',
  '%',
  '_',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'NULL',
  'null',
  'NaN',
  '0',
  '-1',
  'true',
  '1e309',
  '=1+1',
  '@SUM(A1)',
  '<script>alert(1)</script>',
  '../../../../etc/passwd',
  '\u202eesrever',
  '\ufeffmark',
  '\uffff',
  'e\u0301',
  '\u00e9',
  '🌊🏴‍☠️',
  ' leading',
  'trailing ',
  'x'.repeat(250),
];

/** The events of `beforeAll`, without those that a test adds. */
const PHONE = { dimension: 'device', op: '=', value: 'phone' };

let redis: RedisServer;
let bench: Bench;

beforeAll(async () => {
  redis = await startRedis();
  const definition = shopDefinition(['hot: { kind: memory }', `hot: { kind: redis, redis: { nodes: ['127.0.0.1:${redis.port}'] } }`]);
  bench = await Bench.open(definition, async (_, clock) => ({
    ...(await embeddedStores(definition, clock)),
    hot: new RedisHotTier({ definition, clock, compact: compactDelta, warn: () => undefined }),
  }));
  // Each string in every place of an event, and as many times as its place in the list says.
  await bench.send(
    STRINGS.flatMap((text, i) =>
      Array.from({ length: 1 + (i % 3) }, (_, n) =>
        bench.event(`${text} ${n}`, {
          type: text,
          user_id: text,
          geo: { country: text },
          [text === 'device' ? 'x' : text.slice(0, 200)]: text,
        }),
      ),
    ),
  );
});
afterAll(async () => {
  await bench?.close();
  await redis?.stop();
});

const times = (text: string): number => 1 + (STRINGS.indexOf(text) % 3);
const sent = STRINGS.reduce((sum, text) => sum + times(text), 0);

describe('in events', () => {
  it('every dimension value is counted under its own name, in both tiers', async () => {
    expect(bench.letters(0)).toEqual([]);
    expect(await bench.totals('events', 'country', [PHONE])).toEqual(new Map(STRINGS.map((text) => [text, times(text)])));
    await bench.expectSound();
  });

  it('every event id is recognised when it comes again', async () => {
    const before = await bench.ledger();
    await bench.send(STRINGS.map((text) => bench.event(`${text} 0`)));
    const after = await bench.ledger();
    expect(after.duplicates - before.duplicates).toBe(STRINGS.length);
    expect(after.applied).toBe(before.applied);
    await bench.expectSound();
  });

  it('every user is an item of a ranking, with its count', async () => {
    for (const tier of ['hot', 'cold'] as const) {
      const { status, error, frame } = await bench.ask(tier, {
        kind: 'top',
        measure: 'top_users',
        limit: 100,
        filters: [PHONE],
      });
      expect({ status, error }).toEqual({ status: 200, error: '' });
      const [items, weights] = frame.values;
      expect(new Map(items.map((item, i) => [item, weights[i]])), tier).toEqual(new Map(STRINGS.map((text) => [text, times(text)])));
    }
    expect(await bench.total('visitors', [PHONE])).toBeCloseTo(STRINGS.length, 0);
  });

  it('a value of 64 KiB is cut at a whole character, in both tiers alike', async () => {
    await bench.send([bench.event('long', { geo: { country: `${'ж🌋'.repeat(10_000)}` }, device: 'long' })]);
    const [[value, count]] = [...(await bench.totals('events', 'country', [{ dimension: 'device', op: '=', value: 'long' }]))];
    expect(count).toBe(1);
    expect(Buffer.byteLength(value)).toBeLessThanOrEqual(256);
    expect(value).toBe('ж🌋'.repeat(10_000).slice(0, value.length));
    expect(value.length).toBeGreaterThan(80);
  });

  it('raw events come back letter by letter', async () => {
    const { status, frame } = await bench.ask('cold', {
      kind: 'events',
      limit: 1_000,
      filters: [PHONE],
    });
    expect(status).toBe(200);
    const column = (name: string): readonly unknown[] => frame.values[frame.fields.findIndex((field) => field.name === name)];
    const rows = column('event_id').map((id, i) => JSON.stringify([id, column('type')[i], column('user_id')[i], column('geo_country')[i]]));
    const expected = STRINGS.flatMap((text) =>
      Array.from({ length: times(text) }, (_, n) => JSON.stringify([`${text} ${n}`, text, text, text])),
    );
    expect(rows.sort()).toEqual(expected.sort());
    expect(rows).toHaveLength(sent);
  });
});

describe('in queries', () => {
  it('every filter finds exactly its own value', async () => {
    for (const text of STRINGS) {
      expect(await bench.total('events', [{ dimension: 'country', op: '=', value: text }, PHONE]), text).toBe(times(text));
    }
    expect(await bench.total('events', [{ dimension: 'country', op: 'in', values: STRINGS }, PHONE])).toBe(sent);
    expect(await bench.total('events', [{ dimension: 'country', op: 'not in', values: STRINGS }, PHONE])).toBe(0);
  });

  it('a pattern is RE2 in both tiers, or refused; none hangs', async () => {
    for (const text of STRINGS.filter((one) => one.length < 1_000)) {
      const query = { measure: 'events', format: 'total', filters: [{ dimension: 'country', op: '=~', value: text }] };
      const answers = [await bench.ask('hot', query), await bench.ask('cold', query)];
      expect(answers[1].status, text).toBe(answers[0].status);
      expect(answers[1].frame.values, text).toEqual(answers[0].frame.values);
      expect([200, 400], text).toContain(answers[0].status);
      if (answers[0].status === 400) expect(answers[0].error).toContain('is not an RE2 pattern');
    }
  });

  it('a search for values is a text', async () => {
    for (const text of STRINGS.filter((one) => one.length <= 200)) {
      const { status, frame } = await bench.ask('cold', { kind: 'values', dimension: 'country', search: text, limit: 1_000 });
      expect(status, text).toBe(200);
      const expected = STRINGS.filter((one) => one.toLowerCase().includes(text.toLowerCase()));
      expect(new Set(frame.values[0] ?? []), text).toEqual(
        new Set([...expected, ...('DE'.toLowerCase().includes(text.toLowerCase()) ? ['DE'] : [])]),
      );
    }
  });

  it('a legend is a text with names in braces', async () => {
    for (const legend of STRINGS.filter((one) => one.length < 200)) {
      const { status, frame } = await bench.ask('hot', {
        measure: 'events',
        format: 'total',
        legend: `${legend} {{country}}`,
        groupBy: ['country'],
      });
      expect(status, legend).toBe(200);
      expect(frame.fields[0].config?.displayNameFromDS).toContain(legend.replace('{{7*7}}', '').trim());
    }
  });

  it('a name that is not there is refused with the names that are, and the answer is of its refId', async () => {
    for (const text of STRINGS.filter((one) => one.length <= 64)) {
      for (const query of [
        { measure: text },
        { measure: 'events', groupBy: [text] },
        { measure: 'events', filters: [{ dimension: text, op: '=', value: 'x' }] },
        { kind: 'values', dimension: text },
        { kind: 'top', measure: 'events', by: text },
      ]) {
        const { status, error } = await bench.ask('cold', query);
        expect(status, JSON.stringify(query)).toBe(400);
        expect(error, JSON.stringify(query)).toMatch(/there is no (measure|dimension)|expected/);
      }
      for (const wrong of [
        { bucket: text },
        { stat: text },
        { compareWith: text },
        { format: text },
        { fill: `${text} ` },
        { orderBy: text },
        { window: { size: text } },
        { kind: text },
      ]) {
        const { status } = await bench.ask('hot', { measure: 'events', ...wrong });
        expect(status, JSON.stringify(wrong)).toBe(400);
      }
      const engine = bench.stack.engine(0);
      const body = { from: 'now-5m', to: 'now', queries: [{ refId: text, measure: 'events' }] };
      const { results } = await engine.run(bench.stack.definition.tenants[0], body, new AbortController().signal);
      expect(Object.keys(results)).toEqual([text]);
      expect(Object.values(results)[0].status).toBe(200);
    }
  });

  it('change nothing', async () => {
    expect(await bench.totals('events', 'country', [PHONE])).toEqual(new Map(STRINGS.map((text) => [text, times(text)])));
    await bench.expectSound();
  });
});
