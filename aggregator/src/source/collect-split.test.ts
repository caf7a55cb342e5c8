import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import { splitEvents } from './collect-split.js';

function split(text: string, type = 'application/json'): string[] {
  const body = Buffer.from(text);
  return splitEvents(body, type).map(({ start, end }) => body.toString('utf8', start, end));
}

function refusal(text: string, type = 'application/json'): string {
  try {
    split(text, type);
  } catch (error) {
    if (error instanceof TidemarkError && error.errorClass === 'invalid') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('splitEvents', () => {
  it('splits any JSON array where JSON.parse does, however it is spaced', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 2, '\t'), (values, indent) => {
        const parts = split(JSON.stringify(values, null, indent));
        expect(parts.map((part): unknown => JSON.parse(part))).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });

  it('splits any lines of JSON where split does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 3 }).filter((value) => typeof value === 'object' && !Array.isArray(value) && value !== null)),
        (values) => {
          const lines = values.map((value) => JSON.stringify(value));
          if (lines.length === 0) return;
          expect(split(lines.join('\r\n') + '\n\n', 'application/x-ndjson')).toEqual(lines);
          expect(split(lines.join('\n'), 'text/plain')).toEqual(lines);
        },
      ),
    );
  });

  it('keeps brackets, commas, quotes and line feeds inside strings together', () => {
    expect(split('[{"a":"],}\\"[{"}, "\\\\", [1,2]]')).toEqual(['{"a":"],}\\"[{"}', '"\\\\"', '[1,2]']);
  });

  it('leaves a broken element to itself', () => {
    expect(split('[{"a":1}, nonsense, {"b":}, , {"c":3}]')).toEqual(['{"a":1}', 'nonsense', '{"b":}', '', '{"c":3}']);
    expect(split('{"a":1}\nnonsense\n{"c":3}')).toEqual(['{"a":1}', 'nonsense', '{"c":3}']);
  });

  it('takes one object as one event, and an array as a line where the type says NDJSON', () => {
    expect(split(' {"a":1} ')).toEqual(['{"a":1}']);
    expect(split('[1]\n[2]', 'application/x-ndjson; charset=utf-8')).toEqual(['[1]', '[2]']);
  });

  it('skips a byte order mark', () => {
    expect(split('\ufeff[1,2]')).toEqual(['1', '2']);
  });

  it('finds nothing in an empty array', () => {
    expect(split('[]')).toEqual([]);
    expect(split(' [ ] ')).toEqual([]);
  });

  it('refuses a body without an event, and an array that does not end', () => {
    expect(refusal('')).toMatch(/empty/);
    expect(refusal(' \n ')).toMatch(/empty/);
    expect(refusal('[{"a":1}')).toMatch(/not closed/);
    expect(refusal('[{"a":[1}')).toMatch(/inside an element/);
    expect(refusal('[{"a":1')).toMatch(/inside an element/);
    expect(refusal('["a')).toMatch(/not closed/);
    expect(refusal('[1] 2')).toMatch(/follows the end/);
  });

  it('never fails otherwise, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const body = Buffer.concat([Buffer.from('['), bytes, Buffer.from(']')]);
        try {
          for (const { start, end } of splitEvents(body, '')) expect(start).toBeLessThanOrEqual(end);
        } catch (error) {
          expect(error).toBeInstanceOf(TidemarkError);
        }
      }),
    );
  });
});
