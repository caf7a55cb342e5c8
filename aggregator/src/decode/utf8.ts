// UTF-8 (RFC 3629) on byte ranges: validation, cutting and writing of code points, without making strings.

/**
 * Length of the well-formed sequence at p, whose first byte is 0x80 or more: 2-4, or 0 when it is malformed.
 * Overlong forms, surrogates and code points above U+10FFFF are malformed (Unicode 15, table 3-7).
 */
export function utf8SequenceLength(bytes: Uint8Array, p: number, end: number): number {
  const c = bytes[p];
  if (c < 0xc2 || c > 0xf4) return 0;
  const length = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  if (p + length > end) return 0;
  const second = bytes[p + 1];
  const lowest = c === 0xe0 ? 0xa0 : c === 0xf0 ? 0x90 : 0x80;
  const highest = c === 0xed ? 0x9f : c === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  if (length > 2 && (bytes[p + 2] & 0xc0) !== 0x80) return 0;
  if (length > 3 && (bytes[p + 3] & 0xc0) !== 0x80) return 0;
  return length;
}

/** Where to cut a valid range so that at most `maxBytes` remain and no code point is split. */
export function cutPosition(bytes: Uint8Array, start: number, end: number, maxBytes: number): number {
  if (end - start <= maxBytes) return end;
  let cut = start + maxBytes;
  while ((bytes[cut] & 0xc0) === 0x80) cut--;
  return cut;
}

/** Writes a code point at `at`; an unpaired surrogate becomes U+FFFD, as when a string is encoded. @returns the position after it */
export function writeCodePoint(target: Uint8Array, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    target[at] = codePoint;
    return at + 1;
  }
  if (codePoint < 0x800) {
    target[at] = 0xc0 | (codePoint >> 6);
    target[at + 1] = 0x80 | (codePoint & 0x3f);
    return at + 2;
  }
  if (codePoint < 0x10000) {
    const unit = codePoint >= 0xd800 && codePoint < 0xe000 ? 0xfffd : codePoint;
    target[at] = 0xe0 | (unit >> 12);
    target[at + 1] = 0x80 | ((unit >> 6) & 0x3f);
    target[at + 2] = 0x80 | (unit & 0x3f);
    return at + 3;
  }
  target[at] = 0xf0 | (codePoint >> 18);
  target[at + 1] = 0x80 | ((codePoint >> 12) & 0x3f);
  target[at + 2] = 0x80 | ((codePoint >> 6) & 0x3f);
  target[at + 3] = 0x80 | (codePoint & 0x3f);
  return at + 4;
}
