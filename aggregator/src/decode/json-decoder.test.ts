import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TimeFormat } from '../definition/model.js';
import { batchOf, definitionOf, SHOP_FIELDS, shopEvents } from './definition.fixture.js';
import type { EventDecoder } from './decoder.js';
import { ByteHash } from './hash.js';
import { createJsonDecoder } from './json-decoder.js';
import { DecodeCode, reasonOf } from './outcome.js';

const NOW_MS = Date.parse('2026-11-23T06:10:30.123Z');
const shop = definitionOf({ fields: SHOP_FIELDS });

/** Decodes one record, and a second time when the layout is known: both must agree. */
function decodeOne(decoder: EventDecoder, value: string | Uint8Array | null): DecodeCode {
  const code = decoder.decode(batchOf([value], NOW_MS), 0);
  expect(decoder.decode(batchOf([value, ' '.repeat(64)], NOW_MS), 0)).toBe(code);
  return code;
}

function reasonFor(value: string | Uint8Array | null, decoder = createJsonDecoder(shop)): string {
  const code = decodeOne(decoder, value);
  return code === DecodeCode.ok ? 'ok' : reasonOf(code);
}

function textOf(decoder: EventDecoder, field: number): string {
  return Buffer.from(decoder.strBytes.subarray(decoder.strStart[field], decoder.strEnd[field])).toString();
}

const index = (name: string): number => shop.fields.findIndex((field) => field.name === name);
const withTime = (fields: string): string => `{"ts":"2026-11-23T06:10:30.123Z"${fields === '' ? '' : `,${fields}`}}`;

