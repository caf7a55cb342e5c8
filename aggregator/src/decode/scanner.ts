// Reads single JSON tokens (RFC 8259, as strict as JSON.parse) out of a record's bytes; knows nothing of fields or paths.
// Results and failures stand in its own properties, so that nothing is allocated. Positions returned are after the token, -1
// means refused. Invariant: `view` is readable for SPARE_BYTES past `end`, and no accepted token reaches past `end`.

import { MAX_DEPTH, SPARE_BYTES } from './decoder.js';
import { ByteHash, HashWord } from './hash.js';
import { DecodeCode } from './outcome.js';
import { utf8SequenceLength, writeCodePoint } from './utf8.js';

const enum Word {
  HighBits = 0x80808080 | 0,
  True = 0x65757274,
  Fals = 0x736c6166,
  Null = 0x6c6c756e,
}

export class Scanner {
  bytes: Uint8Array = new Uint8Array(8);
  view: DataView = new DataView(this.bytes.buffer);
  end = 0;

  /** The last string: its range in `bytes`, or in `scratch` when `unescaped`; and the lanes of its hash, unfinished. */
  start = 0;
  stop = 0;
  unescaped = false;
  laneLo = 0;
  laneHi = 0;
  /** Unescaped strings of the present record, one after the other; SPARE_BYTES at its end. */
  scratch = new Uint8Array(1024);
  scratchView = new DataView(this.scratch.buffer);
  scratchUsed = 0;

  /** The last number: ±mantissa / 10^fraction, exact unless `exotic` (an exponent, or more than 15 digits). */
  mantissa = 0;
  fraction = 0;
  negative = false;
  exotic = false;

  /** The last refusal. */
  failureCode: DecodeCode = DecodeCode.ok;
  failureAt = 0;
  expected = '';

  readonly #hash = new ByteHash();

  fail(code: DecodeCode, at: number, expected: string): -1 {
    this.failureCode = code;
    this.failureAt = at;
    this.expected = expected;
    return -1;
  }

  /** Position of the next byte that is not white space. */
  space(p: number): number {
    const bytes = this.bytes;
    let c = bytes[p];
    while (c === 32 || c === 10 || c === 13 || c === 9) c = bytes[++p];
    return p;
  }

