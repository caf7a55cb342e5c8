// AssemblyScript: reads a record whose layout is known, straight from bytes to field values. The layouts are learned by
// src/decode/layout-cache.ts, which writes them into this module's memory; src/decode/fast-replay.ts is the only caller.
// Invariant: what `replay` accepts, the slower ways accept with the same values; what it does not take it leaves to them (answer 0).
// Compiled by scripts/build-replay.mjs into src/decode/replay-module.ts.

/** The id of the string at [start, stop), whose hash lanes are given, in the field's dictionary. */
@external('host', 'intern')
declare function internString(field: i32, start: i32, stop: i32, lo: i32, hi: i32): i32;
/** Epoch ms of the text at [start, stop); NaN when it is no time. */
@external('host', 'timeOfText')
declare function timeOfText(field: i32, start: i32, stop: i32): f64;
/** Epoch ms of ±mantissa / 10^fraction; NaN when it is no time. */
@external('host', 'timeOfNumber')
declare function timeOfNumber(field: i32, mantissa: f64, fraction: i32, negative: i32): f64;

// Kinds of fields, as in src/decode/event-fields.ts.
const PLAIN_TEXT: u8 = 0;
const HASHED_TEXT: u8 = 1;
const LISTED_TEXT: u8 = 2;
const INTERNED: u8 = 3;
const NUMBER: u8 = 5;
const TIME: u8 = 6;

// A node of the tree of layouts, as in src/decode/layout-cache.ts: sixteen integers.
const CHILD: i32 = 0;
const SIBLING: i32 = 4;
const PREDICTED: i32 = 8;
const LENGTH: i32 = 12;
const WORD: i32 = 16;
const SHORT_LOW: i32 = 20;
const SHORT_HIGH: i32 = 24;
const MASK_LOW: i32 = 28;
const MASK_HIGH: i32 = 32;
const FIELD: i32 = 36;
const DEPTH: i32 = 40;
const LAST: i32 = -2;

// Of an entry of an intern cache: hash lanes, length, id, then the bytes.
const ENTRY_BYTES: i32 = 64;
const ENTRY_TEXT: i32 = 16;
const LONGEST_CACHED: i32 = ENTRY_BYTES - ENTRY_TEXT;
const CACHE_MASK: i32 = 4095;

const MAX_FIXED: u64 = 1 << 52;
const MOST_DIGITS: i32 = 15;

// Where things stand in the memory; set once by `init`.
let kinds: i32 = 0;
let decimals: i32 = 0;
let nextOfPath: i32 = 0;
let cacheOf: i32 = 0;
let present: i32 = 0;
let internId: i32 = 0;
let numbers: i32 = 0;
let strStart: i32 = 0;
let strEnd: i32 = 0;
let hashLo: i32 = 0;
let hashHi: i32 = 0;
let tree: i32 = 0;
let words: i32 = 0;
let missing: i32 = 0;

// The last string and the last number read.
let textStart: i32 = 0;
let textStop: i32 = 0;
let laneLo: i32 = 0;
let laneHi: i32 = 0;
let mantissa: u64 = 0;
let fraction: i32 = 0;
let negative: bool = false;

// The last `YYYY-MM-DDTHH:MM` and its epoch ms.
let minuteLow: i64 = 0;
let minuteHigh: i64 = 0;
let minuteMs: f64 = NaN;

export function init(
  kindsAt: i32,
  decimalsAt: i32,
  nextOfPathAt: i32,
  cacheOfAt: i32,
  presentAt: i32,
  internIdAt: i32,
  numbersAt: i32,
  strStartAt: i32,
  strEndAt: i32,
  hashLoAt: i32,
  hashHiAt: i32,
  treeAt: i32,
  wordsAt: i32,
  missingAt: i32,
): void {
  kinds = kindsAt;
  decimals = decimalsAt;
  nextOfPath = nextOfPathAt;
  cacheOf = cacheOfAt;
  present = presentAt;
  internId = internIdAt;
  numbers = numbersAt;
  strStart = strStartAt;
  strEnd = strEndAt;
  hashLo = hashLoAt;
  hashHi = hashHiAt;
  tree = treeAt;
  words = wordsAt;
  missing = missingAt;
}