describe('an event', () => {
  it('has its values by field', () => {
    const decoder = createJsonDecoder(shop);
    const event = {
      id: 'e-1',
      ts: '2026-11-23T06:10:30.123Z',
      type: 'purchase',
      user: 'u-1',
      geo: { country: 'DE', zip: '1' },
      product: { category: 'shoes', id: 'p-9' },
      url: '/a?b=c',
      amount: 19.99,
      latency_ms: 12,
      tags: ['a', { b: [] }],
    };
    expect(decodeOne(decoder, JSON.stringify(event))).toBe(DecodeCode.ok);
    expect(decoder.timeMs).toBe(NOW_MS);
    expect(decoder.hasId).toBe(true);
    expect(textOf(decoder, index('id'))).toBe('e-1');
    expect(textOf(decoder, index('url'))).toBe('/a?b=c');
    expect(decoder.dictionary(index('country'))[decoder.internId[index('country')]]).toBe('DE');
    expect(decoder.dictionary(index('product'))[decoder.internId[index('product')]]).toBe('p-9');
    expect(decoder.numbers[index('amount')]).toBe(1999);
    expect(decoder.numbers[index('latency_ms')]).toBe(120);
    expect(decoder.present[index('device')]).toBe(0);
    expect(decoder.internId[index('device')]).toBe(0);
    expect(decoder.present[index('session')]).toBe(0);
  });

  it('shows nothing of the event before it', () => {
    const decoder = createJsonDecoder(shop);
    const full = withTime('"id":"x","user":"u","type":"t","amount":5,"device":"d","geo":{"country":"DE"}');
    for (const value of [full, withTime(''), full, withTime('"amount":null,"geo":null'), withTime('')]) {
      expect(decodeOne(decoder, value)).toBe(DecodeCode.ok);
    }
    expect([...decoder.present]).toEqual(shop.fields.map((field) => (field.name === 'ts' ? 1 : 0)));
    expect([...decoder.internId]).toEqual(shop.fields.map(() => 0));
    expect(decoder.numbers[index('amount')]).toBeNaN();
    expect([...decoder.hashLo, ...decoder.hashHi].every((hash) => hash === 0)).toBe(true);
    expect(decoder.hasId).toBe(false);
  });

  it('takes numbers and booleans as the text of a string field', () => {
    const decoder = createJsonDecoder(shop);
    for (const [json, text] of [
      ['500', '500'],
      ['true', 'true'],
      ['false', 'false'],
      ['-1.50', '-1.50'],
      ['12345678901234567890', '12345678901234567890'],
    ]) {
      expect(decodeOne(decoder, withTime(`"type":${json},"url":${json}`))).toBe(DecodeCode.ok);
      expect(decoder.dictionary(index('type'))[decoder.internId[index('type')]]).toBe(text);
      expect(textOf(decoder, index('url'))).toBe(text);
    }
  });

  it('brings escaped and plain strings of one record into one array', () => {
    const decoder = createJsonDecoder(shop);
    expect(decodeOne(decoder, withTime(String.raw`"id":"plain","url":"\/a\u00fc\ud83d\ude00\ud800\n","user":"ü"`))).toBe(DecodeCode.ok);
    expect(textOf(decoder, index('id'))).toBe('plain');
    expect(textOf(decoder, index('url'))).toBe('/aü😀\ufffd\n');
    expect(textOf(decoder, index('user'))).toBe('ü');
  });

  it('finds keys that are written with escapes', () => {
    const decoder = createJsonDecoder(shop);
    expect(decodeOne(decoder, withTime(String.raw`"am\u006funt":7`))).toBe(DecodeCode.ok);
    expect(decoder.numbers[index('amount')]).toBe(700);
  });

  it('takes the last of a key that comes twice, whatever the first was', () => {
    const decoder = createJsonDecoder(shop);
    expect(decodeOne(decoder, withTime('"amount":"x","amount":3,"geo":{"country":"DE"},"geo":{"zip":"1"}'))).toBe(DecodeCode.ok);
    expect(decoder.numbers[index('amount')]).toBe(300);
    expect(decoder.present[index('country')]).toBe(0);
    expect(decodeOne(decoder, withTime('"geo":{"country":"DE"},"geo":{"country":"US"},"amount":3,"amount":null'))).toBe(DecodeCode.ok);
    expect(decoder.dictionary(index('country'))[decoder.internId[index('country')]]).toBe('US');
    expect(decoder.present[index('amount')]).toBe(0);
    expect(reasonFor(withTime('"amount":3,"amount":"x"'))).toBe('wrong_type');
  });

  it('has interned strings cut at 256 bytes between code points', () => {
    const decoder = createJsonDecoder(definitionOf({ fields: SHOP_FIELDS, components: [{ kind: 'unique', field: 'type' }] }));
    for (const [long, cut] of [
      ['a'.repeat(300), 'a'.repeat(256)],
      [`a${'ü'.repeat(200)}`, `a${'ü'.repeat(127)}`],
      ['🙂'.repeat(65), '🙂'.repeat(64)],
    ]) {
      expect(decodeOne(decoder, withTime(`"type":${JSON.stringify(long)},"url":${JSON.stringify(long)}`))).toBe(DecodeCode.ok);
      expect(decoder.dictionary(index('type'))[decoder.internId[index('type')]]).toBe(cut);
      expect(textOf(decoder, index('url'))).toBe(long);
      const hash = new ByteHash();
      hash.of(Buffer.from(cut), 0, Buffer.byteLength(cut));
      expect(decoder.hashLo[index('type')]).toBe(hash.lo);
    }
  });

  it('fills every field of a path that is wanted twice', () => {
    const decoder = createJsonDecoder(
      definitionOf({
        fields: [
          ...SHOP_FIELDS,
          { name: 'kind', path: ['type'], interned: false },
          { name: 'price', path: ['amount'], type: 'number', decimals: 0 },
        ],
        components: [
          { kind: 'unique', field: 'kind' },
          { kind: 'unique', field: 'type' },
        ],
      }),
    );
    expect(decodeOne(decoder, withTime('"type":"view","amount":2.5'))).toBe(DecodeCode.ok);
    expect(textOf(decoder, 12)).toBe('view');
    expect(decoder.hashLo[12]).toBe(decoder.hashLo[index('type')]);
    expect([decoder.numbers[index('amount')], decoder.numbers[13]]).toEqual([250, 3]);
  });

  it('interns what a top component lists, besides giving its bytes', () => {
    const decoder = createJsonDecoder(definitionOf({ fields: SHOP_FIELDS, components: [{ kind: 'top', field: 'url' }] }));
    expect(decodeOne(decoder, withTime('"url":"/x"'))).toBe(DecodeCode.ok);
    expect(decoder.dictionary(index('url'))[decoder.internId[index('url')]]).toBe('/x');
    expect(textOf(decoder, index('url'))).toBe('/x');
  });

  it('may begin with a byte order mark', () => {
    const decoder = createJsonDecoder(shop);
    expect(decodeOne(decoder, `\ufeff${withTime('"amount":1')}`)).toBe(DecodeCode.ok);
    expect(decoder.numbers[index('amount')]).toBe(100);
    expect(reasonFor('\ufeff')).toBe('empty');
  });

  it('hashes its id by its bytes alone', () => {
    const decoder = createJsonDecoder(shop);
    const hash = new ByteHash();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (id) => {
        expect(decodeOne(decoder, withTime(`"id":${JSON.stringify(id)}`))).toBe(DecodeCode.ok);
        const bytes = Buffer.from(textOf(decoder, index('id')));
        expect(bytes.toString()).toBe(Buffer.from(id).toString());
        hash.of(bytes, 0, bytes.length);
        expect([decoder.idHashLo, decoder.idHashHi]).toEqual([hash.lo >>> 0, hash.hi >>> 0]);
      }),
    );
  });
});

