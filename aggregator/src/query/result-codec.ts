// A TierResult as bytes, for the cache: varints for whole numbers, doubles for the rest, a byte for 'no event'.
// Reading checks every length: a damaged or foreign entry is an error, which the cache takes for a miss.

import type { GroupResult, TierResult, TopItem } from './tier-read.js';

const VERSION = 1;
/** First byte of a number: whole numbers, doubles, and runs of NaN, which most sparse series are made of. */
const enum Tag {
  Double = 0,
  NanRun = 1,
  Whole = 2,
  NegativeWhole = 3,
}

/** @throws RangeError when a bucket grid is not regular */
export function encodeResult(result: TierResult): Uint8Array {
  const out = new Writer();
  out.varint(VERSION);
  out.varint(result.timesMs.length);
  out.double(result.timesMs.length > 0 ? result.timesMs[0] : 0);
  out.double(result.timesMs.length > 1 ? result.timesMs[1] - result.timesMs[0] : 0);
  out.double(result.topError);
  out.varint(result.groups.length);
  for (const group of result.groups) {
    out.varint(group.values.length);
    for (const value of group.values) out.text(value);
    out.varint(group.numbers.length);
    for (let output = 0; output < group.numbers.length; output++) {
      out.numbers(group.numbers[output]);
      out.items(group.items[output]);
      out.histograms(group.histograms[output]);
    }
  }
  return out.bytes();
}

/** @throws RangeError when the bytes are not what encodeResult made */
export function decodeResult(bytes: Uint8Array): TierResult {
  const input = new Reader(bytes);
  if (input.varint() !== VERSION) throw new RangeError('unknown version of a cached result');
  const buckets = input.count();
  const [start, step, topError] = [input.double(), input.double(), input.double()];
  const timesMs = Float64Array.from({ length: buckets }, (_, index) => start + index * step);
  const groups = input.list((): GroupResult => {
    const values = input.list(() => input.text());
    const columns = input.list(() => ({ numbers: input.numbers(), items: input.items(), histograms: input.histograms() }));
    return {
      values,
      numbers: columns.map((column) => column.numbers),
      items: columns.map((column) => column.items),
      histograms: columns.map((column) => column.histograms),
    };
  });
  input.end();
  return { timesMs, groups, topError, detail: { source: 'cache', rows: 0, durationMs: 0 } };
}

class Writer {
  #buffer = Buffer.allocUnsafe(4_096);
  #at = 0;

  bytes(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, 0, this.#at);
  }

  /** Whole numbers from 0 to 2^53. */
  varint(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at++] = rest;
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#room(length);
    this.#at += this.#buffer.write(value, this.#at);
  }

  /** Each entry: value × 4 + tag where it is whole and small enough, a tag and a double otherwise; a run of NaN is one entry. */
  numbers(values: Float64Array): void {
    this.varint(values.length);
    for (let index = 0; index < values.length;) {
      const value = values[index];
      if (Number.isNaN(value)) {
        const first = index;
        while (index < values.length && Number.isNaN(values[index])) index++;
        this.varint((index - first) * 4 + Tag.NanRun);
        continue;
      }
      this.number(value);
      index++;
    }
  }

  number(value: number): void {
    if (Number.isInteger(value) && Math.abs(value) <= 2 ** 50 && !Object.is(value, -0)) {
      this.varint(Math.abs(value) * 4 + (value < 0 ? Tag.NegativeWhole : Tag.Whole));
    } else {
      this.varint(Tag.Double);
      this.double(value);
    }
  }

  items(buckets: readonly (readonly TopItem[])[] | null): void {
    this.#nullable(buckets, (items) => {
      this.varint(items.length);
      for (const { item, weight } of items) {
        this.text(item);
        this.number(weight);
      }
    });
  }

  histograms(buckets: readonly ReadonlyMap<number, number>[] | null): void {
    this.#nullable(buckets, (bins) => {
      this.varint(bins.size);
      for (const [bin, count] of bins) {
        this.number(bin);
        this.number(count);
      }
    });
  }

  #nullable<T>(list: readonly T[] | null, write: (entry: T) => void): void {
    this.varint(list === null ? 0 : list.length + 1);
    list?.forEach(write);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.#buffer.readUInt8(this.#at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number in a cached result is too long');
  }

  /** A length: never more than there are bytes, times what a run of NaN may stand for. */
  count(): number {
    const value = this.varint();
    if (value > 1_000_000) throw new RangeError('a length in a cached result is impossible');
    return value;
  }

  double(): number {
    const value = this.#buffer.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  text(): string {
    const length = this.count();
    if (this.#at + length > this.#buffer.length) throw new RangeError('a cached result is cut off');
    this.#at += length;
    return this.#buffer.toString('utf8', this.#at - length, this.#at);
  }

  list<T>(read: () => T): T[] {
    const length = this.count();
    const list: T[] = [];
    for (let index = 0; index < length; index++) list.push(read());
    return list;
  }

  numbers(): Float64Array {
    const values = new Float64Array(this.count());
    for (let index = 0; index < values.length;) {
      const entry = this.varint();
      const rest = Math.floor(entry / 4);
      const tag: Tag = entry % 4;
      if (tag === Tag.NanRun) {
        if (rest === 0 || index + rest > values.length) throw new RangeError('a run in a cached result is impossible');
        values.fill(NaN, index, index + rest);
        index += rest;
      } else {
        values[index++] = this.#tagged(tag, rest);
      }
    }
    return values;
  }

  number(): number {
    const entry = this.varint();
    const tag: Tag = entry % 4;
    return this.#tagged(tag, Math.floor(entry / 4));
  }

  items(): TopItem[][] | null {
    return this.#nullable(() => this.list((): TopItem => ({ item: this.text(), weight: this.number() })));
  }

  histograms(): Map<number, number>[] | null {
    return this.#nullable(() => new Map(this.list((): [number, number] => [this.number(), this.number()])));
  }

  end(): void {
    if (this.#at !== this.#buffer.length) throw new RangeError('a cached result is longer than it says');
  }

  #tagged(tag: Tag, rest: number): number {
    if (tag === Tag.Double) return this.double();
    return tag === Tag.NegativeWhole ? -rest : rest;
  }

  #nullable<T>(read: () => T): T[] | null {
    const length = this.count();
    if (length === 0) return null;
    const list: T[] = [];
    for (let index = 1; index < length; index++) list.push(read());
    return list;
  }
}