  /** Reads a string and hashes it. @param p after the opening quote */
  string(p: number): number {
    const view = this.view;
    const end = this.end;
    let lo: number = HashWord.SeedLo;
    let hi: number = HashWord.SeedHi;
    for (let q = p; q < end; q += 4) {
      const word = view.getInt32(q, true);
      // A set high bit marks a quote, a backslash, a control character or a byte of 0x80 and more; the lowest mark is exact.
      const marks = (((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101) | (word - 0x20202020) | word) & Word.HighBits;
      if (marks === 0) {
        let k = Math.imul(word, HashWord.Mix1);
        k = Math.imul((k << 15) | (k >>> 17), HashWord.Mix2);
        lo ^= k;
        hi = (hi + k) | 0;
        lo = (Math.imul((lo << 13) | (lo >>> 19), 5) + HashWord.AddLo) | 0;
        hi = (Math.imul((hi << 17) | (hi >>> 15), 9) + HashWord.AddHi) | 0;
        continue;
      }
      const bit = 31 - Math.clz32(marks & -marks);
      const at = q + (bit >> 3);
      if (at >= end || ((word >>> (bit - 7)) & 0xff) !== 0x22) break;
      let k = Math.imul(word & ((1 << (bit - 7)) - 1), HashWord.Mix1);
      k = Math.imul((k << 15) | (k >>> 17), HashWord.Mix2);
      lo ^= k;
      hi = (hi + k) | 0;
      lo = (Math.imul((lo << 13) | (lo >>> 19), 5) + HashWord.AddLo) | 0;
      hi = (Math.imul((hi << 17) | (hi >>> 15), 9) + HashWord.AddHi) | 0;
      this.start = p;
      this.stop = at;
      this.unescaped = false;
      this.laneLo = lo;
      this.laneHi = hi;
      return at + 1;
    }
    return this.#awkwardString(p, true);
  }

  /** Reads a string without its hash. @param p after the opening quote */
  plainString(p: number): number {
    const after = this.#endOfPlainString(p);
    if (after < 0) return this.#awkwardString(p, true);
    this.start = p;
    this.stop = after - 1;
    this.unescaped = false;
    return after;
  }

  /** Checks a string whose value nobody wants. @param p after the opening quote */
  skipString(p: number): number {
    const after = this.#endOfPlainString(p);
    return after < 0 ? this.#awkwardString(p, false) : after;
  }

  /** Reads a number. @param p at its first character */
  number(p: number): number {
    const bytes = this.bytes;
    let q = p;
    let c = bytes[q];
    this.negative = c === 0x2d;
    if (c === 0x2d) c = bytes[++q];
    const first = q;
    let mantissa = 0;
    if (c === 0x30) {
      c = bytes[++q];
    } else if (c >= 0x31 && c <= 0x39) {
      do {
        mantissa = mantissa * 10 + (c - 0x30);
        c = bytes[++q];
      } while (c >= 0x30 && c <= 0x39);
    } else {
      return this.fail(DecodeCode.malformedJson, q, 'a digit');
    }
    let digits = q - first;
    let fraction = 0;
    if (c === 0x2e) {
      const point = q;
      c = bytes[++q];
      while (c >= 0x30 && c <= 0x39) {
        mantissa = mantissa * 10 + (c - 0x30);
        c = bytes[++q];
      }
      fraction = q - point - 1;
      digits += fraction;
      if (fraction === 0) return this.fail(DecodeCode.malformedJson, q, 'a digit after the decimal point');
    }
    this.mantissa = mantissa;
    this.fraction = fraction;
    this.exotic = digits > 15;
    if ((c | 0x20) === 0x65) {
      this.exotic = true;
      c = bytes[++q];
      if (c === 0x2b || c === 0x2d) c = bytes[++q];
      const exponent = q;
      while (c >= 0x30 && c <= 0x39) c = bytes[++q];
      if (q === exponent) return this.fail(DecodeCode.malformedJson, q, 'a digit in the exponent');
    }
    if (q > this.end) return this.fail(DecodeCode.malformedJson, this.end, 'more of the number');
    return q;
  }

  /** Reads `true`, `false` or `null`. @param p at its first character */
  literal(p: number): number {
    const word = this.view.getInt32(p, true);
    let after = p + 4;
    if (word === Word.Fals && this.bytes[p + 4] === 0x65) after = p + 5;
    else if (word !== Word.True && word !== Word.Null) return this.fail(DecodeCode.malformedJson, p, 'a value');
    return after <= this.end ? after : this.fail(DecodeCode.malformedJson, this.end, 'a value');
  }

  /** Checks any value. @param p at its first character @param depth of the object or array that it stands in */
  skipValue(p: number, depth: number): number {
    const c = this.bytes[p];
    if (p >= this.end) return this.fail(DecodeCode.malformedJson, this.end, 'a value');
    if (c === 0x22) return this.skipString(p + 1);
    if (c === 0x7b) return this.#skipObject(p + 1, depth + 1);
    if (c === 0x5b) return this.#skipArray(p + 1, depth + 1);
    if (c === 0x2d || (c >= 0x30 && c <= 0x39)) return this.number(p);
    return this.literal(p);
  }

  /** Makes the range the current string, as if it had stood in quotes: numbers and booleans taken as their text. */
  asText(start: number, stop: number): void {
    this.start = start;
    this.stop = stop;
    this.unescaped = false;
    this.hashRange(this.bytes, start, stop);
  }

  hashRange(bytes: Uint8Array, start: number, stop: number): void {
    this.#hash.of(bytes, start, stop);
    this.laneLo = this.#hash.laneLo;
    this.laneHi = this.#hash.laneHi;
  }

  /** Makes room for the unescaped form of what is left of the record. */
  reserveScratch(length: number): void {
    if (this.scratchUsed + length + SPARE_BYTES <= this.scratch.length) return;
    const scratch = new Uint8Array((this.scratchUsed + length + SPARE_BYTES) * 2);
    scratch.set(this.scratch.subarray(0, this.scratchUsed));
    this.scratch = scratch;
    this.scratchView = new DataView(scratch.buffer);
  }

  /** The position after the closing quote, or -1 unless the string is ASCII without escapes. */
  #endOfPlainString(p: number): number {
    const view = this.view;
    const end = this.end;
    for (let q = p; q < end; q += 4) {
      const word = view.getInt32(q, true);
      const marks = (((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101) | (word - 0x20202020) | word) & Word.HighBits;
      if (marks === 0) continue;
      const bit = 31 - Math.clz32(marks & -marks);
      const at = q + (bit >> 3);
      return at < end && ((word >>> (bit - 7)) & 0xff) === 0x22 ? at + 1 : -1;
    }
    return -1;
  }

  #skipObject(p: number, depth: number): number {
    if (depth > MAX_DEPTH) return this.fail(DecodeCode.tooDeep, p - 1, `at most ${MAX_DEPTH} levels of nesting`);
    const bytes = this.bytes;
    p = this.space(p);
    if (bytes[p] === 0x7d && p < this.end) return p + 1;
    for (;;) {
      if (bytes[p] !== 0x22 || p >= this.end) return this.fail(DecodeCode.malformedJson, p, 'a key in double quotes');
      p = this.skipString(p + 1);
      if (p < 0) return p;
      p = this.space(p);
      if (bytes[p] !== 0x3a || p >= this.end) return this.fail(DecodeCode.malformedJson, p, "':' after the key");
      p = this.skipValue(this.space(p + 1), depth);
      if (p < 0) return p;
      p = this.space(p);
      if (p >= this.end) return this.fail(DecodeCode.malformedJson, this.end, "',' or '}'");
      if (bytes[p] === 0x7d) return p + 1;
      if (bytes[p] !== 0x2c) return this.fail(DecodeCode.malformedJson, p, "',' or '}'");
      p = this.space(p + 1);
    }
  }

