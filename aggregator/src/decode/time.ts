// Event times in any of the definition's formats → epoch ms, rounded down to the millisecond. NaN is the answer to what is no time.
// Invariant: a pure function of format and text; the remembered minute only saves work.

import type { TimeFormat } from '../definition/model.js';
import { exoticToInteger, toFlooredInteger } from './fixed-point.js';

/** Epoch seconds stay below this until the year 5138; epoch ms are above it since 1973. */
const SECONDS_BELOW = 1e11;
/** Epoch ms stay below this until the year 5138; epoch µs are above it since 1973. */
const MILLISECONDS_BELOW = 1e14;
/** ECMA-262: the largest time value. */
const MAX_TIME_MS = 8.64e15;
const DAYS_IN_MONTH = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

export class TimeReader {
  // The last `YYYY-MM-DDTHH:MM` as words, and its epoch ms: most events are of the same minute as the one before.
  #word0 = 0;
  #word1 = 0;
  #word2 = 0;
  #word3 = 0;
  #minuteMs = Number.NaN;

  /** A number of at most 15 digits, ±mantissa / 10^fraction. */
  fromNumber(format: TimeFormat, mantissa: number, fraction: number, negative: boolean): number {
    let shift = shiftOf(format);
    if (format === 'auto') shift = shiftBySize(mantissa / 10 ** fraction);
    return Number.isNaN(shift) ? Number.NaN : inRange(toFlooredInteger(mantissa, fraction, negative, shift));
  }

  /** Any other number. @param text its characters */
  fromExoticNumber(format: TimeFormat, text: string): number {
    let shift = shiftOf(format);
    if (format === 'auto') shift = shiftBySize(Math.abs(Number(text)));
    return Number.isNaN(shift) ? Number.NaN : inRange(exoticToInteger(text, shift, 'down'));
  }

  /**
   * A string: ISO 8601 for `iso8601` and `auto`, a decimal number for the others and `auto`.
   * @param view over `bytes`, readable for SPARE_BYTES past `end`
   */
  fromText(format: TimeFormat, bytes: Uint8Array, view: DataView, start: number, end: number): number {
    if (format === 'iso8601' || format === 'auto') {
      const iso = this.#iso(bytes, view, start, end);
      if (format === 'iso8601' || !Number.isNaN(iso)) return iso;
    }
    return this.#numeric(format, bytes, start, end);
  }

  #iso(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length >= 20 && bytes[end - 1] === 0x5a && bytes[start + 16] === 0x3a) {
      const tens = bytes[start + 17] - 0x30;
      const ones = bytes[start + 18] - 0x30;
      const inMinute =
        view.getInt32(start, true) === this.#word0 &&
        view.getInt32(start + 4, true) === this.#word1 &&
        view.getInt32(start + 8, true) === this.#word2 &&
        view.getInt32(start + 12, true) === this.#word3;
      if (inMinute && tens >= 0 && tens < 6 && ones >= 0 && ones < 10) {
        const second = this.#minuteMs + (tens * 10 + ones) * 1000;
        if (length === 20) return second;
        if (length === 24 && bytes[start + 19] === 0x2e) {
          const a = bytes[start + 20] - 0x30;
          const b = bytes[start + 21] - 0x30;
          const c = bytes[start + 22] - 0x30;
          if (a >= 0 && a < 10 && b >= 0 && b < 10 && c >= 0 && c < 10) return second + a * 100 + b * 10 + c;
        }
      }
    }
    return this.#anyIso(bytes, view, start, end);
  }

  /** `YYYY-MM-DD`, then optionally T or a space and `hh:mm[:ss[.fraction]]`, then optionally Z or ±hh[[:]mm]. No zone is UTC. */
  #anyIso(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length < 10 || bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return Number.NaN;
    const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
    const month = twoDigits(bytes, start + 5);
    const day = twoDigits(bytes, start + 8);
    if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN;
    const dayMs = daysFromCivil(year, month, day) * 86_400_000;
    if (length === 10) return dayMs;
    const separator = bytes[start + 10];
    if (length < 16 || (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) || bytes[start + 13] !== 0x3a) return Number.NaN;
    const hour = twoDigits(bytes, start + 11);
    const minute = twoDigits(bytes, start + 14);
    if (!(hour <= 23 && minute <= 59)) return Number.NaN;
    const minuteMs = dayMs + hour * 3_600_000 + minute * 60_000;
    this.#word0 = view.getInt32(start, true);
    this.#word1 = view.getInt32(start + 4, true);
    this.#word2 = view.getInt32(start + 8, true);
    this.#word3 = view.getInt32(start + 12, true);
    this.#minuteMs = minuteMs;

    let ms = 0;
    let p = start + 16;
    if (p < end && bytes[p] === 0x3a) {
      const second = p + 3 <= end ? twoDigits(bytes, p + 1) : Number.NaN;
      if (!(second <= 59)) return Number.NaN;
      ms = second * 1000;
      p += 3;
      if (p < end && (bytes[p] === 0x2e || bytes[p] === 0x2c)) {
        const point = p++;
        for (let unit = 100; p < end && isDigit(bytes[p]); unit /= 10, p++) {
          if (unit >= 1) ms += (bytes[p] - 0x30) * unit;
        }
        if (p === point + 1) return Number.NaN;
      }
    }
    return minuteMs + ms - zoneOffsetMs(bytes, p, end);
  }

  #numeric(format: TimeFormat, bytes: Uint8Array, start: number, end: number): number {
    if (end - start > 40) return Number.NaN;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    return /^-?\d+(\.\d+)?$/.test(text) ? this.fromExoticNumber(format, text) : Number.NaN;
  }
}

/** Decimal places from the format's unit to ms; NaN where numbers are not allowed or the size decides. */
function shiftOf(format: TimeFormat): number {
  return format === 's' ? 3 : format === 'ms' ? 0 : format === 'us' ? -3 : Number.NaN;
}

function shiftBySize(magnitude: number): number {
  return magnitude < SECONDS_BELOW ? 3 : magnitude < MILLISECONDS_BELOW ? 0 : -3;
}

function inRange(ms: number): number {
  return Math.abs(ms) <= MAX_TIME_MS ? ms : Number.NaN;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** NaN unless both are digits. */
function twoDigits(bytes: Uint8Array, p: number): number {
  const tens = bytes[p];
  const ones = bytes[p + 1];
  return isDigit(tens) && isDigit(ones) ? (tens - 0x30) * 10 + (ones - 0x30) : Number.NaN;
}

/** What is to be taken off: 0 for none and Z; NaN for what is no zone. */
function zoneOffsetMs(bytes: Uint8Array, p: number, end: number): number {
  const length = end - p;
  if (length === 0) return 0;
  const c = bytes[p];
  if (length === 1 && (c === 0x5a || c === 0x7a)) return 0;
  if (c !== 0x2b && c !== 0x2d) return Number.NaN;
  const hours = length >= 3 ? twoDigits(bytes, p + 1) : Number.NaN;
  let minutes = 0;
  if (length === 6 && bytes[p + 3] === 0x3a) minutes = twoDigits(bytes, p + 4);
  else if (length === 5) minutes = twoDigits(bytes, p + 3);
  else if (length !== 3) return Number.NaN;
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN;
  const offset = hours * 3_600_000 + minutes * 60_000;
  return c === 0x2b ? offset : -offset;
}

function daysInMonth(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : DAYS_IN_MONTH[month - 1];
}

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
