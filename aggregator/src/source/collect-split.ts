// Finds the events in a collected body: the elements of a JSON array, or the lines of NDJSON, as byte ranges. Pure.
// Invariant: an element's end is found by counting brackets outside strings, so that a wrong element spoils only itself; what is inside
// is the decoder's to judge. Only a body whose outer shape is broken is refused as a whole.

import { TidemarkError } from '../errors.js';

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LINE_FEED = 0x0a;

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;
}

/** The media types of lines of JSON; everything else is looked at. */
function isNdjsonType(contentType: string): boolean {
  const type = contentType.split(';')[0].trim().toLowerCase();
  return (
    type === 'application/x-ndjson' || type === 'application/ndjson' || type === 'application/jsonl' || type === 'application/x-jsonlines'
  );
}

/**
 * Ranges of the body's events, without the white space around them.
 * A body that starts with `[` is an array, unless its type says NDJSON; any other is taken as NDJSON, so a single object is one event.
 * @throws TidemarkError invalid `COLLECT_BODY` when there is nothing in it, or the array does not end
 */
export function splitEvents(body: Uint8Array, contentType: string): ByteRange[] {
  let at = 0;
  // A byte order mark is allowed in front.
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) at = 3;
  while (at < body.length && isSpace(body[at])) at++;
  if (at === body.length) throw refuse('the body is empty', at);
  return body[at] === OPEN_BRACKET && !isNdjsonType(contentType) ? splitArray(body, at) : splitLines(body, at);
}

function refuse(what: string, at: number): TidemarkError {
  const remedy = 'Send a JSON array of events, or one event a line (NDJSON).';
  return new TidemarkError('invalid', 'COLLECT_BODY', `${what} (byte ${at})`, remedy);
}

function splitLines(body: Uint8Array, from: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let at = from; at < body.length;) {
    let lineEnd = body.indexOf(LINE_FEED, at);
    if (lineEnd < 0) lineEnd = body.length;
    const range = trimmed(body, at, lineEnd);
    if (range.end > range.start) ranges.push(range);
    at = lineEnd + 1;
  }
  return ranges;
}

function trimmed(body: Uint8Array, from: number, to: number): ByteRange {
  let start = from;
  let end = to;
  while (start < end && isSpace(body[start])) start++;
  while (end > start && isSpace(body[end - 1])) end--;
  return { start, end };
}

/** @param open position of the opening bracket */
function splitArray(body: Uint8Array, open: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open + 1; at < body.length; at++) {
    switch (body[at]) {
      case QUOTE:
        at = stringEnd(body, at);
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        depth++;
        break;
      case CLOSE_BRACE:
        if (depth > 0) depth--;
        break;
      case COMMA:
        if (depth === 0) {
          ranges.push(trimmed(body, from, at));
          from = at + 1;
        }
        break;
      case CLOSE_BRACKET:
        if (depth > 0) {
          depth--;
          break;
        }
        return closeArray(body, ranges, from, at);
    }
  }
  throw refuse(depth > 0 ? 'the array ends inside an element' : 'the array is not closed', body.length);
}

function closeArray(body: Uint8Array, ranges: ByteRange[], from: number, close: number): ByteRange[] {
  const last = trimmed(body, from, close);
  // `[]` has no element; `[1,]` has an empty second one, which the decoder refuses.
  if (ranges.length > 0 || last.end > last.start) ranges.push(last);
  const rest = trimmed(body, close + 1, body.length);
  if (rest.end > rest.start) throw refuse('something follows the end of the array', rest.start);
  return ranges;
}

/** @returns position of the closing quote, or of the body's end */
function stringEnd(body: Uint8Array, open: number): number {
  for (let at = open + 1; at < body.length; at++) {
    if (body[at] === QUOTE) return at;
    if (body[at] === BACKSLASH) at++;
  }
  return body.length;
}
