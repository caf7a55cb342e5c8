// Cuts a collected body into its events without parsing them: the bytes go into the log as they came, so that no number loses
// digits on the way. Whether an event is well formed is the decoder's to say, event by event.

import { apiError, type ApiError } from './api-error.js';

export const NDJSON_TYPES: readonly string[] = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
];

const [QUOTE, BACKSLASH, COMMA, NEWLINE, RETURN, SPACE, TAB] = [0x22, 0x5c, 0x2c, 0x0a, 0x0d, 0x20, 0x09];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;
}

/** One event per line; empty lines are left out. Views of the body, not copies. */
export function splitLines(body: Buffer, maxEvents: number): Buffer[] {
  const events: Buffer[] = [];
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(NEWLINE, start);
    const end = found < 0 ? body.length : found;
    const line = trim(body, start, end);
    if (line.length > 0) {
      if (events.length === maxEvents) throw tooManyEvents(maxEvents);
      events.push(line);
    }
    start = end + 1;
  }
  return events;
}

/**
 * The elements of a JSON array, or the body itself when it is one object. Views of the body, not copies.
 * @throws ApiError 400 when the array's own brackets and commas do not fit together, 413 beyond maxEvents
 */
export function splitArray(body: Buffer, maxEvents: number): Buffer[] {
  const whole = trim(body, 0, body.length);
  if (whole.length > 0 && whole[0] === OPEN_OBJECT) return [whole];
  if (whole.length < 2 || whole[0] !== OPEN_ARRAY || whole[whole.length - 1] !== CLOSE_ARRAY) {
    throw broken('expected a JSON array of events, or one event');
  }
  const events: Buffer[] = [];
  const last = whole.length - 1;
  let start = 1;
  let depth = 0;
  const take = (end: number): void => {
    const event = trim(whole, start, end);
    if (event.length === 0) throw broken(`expected an event before byte ${end}`);
    if (events.length === maxEvents) throw tooManyEvents(maxEvents);
    events.push(event);
    start = end + 1;
  };
  for (let at = 1; at < last; at++) {
    const byte = whole[at];
    if (byte === QUOTE) at = endOfString(whole, at, last);
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
    else if (byte === COMMA && depth === 0) take(at);
    if (depth < 0) throw broken(`a bracket is closed at byte ${at} that was not opened`);
  }
  if (depth !== 0) throw broken('a bracket is not closed');
  if (events.length > 0 || trim(whole, start, last).length > 0) take(last);
  return events;
}

/** @returns the position of the closing quote */
function endOfString(bytes: Buffer, open: number, last: number): number {
  for (let at = open + 1; at < last; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  throw broken(`the string that begins at byte ${open} does not end`);
}

function trim(bytes: Buffer, from: number, to: number): Buffer {
  let [start, end] = [from, to];
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

function broken(what: string): ApiError {
  return apiError(
    400,
    'INVALID_JSON',
    `The body is not a list of events: ${what}.`,
    'Send a JSON array, or one event per line as application/x-ndjson.',
  );
}

function tooManyEvents(maxEvents: number): ApiError {
  return apiError(413, 'TOO_MANY_EVENTS', `More than ${maxEvents} events in one request.`, 'Send fewer events at a time.');
}
