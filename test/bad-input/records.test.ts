// Records that are no events, on their whole way: each ends as one dead letter that says why and where it stood; nothing else is lost,
// counted twice, or stops.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeadLetterReason } from '../../aggregator/src/source/log.js';
import { Bench, PARTITION, shopDefinition } from './bench.js';

const MIB = 2 ** 20;
let bench: Bench;

beforeAll(async () => {
  bench = await Bench.open(shopDefinition());
});
afterEach(async () => {
  await bench.expectSound();
});
afterAll(async () => {
  await bench?.close();
});

interface Case {
  readonly name: string;
  readonly reason: DeadLetterReason;
  readonly values: () => readonly (string | Uint8Array | null)[];
  /** What people are told about each. */
  readonly detail: RegExp;
}

const raw = (json: string): string => json.replace('$TS', String(bench.nowMs - 5_000));

const CASES: readonly Case[] = [
  {
    name: 'malformed JSON',
    reason: 'malformed_json',
    values: () => [
      '{"event_id":',
      '{',
      'nonsense',
      "{'ts':1}",
      '{"ts":1,}',
      '{"ts":1}{"ts":2}',
      '{"a":01}',
      '{"a":"\n"}',
      '\u0000',
      '{"a" 1}',
      '"open',
    ],
    detail: /at byte \d+: found .+, expected .+/,
  },
  {
    name: 'JSON that is no object',
    reason: 'not_an_object',
    values: () => ['[1,2]', '"text"', '5', 'null', 'true', '[]', '[{"ts":1}]'],
    detail: /found .+, expected an object/,
  },
  {
    name: 'values of the wrong type',
    reason: 'wrong_type',
    values: () => [
      bench.event('w1', { amount: '12' }),
      bench.event('w2', { amount: {} }),
      bench.event('w3', { amount: true }),
      bench.event('w4', { user_id: ['u'] }),
      bench.event('w5', { geo: { country: {} } }),
      bench.event('w6', { type: [1] }),
    ],
    detail: /field (amount|user_id|geo\.country|type): found .+, expected a (number|string)/,
  },
  {
    name: 'no time',
    reason: 'missing_time',
    values: () => ['{}', bench.event('m1', { ts: null }), bench.event('m2', { ts: undefined })],
    detail: /field ts: found nothing, expected an ISO 8601 time/,
  },
  {
    name: 'a time that is none',
    reason: 'invalid_time',
    values: () => ['yesterday', '', '2025-02-30T00:00:00Z', '12:00', '2025-13-01', true, {}].map((ts, i) => bench.event(`t${i}`, { ts })),
    detail: /field ts: found .+, expected an ISO 8601 time/,
  },
  {
    name: 'a time in 1970',
    reason: 'time_too_old',
    values: () => [0, 1, '1970-01-01T00:00:00Z', -86_400_000].map((ts, i) => bench.event(`o${i}`, { ts })),
    detail: /found 19[67]\d-.+, expected at most 90d before the record's log timestamp/,
  },
  {
    name: 'a time in 2099',
    reason: 'time_in_future',
    values: () => ['2099-01-01T00:00:00Z', 4_070_908_800_000, 4_070_908_800].map((ts, i) => bench.event(`f${i}`, { ts })),
    detail: /found 2099-01-01T.+, expected at most 1h after the record's log timestamp/,
  },
  {
    name: 'a record of 5 MB where 1 MiB is the limit',
    reason: 'too_large',
    values: () => [bench.event('large', { pad: 'x'.repeat(5_000_000) })],
    detail: /found 50\d+ bytes, expected at most 1048576/,
  },
  {
    name: 'null and empty values',
    reason: 'empty',
    values: () => [null, '', new Uint8Array(0)],
    detail: /found (no value \(a tombstone\)|an empty value), expected a JSON object/,
  },
  {
    name: 'invalid UTF-8',
    reason: 'invalid_utf8',
    values: () =>
      [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]].map((bytes, i) => {
        const [before, after] = bench.event(`utf-${i}`, { device: '@' }).split('@');
        return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      }),
    detail: /at byte \d+: found byte 0x.., expected/,
  },
  {
    name: 'NaN and Infinity as literals',
    reason: 'malformed_json',
    values: () =>
      ['NaN', '-NaN', 'Infinity', '-Infinity', '+1', '.5', '0x10', '1e', '--1'].map((number, i) =>
        raw(`{"event_id":"n${i}","ts":$TS,"amount":${number}}`),
      ),
    detail: /at byte \d+: found .+, expected/,
  },
  {
    name: 'NaN and numbers as texts',
    reason: 'wrong_type',
    values: () => ['NaN', 'Infinity', '1.5', ''].map((amount, i) => bench.event(`x${i}`, { amount })),
    detail: /field amount: found the string ".*", expected a number/,
  },
  {
    name: 'numbers beyond what is kept exactly',
    reason: 'number_out_of_range',
    values: () =>
      ['1e999', '-1e999', '1e300', '9007199254740993', `1${'0'.repeat(400)}`].map((number, i) =>
        raw(`{"event_id":"b${i}","ts":$TS,"amount":${number}}`),
      ),
    detail: /field amount: found the number .+, expected a magnitude of at most [\d.]+ at 2 decimals/,
  },
  {
    name: 'a hundred thousand brackets',
    reason: 'too_deep',
    values: () => [raw(`{"ts":$TS,"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), `{"a":`.repeat(100_000)],
    detail: /at byte \d+: found .+, expected/,
  },
];

describe('a record that is no event ends as a dead letter', () => {
  it.each(CASES)('$name', async ({ reason, values, detail }) => {
    const records = values();
    const before = await bench.total('events');
    const first = await bench.send(records);
    const letters = bench.letters(first);
    expect(letters.map((letter) => [letter.partition, letter.offset, letter.reason])).toEqual(
      records.map((_, i) => [PARTITION, first + i, reason]),
    );
    letters.forEach((letter, i) => {
      expect(letter.detail).toMatch(detail);
      expect(letter.timestampMs).toBe(bench.nowMs);
      // As it came, or its beginning.
      const record = Buffer.from(records[i] ?? '');
      expect(letter.value.length).toBe(Math.min(record.length, 64 * 1024));
      expect(record.subarray(0, letter.value.length).equals(letter.value)).toBe(true);
    });
    expect(await bench.total('events')).toBe(before);
  });
});

describe('a record that is odd, and still an event, is counted', () => {
  const counted = async (values: readonly (string | Uint8Array)[]): Promise<void> => {
    const before = await bench.total('events');
    const first = await bench.send(values);
    expect(bench.letters(first)).toEqual([]);
    expect(await bench.total('events')).toBe(before + values.length);
  };

  it('without any field but the time', () => counted([raw('{"ts":$TS}'), raw(' \n\t{ "ts" : $TS } \n')]));
  it('with a byte order mark', () => counted([Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(bench.event('bom'))])]));
  it('with an object where nothing was expected and a text where an object was', () =>
    counted([bench.event('odd', { pad: { ts: 'no' }, geo: 'DE' })]));
  it('with escaped halves of characters', () =>
    counted([raw('{"event_id":"half","ts":$TS,"device":"\\ud800","user_id":"\\udc00\\ud800"}')]));
  it('with the same key twice', () => counted([raw('{"event_id":"twice","ts":"yesterday","ts":$TS,"device":"a","device":"b"}')]));
  it('with keys that objects have of themselves', async () => {
    await counted([
      raw('{"event_id":"proto","ts":$TS,"__proto__":{"device":"x"},"constructor":{"prototype":1},"hasOwnProperty":1,"toString":null}'),
    ]);
    expect(({} as Record<string, unknown>)['device']).toBeUndefined();
  });
  it('with fifty thousand keys', () =>
    counted([bench.event('wide', Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])))]));
  it('with a megabyte that nobody asked for', () => counted([bench.event('pad', { pad: 'x'.repeat(MIB - 1_000) })]));
  it('with the smallest and the largest number kept exactly', async () => {
    await counted([
      raw('{"event_id":"min","ts":$TS,"amount":-45035996273704.96}'),
      raw('{"event_id":"max","ts":$TS,"amount":45035996273704.96}'),
      raw('{"event_id":"tiny","ts":$TS,"amount":1e-300}'),
    ]);
    expect(await bench.total('largest')).toBe(45_035_996_273_704.96);
    expect(await bench.total('smallest')).toBe(-45_035_996_273_704.96);
  });
});

it('a mixture of good and bad records keeps every good one, once', async () => {
  const before = await bench.total('events');
  const kinds = CASES.flatMap(({ values }) => values()).filter((value) => value === null || value.length < 10_000);
  const good = Array.from({ length: 500 }, (_, i) => bench.event(`mixed-${i}`));
  // Each good one is followed by a bad one, and every tenth comes again.
  const first = await bench.send(good.flatMap((value, i) => [value, kinds[i % kinds.length], ...(i % 10 === 0 ? [value] : [])]));
  expect(bench.letters(first)).toHaveLength(500);
  expect(await bench.total('events')).toBe(before + 500);
});