describe('a refusal', () => {
  const nested = (depth: number): string => withTime(`"x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}`);

  it.each([
    ['tombstone', null, 'empty'],
    ['empty value', '', 'empty'],
    ['white space', '  \n', 'malformed_json'],
    ['half an object', '{"ts":', 'malformed_json'],
    ['text after the object', `${withTime('')} x`, 'malformed_json'],
    ['two objects', withTime('') + withTime(''), 'malformed_json'],
    ['NaN', withTime('"amount":NaN'), 'malformed_json'],
    ['Infinity', withTime('"amount":-Infinity'), 'malformed_json'],
    ['leading zero', withTime('"amount":01'), 'malformed_json'],
    ['plus sign', withTime('"amount":+1'), 'malformed_json'],
    ['point without digits', withTime('"amount":1.'), 'malformed_json'],
    ['trailing comma', '{"ts":1,}', 'malformed_json'],
    ['single quotes', "{'ts':1}", 'malformed_json'],
    ['control character', withTime('"url":"a\u0001"'), 'malformed_json'],
    ['unknown escape', withTime(String.raw`"url":"\x"`), 'malformed_json'],
    ['UTF-16 mark', Uint8Array.of(0xff, 0xfe, 0x7b, 0), 'invalid_utf8'],
    ['broken UTF-8 in a wanted string', Buffer.concat([Buffer.from('{"url":"'), Uint8Array.of(0xc3), Buffer.from('"}')]), 'invalid_utf8'],
    [
      'overlong UTF-8 in another string',
      Buffer.concat([Buffer.from('{"z":"'), Uint8Array.of(0xc0, 0xaf), Buffer.from('"}')]),
      'invalid_utf8',
    ],
    ['encoded surrogate', Buffer.concat([Buffer.from('{"z":"'), Uint8Array.of(0xed, 0xa0, 0x80), Buffer.from('"}')]), 'invalid_utf8'],
    ['an array', '[1]', 'not_an_object'],
    ['a number', '12', 'not_an_object'],
    ['a string', '"x"', 'not_an_object'],
    ['null', 'null', 'not_an_object'],
    ['64 levels', nested(64), 'ok'],
    ['65 levels', nested(65), 'too_deep'],
    ['text for a number', withTime('"amount":"1"'), 'wrong_type'],
    ['a boolean for a number', withTime('"amount":true'), 'wrong_type'],
    ['an object for a number', withTime('"amount":{}'), 'wrong_type'],
    ['an object for a string', withTime('"user":{}'), 'wrong_type'],
    ['an array for a dimension', withTime('"type":["a"]'), 'wrong_type'],
    ['no time', '{"id":"x"}', 'missing_time'],
    ['null time', '{"ts":null}', 'missing_time'],
    ['30 February', '{"ts":"2026-02-30T00:00:00Z"}', 'invalid_time'],
    ['time as text', '{"ts":"yesterday"}', 'invalid_time'],
    ['time as boolean', '{"ts":true}', 'invalid_time'],
    ['time as object', '{"ts":{}}', 'invalid_time'],
    ['a number of 2^52', withTime('"amount":45035996273704.96'), 'ok'],
    ['a number beyond 2^52', withTime('"amount":45035996273704.97'), 'number_out_of_range'],
    ['a number beyond doubles', withTime('"amount":1e400'), 'number_out_of_range'],
  ])('of %s is as expected', (_name, value, reason) => {
    expect(reasonFor(value)).toBe(reason);
    const warm = createJsonDecoder(shop);
    for (const event of shopEvents(50, 1)) expect(decodeOne(warm, event)).toBe(DecodeCode.ok);
    expect(reasonFor(value, warm)).toBe(reason);
  });

  it('names field, finding and expectation', () => {
    const decoder = createJsonDecoder(definitionOf({ fields: SHOP_FIELDS, maxRecordBytes: 200, rawMs: 86_400_000, maxFutureMs: 60_000 }));
    const details = [
      '{"ts":1, "geo":{"country":[1]}}',
      '{"ts":1,"amount":"12"}',
      '{"ts":tru}',
      `{"z":"${'x'.repeat(200)}"}`,
      '{"ts":"x"}',
      '{}',
      '{"ts":"2026-11-01T00:00:00Z"}',
      '{"ts":"2099-01-01T00:00:00Z"}',
      '{"ts":1,"amount":1e15}',
      '7',
      '{"ts":1',
    ].map((value) => {
      expect(decodeOne(decoder, value)).not.toBe(DecodeCode.ok);
      return decoder.detail();
    });
    expect(details).toEqual([
      'field geo.country: found an array, expected a string, a number or a boolean',
      'field amount: found the string "12", expected a number',
      "at byte 6: found 't', expected a value",
      'found 208 bytes, expected at most 200',
      'field ts: found the string "x", expected an ISO 8601 time or epoch s, ms or µs',
      'field ts: found nothing, expected an ISO 8601 time or epoch s, ms or µs',
      "field ts: found 2026-11-01T00:00:00.000Z, expected at most 1d before the record's log timestamp 2026-11-23T06:10:30.123Z",
      "field ts: found 2099-01-01T00:00:00.000Z, expected at most 1m after the record's log timestamp 2026-11-23T06:10:30.123Z",
      'field amount: found the number 1e15, expected a magnitude of at most 45035996273704.96 at 2 decimals',
      'found the number 7, expected an object',
      "at byte 7: found the end of the record, expected ',' or '}'",
    ]);
  });

  it('of a time depends on the log timestamp alone', () => {
    const decoder = createJsonDecoder(definitionOf({ fields: SHOP_FIELDS, rawMs: 1_000, maxFutureMs: 500 }));
    const codes = [-1_001, -1_000, 0, 500, 501].map((offset) => decodeOne(decoder, `{"ts":${NOW_MS + offset}}`));
    expect(codes).toEqual([DecodeCode.timeTooOld, 0, 0, 0, DecodeCode.timeInFuture]);
  });

  it('meets events of unknown tenants only', () => {
    const fields = [...SHOP_FIELDS, { name: 'tenant', interned: true }];
    const decoder = createJsonDecoder(definitionOf({ fields, tenant: 'tenant', tenants: ['acme', 'globex'] }));
    const reasons = ['"tenant":"acme"', '"tenant":"evil"', '', '"tenant":null', '"tenant":""', '"tenant":"globex"'].map((text) =>
      reasonFor(withTime(text), decoder),
    );
    expect(reasons).toEqual(['ok', 'unknown_tenant', 'unknown_tenant', 'unknown_tenant', 'unknown_tenant', 'ok']);
    expect(decoder.resetIfLarger(1)).toBe(true);
    expect(reasonFor(withTime('"tenant":"evil"'), decoder)).toBe('unknown_tenant');
    expect(decoder.detail()).toBe('field tenant: found "evil", expected the name of a tenant of the definition');
    expect(reasonFor(withTime('"tenant":"globex"'), decoder)).toBe('ok');
    expect(() => createJsonDecoder(definitionOf({ fields: [...SHOP_FIELDS, { name: 'tenant' }], tenant: 'tenant' }))).toThrow(
      /not interned/,
    );
  });
});

