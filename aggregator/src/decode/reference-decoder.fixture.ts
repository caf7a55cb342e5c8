// A plain decoder by JSON.parse, for the tests to hold the fast one against. Says by the letter what DESIGN and decoder.ts promise;
// speed does not matter and exceptions may fly.

import type { Definition, Field } from '../definition/model.js';
import { MAX_DEPTH, MAX_INTERNED_BYTES } from './decoder.js';
import { DecodeCode } from './outcome.js';

export interface ReferenceEvent {
  readonly code: DecodeCode;
  /** By field: text of a string field, integer of a number or time field, null when missing. Empty when refused. */
  readonly values: readonly (string | number | null)[];
  /** By field: the string value came from a JSON number, whose spelling JSON.parse forgets. */
  readonly fromNumber: readonly boolean[];
}

const refusal = (code: DecodeCode): ReferenceEvent => ({ code, values: [], fromNumber: [] });

export function decodeByReference(def: Definition, value: Uint8Array | null, logTimestampMs: number): ReferenceEvent {
  if (value === null || value.length === 0) return refusal(DecodeCode.empty);
  if (value.length > (def.source.kafka?.maxRecordBytes ?? def.server.maxBodyBytes)) return refusal(DecodeCode.tooLarge);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(value);
  } catch {
    return refusal(DecodeCode.invalidUtf8);
  }
  if (text === '') return refusal(DecodeCode.empty);
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return refusal(DecodeCode.malformedJson);
  }
  if (depthOf(root) > MAX_DEPTH) return refusal(DecodeCode.tooDeep);
  if (!isObject(root)) return refusal(DecodeCode.notAnObject);

  const values: (string | number | null)[] = [];
  const fromNumber: boolean[] = [];
  for (const field of def.fields) {
    const raw = at(root, field.path);
    const result = fieldValue(def, field, raw);
    if (typeof result === 'object' && result !== null) return refusal(result.code);
    values.push(result);
    fromNumber.push(field.type === 'string' && typeof raw === 'number');
  }
  const time = values[def.event.time];
  if (typeof time !== 'number') return refusal(DecodeCode.missingTime);
  if (def.event.tenant >= 0 && !def.tenants.some((tenant) => tenant.name === values[def.event.tenant]))
    return refusal(DecodeCode.unknownTenant);
  if (time < logTimestampMs - def.retention.rawMs) return refusal(DecodeCode.timeTooOld);
  if (time > logTimestampMs + def.maxFutureMs) return refusal(DecodeCode.timeInFuture);
  return { code: DecodeCode.ok, values, fromNumber };
}

function fieldValue(def: Definition, field: Field, raw: unknown): string | number | null | { readonly code: DecodeCode } {
  if (raw === undefined || raw === null) return null;
  const isTime = field.index === def.event.time;
  if (isTime) {
    const format = def.event.timeFormat;
    const ms = typeof raw === 'string' || typeof raw === 'number' ? timeOf(format, raw) : null;
    // Fixed-point integers, times among them, end at 2^52: the year 144,683.
    return ms === null || Math.abs(ms) > 2 ** 52 ? { code: DecodeCode.invalidTime } : ms;
  }
  if (field.type === 'number') {
    if (typeof raw !== 'number') return { code: DecodeCode.wrongType };
    const scaled = Number.isFinite(raw) ? scale(raw, field.decimals, 'half') : null;
    return scaled === null || scaled > 2n ** 52n || scaled < -(2n ** 52n) ? { code: DecodeCode.numberOutOfRange } : Number(scaled);
  }
  if (typeof raw === 'object') return { code: DecodeCode.wrongType };
  const text = Buffer.from(String(raw));
  if (!field.interned || text.length <= MAX_INTERNED_BYTES) return text.toString();
  let cut = MAX_INTERNED_BYTES;
  while ((text[cut] & 0xc0) === 0x80) cut--;
  return text.toString('utf8', 0, cut);
}

function timeOf(format: Definition['event']['timeFormat'], raw: string | number): number | null {
  if (typeof raw === 'string' && (format === 'iso8601' || format === 'auto')) {
    const ms = isoTime(raw);
    if (ms !== null || format === 'iso8601') return ms;
  }
  if (format === 'iso8601') return null;
  if (typeof raw === 'string' && !/^-?\d+(\.\d+)?$/.test(raw)) return null;
  const number = Number(raw);
  if (!Number.isFinite(number)) return null;
  const bySize = Math.abs(number) < 1e11 ? 3 : Math.abs(number) < 1e14 ? 0 : -3;
  const shift = { s: 3, ms: 0, us: -3, auto: bySize }[format];
  return Number(scale(number, shift, 'down'));
}

function isoTime(text: string): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|z|[+-]\d\d(?::?\d\d)?)?)?$/.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((match[7] ?? '').padEnd(3, '0').slice(0, 3)));
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const zone = /^([+-])(\d\d):?(\d\d)?$/.exec(match[8] ?? '');
  if (zone === null) return date.getTime();
  const [hours, minutes] = [Number(zone[2]), Number(zone[3] ?? 0)];
  if (hours > 23 || minutes > 59) return null;
  return date.getTime() - (zone[1] === '+' ? 1 : -1) * (hours * 60 + minutes) * 60_000;
}

/** The number's shortest decimal form × 10^shift as an integer. */
function scale(value: number, shift: number, rounding: 'half' | 'down'): bigint {
  const [mantissa, exponent] = value.toExponential().split('e');
  const negative = mantissa.startsWith('-');
  const [whole, fraction = ''] = mantissa.replace('-', '').split('.');
  const power = Number(exponent) - fraction.length + shift;
  const digits = BigInt(whole + fraction);
  if (power >= 0) return (negative ? -1n : 1n) * digits * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  const rest = digits % divisor;
  const up = rounding === 'half' ? rest * 2n >= divisor : negative && rest > 0n;
  return (negative ? -1n : 1n) * (digits / divisor + (up ? 1n : 0n));
}

function at(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child));
  return deepest + 1;
}