  #skipArray(p: number, depth: number): number {
    if (depth > MAX_DEPTH) return this.fail(DecodeCode.tooDeep, p - 1, `at most ${MAX_DEPTH} levels of nesting`);
    const bytes = this.bytes;
    p = this.space(p);
    if (bytes[p] === 0x5d && p < this.end) return p + 1;
    for (;;) {
      p = this.skipValue(p, depth);
      if (p < 0) return p;
      p = this.space(p);
      if (p >= this.end) return this.fail(DecodeCode.malformedJson, this.end, "',' or ']'");
      if (bytes[p] === 0x5d) return p + 1;
      if (bytes[p] !== 0x2c) return this.fail(DecodeCode.malformedJson, p, "',' or ']'");
      p = this.space(p + 1);
    }
  }

  /** A string with escapes, with bytes of 0x80 and more, or a broken one: byte by byte. */
  #awkwardString(p: number, wanted: boolean): number {
    const bytes = this.bytes;
    const end = this.end;
    const from = this.scratchUsed;
    let out = from;
    let unescaped = false;
    let q = p;
    for (;;) {
      if (q >= end) return this.fail(DecodeCode.malformedJson, end, 'the end of the string');
      const c = bytes[q];
      if (c === 0x22) break;
      if (c < 0x20) return this.fail(DecodeCode.malformedJson, q, 'no control character inside a string');
      if (c === 0x5c) {
        if (wanted && !unescaped) {
          unescaped = true;
          this.reserveScratch(end - p);
          this.scratch.set(bytes.subarray(p, q), from);
          out = from + (q - p);
        }
        const length = this.#escapeLength(q);
        if (length < 0) return length;
        if (wanted) out = this.#unescape(q, length, out);
        q += length;
        continue;
      }
      const length = c < 0x80 ? 1 : utf8SequenceLength(bytes, q, end);
      if (length === 0) return this.fail(DecodeCode.invalidUtf8, q, 'valid UTF-8');
      if (unescaped) for (let i = 0; i < length; i++) this.scratch[out++] = bytes[q + i];
      q += length;
    }
    if (wanted) {
      this.unescaped = unescaped;
      this.start = unescaped ? from : p;
      this.stop = unescaped ? out : q;
      if (unescaped) this.scratchUsed = out;
      this.hashRange(unescaped ? this.scratch : bytes, this.start, this.stop);
    }
    return q + 1;
  }

  /** Length of the escape at q: 2, 6, or 12 for a surrogate pair; -1 when it is none. */
  #escapeLength(q: number): number {
    const bytes = this.bytes;
    if (q + 1 >= this.end) return this.fail(DecodeCode.malformedJson, this.end, 'the end of the string');
    const c = bytes[q + 1];
    if (c !== 0x75) return SIMPLE_ESCAPES[c] !== 0 ? 2 : this.fail(DecodeCode.malformedJson, q, 'an escape of JSON');
    const unit = this.#hex4(q + 2);
    if (unit < 0) return this.fail(DecodeCode.malformedJson, q, 'four hexadecimal digits after \\u');
    if (unit >= 0xd800 && unit < 0xdc00 && bytes[q + 6] === 0x5c && bytes[q + 7] === 0x75) {
      const second = this.#hex4(q + 8);
      if (second >= 0xdc00 && second < 0xe000) return 12;
    }
    return 6;
  }

  #unescape(q: number, length: number, out: number): number {
    if (length === 2) {
      this.scratch[out] = SIMPLE_ESCAPES[this.bytes[q + 1]];
      return out + 1;
    }
    const unit = this.#hex4(q + 2);
    const codePoint = length === 12 ? 0x10000 + ((unit - 0xd800) << 10) + (this.#hex4(q + 8) - 0xdc00) : unit;
    return writeCodePoint(this.scratch, out, codePoint);
  }

  #hex4(q: number): number {
    if (q + 4 > this.end) return -1;
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const c = this.bytes[q + i];
      const lower = c | 0x20;
      if (c >= 0x30 && c <= 0x39) value = (value << 4) | (c - 0x30);
      else if (lower >= 0x61 && lower <= 0x66) value = (value << 4) | (lower - 0x57);
      else return -1;
    }
    return value;
  }
}

/** By the character after the backslash: the byte that it stands for; 0 where there is no such escape. */
const SIMPLE_ESCAPES: Uint8Array = (() => {
  const table = new Uint8Array(256);
  const pairs: readonly (readonly [string, number])[] = [
    ['"', 0x22],
    ['\\', 0x5c],
    ['/', 0x2f],
    ['b', 0x08],
    ['f', 0x0c],
    ['n', 0x0a],
    ['r', 0x0d],
    ['t', 0x09],
  ];
  for (const [character, byte] of pairs) table[character.charCodeAt(0)] = byte;
  return table;
})();
