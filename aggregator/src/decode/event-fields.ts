// The current event's values by field: what the decoder shows to the window room. Filled by the two ways of reading a record
// (layout-cache.ts and record-parser.ts); nobody else writes to it. Invariant: after a successful decode every field was either set
// or declared missing, so nothing of an earlier event shows through.

import type { Definition, FieldId, TimeFormat } from '../definition/model.js';
import { DecodeMemory } from './decode-memory.js';
import { MAX_INTERNED_BYTES } from './decoder.js';
import type { ReplayHost } from './fast-replay.js';
import { exoticToInteger, toFixedPoint } from './fixed-point.js';
import { ByteHash, finishHash } from './hash.js';
import { Interner } from './interner.js';
import { DecodeCode } from './outcome.js';
import type { Scanner } from './scanner.js';
import { TimeReader } from './time.js';
import { cutPosition } from './utf8.js';

const enum Kind {
  PlainText,
  HashedText,
  /** Text, hashed and interned. */
  ListedText,
  Interned,
  HashedInterned,
  Number,
  Time,
}

export class EventFields implements ReplayHost {
  readonly count: number;
  readonly memory: DecodeMemory;
  readonly present: Uint8Array;
  readonly internId: Uint32Array;
  readonly numbers: Float64Array;
  readonly strStart: Int32Array;
  readonly strEnd: Int32Array;
  readonly hashLo: Int32Array;
  readonly hashHi: Int32Array;
  strBytes: Uint8Array = new Uint8Array(0);
  numbering = 0;

  /** By field: why its value cannot be taken, and where in the record it stands. Of meaning after the general parser only. */
  readonly error: DecodeCode[];
  readonly errorAt: Int32Array;

  /** By field: 1 when it, or a later field of the same path, needs the hash of its string. */
  readonly needsHash: Uint8Array;
  readonly #kind: Uint8Array;
  readonly #decimals: Uint8Array;
  readonly #timeFormat: readonly TimeFormat[];
  readonly #next: Int32Array;
  readonly #interners: readonly Interner[];
  readonly #inScratch: Uint8Array;
  readonly #times = new TimeReader();
  #anyInScratch = false;

