// CSV as people have it (RFC 4180, commas, semicolons or tabs, quotes, either line end): text in, rows out, one at a time.
// Invariant: a row is given out as soon as its line has ended, so that a pipe can be judged as it comes.

import { TidemarkError } from '../errors.js';

const QUOTE = '"';
const SEPARATORS = [',', ';', '\t'];
/** Longer than any row: a quote that opens and never closes must not take the rest of the file with it. */
const MAX_RECORD_CHARACTERS = 1_048_576;

/** The separator that stands most often in the first line, quoted text aside. */
export function separatorOf(line: string): string {
  const bare = line.replace(/"[^"]*"/g, '');
  let best = ',';
  let most = 0;
  for (const candidate of SEPARATORS) {
    const count = bare.split(candidate).length - 1;
    if (count > most) {
      best = candidate;
      most = count;
    }
  }
  return best;
}

/** Fields of one complete record. A quote opens a field only at its begin; elsewhere it is a character like others. */
export function splitRecord(record: string, separator: string): string[] {
  if (!record.includes(QUOTE)) return record.split(separator);
  const fields: string[] = [];
  let field = '';
  let begins = true;
  let quoted = false;
  for (let i = 0; i < record.length; i++) {
    const c = record.charAt(i);
    if (quoted) {
      if (c !== QUOTE) field += c;
      else if (record.charAt(i + 1) === QUOTE) {
        field += QUOTE;
        i++;
      } else quoted = false;
      continue;
    }
    if (c === separator) {
      fields.push(field);
      field = '';
      begins = true;
      continue;
    }
    if (c === QUOTE && begins) quoted = true;
    else field += c;
    begins = false;
  }
  fields.push(field);
  return fields;
}

/** A field for a comma-separated record. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll(QUOTE, '""')}"` : text;
}

/**
 * Complete records of a text stream, without line ends; a quoted field may span lines. A byte order mark is dropped.
 * @throws TidemarkError DETECT_INPUT for a quote that is never closed, and for what is no text
 */
export async function* records(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let line = 1;
  // Of `rest`: up to where it was looked at, whether that is within quotes, and whether a field begins there.
  let at = 0;
  let quoted = false;
  let begins = true;
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (line === 1 && at === 0) {
      if (rest.startsWith('\uFEFF')) rest = rest.slice(1);
      if (rest.includes('\0')) throw inputError('this is no text in UTF-8', 'Save it as CSV in UTF-8.');
    }
    let start = 0;
    for (; at < rest.length; at++) {
      const c = rest.charCodeAt(at);
      if (c === 34) {
        // Right after a closing quote another one opens again: two are one quote of the text.
        const closes = quoted;
        if (quoted || begins) quoted = !quoted;
        begins = closes;
      } else if (c === 10 && !quoted) {
        yield rest.slice(start, at > start && rest.charCodeAt(at - 1) === 13 ? at - 1 : at);
        start = at + 1;
        line++;
        begins = true;
      } else begins = c === 44 || c === 59 || c === 9;
    }
    rest = rest.slice(start);
    at -= start;
    if (rest.length > MAX_RECORD_CHARACTERS)
      throw inputError(`row ${line} is longer than a row can be`, 'Look for a quote that is not closed.');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
}

function inputError(message: string, remedy: string): TidemarkError {
  return new TidemarkError('invalid', 'DETECT_INPUT', message, remedy);
}

/** `2026-02-16T14:00:00.5Z`, with a space instead of the T, without a clock, and offsets as `+01:00`, `+0100` or `+01`. */
const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*(?:(Z|UTC|GMT)|([+-]\d\d):?(\d\d)?)?)?$/i;
/** Of the rest only what has a year of four digits and a month by name or three numbers: in other text Date.parse finds dates that nobody wrote. */
const WRITTEN =
  /^(?=.*\b\d{4}\b)(?:.*\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\d{1,4}\/\d\d?\/\d{1,4}\b|\d{4}-\d\d?-\d\d?\b)/i;
const ZONED = /(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$/i;

/**
 * Milliseconds since the epoch: ISO 8601 or `2026-02-16 14:00:00` (UTC unless it names an offset), epoch s, ms, µs or ns, or a date
 * in English words. NaN if none of these.
 */
export function parseTime(text: string): number {
  const trimmed = text.trim();
  if (/^-?\d+(\.\d+)?(e\+?\d+)?$/i.test(trimmed)) {
    const n = Number(trimmed);
    const size = Math.abs(n);
    return size < 1e11 ? n * 1000 : size < 1e14 ? n : size < 1e17 ? n / 1000 : n / 1e6;
  }
  const match = ISO.exec(trimmed);
  if (match === null) {
    if (!WRITTEN.test(trimmed)) return Number.NaN;
    return Date.parse(ZONED.test(trimmed) ? trimmed : `${trimmed} UTC`);
  }
  const [, day = '', clock = '00:00', , hours, minutes = '00'] = match;
  return Date.parse(`${day}T${clock.replace(',', '.')}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
}

/**
 * A number, or null for everything that is none (empty, NaN, null, inf, words).
 * @param decimalComma as where semicolons separate: `1,5` is one and a half
 */
export function parseValue(text: string, decimalComma = false): number | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const value = Number(decimalComma && /^[+-]?\d*,\d+$/.test(trimmed) ? trimmed.replace(',', '.') : trimmed);
  return Number.isFinite(value) ? value : null;
}
