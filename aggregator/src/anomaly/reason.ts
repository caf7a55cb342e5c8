// Verdicts in plain words: what was seen, what was expected and when, how far beyond. Pure.

import type { Assessment } from './baseline.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** At most four significant digits, whole numbers in full: 1234567, 412, 0.01235. */
export function plainNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-6)) return value.toExponential(3);
  if (Number.isInteger(value) || size >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(4)));
}

/** 'Monday 14:00' of a local time. */
export function plainTime(localMs: number): string {
  const date = new Date(localMs);
  if (Number.isNaN(date.getTime())) return 'this time';
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${DAYS[date.getUTCDay()] ?? ''} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** '±20' where the band is even, else 'between 15 and 70'. */
function plainBand(expected: number, lower: number, upper: number): string {
  const below = expected - lower;
  const above = upper - expected;
  if (Math.abs(above - below) <= 0.1 * Math.max(above, below)) return `${plainNumber(expected)} ± ${plainNumber((above + below) / 2)}`;
  return `${plainNumber(expected)} (${plainNumber(lower)} to ${plainNumber(upper)})`;
}

/** How far in standard deviations: '+18σ'. */
function plainDistance(last: Assessment, value: number): string {
  const sigmas = (value - last.expected) / last.sigma;
  const size = Math.abs(sigmas);
  if (!Number.isFinite(size)) return 'never seen before';
  const text = size >= 1e4 ? size.toExponential(0).replace('+', '') : size >= 9.5 ? size.toFixed(0) : size.toFixed(1);
  return `${sigmas < 0 ? '-' : '+'}${text}σ`;
}

export function reasonFor(last: Assessment, value: number, localMs: number, lower: number, upper: number): string {
  const when = plainTime(localMs);
  const expected = plainBand(last.expected, lower, upper);
  switch (last.cause) {
    case 'missing':
      return `no value for ${plainNumber(last.detail)} buckets, expected ${expected} for ${when}`;
    case 'stuck':
      return `stuck at ${plainNumber(value)} for ${plainNumber(last.detail)} buckets, unusually long for this series`;
    case 'noisy':
      return `varies ${plainNumber(Number(last.detail.toPrecision(2)))} times as much as usual, ${plainNumber(value)} at ${when}`;
    case 'shift':
      return last.detail === 0
        ? `the level moved ${last.side < 0 ? 'down' : 'up'} and stays there: ${plainNumber(value)}, expected ${expected} for ${when}`
        : `the last buckets are ${plainNumber(Math.abs(last.detail))} ${last.side < 0 ? 'lower' : 'higher'} than usual for ${when}, together more than chance`;
    case 'level':
      return `${plainNumber(value)} is ${last.side < 0 ? 'lower' : 'higher'} than this series goes, expected ${expected} for ${when}, ${plainDistance(last, value)}`;
    default:
      return `${plainNumber(value)}, expected ${expected} for ${when}, ${plainDistance(last, value)}`;
  }
}

/** '10 minutes', '2 hours', '45 seconds'. */
export function plainSpan(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ];
  for (const [size, name] of units) {
    if (ms >= size && ms % size === 0) return `${ms / size} ${name}${ms === size ? '' : 's'}`;
  }
  return `${plainNumber(ms / 1000)} seconds`;
}
