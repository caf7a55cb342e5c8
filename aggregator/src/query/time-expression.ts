// Times and durations as people write them: epoch ms, ISO 8601, `now-5m/d`, `90s`. Pure: now and the time zone are given.
// Calendar steps (d, w, M, y) and rounding follow the wall clock of the time zone; s, m and h are exact lengths.

export interface TimeContext {
  readonly nowMs: number;
  /** IANA name; `UTC` where none was given. */
  readonly timeZone: string;
  /** True for the end of a range: `now/d` is then the end of today, as in Grafana. */
  readonly roundUp: boolean;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly expected: string };

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const WEEK_MS = 7 * DAY_MS;

const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['w', WEEK_MS],
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', SECOND_MS],
];
const LONGEST_MS = 36_525 * DAY_MS;
/** Year 2200: later times are typing errors, and arithmetic on them stays exact. */
const LATEST_MS = Date.UTC(2200, 0, 1);

/** `30s`, `5m`, `1h`, `1d`, `1w` → ms, at most 100 years. */
export function parseDuration(text: string): Parsed<number> {
  const expected = 'a duration such as 30s, 5m, 1h, 1d or 1w';
  const match = /^(\d{1,10})([smhdw])$/.exec(text);
  if (match === null) return { ok: false, expected };
  const unit = DURATION_UNITS.find(([name]) => name === match[2]);
  const value = unit === undefined ? 0 : Number(match[1]) * unit[1];
  if (value <= 0) return { ok: false, expected: `${expected}, more than zero` };
  if (value > LONGEST_MS) return { ok: false, expected: `${expected}, at most 100 years` };
  return { ok: true, value };
}

