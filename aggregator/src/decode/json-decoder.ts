// JSON records → events: the layout cache first, the general parser where that does not know the record, then what holds for every
// event (time, tenant). Holds the one current event; only `decode` changes it. No exceptions and no allocation on the way of an
// accepted event.

import { isUtf8 } from 'node:buffer';
import type { Definition, FieldId } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { RecordBatch } from '../source/log.js';
import { type EventDecoder, type NameBytes, SPARE_BYTES } from './decoder.js';
import { EventFields } from './event-fields.js';
import { LayoutCache } from './layout-cache.js';
import { DecodeCode } from './outcome.js';
import { PathTree } from './paths.js';
import { RecordParser } from './record-parser.js';
import { describeRefusal } from './refusal.js';
import { Scanner } from './scanner.js';

export type { EventDecoder } from './decoder.js';

/**
 * A decoder for records of format json.
 * @throws TidemarkError invalid when the definition's tenant field is not interned
 */
export function createJsonDecoder(def: Definition): EventDecoder {
  const tenant = def.event.tenant;
  if (tenant >= 0 && !def.fields[tenant].interned) {
    throw new TidemarkError(
      'invalid',
      'TENANT_FIELD_NOT_INTERNED',
      `field ${def.fields[tenant].name} names the tenant and is not interned`,
      'Compile the definition with the tenant field interned.',
    );
  }
  return new JsonDecoder(def);
}

class JsonDecoder implements EventDecoder {
  timeMs = Number.NaN;
  readonly present: Uint8Array;
  readonly internId: Uint32Array;
  readonly numbers: Float64Array;
  readonly strStart: Int32Array;
  readonly strEnd: Int32Array;
  readonly hashLo: Int32Array;
  readonly hashHi: Int32Array;

  readonly #def: Definition;
  readonly #idField: FieldId;
  readonly #timeField: FieldId;
  readonly #tenantField: FieldId;
  readonly #maxRecordBytes: number;
  readonly #maxAgeMs: number;
  readonly #maxFutureMs: number;
  readonly #tenants: ReadonlySet<string>;
  readonly #fields: EventFields;
  readonly #scanner = new Scanner();
  readonly #layouts: LayoutCache;
  readonly #parser: RecordParser;

  /** For records that do not fit into the window, and for such as need nothing after them. */
  #copy = new Uint8Array(4096);
  #copyView = new DataView(this.#copy.buffer);

  /** By tenant id: 0 not looked up, 1 known, 2 unknown. */
  #tenantVerdict = new Uint8Array(64);
  #tenantNumbering = 0;

  #refusal: DecodeCode = DecodeCode.ok;
  #refusedField: FieldId = -1;
  #recordStart = 0;
  #recordBytes = 0;
  #logTimestampMs = 0;

  constructor(def: Definition) {
    const paths = new PathTree(def.fields);
    const fields = new EventFields(def, paths.nextOfPath);
    this.#def = def;
    this.#idField = def.event.id;
    this.#timeField = def.event.time;
    this.#tenantField = def.event.tenant;
    this.#maxRecordBytes = def.source.kafka?.maxRecordBytes ?? def.server.maxBodyBytes;
    this.#maxAgeMs = def.retention.rawMs;
    this.#maxFutureMs = def.maxFutureMs;
    this.#tenants = new Set(def.tenants.map((tenant) => tenant.name));
    this.#fields = fields;
    this.#layouts = new LayoutCache(fields);
    this.#parser = new RecordParser(this.#scanner, fields, paths);
    this.present = fields.present;
    this.internId = fields.internId;
    this.numbers = fields.numbers;
    this.strStart = fields.strStart;
    this.strEnd = fields.strEnd;
    this.hashLo = fields.hashLo;
    this.hashHi = fields.hashHi;
  }

  get strBytes(): Uint8Array {
    return this.#fields.strBytes;
  }

  get hasId(): boolean {
    return this.#idField >= 0 && this.present[this.#idField] === 1;
  }

  get idHashLo(): number {
    return this.#idField < 0 ? 0 : this.hashLo[this.#idField] >>> 0;
  }

  get idHashHi(): number {
    return this.#idField < 0 ? 0 : this.hashHi[this.#idField] >>> 0;
  }

  get numbering(): number {
    return this.#fields.numbering;
  }

  dictionary(field: FieldId): readonly string[] {
    return this.#fields.interner(field).strings;
  }

  intern(field: FieldId, value: string): number {
    return this.#fields.interner(field).internString(value);
  }

  names(field: FieldId): NameBytes {
    return this.#fields.interner(field);
  }

  resetIfLarger(entries: number): boolean {
    return this.#fields.resetIfLarger(entries);
  }

