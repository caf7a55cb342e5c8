// Holds the decoder equal to a plain one by JSON.parse: same verdict, same values, for well-formed, odd, broken and random records,
// with layouts unknown and known.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf, definitionOf, seededRandom, SHOP_FIELDS, shopEvents } from './definition.fixture.js';
import type { EventDecoder } from './decoder.js';
import { ByteHash } from './hash.js';
import { createJsonDecoder } from './json-decoder.js';
import { DecodeCode, reasonOf } from './outcome.js';
import { decodeByReference } from './reference-decoder.fixture.js';

const NOW_MS = Date.parse('2026-11-23T06:10:30.123Z');
const definition = definitionOf({
  fields: SHOP_FIELDS,
  components: [{ kind: 'count' }, { kind: 'unique', field: 'country' }, { kind: 'top', field: 'url' }],
  rawMs: 90 * 86_400_000,
  maxFutureMs: 3_600_000,
  maxRecordBytes: 4_000,
});

/** Id, user and session by their role; url and country because a component names them. */
const hashed = new Set(['id', 'user', 'session', 'url', 'country']);

const name = (code: DecodeCode): string => (code === DecodeCode.ok ? 'ok' : reasonOf(code));

function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const c of text) {
    if (c === '[' || c === '{') deepest = Math.max(deepest, ++depth);
    else if (c === ']' || c === '}') depth--;
  }
  return deepest;
}

/** Checks record i of the decoder's batch against the reference. */
function compare(decoder: EventDecoder, code: DecodeCode, value: Uint8Array): void {
  const expected = decodeByReference(definition, value, NOW_MS);
  const text = Buffer.from(value).toString();
  // Too deep is said as soon as it is met, before what may be wrong further on.
  if (code === DecodeCode.tooDeep && nestingOf(text) > 64) return;
  expect(name(code), text).toBe(name(expected.code));
  if (code !== DecodeCode.ok) {
    expect(decoder.detail()).not.toBe('');
    return;
  }
  const hash = new ByteHash();
  for (const field of definition.fields) {
    const wanted = expected.values[field.index];
    expect(decoder.present[field.index], `${field.name} of ${text}`).toBe(wanted === null ? 0 : 1);
    if (wanted === null) {
      expect(decoder.internId[field.index]).toBe(0);
      expect(decoder.numbers[field.index]).toBeNaN();
      expect(decoder.strEnd[field.index] - decoder.strStart[field.index]).toBe(0);
    } else if (typeof wanted === 'number') {
      expect(decoder.numbers[field.index], text).toBe(wanted);
    } else {
      const found = field.interned
        ? decoder.dictionary(field.index)[decoder.internId[field.index]]
        : Buffer.from(decoder.strBytes.subarray(decoder.strStart[field.index], decoder.strEnd[field.index])).toString();
      if (expected.fromNumber[field.index]) expect(Number(found) + 0).toBe(Number(wanted) + 0);
      else expect(found, text).toBe(wanted);
      if (hashed.has(field.name)) {
        const bytes = Buffer.from(found);
        hash.of(bytes, 0, bytes.length);
        expect([decoder.hashLo[field.index], decoder.hashHi[field.index]]).toEqual([hash.lo, hash.hi]);
      }
    }
  }
  expect(decoder.timeMs).toBe(expected.values[definition.event.time]);
}

