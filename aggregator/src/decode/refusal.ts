// Puts a refusal into words for the dead letter: which field, what was found, what was expected. Runs for refused records only.

import type { Definition, FieldId } from '../definition/model.js';
import { formatDuration } from '../definition/quantities.js';
import type { EventFields } from './event-fields.js';
import { MAX_FIXED } from './fixed-point.js';
import { DecodeCode } from './outcome.js';
import type { Scanner } from './scanner.js';

export interface Refusal {
  readonly code: DecodeCode;
  readonly field: FieldId;
  readonly recordStart: number;
  readonly recordBytes: number;
  readonly maxRecordBytes: number;
  readonly logTimestampMs: number;
  readonly scanner: Scanner;
  readonly fields: EventFields;
}

const SHOWN_BYTES = 40;

/** One sentence on why the record was refused; '' when it was not. */
export function describeRefusal(def: Definition, refusal: Refusal): string {
  const { code, scanner } = refusal;
  switch (code) {
    case DecodeCode.ok:
      return '';
    case DecodeCode.empty:
      return refusal.recordBytes < 0
        ? 'found no value (a tombstone), expected a JSON object'
        : 'found an empty value, expected a JSON object';
    case DecodeCode.tooLarge:
      return `found ${refusal.recordBytes} bytes, expected at most ${refusal.maxRecordBytes}`;
    case DecodeCode.invalidUtf8:
    case DecodeCode.malformedJson:
    case DecodeCode.tooDeep:
      return `at byte ${scanner.failureAt - refusal.recordStart}: found ${foundAt(scanner, scanner.failureAt)}, expected ${scanner.expected}`;
    case DecodeCode.notAnObject:
      return `found ${valueAt(scanner, scanner.failureAt)}, expected an object`;
    case DecodeCode.wrongType:
    case DecodeCode.numberOutOfRange:
    case DecodeCode.invalidTime: {
      const at = refusal.fields.errorAt[refusal.field];
      return `${nameOf(def, refusal.field)}: found ${valueAt(scanner, at)}, expected ${expectedFor(def, refusal.field, code)}`;
    }
    case DecodeCode.missingTime:
      return `${nameOf(def, def.event.time)}: found nothing, expected ${timeFormatInWords(def)}`;
    case DecodeCode.unknownTenant: {
      const tenant = refusal.fields.interner(def.event.tenant).strings[refusal.fields.internId[def.event.tenant]];
      const found = refusal.fields.present[def.event.tenant] === 0 ? 'nothing' : JSON.stringify(tenant);
      return `${nameOf(def, def.event.tenant)}: found ${found}, expected the name of a tenant of the definition`;
    }
    case DecodeCode.timeTooOld:
    case DecodeCode.timeInFuture: {
      const found = isoOf(refusal.fields.numbers[def.event.time]);
      const tooOld = code === DecodeCode.timeTooOld;
      const limit = `at most ${formatDuration(tooOld ? def.retention.rawMs : def.maxFutureMs)} ${tooOld ? 'before' : 'after'}`;
      return `${nameOf(def, def.event.time)}: found ${found}, expected ${limit} the record's log timestamp ${isoOf(refusal.logTimestampMs)}`;
    }
  }
}

function nameOf(def: Definition, field: FieldId): string {
  return `field ${def.fields[field].path.join('.')}`;
}

function expectedFor(def: Definition, field: FieldId, code: DecodeCode): string {
  const { type, decimals } = def.fields[field];
  if (code === DecodeCode.numberOutOfRange) return `a magnitude of at most ${MAX_FIXED / 10 ** decimals} at ${decimals} decimals`;
  if (code === DecodeCode.invalidTime) return timeFormatInWords(def);
  return type === 'number' ? 'a number' : 'a string, a number or a boolean';
}

function timeFormatInWords(def: Definition): string {
  switch (def.event.timeFormat) {
    case 'iso8601':
      return 'an ISO 8601 time such as 2026-01-31T12:00:00.000Z';
    case 's':
      return 'a time in epoch seconds';
    case 'ms':
      return 'a time in epoch milliseconds';
    case 'us':
      return 'a time in epoch microseconds';
    case 'auto':
      return 'an ISO 8601 time or epoch s, ms or µs';
  }
}

function foundAt(scanner: Scanner, at: number): string {
  if (at >= scanner.end) return 'the end of the record';
  const byte = scanner.bytes[at];
  return byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`;
}

/** The kind of the value at a position and its beginning. */
function valueAt(scanner: Scanner, at: number): string {
  const text = Buffer.from(scanner.bytes.subarray(at, Math.min(scanner.end, at + SHOWN_BYTES))).toString('utf8');
  if (text.startsWith('"')) return `the string ${text.slice(0, endOfString(text))}`;
  if (text.startsWith('{')) return 'an object';
  if (text.startsWith('[')) return 'an array';
  const token = /^[-+.\w]*/.exec(text)?.[0] ?? '';
  return token === 'true' || token === 'false' || token === 'null' ? token : `the number ${token}`;
}

function endOfString(text: string): number {
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

function isoOf(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