  decode(batch: RecordBatch, i: number): DecodeCode {
    const start = batch.start[i];
    const length = batch.end[i] - start;
    this.#recordBytes = length;
    if (length <= 0) return this.#refuse(DecodeCode.empty);
    if (length > this.#maxRecordBytes) return this.#refuse(DecodeCode.tooLarge);
    const from = this.#place(batch, i);
    if (from === this.#scanner.end) return this.#refuse(DecodeCode.empty);

    const fields = this.#fields;
    fields.begin(this.#scanner);
    if (!this.#layouts.replay(from, this.#scanner, fields)) {
      fields.begin(this.#scanner);
      const code = this.#parse(from);
      if (code !== DecodeCode.ok) return this.#refuse(code);
    }
    fields.finish(this.#scanner);
    return this.#judge(batch.timestampMs[i]);
  }

  detail(): string {
    return describeRefusal(this.#def, {
      code: this.#refusal,
      field: this.#refusedField,
      recordStart: this.#recordStart,
      recordBytes: this.#recordBytes,
      maxRecordBytes: this.#maxRecordBytes,
      logTimestampMs: this.#logTimestampMs,
      scanner: this.#scanner,
      fields: this.#fields,
    });
  }

  /** Points the scanner to the record. @returns where its text begins, after a byte order mark if there is one */
  #place(batch: RecordBatch, i: number): number {
    const scanner = this.#scanner;
    const memory = this.#fields.memory;
    const length = batch.end[i] - batch.start[i];
    let from = memory.place(batch, i);
    if (from >= 0) {
      scanner.bytes = memory.bytes;
      scanner.view = memory.view;
    } else {
      this.#isolate(batch.bytes, batch.start[i], length);
      from = 0;
    }
    scanner.end = from + length;
    this.#recordStart = from;
    const bytes = scanner.bytes;
    return bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf && length >= 3 ? from + 3 : from;
  }

  /** Gives the scanner a copy of the record with zeros after it. */
  #isolate(bytes: Uint8Array, start: number, length: number): void {
    if (length + SPARE_BYTES > this.#copy.length) {
      this.#copy = new Uint8Array((length + SPARE_BYTES) * 2);
      this.#copyView = new DataView(this.#copy.buffer);
    }
    this.#copy.set(bytes.subarray(start, start + length));
    this.#copy.fill(0, length, length + SPARE_BYTES);
    this.#scanner.bytes = this.#copy;
    this.#scanner.view = this.#copyView;
  }

  #parse(from: number): DecodeCode {
    const scanner = this.#scanner;
    const first = scanner.bytes[scanner.space(from)];
    if (first !== 0x7b && scanner.bytes !== this.#copy) {
      // A number at the top level ends where the record does, so nothing that could belong to it may stand after it.
      const length = scanner.end - from;
      this.#isolate(scanner.bytes, from, length);
      this.#recordStart -= from;
      scanner.end = length;
      from = 0;
    }
    const code = this.#parser.parse(from);
    if (code !== DecodeCode.ok) {
      if (code !== DecodeCode.malformedJson || isUtf8(scanner.bytes.subarray(from, scanner.end))) return code;
      scanner.fail(DecodeCode.invalidUtf8, scanner.failureAt, 'valid UTF-8 throughout');
      return DecodeCode.invalidUtf8;
    }
    const error = this.#fields.error;
    for (let field = 0; field < error.length; field++) {
      if (error[field] !== DecodeCode.ok) {
        this.#refusedField = field;
        return error[field];
      }
    }
    this.#layouts.learn(from, scanner, this.#parser.shape);
    return DecodeCode.ok;
  }

  /** What every event is held to, whatever its layout. */
  #judge(logTimestampMs: number): DecodeCode {
    if (this.present[this.#timeField] === 0) return this.#refuse(DecodeCode.missingTime);
    const timeMs = this.numbers[this.#timeField];
    this.timeMs = timeMs;
    if (this.#tenantField >= 0 && !this.#tenantIsKnown(this.internId[this.#tenantField])) return this.#refuse(DecodeCode.unknownTenant);
    this.#logTimestampMs = logTimestampMs;
    if (timeMs < logTimestampMs - this.#maxAgeMs) return this.#refuse(DecodeCode.timeTooOld);
    if (timeMs > logTimestampMs + this.#maxFutureMs) return this.#refuse(DecodeCode.timeInFuture);
    return DecodeCode.ok;
  }

  #tenantIsKnown(id: number): boolean {
    if (this.#tenantNumbering !== this.numbering) {
      this.#tenantNumbering = this.numbering;
      this.#tenantVerdict = new Uint8Array(64);
    }
    if (id >= this.#tenantVerdict.length) {
      const verdict = new Uint8Array(id * 2);
      verdict.set(this.#tenantVerdict);
      this.#tenantVerdict = verdict;
    }
    if (this.#tenantVerdict[id] === 0) {
      const name = this.dictionary(this.#tenantField)[id];
      this.#tenantVerdict[id] = name !== '' && this.#tenants.has(name) ? 1 : 2;
    }
    return this.#tenantVerdict[id] === 1;
  }

  #refuse(code: DecodeCode): DecodeCode {
    this.#refusal = code;
    return code;
  }
}