describe('dictionaries', () => {
  it('give an id for life until they are reset, and leave old ones to their holders', () => {
    const decoder = createJsonDecoder(shop);
    const field = index('product');
    const ids = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const name = `p-${(i * 7) % 1_000}`;
      expect(decodeOne(decoder, withTime(`"product":{"id":"${name}"}`))).toBe(DecodeCode.ok);
      expect(ids.get(name) ?? decoder.internId[field]).toBe(decoder.internId[field]);
      ids.set(name, decoder.internId[field]);
      expect(decoder.intern(field, name)).toBe(decoder.internId[field]);
    }
    const old = decoder.dictionary(field);
    expect(old).toHaveLength(1_001);
    expect(decoder.resetIfLarger(5_000)).toBe(false);
    expect(decoder.resetIfLarger(1_000)).toBe(true);
    expect(decoder.numbering).toBe(1);
    expect(decoder.dictionary(field)).toEqual(['']);
    expect(old[ids.get('p-7') ?? -1]).toBe('p-7');
    const target = new Uint8Array(20);
    const id = decoder.intern(field, '__other__');
    expect(Buffer.from(target.subarray(0, decoder.names(field).copyTo(id, target, 0))).toString()).toBe('__other__');
    expect(decoder.names(field).byteLength(id)).toBe(9);
  });
});