/** Reads the record at [start, end) into the fields. @returns 1, or 0 when it is left to the slower ways */
export function replay(start: i32, end: i32): i32 {
  let p = start;
  let node = tree;
  for (;;) {
    const predicted = load<i32>(node, PREDICTED);
    let next = tree + (predicted << 2);
    let after = predicted === 0 ? -1 : match(next, p, end);
    if (after < 0) {
      let child = load<i32>(node, CHILD);
      for (; child !== 0; child = load<i32>(tree + (child << 2), SIBLING)) {
        after = match(tree + (child << 2), p, end);
        if (after >= 0) break;
      }
      if (child === 0) return 0;
      store<i32>(node, child, PREDICTED);
      next = tree + (child << 2);
    }
    node = next;
    p = after;
    const field = load<i32>(node, FIELD);
    if (field === LAST) break;
    const c = load<u8>(p);
    if (c === 0x22) {
      after = field < 0 ? skipString(p + 1, end) : string(p + 1, end);
      if (after < 0) return 0;
      if (field >= 0 && !setString(field)) return 0;
    } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      after = number(p, end);
      if (after < 0) return 0;
      if (field >= 0 && !setNumber(field)) return 0;
    } else {
      after = literal(p, end);
      if (after < 0) return 0;
      if (field >= 0) {
        if (c !== 0x6e) return 0;
        for (let f = field; f >= 0; f = load<i32>(nextOfPath + (f << 2))) setMissing(f);
      }
    }
    p = after;
  }
  let at = missing + (load<i32>(node, DEPTH) << 2);
  const stop = at + 4 + (load<i32>(at) << 2);
  for (at += 4; at < stop; at += 4) setMissing(load<i32>(at));
  return 1;
}

/** The position after the node's text, or -1 where it does not stand at p or no value can follow. */
@inline
function match(node: i32, p: i32, end: i32): i32 {
  const length = load<i32>(node, LENGTH);
  const after = p + length;
  if (after > end) return -1;
  if (length >= 8) {
    let word = words + (load<i32>(node, WORD) << 3);
    const lastWord = after - 8;
    for (; p < lastWord; p += 8, word += 8) {
      if (load<i64>(p) !== load<i64>(word)) return -1;
    }
    if (load<i64>(lastWord) !== load<i64>(word)) return -1;
  } else if (
    ((load<i32>(p) ^ load<i32>(node, SHORT_LOW)) & load<i32>(node, MASK_LOW)) !== 0 ||
    ((load<i32>(p, 4) ^ load<i32>(node, SHORT_HIGH)) & load<i32>(node, MASK_HIGH)) !== 0
  ) {
    return -1;
  }
  if (load<i32>(node, FIELD) === LAST) return after === end ? after : -1;
  // The text up to an object's brace belongs to another layout.
  return load<u8>(after) === 0x7b ? -1 : after;
}

