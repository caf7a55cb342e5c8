// CSV as people have it (RFC 4180, commas, semicolons or tabs, quotes, either line end): text in, rows out, one at a time.
// Invariant: a row is given out as soon as its line has ended, so that a pipe can be judged as it comes.

const QUOTE = '"';

/** The separator that stands most often in the first line. */
export function separatorOf(line: string): string {
  let best = ',';
  let most = 0;
  for (const candidate of [',', ';', '\t']) {
    const count = line.split(candidate).length - 1;
    if (count > most) {
      best = candidate;
      most = count;
    }
  }
  return best;
}

/** Fields of one complete record. */
export function splitRecord(record: string, separator: string): string[] {
  if (!record.includes(QUOTE)) return record.split(separator);
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < record.length; i++) {
    const c = record.charAt(i);
    if (quoted) {
      if (c !== QUOTE) field += c;
      else if (record.charAt(i + 1) === QUOTE) {
        field += QUOTE;
        i++;
      } else quoted = false;
    } else if (c === QUOTE) quoted = true;
    else if (c === separator) {
      fields.push(field);
      field = '';
    } else field += c;
  }
  fields.push(field);
  return fields;
}

/** A field for a comma-separated record. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll(QUOTE, '""')}"` : text;
}

/** Complete records of a text stream, without line ends; a quoted field may span lines. A byte order mark is dropped. */
export async function* records(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let start = 0;
    let open = false;
    for (let i = 0; i < rest.length; i++) {
      const c = rest.charCodeAt(i);
      if (c === 34) open = !open;
      else if (c === 10 && !open) {
        yield rest.slice(start, i > start && rest.charCodeAt(i - 1) === 13 ? i - 1 : i);
        start = i + 1;
      }
    }
    rest = rest.slice(start);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
}

/** Milliseconds since the epoch: ISO 8601 or `2026-02-16 14:00:00` (UTC unless it names an offset), or epoch s, ms, µs, ns. NaN if neither. */
export function parseTime(text: string): number {
  const trimmed = text.trim();
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) {
    const n = Number(trimmed);
    const size = Math.abs(n);
    return size < 1e11 ? n * 1000 : size < 1e14 ? n : size < 1e17 ? n / 1000 : n / 1e6;
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/.exec(trimmed);
  if (match === null) return trimmed === '' ? Number.NaN : Date.parse(`${trimmed} UTC`);
  const [, day = '', clock = '00:00', offset = 'Z'] = match;
  return Date.parse(`${day}T${clock}${offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset}`);
}

/** A number, or null for everything that is none (empty, NaN, null, inf, words). */
export function parseValue(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : null;
}
