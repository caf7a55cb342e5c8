// Collects the applied events of one flush as columns, ready for a Native block. Filled by the partition processors, sealed once,
// cleared when both tiers have what was sealed, and filled again: memory of this size, made anew for each flush, would keep the
// garbage collector busy. Invariant: all columns have the same number of rows, in the order of application.

import type { Definition, Field } from '../definition/model.js';
import type { RawColumn, RawRows } from './flush-batch.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import { TextColumn } from './text-column.js';

const LEAST_ROWS = 1024;

interface NumericColumn {
  readonly kind: 'number';
  readonly field: Field;
  readonly index: number;
  data: Float64Array;
}

interface InternedColumn {
  readonly kind: 'interned';
  readonly field: Field;
  readonly index: number;
  readonly dimension: number;
  ids: Uint32Array;
}

interface TextFieldColumn {
  readonly kind: 'text';
  readonly field: Field;
  readonly index: number;
  readonly text: TextColumn;
}

type FieldColumn = NumericColumn | InternedColumn | TextFieldColumn;

export class RawColumns {
  readonly #columns: readonly FieldColumn[];
  // The same by kind: a row is appended to lists of one shape each.
  readonly #numeric: readonly NumericColumn[];
  readonly #interned: readonly InternedColumn[];
  readonly #texts: readonly TextFieldColumn[];
  readonly #partitions: string[] = [];
  #capacity: number;
  #rows = 0;
  #tenant: Uint32Array;
  #partition: Uint32Array;
  #offset: Float64Array;
  #time: Float64Array;
  #logTime: Float64Array;
  /** Filled when sealed. */
  #topicIds = new Uint32Array(0);
  #partitionNumbers = new Float64Array(0);
  readonly #minutes = new Set<number>();
  #lastMinute = Number.NaN;

