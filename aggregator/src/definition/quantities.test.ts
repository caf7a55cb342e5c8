import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from './quantities.js';

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['250ms', 250],
    ['2w', 1_209_600_000],
    ['1y', 31_536_000_000],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', '30', 's', '-5s', '5 s', '5S', '1h 30m', '1e3s', '900y', 'forever'])('refuses %j', (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });

  it('read back as they were written', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 31 }), (ms) => void expect(parseDurationMs(formatDuration(ms))).toBe(ms)));
  });
});

describe('sizes', () => {
  it.each([
    ['4GiB', 2 ** 32],
    ['1.5 KiB', 1_536],
    ['10MB', 1e7],
    ['7B', 7],
    [42, 42],
    [0, 0],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(['', '4', '4G', '4gib', '-1B', 1.5, -1, Infinity, '99999999999TiB'])('refuses %j', (text) => {
    expect(parseBytes(text)).toBeNull();
  });

  it('are shown with three digits', () => {
    expect([0, 1023, 1536, 5 * 2 ** 30, 1234 * 2 ** 40].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '5 GiB', '1230 TiB']);
  });
});
