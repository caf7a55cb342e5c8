import { describe, expect, it } from 'vitest';
import { createJsonDecoder } from '../decode/json-decoder.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { TestClock } from '../query/event-list.fixture.js';
import { testDefinition, testTenant } from '../query/shop.fixture.js';
import type { LogWriter } from '../source/log.js';
import { createCollect } from './collect.js';
import { splitArray, splitLines } from './event-split.js';

const NOW = Date.UTC(2025, 5, 10, 12);

function bench(def: Definition = testDefinition()) {
  const stored: { key: string; text: string }[] = [];
  const writer: LogWriter = {
    append: async (events) => {
      stored.push(...events.map(({ key, value }) => ({ key, text: Buffer.from(value).toString() })));
      return events.map((_, offset) => ({ partition: 'shop/0', offset }));
    },
    close: async () => undefined,
  };
  const collect = createCollect(def, createJsonDecoder(def), writer, new TestClock(NOW));
  return {
    stored,
    writer,
    take: (tenant: string, texts: (string | Buffer)[]) =>
      collect(
        tenant,
        texts.map((text) => Buffer.from(text)),
      ),
  };
}

describe('collected events', () => {
  it('are stored as they came, keyed by user', async () => {
    const { take, stored } = bench();
    const text = ` {"time": ${NOW}, "user":"ünal", "amount": 12.50, "extra": 12345678901234567890}`.trim();
    expect(await take('shop', [text, `{"time":${NOW}}`])).toEqual({ accepted: 2, refused: [] });
    expect(stored).toEqual([
      { key: 'ünal', text },
      { key: '', text: `{"time":${NOW}}` },
    ]);
  });

  it('are refused one by one, with the reason that a dead letter would have', async () => {
    const { take, stored } = bench();
    const { accepted, refused } = await take('shop', [
      '{"time":',
      '[]',
      '{"user":"a"}',
      `{"time":${NOW},"amount":"much"}`,
      `{"time":${NOW + 3_600_000}}`,
      `{"time":${NOW}}`,
      Buffer.from([0x7b, 0xff, 0x7d]),
    ]);
    expect(accepted).toBe(1);
    expect(refused.map(({ index, reason }) => [index, reason])).toEqual([
      [0, 'malformed_json'],
      [1, 'not_an_object'],
      [2, 'missing_time'],
      [3, 'wrong_type'],
      [4, 'time_in_future'],
      [6, 'invalid_utf8'],
    ]);
    expect(refused.every(({ detail }) => detail.includes('expected'))).toBe(true);
    expect(stored.length).toBe(1);
  });

  it("of another tenant than the token's are refused", async () => {
    const base = testDefinition();
    const def = testDefinition({ event: { ...base.event, tenant: 1 }, tenants: [testTenant('shop'), testTenant('other')] });
    const { take, stored } = bench(def);
    const { refused } = await take('shop', [
      `{"time":${NOW},"country":"shop"}`,
      `{"time":${NOW},"country":"other"}`,
      `{"time":${NOW},"country":"nobody"}`,
    ]);
    expect(refused.map(({ index, reason }) => [index, reason])).toEqual([
      [1, 'foreign_tenant'],
      [2, 'unknown_tenant'],
    ]);
    expect(stored.length).toBe(1);
    expect((await bench().take('other', [`{"time":${NOW}}`])).refused[0]).toMatchObject({ reason: 'foreign_tenant' });
  });

  it('are not acknowledged when the log does not take them', async () => {
    const { take, writer } = bench();
    writer.append = async () => Promise.reject(new TidemarkError('unavailable', 'LOG_FULL', 'The disk is full.'));
    await expect(take('shop', [`{"time":${NOW}}`])).rejects.toMatchObject({ code: 'LOG_FULL' });
    expect(await take('shop', ['{}'])).toMatchObject({ accepted: 0 });
  });
});

describe('a body of events', () => {
  const texts = (events: Buffer[]): string[] => events.map(String);

  it('is cut at the commas of the array alone, whatever the events contain', () => {
    const events = [{ a: '],[{}",\\' }, { b: [1, { c: ',' }], d: '\u2028"' }, 'x,y', 5, null, []];
    for (const space of [0, 2]) {
      expect(texts(splitArray(Buffer.from(JSON.stringify(events, null, space)), 10)).map((text) => JSON.parse(text))).toEqual(events);
    }
    expect(texts(splitArray(Buffer.from(' [ ] '), 10))).toEqual([]);
  });

  it('of lines leaves out empty ones, and ends with or without a line break', () => {
    expect(texts(splitLines(Buffer.from('\n{"a":1}\r\n\t\n{"b":2}'), 10))).toEqual(['{"a":1}', '{"b":2}']);
    expect(() => splitLines(Buffer.from('1\n2\n3'), 2)).toThrow('More than 2 events');
  });
});
