// The seam between the bytes of a record and the partition processors: one decoder per process, holding one current event.
// Everything about the current event is overwritten by the next `decode`; nothing is allocated per event. Ids of interned
// strings hold until `resetIfLarger` says that they were renumbered, so callers keep them for one flush at most.

import type { RecordBatch } from '../source/log.js';
import type { FieldId } from '../definition/model.js';
import type { DecodeCode } from './outcome.js';

/** Longest interned string in bytes; longer values are cut at a code point boundary. */
export const MAX_INTERNED_BYTES = 256;
/** Deepest nesting of objects and arrays accepted. */
export const MAX_DEPTH = 64;

/** Bytes that may be read (and are not used) past the end of a record or string, so that words can be read whole. */
export const SPARE_BYTES = 16;

/** The bytes behind interned ids, for those who write them out (top lists, string columns). */
export interface NameBytes {
  /** UTF-8 length of the string with this id. */
  byteLength(id: number): number;
  /** Copies the UTF-8 bytes to `target` at `at`. @returns the position after them */
  copyTo(id: number, target: Uint8Array, at: number): number;
}

/** One event by field, wherever it was read from: what conditions and panes look at. */
export interface CurrentEvent {
  /** Event time, epoch ms. */
  readonly timeMs: number;

  /** By field: 1 present, 0 missing or null. */
  readonly present: Uint8Array;
  /** By field: id in the field's dictionary. For interned fields and fields that a `top` component lists; 0 is '' and missing. */
  readonly internId: Uint32Array;
  /** By field: fixed-point integer of a number field, epoch ms of a time field; NaN when missing. */
  readonly numbers: Float64Array;
  /** By field: range in `strBytes` of a non-interned string; start = end when missing. */
  readonly strStart: Int32Array;
  readonly strEnd: Int32Array;
  /** Where `strStart` and `strEnd` point to; may be another array for the next event. */
  readonly strBytes: Uint8Array;
  /**
   * By field: 64-bit hash of a string's UTF-8 bytes as two int32; 0 when missing. A pure function of the bytes. For event id,
   * user and session and the fields that a `unique` or `top` component names; 0 for the others. Signed, because an integer of
   * 2^31 and more would be boxed on its way into a sketch.
   */
  readonly hashLo: Int32Array;
  readonly hashHi: Int32Array;

  /** id → string. Grows in place; replaced by a new array when ids are renumbered, so an old one stays valid for its holder. */
  dictionary(field: FieldId): readonly string[];
  /** The id of a string in a field's dictionary, taken in if it is new (e.g. `__other__`). */
  intern(field: FieldId, value: string): number;
  /** The same dictionary as bytes; ids are those of the present numbering. */
  names(field: FieldId): NameBytes;
  /** Rises by one at each renumbering. */
  readonly numbering: number;
}

export interface EventDecoder extends CurrentEvent {
  /** Decodes record i of the batch into the current event. @returns 0, or why it is refused (see `detail`) */
  decode(batch: RecordBatch, i: number): DecodeCode;
  /** The last refusal in words: field path, what was found, what was expected. Valid until the next `decode`. */
  detail(): string;

  /** 64-bit hash of the event id's bytes as two uint32; meaningful when `hasId`. */
  readonly idHashLo: number;
  readonly idHashHi: number;
  readonly hasId: boolean;

  /** Forgets every dictionary of more than `entries` strings. @returns true if any ids were renumbered */
  resetIfLarger(entries: number): boolean;
}
