// One text column of raw rows, in the form that a Native block has it: the length of an entry as LEB128, then its bytes. Written
// once per event, so that a flush only copies it.

const FIRST_BYTES = 16_384;
/** Beyond it a call of `set` costs less than copying word by word. */
const LONG_BYTES = 64;
/** LEB128 of a length below 2^32, and the rest of a word that is written as a whole. */
const SLACK_BYTES = 8;
const NO_BYTES = new Uint8Array(0);

export class TextColumn {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** The array read from last, and a view of it. */
  #source: Uint8Array = NO_BYTES;
  #sourceView: DataView = new DataView(NO_BYTES.buffer);

  /** All entries so far; valid until the next append or clear. */
  get encoded(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  clear(): void {
    this.#length = 0;
    this.#source = NO_BYTES;
    this.#sourceView = new DataView(NO_BYTES.buffer);
  }

  appendEmpty(): void {
    this.#reserve(0);
    this.#bytes[this.#length++] = 0;
  }

  /** Appends the UTF-8 bytes source[start … end). */
  append(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = length;
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    if (length > LONG_BYTES) {
      bytes.set(source.subarray(start, end), at);
    } else {
      if (source !== this.#source) {
        this.#source = source;
        this.#sourceView = new DataView(source.buffer, source.byteOffset, source.byteLength);
      }
      const from = this.#sourceView;
      const to = this.#view;
      let p = start;
      let q = at;
      if (end + 4 <= source.length) {
        // What the last word brings too much is overwritten by the next entry.
        for (; p < end; p += 4, q += 4) {
          to.setInt32(q, from.getInt32(p, true), true);
        }
      } else {
        for (; p < end; p++, q++) {
          bytes[q] = source[p];
        }
      }
    }
    this.#length = at + length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more + SLACK_BYTES;
    if (needed > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
      bytes.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
  }
}
