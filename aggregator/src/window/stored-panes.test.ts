// Panes made from raw rows are held to those that the same events made when they came from the log.

import { describe, expect, it } from 'vitest';
import { makeLog } from '../../../test/oracle/events.js';
import { oracleDefinition } from '../../../test/oracle/stack.js';
import { SetClock, toBatch } from '../../../test/support/scripted-log.js';
import type { Definition } from '../definition/model.js';
import { MemoryHotTier } from '../hot/memory.js';
import { compactDelta, readerFor } from '../sketch/codecs.js';
import type { DeltaColumns } from './delta-columns.js';
import { EventProcessor } from './event-processor.js';
import type { RawColumn, RawRows } from './flush-batch.js';
import { emptyState } from '../flush/position.js';
import { PartitionProcessor } from './partition-processor.js';
import { paneFields, panesOfStored } from './stored-panes.js';
import type { StoredRows } from './stored-events.js';

const NOW_MS = 1_700_000_000_000;
const PARTITION = 'shop/0';

/** What the cold tier would answer. */
function stored(definition: Definition, raw: RawRows, fields: readonly number[]): StoredRows {
  const column = (name: string): RawColumn => {
    const found = raw.columns.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no column ${name}`);
    return found;
  };
  const valuesOf = (each: RawColumn): Float64Array | string[] => {
    if ('data' in each) return each.data.slice();
    return 'ids' in each ? Array.from(each.ids, (id) => each.dictionary[id]) : textsOf(each.encoded);
  };
  const times = valuesOf(column('time'));
  const tenants = valuesOf(column('tenant'));
  if (!(times instanceof Float64Array) || tenants instanceof Float64Array) throw new Error('columns of other types');
  return {
    rows: raw.rows,
    timesMs: times,
    tenants,
    fields: definition.fields.map(({ index, name }) => (fields.includes(index) ? valuesOf(column(name)) : null)),
  };
}

function textsOf(encoded: Uint8Array): string[] {
  const texts: string[] = [];
  for (let at = 0; at < encoded.length;) {
    let [length, factor] = [0, 1];
    for (;;) {
      const byte = encoded[at++];
      length += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) break;
    }
    texts.push(Buffer.from(encoded.subarray(at, at + length)).toString('utf8'));
    at += length;
  }
  return texts;
}

/** Everything that a reader can see of the deltas, by series and bucket. */
function seen({ components }: Definition, columns: DeltaColumns): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (let d = 0; d < columns.length; d++) {
    const { tenant, grouping, values, resolution, bucketS, numeric } = columns.get(d, components.length);
    const sketches = columns.sketches.map((component, place) => {
      const entries = columns.entries(d, place);
      if (entries === null) return null;
      const { kind, reader } = readerFor(component);
      reader.merge(entries);
      if (kind === 'unique') return reader.estimate();
      if (kind === 'quantiles') return [reader.count(), ...[0, 0.25, 0.5, 0.75, 1].map((q) => reader.quantile(q))];
      return reader.items(50);
    });
    found.set(JSON.stringify([tenant, grouping, values, resolution, bucketS]), { numeric: [...numeric], sketches });
  }
  return found;
}

describe('panes of stored events', () => {
  it('are those that the events made when they came', async () => {
    const { definition } = oracleDefinition();
    const clock = new SetClock(NOW_MS);
    const records =
      makeLog({ seed: 11, events: 3_000, startMs: NOW_MS - 4 * 3_600_000, endMs: NOW_MS - 500, partitions: 1 }).get(PARTITION) ?? [];
    const processor = new EventProcessor(definition, clock);
    const partition = new PartitionProcessor(PARTITION, definition, emptyState(0), 0);
    const accumulation = processor.open();
    processor.process(toBatch(PARTITION, 1, records, records.length), 0, records.length, Number.POSITIVE_INFINITY, partition, accumulation);
    const hot = new MemoryHotTier({ definition, clock, compact: compactDelta });
    const { deltas, raw } = await processor.seal(accumulation, hot);

    const again = await panesOfStored(definition, stored(definition, raw, paneFields(definition, true)), NOW_MS);
    const [before, after] = [seen(definition, deltas), seen(definition, again)];
    expect(before.size).toBeGreaterThan(2_000);
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [key, value] of before) expect([key, after.get(key)]).toEqual([key, value]);
  });

  it('of a time without sketches need no fields of sketches', async () => {
    const { definition } = oracleDefinition();
    const names = (sketches: boolean): string[] => paneFields(definition, sketches).map((field) => definition.fields[field].name);
    expect(names(true)).toContain('user_id');
    expect(names(false)).not.toContain('user_id');
    expect(names(false)).toContain('amount');
    const none = definition.fields.map(() => null);
    const nothing = await panesOfStored(definition, { rows: 0, timesMs: new Float64Array(0), tenants: [], fields: none }, NOW_MS);
    expect(nothing.length).toBe(0);
  });
});