describe('times', () => {
  const decoded = (format: TimeFormat, json: string): number | string => {
    const decoder = createJsonDecoder(definitionOf({ fields: SHOP_FIELDS, timeFormat: format }));
    const code = decodeOne(decoder, `{"ts":${json}}`);
    return code === DecodeCode.ok ? decoder.timeMs : reasonOf(code);
  };

  it.each<[TimeFormat, string, number | string]>([
    ['s', '1795000000', 1_795_000_000_000],
    ['s', '"1795000000.1239"', 1_795_000_000_123],
    ['s', '1795000000.9999', 1_795_000_000_999],
    ['s', '1.795e9', 1_795_000_000_000],
    ['ms', '1795000000123.9', 1_795_000_000_123],
    ['us', '1795000000123999', 1_795_000_000_123],
    ['us', '"1795000000123999"', 1_795_000_000_123],
    ['ms', '-1.5', -2],
    ['auto', '1795000000', 1_795_000_000_000],
    ['auto', '1795000000123', 1_795_000_000_123],
    ['auto', '1795000000123456', 1_795_000_000_123],
    ['auto', '"1795000000"', 1_795_000_000_000],
    ['auto', '"2026-11-23T06:10:30.123Z"', NOW_MS],
    ['iso8601', '"2026-11-23T07:10:30.1239+01:00"', NOW_MS],
    ['iso8601', '"2026-11-23 06:10:30.123"', NOW_MS],
    ['iso8601', '"2026-11-23T04:40:30,123-0130"', NOW_MS],
    ['iso8601', '"2026-11-23T06:10Z"', Date.parse('2026-11-23T06:10:00Z')],
    ['iso8601', '"2026-11-23"', Date.parse('2026-11-23T00:00:00Z')],
    ['iso8601', '"2024-02-29T00:00:00Z"', Date.parse('2024-02-29T00:00:00Z')],
    ['iso8601', '"2025-02-29T00:00:00Z"', 'invalid_time'],
    ['iso8601', '"2026-13-01T00:00:00Z"', 'invalid_time'],
    ['iso8601', '"2026-11-23T24:00:00Z"', 'invalid_time'],
    ['iso8601', '"2026-11-23T06:60:00Z"', 'invalid_time'],
    ['iso8601', '"2026-11-23T06:10:30.Z"', 'invalid_time'],
    ['iso8601', '"2026-11-23T06:10:30ZZ"', 'invalid_time'],
    ['iso8601', '1795000000', 'invalid_time'],
    ['s', '"2026-11-23T06:10:30Z"', 'invalid_time'],
    ['ms', '1e300', 'invalid_time'],
    ['auto', '""', 'invalid_time'],
  ])('in format %s read %s as %s', (format, json, expected) => {
    expect(decoded(format, json)).toBe(expected);
  });
});