function compareAll(values: readonly (string | Uint8Array)[], rounds: number): void {
  const decoder = createJsonDecoder(definition);
  const batch = batchOf(values, NOW_MS);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      compare(decoder, decoder.decode(batch, i), typeof value === 'string' ? Buffer.from(value) : value);
    }
  }
}

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\t', '\r\n ');
const awkwardText = fc.oneof(
  fc.constantFrom(
    '',
    'DE',
    'page_view',
    '日本',
    '🙂',
    'x"y',
    'a\\b',
    'a/b',
    '\u0000',
    '\u001f',
    '\u007f',
    '\ud800',
    '\udc00x',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.integer({ min: 250, max: 262 }).map((n) => `${'é'.repeat(3)}${'z'.repeat(n)}`),
);
const stringToken = fc
  .tuple(awkwardText, fc.boolean())
  .map(([text, escapeAll]) =>
    escapeAll
      ? `"${[...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(text).replaceAll('/', text.length % 2 === 0 ? '/' : '\\/'),
  );
const numberToken = fc.oneof(
  fc.integer({ min: -1000, max: 100_000 }).map(String),
  fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer({ min: 0, max: 99_999 })).map(([a, b]) => `${a}.${b}`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => JSON.stringify(v)),
  fc.maxSafeInteger().map(String),
  fc.constantFrom(
    '0',
    '-0',
    '0.5',
    '-0.5',
    '1.005',
    '0.045',
    '-2.675',
    '1e3',
    '1E+2',
    '2.5e-1',
    '1e400',
    '-1e-400',
    '0e0',
    '123456789012345678901234567890',
    '0.1249999999999999999999',
    '45035996273704.96',
    '45035996273704.97',
    '4503599627370496',
    '999999999999999.9',
    '1795000000.5',
  ),
);
const timeToken = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.integer({ min: -3_000_000, max: 100_000 }).map((offset) => JSON.stringify(new Date(NOW_MS + offset).toISOString())),
  },
  fc.constantFrom(
    '"2026-11-23T06:10:30Z"',
    '"2026-11-23T08:10:30.5+02:00"',
    '"2026-02-30T00:00:00Z"',
    '"2026-11-23"',
    'null',
    '1795414230',
    '1795414230123',
    '1795414230123456',
    '"1795414230"',
    '1.795414230e9',
    '""',
  ),
  numberToken,
  stringToken,
);
const scalarToken = fc.oneof(stringToken, numberToken, fc.constantFrom('true', 'false', 'null'));
const anyToken: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalarToken,
    fc.tuple(space, fc.array(tie('value'), { maxLength: 3 }), space).map(([a, items, b]) => `[${a}${items.join(`${b},${a}`)}${b}]`),
    fc
      .array(fc.tuple(stringToken, space, tie('value')), { maxLength: 3 })
      .map((items) => `{${items.map(([k, s, v]) => `${k}${s}:${s}${v}`).join(',')}}`),
  ),
})).value;

const object = (members: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(space, fc.array(fc.tuple(members, space), { maxLength: 9 }), space)
    .map(([a, items, b]) => `{${a}${items.map(([m, s]) => `${m}${s}`).join(`,${b}`)}}`);
const member = (key: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, value).map(([s, v]) => `"${key}"${s}:${s}${v}`);
const text = fc.oneof({ weight: 8, arbitrary: scalarToken }, anyToken);
const amount = fc.oneof({ weight: 8, arbitrary: numberToken }, scalarToken);
const eventMember = fc.oneof(
  { weight: 4, arbitrary: member('ts', timeToken) },
  ...['id', 'type', 'user', 'session', 'device', 'url', 'zzz'].map((key) => member(key, text)),
  member('amount', amount),
  member('latency_ms', amount),
  member('geo', fc.oneof({ weight: 4, arbitrary: object(fc.oneof(member('country', text), member('zip', anyToken))) }, anyToken)),
  member('product', fc.oneof({ weight: 4, arbitrary: object(fc.oneof(member('id', text), member('category', text))) }, anyToken)),
  fc.tuple(stringToken, anyToken).map(([k, v]) => `${k}:${v}`),
);
const record = fc
  .tuple(fc.array(eventMember, { maxLength: 12 }), member('ts', timeToken), fc.nat(12), space, space)
  .map(([members, time, place, a, b]) => `${a}{${[...members.slice(0, place), time, ...members.slice(place)].join(`,${a}`)}${b}}${b}`);

/** Damage at some bytes: replaced, left out or doubled. */
const damaged = fc
  .tuple(
    record,
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]",:\\0-.eu ')))), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([value, wounds]) => {
    let bytes: Uint8Array = Buffer.from(value);
    for (const [at, kind, byte] of wounds) {
      const p = at % bytes.length;
      bytes = Buffer.concat([bytes.subarray(0, p), ...(kind === 0 ? [] : [Uint8Array.of(byte)]), bytes.subarray(kind === 2 ? p : p + 1)]);
    }
    return bytes;
  });

describe('the decoder and JSON.parse agree', () => {
  it('on odd records', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 6 }), (values) => compareAll(values, 2)),
      // The last one's time is half a millisecond beyond what is still a number here.
      { numRuns: 1_500, examples: [[['{"ts":-4503599627370496500}']]] },
    );
  });

  it('on damaged records', () => {
    fc.assert(
      fc.property(fc.array(damaged, { minLength: 1, maxLength: 6 }), (values) => compareAll(values, 2)),
      { numRuns: 1_500 },
    );
  });

  it('on a known layout with damage anywhere', () => {
    const random = seededRandom(7);
    const bytesOf = Buffer.from('{}[]",:\\0-.eu \u0001\u00ff', 'latin1');
    for (const event of shopEvents(30, 3)) {
      const values: Uint8Array[] = [Buffer.from(event)];
      for (let p = 0; p < event.length; p++) {
        const changed = Buffer.from(event);
        changed[p] = bytesOf[Math.floor(random() * bytesOf.length)];
        values.push(changed);
      }
      values.push(...[...Array(event.length).keys()].map((end) => Buffer.from(event.slice(0, end))));
      compareAll(values, 1);
    }
  });

  it('on a stream of events whose values change under few layouts', () => {
    const values = shopEvents(3_000, 11).map((event, i) =>
      i % 7 === 0 ? event.replace('"DE"', 'null') : i % 11 === 0 ? event.replace('"city":"Springfield"', '"city":[1,{"a":[]}]') : event,
    );
    compareAll(values, 1);
  });

  it('on more layouts than are remembered', () => {
    const values = Array.from(
      { length: 5_000 },
      (_, i) => `{"k${i}":${i},"ts":"2026-11-23T06:10:30.123Z","amount":${i}.5,"m${i % 3}":{"k":"v"}}`,
    );
    compareAll(values, 2);
  });
});