  constructor(definition: Definition) {
    const capacity = LEAST_ROWS;
    this.#capacity = capacity;
    this.#tenant = new Uint32Array(capacity);
    this.#partition = new Uint32Array(capacity);
    this.#offset = new Float64Array(capacity);
    this.#time = new Float64Array(capacity);
    this.#logTime = new Float64Array(capacity);
    const columns: FieldColumn[] = [];
    for (const field of definition.fields) {
      if (field.index === definition.event.time || field.index === definition.event.tenant) {
        continue;
      }
      const { index } = field;
      if (field.type === 'number') {
        columns.push({ kind: 'number', field, index, data: new Float64Array(capacity) });
      } else if (field.type === 'time') {
        throw new Error(`field ${field.name}: only the event time is of type time`);
      } else if (field.interned) {
        const dimension = definition.dimensions.findIndex((d) => d.field === field.index);
        columns.push({ kind: 'interned', field, index, dimension, ids: new Uint32Array(capacity) });
      } else {
        columns.push({ kind: 'text', field, index, text: new TextColumn() });
      }
    }
    this.#columns = columns;
    this.#numeric = columns.filter((column) => column.kind === 'number');
    this.#interned = columns.filter((column) => column.kind === 'interned');
    this.#texts = columns.filter((column) => column.kind === 'text');
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes that are kept for the next rows. */
  get capacityBytes(): number {
    const perRow = 32 + this.#columns.reduce((bytes, { kind }) => bytes + (kind === 'number' ? 8 : kind === 'interned' ? 4 : 0), 0);
    return (
      this.#capacity * perRow + this.#columns.reduce((bytes, column) => bytes + (column.kind === 'text' ? column.text.capacity : 0), 0)
    );
  }

  /** Takes all rows out. What was sealed must not be looked at any more. */
  clear(): void {
    this.#rows = 0;
    this.#partitions.length = 0;
    this.#minutes.clear();
    this.#lastMinute = Number.NaN;
    for (const column of this.#columns) {
      if (column.kind === 'text') {
        column.text.clear();
      }
    }
  }

  /** Registers a partition; the answer is what `append` takes. */
  partitionIndex(partition: string): number {
    const known = this.#partitions.indexOf(partition);
    return known >= 0 ? known : this.#partitions.push(partition) - 1;
  }

  /** Takes the decoder's current event. `dimensionIds` are the kept values' intern ids, by dimension. */
  append(
    decoder: EventDecoder,
    partitionIndex: number,
    offset: number,
    logTimeMs: number,
    tenant: number,
    dimensionIds: Uint32Array,
  ): void {
    const row = this.#rows;
    if (row === this.#capacity) {
      this.#grow();
    }
    this.#rows = row + 1;
    this.#tenant[row] = tenant;
    this.#partition[row] = partitionIndex;
    this.#offset[row] = offset;
    this.#time[row] = decoder.timeMs;
    this.#logTime[row] = logTimeMs;
    const minute = Math.floor(decoder.timeMs / 60_000);
    if (minute !== this.#lastMinute) {
      this.#lastMinute = minute;
      this.#minutes.add(minute);
    }
    const { present, numbers, internId, strStart, strEnd } = decoder;
    const interned = this.#interned;
    for (let c = 0; c < interned.length; c++) {
      const { ids, dimension, index } = interned[c];
      ids[row] = dimension >= 0 ? dimensionIds[dimension] : internId[index];
    }
    const numeric = this.#numeric;
    for (let c = 0; c < numeric.length; c++) {
      const { data, index } = numeric[c];
      data[row] = present[index] === 1 ? numbers[index] : Number.NaN;
    }
    const texts = this.#texts;
    for (let c = 0; c < texts.length; c++) {
      const { text, index } = texts[c];
      if (present[index] === 1) {
        text.append(decoder.strBytes, strStart[index], strEnd[index]);
      } else {
        text.appendEmpty();
      }
    }
  }

  /** @param fold by dimension: `tenantValueKey` of values that were not admitted → the id of `__other__`. */
  seal(decoder: EventDecoder, tenants: readonly string[], fold: readonly (ReadonlyMap<number, number> | null)[]): RawRows {
    const rows = this.#rows;
    const topics: string[] = [];
    const topicOf: number[] = [];
    const numberOf: number[] = [];
    for (const partition of this.#partitions) {
      const slash = partition.lastIndexOf('/');
      const topic = partition.slice(0, slash);
      const known = topics.indexOf(topic);
      topicOf.push(known >= 0 ? known : topics.push(topic) - 1);
      numberOf.push(Number(partition.slice(slash + 1)));
    }
    if (this.#topicIds.length < rows) {
      this.#topicIds = new Uint32Array(this.#capacity);
      this.#partitionNumbers = new Float64Array(this.#capacity);
    }
    const topicIds = this.#topicIds.subarray(0, rows);
    const partitionNumbers = this.#partitionNumbers.subarray(0, rows);
    for (let i = 0; i < rows; i++) {
      topicIds[i] = topicOf[this.#partition[i]];
      partitionNumbers[i] = numberOf[this.#partition[i]];
    }
    const columns: RawColumn[] = [
      { name: 'tenant', type: 'LowCardinality(String)', ids: this.#tenant.subarray(0, rows), dictionary: tenants },
      { name: 'topic', type: 'LowCardinality(String)', ids: topicIds, dictionary: topics },
      { name: 'partition', type: 'UInt32', data: partitionNumbers },
      { name: 'offset', type: 'UInt64', data: this.#offset.subarray(0, rows) },
      { name: 'time', type: 'DateTime64(3)', data: this.#time.subarray(0, rows) },
      { name: 'log_time', type: 'DateTime64(3)', data: this.#logTime.subarray(0, rows) },
    ];
    for (const column of this.#columns) {
      const name = column.field.name;
      if (column.kind === 'number') {
        columns.push({ name, type: 'Nullable(Int64)', data: column.data.subarray(0, rows) });
      } else if (column.kind === 'interned') {
        const ids = column.ids.subarray(0, rows);
        const folded = column.dimension >= 0 ? fold[column.dimension] : null;
        if (folded !== null) {
          for (let i = 0; i < rows; i++) {
            ids[i] = folded.get(tenantValueKey(this.#tenant[i], ids[i])) ?? ids[i];
          }
        }
        columns.push({ name, type: 'LowCardinality(String)', ids, dictionary: decoder.dictionary(column.field.index) });
      } else {
        columns.push({ name, type: 'String', encoded: column.text.encoded });
      }
    }
    return { rows, columns, minutes: [...this.#minutes].sort((a, b) => a - b) };
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#tenant = grown(this.#tenant, new Uint32Array(this.#capacity));
    this.#partition = grown(this.#partition, new Uint32Array(this.#capacity));
    this.#offset = grown(this.#offset, new Float64Array(this.#capacity));
    this.#time = grown(this.#time, new Float64Array(this.#capacity));
    this.#logTime = grown(this.#logTime, new Float64Array(this.#capacity));
    for (const column of this.#columns) {
      if (column.kind === 'number') {
        column.data = grown(column.data, new Float64Array(this.#capacity));
      } else if (column.kind === 'interned') {
        column.ids = grown(column.ids, new Uint32Array(this.#capacity));
      }
    }
  }
}

/** One number for a tenant's value: both ids are below 2^21 (a dictionary is emptied long before). */
export function tenantValueKey(tenant: number, valueId: number): number {
  return tenant * 0x100000000 + valueId;
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
