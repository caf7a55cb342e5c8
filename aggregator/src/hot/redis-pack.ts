// A msgpack writer for the flush argument: only what the apply script reads (integers, strings, lists whose length is known when
// they are complete). Writing bytes by hand costs a tenth of building arrays for a general encoder.
// Spec: https://github.com/msgpack/msgpack/blob/master/spec.md

import { writeFrame } from './sketch-blob.js';

const FIRST_BYTES = 65_536;

export class PackWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 5;
  #count = 0;

  /** Non-negative integer below 2^32. */
  integer(value: number): void {
    this.#reserve(5);
    this.#count++;
    if (value < 128) {
      this.#bytes[this.#length++] = value;
    } else {
      this.#bytes[this.#length++] = 0xce;
      this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    }
  }

  /** Leaves room for an integer that is known later. @returns where, for `put` */
  later(): number {
    this.#reserve(5);
    this.#count++;
    const at = this.#length;
    this.#bytes[at] = 0xce;
    this.#length += 5;
    return at;
  }

  /** Writes an integer to the room left for it. */
  put(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at + 1);
  }

  /** Begins a string of so many bytes; `frame` writes them. */
  beginFrames(length: number): void {
    this.#reserve(5 + length);
    this.#count++;
    this.#bytes[this.#length] = 0xdb;
    this.#bytes.writeUInt32BE(length, this.#length + 1);
    this.#length += 5;
  }

  /** A sketch frame around chunk[start … end). */
  frame(bucket: number, chunk: Uint8Array, start: number, end: number): void {
    this.#length = writeFrame(this.#bytes, this.#length, bucket, chunk, start, end);
  }

  /** Text as UTF-8. */
  text(value: string): void {
    this.#reserve(5 + value.length * 3);
    this.#count++;
    if (value.length < 32) {
      // Short and, in nearly all cases, ASCII: one header byte, corrected when it was not.
      const start = this.#length + 1;
      const length = this.#bytes.write(value, start, 'utf8');
      if (length < 32) {
        this.#bytes[start - 1] = 0xa0 | length;
        this.#length = start + length;
        return;
      }
    }
    const start = this.#length + 5;
    const length = this.#bytes.write(value, start, 'utf8');
    this.#bytes[this.#length] = 0xdb;
    this.#bytes.writeUInt32BE(length, this.#length + 1);
    this.#length = start + length;
  }

  /** A safe integer as decimal text, `#` before it when it is a slot: what BITFIELD takes. Most are short: no string is made. */
  decimal(value: number, slot = false): void {
    if (value < 0 || value >= 1e9) {
      this.text(slot ? `#${value}` : String(value));
      return;
    }
    this.#reserve(12);
    this.#count++;
    let digits = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) {
      digits++;
    }
    const header = this.#length++;
    if (slot) {
      this.#bytes[this.#length++] = 0x23;
    }
    this.#bytes[header] = 0xa0 | (digits + (slot ? 1 : 0));
    const end = this.#length + digits;
    let rest = value;
    for (let at = end - 1; at >= this.#length; at--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[at] = 0x30 + rest - tenth * 10;
      rest = tenth;
    }
    this.#length = end;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(5 + value.length);
    this.#count++;
    this.#bytes[this.#length] = 0xdb;
    this.#bytes.writeUInt32BE(value.length, this.#length + 1);
    this.#bytes.set(value, this.#length + 5);
    this.#length += 5 + value.length;
  }

  /** All that was written, as one list. The writer must not be used afterwards. */
  finish(): Buffer {
    this.#bytes[0] = 0xdd;
    this.#bytes.writeUInt32BE(this.#count, 1);
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
  }
}
