// Reads the Native blocks that a SELECT answers with. Only the types that this folder's statements produce.
// Invariant: bytes that do not parse to the end throw, so that a cut-off answer is never taken for a short one.

import { TidemarkError } from '../errors.js';

const TWO_32 = 4_294_967_296;

/** Values of one column over all blocks. Numbers of any width; NaN and null where Nullable. Lists nest as the type does. */
export type NativeValues = Float64Array | readonly NativeItem[];
export type NativeItem = string | null | NativeValues;

export class NativeResult {
  readonly rows: number;
  readonly #columns: ReadonlyMap<string, NativeValues>;

  constructor(rows: number, columns: ReadonlyMap<string, NativeValues>) {
    this.rows = rows;
    this.#columns = columns;
  }

  /** Any integer, float, date or time column; 64-bit integers beyond 2^53 lose their last digits. */
  numbers(name: string): Float64Array {
    const values = this.#column(name);
    if (values instanceof Float64Array) {
      return values;
    }
    if (values.length > 0) {
      throw mismatch(name, 'numbers');
    }
    return new Float64Array(0);
  }

  strings(name: string): readonly string[] {
    return this.#items(name).map((value) => text(value, name));
  }

  nullableStrings(name: string): readonly (string | null)[] {
    return this.#items(name).map((value) => (value === null ? null : text(value, name)));
  }

  /** Array of numbers. */
  numberLists(name: string): readonly Float64Array[] {
    return this.#items(name).map((value) => numberList(value, name));
  }

  /** Array of arrays of numbers. */
  numberListLists(name: string): readonly (readonly Float64Array[])[] {
    return this.#items(name).map((value) => list(value, name).map((inner) => numberList(inner, name)));
  }

  stringLists(name: string): readonly (readonly string[])[] {
    return this.#items(name).map((value) => list(value, name).map((inner) => text(inner, name)));
  }

  /** Array of arrays of strings. */
  stringListLists(name: string): readonly (readonly (readonly string[])[])[] {
    return this.#items(name).map((value) => list(value, name).map((inner) => list(inner, name).map((item) => text(item, name))));
  }

  #column(name: string): NativeValues {
    // A result without rows may come without a block, hence without columns.
    return this.#columns.get(name) ?? (this.rows === 0 ? [] : missing(name));
  }

  #items(name: string): readonly NativeItem[] {
    const values = this.#column(name);
    if (!(values instanceof Float64Array)) {
      return values;
    }
    if (values.length > 0) {
      throw mismatch(name, 'text or lists');
    }
    return [];
  }
}

/** @throws TidemarkError unavailable for bytes that are not complete Native blocks */
export function decodeNative(bytes: Uint8Array): NativeResult {
  const reader = new BlockReader(bytes);
  const parts = new Map<string, NativeValues[]>();
  let rows = 0;
  while (!reader.atEnd()) {
    const columnCount = reader.varUint();
    const blockRows = reader.varUint();
    for (let c = 0; c < columnCount; c++) {
      const name = reader.text();
      const type = reader.text();
      const values = blockRows === 0 ? emptyOf(type) : reader.column(type, blockRows);
      const known = parts.get(name);
      if (known === undefined) {
        parts.set(name, [values]);
      } else {
        known.push(values);
      }
    }
    rows += blockRows;
  }
  const columns = new Map<string, NativeValues>();
  for (const [name, values] of parts) {
    columns.set(name, joined(values));
  }
  return new NativeResult(rows, columns);
}

class BlockReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varUint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#bytes[this.#take(1)];
      value += (byte & 127) * factor;
      if (byte < 128) {
        return value;
      }
      factor *= 128;
    }
  }

  text(): string {
    const length = this.varUint();
    const at = this.#take(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  column(type: string, rows: number): NativeValues {
    if (type.startsWith('LowCardinality(')) {
      this.#take(8);
      return this.#lowCardinality(rows);
    }
    return this.#plain(type, rows);
  }

  #plain(type: string, rows: number): NativeValues {
    if (type.startsWith('Array(')) {
      return this.#array(inner(type, 'Array('), rows);
    }
    if (type.startsWith('Nullable(')) {
      return this.#nullable(inner(type, 'Nullable('), rows);
    }
    if (type === 'String') {
      const values = new Array<string>(rows);
      for (let i = 0; i < rows; i++) {
        values[i] = this.text();
      }
      return values;
    }
    return this.#numbers(type, rows);
  }

  #numbers(type: string, rows: number): Float64Array {
    const base = type.startsWith('DateTime64(') ? 'Int64' : type.startsWith('DateTime') ? 'UInt32' : type;
    switch (base) {
      case 'Float64':
        return new Float64Array(this.#copy(rows * 8));
      case 'UInt8':
      case 'Bool':
        return Float64Array.from(new Uint8Array(this.#copy(rows)));
      case 'Int8':
        return Float64Array.from(new Int8Array(this.#copy(rows)));
      case 'UInt16':
        return Float64Array.from(new Uint16Array(this.#copy(rows * 2)));
      case 'Int16':
        return Float64Array.from(new Int16Array(this.#copy(rows * 2)));
      case 'UInt32':
        return Float64Array.from(new Uint32Array(this.#copy(rows * 4)));
      case 'Int32':
        return Float64Array.from(new Int32Array(this.#copy(rows * 4)));
      case 'UInt64':
      case 'Int64': {
        const buffer = this.#copy(rows * 8);
        const low = new Uint32Array(buffer);
        const high = base === 'Int64' ? new Int32Array(buffer) : low;
        const values = new Float64Array(rows);
        for (let i = 0; i < rows; i++) {
          values[i] = high[2 * i + 1] * TWO_32 + low[2 * i];
        }
        return values;
      }
      default:
        throw new TidemarkError('fatal', 'COLD_UNREADABLE_TYPE', `column type ${type} is not read here`, 'Report this message.');
    }
  }

  #nullable(type: string, rows: number): NativeValues {
    const at = this.#take(rows);
    const nulls = this.#bytes.subarray(at, at + rows);
    const values = this.#plain(type, rows);
    if (values instanceof Float64Array) {
      for (let i = 0; i < rows; i++) {
        if (nulls[i] !== 0) {
          values[i] = Number.NaN;
        }
      }
      return values;
    }
    return values.map((value, i) => (nulls[i] === 0 ? value : null));
  }

  #array(type: string, rows: number): NativeValues {
    const ends = this.#numbers('UInt64', rows);
    const total = rows === 0 ? 0 : ends[rows - 1];
    const values = total === 0 ? emptyOf(type) : this.#plain(type, total);
    const lists = new Array<NativeValues>(rows);
    let start = 0;
    for (let i = 0; i < rows; i++) {
      lists[i] = values instanceof Float64Array ? values.subarray(start, ends[i]) : values.slice(start, ends[i]);
      start = ends[i];
    }
    return lists;
  }

  #lowCardinality(rows: number): NativeValues {
    const flags = this.#numbers('UInt64', 1)[0];
    const keyCount = this.#numbers('UInt64', 1)[0];
    const keys = this.#plain('String', keyCount);
    const count = this.#numbers('UInt64', 1)[0];
    if (keys instanceof Float64Array || count !== rows) {
      throw cutOff();
    }
    const ids = this.#numbers(['UInt8', 'UInt16', 'UInt32', 'UInt64'][flags % 256], rows);
    return Array.from(ids, (id) => keys[id]);
  }

  /** A copy starts at an address that every typed array may stand on. */
  #copy(length: number): ArrayBuffer {
    const at = this.#take(length);
    const copy = new ArrayBuffer(length);
    new Uint8Array(copy).set(this.#bytes.subarray(at, at + length));
    return copy;
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) {
      throw cutOff();
    }
    this.#at = at + length;
    return at;
  }
}

function inner(type: string, prefix: string): string {
  return type.slice(prefix.length, -1);
}

function emptyOf(type: string): NativeValues {
  return /^(Array\(|LowCardinality\(|String|Nullable\(String)/.test(type) ? [] : new Float64Array(0);
}

function joined(values: readonly NativeValues[]): NativeValues {
  if (values.length === 1) {
    return values[0];
  }
  const filled = values.filter((part) => part.length > 0);
  if (filled.length === 0) {
    return values[0];
  }
  if (filled[0] instanceof Float64Array) {
    const all = new Float64Array(filled.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of filled) {
      if (part instanceof Float64Array) {
        all.set(part, at);
        at += part.length;
      }
    }
    return all;
  }
  const all: NativeItem[] = [];
  for (const part of filled) {
    if (!(part instanceof Float64Array)) {
      for (const item of part) {
        all.push(item);
      }
    }
  }
  return all;
}

function text(value: NativeItem, name: string): string {
  if (typeof value !== 'string') {
    throw mismatch(name, 'text');
  }
  return value;
}

function list(value: NativeItem, name: string): readonly NativeItem[] {
  if (value === null || typeof value === 'string') {
    throw mismatch(name, 'lists');
  }
  if (value instanceof Float64Array) {
    if (value.length > 0) {
      throw mismatch(name, 'lists');
    }
    return [];
  }
  return value;
}

function numberList(value: NativeItem, name: string): Float64Array {
  if (value instanceof Float64Array) {
    return value;
  }
  if (value !== null && typeof value !== 'string' && value.length === 0) {
    return new Float64Array(0);
  }
  throw mismatch(name, 'lists of numbers');
}

function missing(name: string): never {
  throw new TidemarkError('fatal', 'COLD_RESULT_SHAPE', `the result has no column ${name}`, 'Report this message.');
}

function mismatch(name: string, expected: string): TidemarkError {
  return new TidemarkError('fatal', 'COLD_RESULT_SHAPE', `column ${name} does not hold ${expected}`, 'Report this message.');
}

function cutOff(): TidemarkError {
  return new TidemarkError('unavailable', 'COLD_CUT_OFF', 'the answer of ClickHouse ended in the middle', 'Ask again.');
}
