import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, isTimeZone, parseDuration, parseTime } from './time-expression.js';

const NOW = Date.UTC(2025, 2, 30, 12, 34, 56, 789);

function at(text: string | number, timeZone = 'UTC', roundUp = false): string {
  const parsed = parseTime(text, { nowMs: NOW, timeZone, roundUp });
  return parsed.ok ? new Date(parsed.value).toISOString() : `expected ${parsed.expected}`;
}

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
  });

  it.each(['', '5', 'm', '0s', '-1m', '1.5h', '5 m', '5M', '1y', '99999999999d', '1h30m', '4000w0'])(
    '%j is refused with what was expected',
    (text) => {
      const parsed = parseDuration(text);
      expect(parsed.ok ? 'accepted' : parsed.expected).toContain('a duration such as');
    },
  );

  it('are written the way they are read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000_000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1_000))).toEqual({ ok: true, value: seconds * 1_000 });
      }),
    );
  });
});

describe('times', () => {
  it.each([
    [1_700_000_000_000, '2023-11-14T22:13:20.000Z'],
    ['1700000000000', '2023-11-14T22:13:20.000Z'],
    [0, '1970-01-01T00:00:00.000Z'],
    ['2025-01-02', '2025-01-02T00:00:00.000Z'],
    ['2025-01-02T03:04', '2025-01-02T03:04:00.000Z'],
    ['2025-01-02T03:04:05.678Z', '2025-01-02T03:04:05.678Z'],
    ['2025-01-02T03:04:05.29Z', '2025-01-02T03:04:05.290Z'],
    ['2025-01-02T03:04:05+02:00', '2025-01-02T01:04:05.000Z'],
    ['2025-01-02T03:04:05-0330', '2025-01-02T06:34:05.000Z'],
    ['now', '2025-03-30T12:34:56.789Z'],
    ['now-5m', '2025-03-30T12:29:56.789Z'],
    ['now-1h+30m', '2025-03-30T12:04:56.789Z'],
    ['now/h', '2025-03-30T12:00:00.000Z'],
    ['now/d', '2025-03-30T00:00:00.000Z'],
    ['now-1d/d', '2025-03-29T00:00:00.000Z'],
    ['now/w', '2025-03-24T00:00:00.000Z'],
    ['now/M', '2025-03-01T00:00:00.000Z'],
    ['now-1M', '2025-02-28T12:34:56.789Z'],
    ['now/y', '2025-01-01T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(at(text)).toBe(expected);
  });

  it('rounds the end of a range up, so that now/d is all of today', () => {
    expect(at('now/d', 'UTC', true)).toBe('2025-03-31T00:00:00.000Z');
  });

  it('takes the wall clock of a time zone for days and for times without an offset, over a change of clocks too', () => {
    // On 30 March 2025 Berlin's clocks went from 02:00 to 03:00.
    expect(at('now/d', 'Europe/Berlin')).toBe('2025-03-29T23:00:00.000Z');
    expect(at('now/d', 'Europe/Berlin', true)).toBe('2025-03-30T22:00:00.000Z');
    expect(at('now-1d', 'Europe/Berlin')).toBe('2025-03-29T13:34:56.789Z');
    expect(at('2025-07-01T12:00', 'Europe/Berlin')).toBe('2025-07-01T10:00:00.000Z');
    expect(at('2025-03-30T02:30', 'Europe/Berlin')).toBe('2025-03-30T01:30:00.000Z');
    expect(at('2025-10-26T02:30', 'Europe/Berlin')).toBe('2025-10-26T00:30:00.000Z');
    expect(at('now/h', 'Asia/Kolkata')).toBe('2025-03-30T12:30:00.000Z');
  });

  it.each([
    'yesterday',
    '',
    'now-',
    'now-5x',
    'now - 5m',
    '2025-13-01',
    '2025-02-30',
    '2025-01-01T25:00',
    '2025-01-01T10:00:61Z',
    NaN,
    Infinity,
    -1,
    1e20,
    '1e3',
    '2500-01-01',
    "now'; drop table events",
    'now-999999999y',
  ])('%j is refused', (text) => {
    expect(at(text)).toContain('expected');
  });

  it('says so when epoch seconds were given for milliseconds', () => {
    expect(at(1_700_000_000)).toContain('looks like seconds: 1700000000000');
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^now([+-]\d{1,9}[smhdwMy]){0,3}(\/[smhdwMy])?$/), fc.double()), (text) => {
        const parsed = parseTime(text, { nowMs: NOW, timeZone: 'America/New_York', roundUp: true });
        if (parsed.ok) expect(Number.isSafeInteger(parsed.value)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('knows a time zone by its name', () => {
    expect([isTimeZone('Europe/Berlin'), isTimeZone('Mars/Olympus'), isTimeZone('')]).toEqual([true, false, false]);
  });
});
