// Raw rows of the cold tier as events again, for the panes of a hot tier that is being rebuilt. Invariant: an event looks to
// conditions, numbers and sketches exactly as it did when it came from the log: the same ids for equal strings, the same hashes.

import { type CurrentEvent, MAX_INTERNED_BYTES, type NameBytes, SPARE_BYTES } from '../decode/decoder.js';
import { ByteHash } from '../decode/hash.js';
import { Interner } from '../decode/interner.js';
import { cutPosition } from '../decode/utf8.js';
import type { Definition, FieldId } from '../definition/model.js';

/** Applied events of a stretch of time, in any order, each once. */
export interface StoredRows {
  readonly rows: number;
  readonly timesMs: Float64Array;
  readonly tenants: readonly string[];
  /** By field: fixed-point numbers with NaN for missing ones, or texts with '' for missing ones; null where it was not asked for. */
  readonly fields: readonly (Float64Array | readonly string[] | null)[];
}

interface KnownText {
  readonly id: number;
  readonly hashLo: number;
  readonly hashHi: number;
  readonly start: number;
  readonly end: number;
}

const FIRST_BYTES = 64 * 1024;

/** Holds one current event; made anew for each stretch, so that its dictionaries stay small. */
export class StoredEvents implements CurrentEvent {
  timeMs = Number.NaN;
  readonly present: Uint8Array;
  readonly internId: Uint32Array;
  readonly numbers: Float64Array;
  readonly strStart: Int32Array;
  readonly strEnd: Int32Array;
  readonly hashLo: Int32Array;
  readonly hashHi: Int32Array;
  readonly numbering = 0;
  strBytes: Uint8Array = new Uint8Array(FIRST_BYTES);

  readonly #rows: StoredRows;
  readonly #tenantField: FieldId;
  readonly #texts: readonly { readonly field: FieldId; readonly values: readonly string[]; readonly known: Map<string, KnownText> }[];
  readonly #numbers: readonly { readonly field: FieldId; readonly values: Float64Array }[];
  readonly #interners: readonly Interner[];
  readonly #hash = new ByteHash();
  #view = new DataView(this.strBytes.buffer);
  #used = 0;

  constructor(definition: Definition, rows: StoredRows) {
    const count = definition.fields.length;
    this.#rows = rows;
    this.#tenantField = definition.event.tenant;
    this.present = new Uint8Array(count);
    this.internId = new Uint32Array(count);
    this.numbers = new Float64Array(count).fill(Number.NaN);
    this.strStart = new Int32Array(count);
    this.strEnd = new Int32Array(count);
    this.hashLo = new Int32Array(count);
    this.hashHi = new Int32Array(count);
    this.#interners = definition.fields.map(() => new Interner());
    const columns = rows.fields.map((values, field) => ({ field, values }));
    const tenants = this.#tenantField < 0 ? [] : [{ field: this.#tenantField, values: rows.tenants }];
    this.#texts = [...columns, ...tenants].flatMap(({ field, values }) =>
      values === null || values instanceof Float64Array ? [] : [{ field, values, known: new Map<string, KnownText>() }],
    );
    const times = [{ field: definition.event.time, values: rows.timesMs }];
    this.#numbers = [...columns, ...times].flatMap(({ field, values }) => (values instanceof Float64Array ? [{ field, values }] : []));
  }

  /** Makes a row the current event. */
  show(row: number): void {
    this.timeMs = this.#rows.timesMs[row];
    for (const { field, values } of this.#numbers) {
      const value = values[row];
      this.numbers[field] = value;
      this.present[field] = value === value ? 1 : 0;
    }
    for (const { field, values, known } of this.#texts) {
      const value = values[row];
      let text = known.get(value);
      if (text === undefined) {
        text = this.#take(field, value);
        known.set(value, text);
      }
      this.present[field] = value === '' ? 0 : 1;
      this.internId[field] = text.id;
      this.hashLo[field] = text.hashLo;
      this.hashHi[field] = text.hashHi;
      this.strStart[field] = text.start;
      this.strEnd[field] = text.end;
    }
  }

  dictionary(field: FieldId): readonly string[] {
    return this.#interners[field].strings;
  }

  intern(field: FieldId, value: string): number {
    return this.#interners[field].internString(value);
  }

  names(field: FieldId): NameBytes {
    return this.#interners[field];
  }

  #take(field: FieldId, value: string): KnownText {
    if (value === '') {
      return { id: 0, hashLo: 0, hashHi: 0, start: 0, end: 0 };
    }
    const start = this.#used;
    const length = Buffer.byteLength(value);
    this.#reserve(start + length + SPARE_BYTES);
    new TextEncoder().encodeInto(value, this.strBytes.subarray(start));
    const end = start + length;
    this.#used = end;
    const cut = cutPosition(this.strBytes, start, end, MAX_INTERNED_BYTES);
    this.#hash.of(this.strBytes, start, cut);
    const id = this.#interners[field].intern(this.strBytes, this.#view, start, cut, this.#hash.laneLo, this.#hash.laneHi);
    if (cut < end) this.#hash.of(this.strBytes, start, end);
    return { id, hashLo: this.#hash.lo, hashHi: this.#hash.hi, start, end };
  }

  #reserve(needed: number): void {
    if (needed <= this.strBytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.strBytes.length * 2));
    larger.set(this.strBytes);
    this.strBytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