  /** @param nextOfPath by field: the next field with the same path, or -1 */
  constructor(def: Definition, nextOfPath: Int32Array) {
    const count = def.fields.length;
    const listed = new Set(def.components.filter((c) => c.kind === 'top').map((c) => c.field));
    const { id, user, session } = def.event;
    const named = def.components.filter((c) => c.kind === 'unique' || c.kind === 'top').map((c) => c.field);
    const hashed = new Set([id, user, session, ...named]);
    const kinds = def.fields.map((field): Kind => {
      if (field.index === def.event.time || field.type === 'time') return Kind.Time;
      if (field.type === 'number') return Kind.Number;
      if (field.interned) return hashed.has(field.index) ? Kind.HashedInterned : Kind.Interned;
      if (listed.has(field.index)) return Kind.ListedText;
      return hashed.has(field.index) ? Kind.HashedText : Kind.PlainText;
    });
    const memory = new DecodeMemory(
      count,
      kinds.map((kind) => kind >= Kind.ListedText && kind <= Kind.HashedInterned),
    );
    this.count = count;
    this.memory = memory;
    this.present = memory.present;
    this.internId = memory.internId;
    this.numbers = memory.numbers;
    this.strStart = memory.strStart;
    this.strEnd = memory.strEnd;
    this.hashLo = memory.hashLo;
    this.hashHi = memory.hashHi;
    this.error = def.fields.map(() => DecodeCode.ok);
    this.errorAt = new Int32Array(count);
    this.#inScratch = new Uint8Array(count);
    this.#next = memory.nextOfPath;
    this.#next.set(nextOfPath);
    this.#interners = def.fields.map(() => new Interner());
    this.#decimals = memory.decimals;
    this.#decimals.set(def.fields.map((field) => field.decimals));
    this.#timeFormat = def.fields.map((field) => (field.index === def.event.time ? def.event.timeFormat : 'auto'));
    this.#kind = memory.kinds;
    this.#kind.set(kinds);
    this.needsHash = new Uint8Array(count);
    for (let field = count - 1; field >= 0; field--) {
      for (let f = field; f >= 0; f = nextOfPath[f]) {
        if (this.#kind[f] > Kind.PlainText && this.#kind[f] < Kind.Number) this.needsHash[field] = 1;
      }
    }
  }

  /** To be called before a record is read. */
  begin(scanner: Scanner): void {
    scanner.scratchUsed = 0;
    this.#anyInScratch = false;
  }

  /** Sets the fields of one path from the scanner's current string. @param at where the value begins @returns false when refused */
  setString(first: FieldId, scanner: Scanner, at: number): boolean {
    let taken = true;
    for (let field = first; field >= 0; field = this.#next[field]) {
      const kind = this.#kind[field];
      if (kind === Kind.Number) {
        taken = this.#refuse(field, DecodeCode.wrongType, at);
      } else if (kind === Kind.Time) {
        const bytes = scanner.unescaped ? scanner.scratch : scanner.bytes;
        const view = scanner.unescaped ? scanner.scratchView : scanner.view;
        const ms = this.#times.fromText(this.#timeFormat[field], bytes, view, scanner.start, scanner.stop);
        if (Number.isNaN(ms)) taken = this.#refuse(field, DecodeCode.invalidTime, at);
        else this.#setNumber(field, ms);
      } else {
        this.#setText(field, kind, scanner);
      }
    }
    return taken;
  }

  /** Sets the fields of one path from the scanner's current number, which stands in [at, stop). @returns false when refused */
  setNumber(first: FieldId, scanner: Scanner, at: number, stop: number): boolean {
    let taken = true;
    for (let field = first; field >= 0; field = this.#next[field]) {
      const kind = this.#kind[field];
      if (kind === Kind.Number) {
        const decimals = this.#decimals[field];
        const value = scanner.exotic
          ? exoticToInteger(textOf(scanner.bytes, at, stop), decimals, 'half')
          : toFixedPoint(scanner.mantissa, scanner.fraction, scanner.negative, decimals);
        if (Number.isNaN(value)) taken = this.#refuse(field, DecodeCode.numberOutOfRange, at);
        else this.#setNumber(field, value);
      } else if (kind === Kind.Time) {
        const format = this.#timeFormat[field];
        const ms = scanner.exotic
          ? this.#times.fromExoticNumber(format, textOf(scanner.bytes, at, stop))
          : this.#times.fromNumber(format, scanner.mantissa, scanner.fraction, scanner.negative);
        if (Number.isNaN(ms)) taken = this.#refuse(field, DecodeCode.invalidTime, at);
        else this.#setNumber(field, ms);
      } else {
        scanner.asText(at, stop);
        this.#setText(field, kind, scanner);
      }
    }
    return taken;
  }

  /** Sets the fields of one path from `true` or `false` in [at, stop). @returns false when refused */
  setBoolean(first: FieldId, scanner: Scanner, at: number, stop: number): boolean {
    let taken = true;
    for (let field = first; field >= 0; field = this.#next[field]) {
      const kind = this.#kind[field];
      if (kind === Kind.Number || kind === Kind.Time) {
        taken = this.#refuse(field, kind === Kind.Time ? DecodeCode.invalidTime : DecodeCode.wrongType, at);
      } else {
        scanner.asText(at, stop);
        this.#setText(field, kind, scanner);
      }
    }
    return taken;
  }

  /** The path holds an object or an array: no field takes that. */
  refuseContainer(first: FieldId, at: number): void {
    for (let field = first; field >= 0; field = this.#next[field]) {
      this.#refuse(field, this.#kind[field] === Kind.Time ? DecodeCode.invalidTime : DecodeCode.wrongType, at);
    }
  }

  /** The path holds null. */
  setNull(first: FieldId): void {
    for (let field = first; field >= 0; field = this.#next[field]) this.setMissing(field);
  }

  /** One field is not in the event. */
  setMissing(field: FieldId): void {
    this.present[field] = 0;
    this.internId[field] = 0;
    this.numbers[field] = Number.NaN;
    this.strStart[field] = 0;
    this.strEnd[field] = 0;
    this.hashLo[field] = 0;
    this.hashHi[field] = 0;
    this.error[field] = DecodeCode.ok;
  }

  /** To be called after a record was read: brings all strings into one array. */
  finish(scanner: Scanner): void {
    if (!this.#anyInScratch) {
      this.strBytes = scanner.bytes;
      return;
    }
    for (let field = 0; field < this.count; field++) {
      const kind = this.#kind[field];
      if (kind > Kind.ListedText || this.present[field] === 0 || this.#inScratch[field] === 1) continue;
      const length = this.strEnd[field] - this.strStart[field];
      scanner.reserveScratch(length);
      scanner.scratch.set(scanner.bytes.subarray(this.strStart[field], this.strEnd[field]), scanner.scratchUsed);
      this.strStart[field] = scanner.scratchUsed;
      this.strEnd[field] = scanner.scratchUsed + length;
      scanner.scratchUsed += length;
    }
    this.strBytes = scanner.scratch;
  }

  interner(field: FieldId): Interner {
    return this.#interners[field];
  }

  resetIfLarger(entries: number): boolean {
    let renumbered = false;
    for (const interner of this.#interners) {
      if (interner.count <= entries) continue;
      interner.reset();
      renumbered = true;
    }
    if (renumbered) {
      this.numbering++;
      this.memory.forgetIds();
    }
    return renumbered;
  }

  // What the compiled replay asks for; it gives strings as places in the memory.

  intern(field: FieldId, start: number, stop: number, lo: number, hi: number): number {
    return stop - start > MAX_INTERNED_BYTES ? -1 : this.#interners[field].intern(this.memory.bytes, this.memory.view, start, stop, lo, hi);
  }

  timeOfText(field: FieldId, start: number, stop: number): number {
    return this.#times.fromText(this.#timeFormat[field], this.memory.bytes, this.memory.view, start, stop);
  }

  timeOfNumber(field: FieldId, mantissa: number, fraction: number, negative: number): number {
    return this.#times.fromNumber(this.#timeFormat[field], mantissa, fraction, negative === 1);
  }

  #setText(field: FieldId, kind: number, scanner: Scanner): void {
    const start = scanner.start;
    const stop = scanner.stop;
    this.present[field] = 1;
    if (kind <= Kind.ListedText) {
      this.strStart[field] = start;
      this.strEnd[field] = stop;
      this.#inScratch[field] = scanner.unescaped ? 1 : 0;
      if (scanner.unescaped) this.#anyInScratch = true;
      if (kind === Kind.PlainText) return;
    }
    if (kind !== Kind.Interned) {
      this.hashLo[field] = finishHash(scanner.laneLo, stop - start);
      this.hashHi[field] = finishHash(scanner.laneHi, stop - start);
      if (kind === Kind.HashedText) return;
    }
    const bytes = scanner.unescaped ? scanner.scratch : scanner.bytes;
    const view = scanner.unescaped ? scanner.scratchView : scanner.view;
    if (stop - start <= MAX_INTERNED_BYTES) {
      this.internId[field] = this.#interners[field].intern(bytes, view, start, stop, scanner.laneLo, scanner.laneHi);
    } else {
      this.#internCut(field, kind, bytes, view, start, stop);
    }
  }

  #internCut(field: FieldId, kind: number, bytes: Uint8Array, view: DataView, start: number, stop: number): void {
    const cut = cutPosition(bytes, start, stop, MAX_INTERNED_BYTES);
    const hash = new ByteHash();
    hash.of(bytes, start, cut);
    this.internId[field] = this.#interners[field].intern(bytes, view, start, cut, hash.laneLo, hash.laneHi);
    if (kind === Kind.HashedInterned) {
      this.hashLo[field] = hash.lo;
      this.hashHi[field] = hash.hi;
    }
  }

  #setNumber(field: FieldId, value: number): void {
    this.present[field] = 1;
    this.numbers[field] = value;
  }

  #refuse(field: FieldId, code: DecodeCode, at: number): false {
    this.error[field] = code;
    this.errorAt[field] = at;
    return false;
  }
}

function textOf(bytes: Uint8Array, start: number, stop: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start).toString('latin1');
}