/** The shortest exact spelling of a whole number of seconds, e.g. 5,400,000 → `90m`. */
export function formatDuration(ms: number): string {
  for (const [name, length] of DURATION_UNITS) {
    if (name !== 'w' && ms >= length && ms % length === 0) return `${ms / length}${name}`;
  }
  return `${ms}ms`;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Epoch ms of a time expression. Whole ms; refuses times before 1970 and after 2200, and epoch seconds given by mistake. */
export function parseTime(input: number | string, context: TimeContext): Parsed<number> {
  const expected = 'epoch milliseconds, an ISO 8601 time, or a relative time such as now-5m or now/d';
  if (typeof input === 'number' || /^\d{5,16}$/.test(input)) return epoch(Number(input), expected);
  const text = input.trim();
  const value = text.startsWith('now') ? relative(text, context) : iso(text, context.timeZone);
  return value === null ? { ok: false, expected } : epoch(value, expected);
}

function epoch(value: number, expected: string): Parsed<number> {
  if (!Number.isFinite(value)) return { ok: false, expected };
  if (value >= 1e9 && value < 1e10) return { ok: false, expected: `epoch milliseconds (this looks like seconds: ${value * 1000}?)` };
  if (value < 0 || value > LATEST_MS) return { ok: false, expected: `${expected}, from 1970 to 2200` };
  return { ok: true, value: Math.floor(value) };
}

function relative(text: string, context: TimeContext): number | null {
  const match = /^now((?:[+-]\d{1,9}[smhdwMy])*)(?:\/([smhdwMy]))?$/.exec(text);
  if (match === null) return null;
  let time = context.nowMs;
  for (const step of match[1].matchAll(/([+-])(\d+)([smhdwMy])/g)) {
    const count = Number(step[2]) * (step[1] === '-' ? -1 : 1);
    time = addUnits(time, count, step[3], context.timeZone);
    if (!Number.isFinite(time)) return null;
  }
  const unit = match[2];
  if (unit === undefined) return time;
  const start = startOf(time, unit, context.timeZone);
  return context.roundUp ? addUnits(start, 1, unit, context.timeZone) : start;
}

interface Wall {
  readonly year: number;
  /** 0-11 */
  readonly month: number;
  readonly day: number;
  /** Ms since midnight on the wall clock. */
  readonly msOfDay: number;
}

function addUnits(timeMs: number, count: number, unit: string, timeZone: string): number {
  const exact = unit === 's' ? SECOND_MS : unit === 'm' ? MINUTE_MS : unit === 'h' ? HOUR_MS : 0;
  if (exact > 0) return timeMs + count * exact;
  const wall = wallOf(timeMs, timeZone);
  if (unit === 'd') return fromWall({ ...wall, day: wall.day + count }, timeZone);
  if (unit === 'w') return fromWall({ ...wall, day: wall.day + 7 * count }, timeZone);
  const year = unit === 'y' ? wall.year + count : wall.year;
  const month = unit === 'M' ? wall.month + count : wall.month;
  // The 31st of a shorter month is its last day.
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return fromWall({ ...wall, year, month, day: Math.min(wall.day, lastDay) }, timeZone);
}

/** Weeks start on Monday (ISO 8601). */
function startOf(timeMs: number, unit: string, timeZone: string): number {
  if (unit === 's') return Math.floor(timeMs / SECOND_MS) * SECOND_MS;
  if (unit === 'm') return Math.floor(timeMs / MINUTE_MS) * MINUTE_MS;
  const wall = wallOf(timeMs, timeZone);
  if (unit === 'h') return timeMs - (wall.msOfDay % HOUR_MS);
  const midnight = { ...wall, msOfDay: 0 };
  if (unit === 'd') return fromWall(midnight, timeZone);
  if (unit === 'M') return fromWall({ ...midnight, day: 1 }, timeZone);
  if (unit === 'y') return fromWall({ ...midnight, month: 0, day: 1 }, timeZone);
  const weekday = (new Date(Date.UTC(wall.year, wall.month, wall.day)).getUTCDay() + 6) % 7;
  return fromWall({ ...midnight, day: wall.day - weekday }, timeZone);
}

function wallOf(timeMs: number, timeZone: string): Wall {
  const local = new Date(timeMs + offsetMs(timeMs, timeZone));
  if (Number.isNaN(local.getTime())) return { year: NaN, month: NaN, day: NaN, msOfDay: NaN };
  const msOfDay = ((local.getTime() % DAY_MS) + DAY_MS) % DAY_MS;
  return { year: local.getUTCFullYear(), month: local.getUTCMonth(), day: local.getUTCDate(), msOfDay };
}

/** A wall time that a change of clocks skips moves on by the gap; one that comes twice is the first of the two. */
function fromWall(wall: Wall, timeZone: string): number {
  const asUtc = Date.UTC(wall.year, wall.month, wall.day) + wall.msOfDay;
  const before = offsetMs(asUtc - DAY_MS, timeZone);
  const after = offsetMs(asUtc + DAY_MS, timeZone);
  if (before === after) return asUtc - before;
  const first = asUtc - before;
  if (offsetMs(first, timeZone) === before) return first;
  const second = asUtc - after;
  return offsetMs(second, timeZone) === after ? second : first;
}

/** Wall clock less UTC at an instant. */
function offsetMs(timeMs: number, timeZone: string): number {
  if (timeZone === 'UTC' || !Number.isFinite(timeMs) || Math.abs(timeMs) > 8.64e15) return 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const part = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]));
  const get = (type: Intl.DateTimeFormatPartTypes): number => part.get(type) ?? 0;
  const wall = Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
  return wall - Math.floor(timeMs / SECOND_MS) * SECOND_MS;
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Without an offset the time is one of the time zone's wall clock. */
function iso(text: string, timeZone: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return null;
  const fractionMs = Math.floor(Number(`0.${match[7] ?? '0'}`) * 1000 + 1e-6);
  const msOfDay = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + fractionMs;
  const zone = match[8];
  if (zone === undefined) return fromWall({ year, month: month - 1, day, msOfDay }, timeZone);
  if (zone === 'Z') return date.getTime() + msOfDay;
  const digits = zone.slice(1).replace(':', '');
  const shift = Number(digits.slice(0, 2)) * HOUR_MS + Number(digits.slice(2)) * MINUTE_MS;
  return date.getTime() + msOfDay - (zone.startsWith('-') ? -shift : shift);
}