/** Marks a quote, a backslash, a control character and a byte of 0x80 and more by the high bit; the lowest mark is exact. */
@inline
function marksOf(word: u32): u32 {
  return (
    (((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101) | (word - 0x20202020) | word) & 0x80808080
  );
}

/** Reads a string of plain ASCII and hashes it as src/decode/hash.ts says. @param p after the opening quote */
function string(p: i32, end: i32): i32 {
  let lo: i32 = 0x2f1b3c5d;
  let hi: i32 = 0x5bd1e995;
  for (let q = p; q < end; q += 4) {
    const word = load<u32>(q);
    const marks = marksOf(word);
    let k: i32;
    if (marks === 0) {
      k = <i32>word;
    } else {
      const bit = ctz<u32>(marks);
      const at = q + <i32>(bit >> 3);
      if (at >= end || ((word >> (bit - 7)) & 0xff) !== 0x22) return -1;
      k = <i32>(word & ((1 << (bit - 7)) - 1));
      textStart = p;
      textStop = at;
    }
    k = k * <i32>0xcc9e2d51;
    k = rotl<i32>(k, 15) * 0x1b873593;
    lo ^= k;
    hi += k;
    lo = rotl<i32>(lo, 13) * 5 + <i32>0xe6546b64;
    hi = rotl<i32>(hi, 17) * 9 + 0x38495ab5;
    if (marks !== 0) {
      laneLo = lo;
      laneHi = hi;
      return textStop + 1;
    }
  }
  return -1;
}

/** Checks a string of plain ASCII. @param p after the opening quote */
function skipString(p: i32, end: i32): i32 {
  for (let q = p; q < end; q += 4) {
    const word = load<u32>(q);
    const marks = marksOf(word);
    if (marks === 0) continue;
    const bit = ctz<u32>(marks);
    const at = q + <i32>(bit >> 3);
    return at < end && ((word >> (bit - 7)) & 0xff) === 0x22 ? at + 1 : -1;
  }
  return -1;
}

/** Reads a number without an exponent and of at most 15 digits. @param p at its first character */
function number(p: i32, end: i32): i32 {
  let q = p;
  let c = <i32>load<u8>(q);
  negative = c === 0x2d;
  if (negative) c = <i32>load<u8>(++q);
  const first = q;
  let value: u64 = 0;
  if (c === 0x30) {
    c = <i32>load<u8>(++q);
  } else if (c >= 0x31 && c <= 0x39) {
    do {
      value = value * 10 + <u64>(c - 0x30);
      c = <i32>load<u8>(++q);
    } while (c >= 0x30 && c <= 0x39);
  } else {
    return -1;
  }
  let digits = q - first;
  let places = 0;
  if (c === 0x2e) {
    const point = q;
    c = <i32>load<u8>(++q);
    while (c >= 0x30 && c <= 0x39) {
      value = value * 10 + <u64>(c - 0x30);
      c = <i32>load<u8>(++q);
    }
    places = q - point - 1;
    digits += places;
    if (places === 0) return -1;
  }
  if (digits > MOST_DIGITS || (c | 0x20) === 0x65 || q > end) return -1;
  mantissa = value;
  fraction = places;
  return q;
}

/** Reads `true`, `false` or `null`. @param p at its first character */
function literal(p: i32, end: i32): i32 {
  const word = load<u32>(p);
  let after = p + 4;
  if (word === 0x736c6166 && load<u8>(p, 4) === 0x65) after = p + 5;
  else if (word !== 0x65757274 && word !== 0x6c6c756e) return -1;
  return after <= end ? after : -1;
}

function setString(first: i32): bool {
  for (let field = first; field >= 0; field = load<i32>(nextOfPath + (field << 2))) {
    const kind = load<u8>(kinds + field);
    if (kind === NUMBER) return false;
    if (kind === TIME) {
      const ms = time(field);
      if (ms !== ms) return false;
      store<u8>(present + field, 1);
      store<f64>(numbers + (field << 3), ms);
      continue;
    }
    store<u8>(present + field, 1);
    const wide = field << 2;
    const length = textStop - textStart;
    if (kind <= LISTED_TEXT) {
      store<i32>(strStart + wide, textStart);
      store<i32>(strEnd + wide, textStop);
      if (kind === PLAIN_TEXT) continue;
    }
    if (kind !== INTERNED) {
      store<i32>(hashLo + wide, finish(laneLo, length));
      store<i32>(hashHi + wide, finish(laneHi, length));
      if (kind === HASHED_TEXT) continue;
    }
    const id = intern(field, length);
    if (id < 0) return false;
    store<i32>(internId + wide, id);
  }
  return true;
}

/** MurmurHash3's 32-bit finalizer, as in src/decode/hash.ts. */
@inline
function finish(lane: i32, length: i32): i32 {
  let h: u32 = <u32>(lane ^ length);
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return <i32>(h ^ (h >> 16));
}

/** The id of the last string: from the cache where it was seen lately, else from the dictionary. */
function intern(field: i32, length: i32): i32 {
  if (length === 0) return 0;
  if (length > LONGEST_CACHED) return internString(field, textStart, textStop, laneLo, laneHi);
  const entry = load<i32>(cacheOf + (field << 2)) + (laneLo & CACHE_MASK) * ENTRY_BYTES;
  if (load<i32>(entry) === laneLo && load<i32>(entry, 4) === laneHi && load<i32>(entry, 8) === length) {
    const full = length & ~7;
    let same = true;
    for (let i = 0; i < full; i += 8) {
      if (load<i64>(textStart + i) !== load<i64>(entry + ENTRY_TEXT + i)) {
        same = false;
        break;
      }
    }
    const rest = <u64>(length & 7);
    if (rest !== 0) {
      const mask: u64 = (<u64>1 << (rest << 3)) - 1;
      same = same && ((load<u64>(textStart + full) ^ load<u64>(entry + ENTRY_TEXT + full)) & mask) === 0;
    }
    if (same) return load<i32>(entry, 12);
  }
  const id = internString(field, textStart, textStop, laneLo, laneHi);
  if (id < 0) return id;
  store<i32>(entry, laneLo);
  store<i32>(entry, laneHi, 4);
  store<i32>(entry, length, 8);
  store<i32>(entry, id, 12);
  memory.copy(entry + ENTRY_TEXT, textStart, length);
  return id;
}

/** Epoch ms of the last string. `YYYY-MM-DDThh:mm:ss[.mmm]Z` of the same minute as the last one is read here. */
function time(field: i32): f64 {
  const start = textStart;
  const length = textStop - start;
  if (
    (length === 24 || length === 20) &&
    load<i64>(start) === minuteLow &&
    load<i64>(start, 8) === minuteHigh &&
    minuteField === field &&
    load<u8>(start, 16) === 0x3a &&
    load<u8>(textStop - 1) === 0x5a
  ) {
    const tens = <u32>load<u8>(start, 17) - 0x30;
    const ones = <u32>load<u8>(start, 18) - 0x30;
    if (tens < 6 && ones < 10) {
      const second = minuteMs + <f64>(tens * 10 + ones) * 1000;
      if (length === 20) return second;
      const a = <u32>load<u8>(start, 20) - 0x30;
      const b = <u32>load<u8>(start, 21) - 0x30;
      const d = <u32>load<u8>(start, 22) - 0x30;
      if (load<u8>(start, 19) === 0x2e && a < 10 && b < 10 && d < 10) return second + <f64>(a * 100 + b * 10 + d);
    }
  }
  const ms = timeOfText(field, start, textStop);
  if (length >= 20 && load<u8>(start, 10) === 0x54 && load<u8>(start, 16) === 0x3a && load<u8>(textStop - 1) === 0x5a && ms === ms) {
    minuteLow = load<i64>(start);
    minuteHigh = load<i64>(start, 8);
    minuteMs = Math.floor(ms / 60000) * 60000;
    minuteField = field;
  }
  return ms;
}

/** Of which field the remembered minute is: fields differ in their formats. */
let minuteField: i32 = -1;

function setNumber(first: i32): bool {
  for (let field = first; field >= 0; field = load<i32>(nextOfPath + (field << 2))) {
    const kind = load<u8>(kinds + field);
    let value: f64;
    if (kind === NUMBER) {
      const wanted = <i32>load<u8>(decimals + field);
      let fixed: u64;
      if (fraction <= wanted) {
        const scale = powerOfTen(wanted - fraction);
        if (mantissa > MAX_FIXED / scale) return false;
        fixed = mantissa * scale;
      } else {
        // Half away from zero: every power of ten from 10 on is even.
        const divisor = powerOfTen(fraction - wanted);
        fixed = (mantissa + (divisor >> 1)) / divisor;
      }
      if (fixed > MAX_FIXED) return false;
      value = negative && fixed !== 0 ? -(<f64>fixed) : <f64>fixed;
    } else if (kind === TIME) {
      value = timeOfNumber(field, <f64>mantissa, fraction, negative ? 1 : 0);
      if (value !== value) return false;
    } else {
      return false;
    }
    store<u8>(present + field, 1);
    store<f64>(numbers + (field << 3), value);
  }
  return true;
}

function powerOfTen(exponent: i32): u64 {
  let power: u64 = 1;
  for (; exponent > 0; exponent--) power *= 10;
  return power;
}

function setMissing(field: i32): void {
  const wide = field << 2;
  store<u8>(present + field, 0);
  store<i32>(internId + wide, 0);
  store<f64>(numbers + (field << 3), NaN);
  store<i32>(strStart + wide, 0);
  store<i32>(strEnd + wide, 0);
  store<i32>(hashLo + wide, 0);
  store<i32>(hashHi + wide, 0);
}
