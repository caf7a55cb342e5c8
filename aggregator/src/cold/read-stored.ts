// Raw rows as the window room takes them again, for a hot tier that is being rebuilt: see ColdTier.readStored.

import type { Definition } from '../definition/model.js';
import type { StoredRows } from '../window/stored-events.js';
import type { StoredRead } from './cold-tier.js';
import type { Engine } from './engine.js';
import { rawColumn } from './event-sql.js';
import { decodeNative } from './native-reader.js';
import type { Names } from './schema.js';
import { rawSpans } from './spans.js';
import { sqlInt, sqlString } from './sql.js';

export async function readStored(definition: Definition, engine: Engine, names: Names, read: StoredRead): Promise<StoredRows | null> {
  const columns = read.fields.map((field) => `${rawColumn(definition, field)} AS f${sqlInt(field)}`);
  const limit = Number.isFinite(read.maxRows) ? `LIMIT ${sqlInt(read.maxRows + 1)}` : '';
  const sql = `SELECT ${['tenant', 'toUnixTimestamp64Milli(time) AS ms', ...columns].join(', ')} FROM ${names.table('events')} FINAL
WHERE ${rawSpans([{ fromMs: read.fromMs, toMs: read.toMs }])} AND (${read.partitions.map(partitionSql).join(' OR ')}) ${limit}`;
  // Among compaction's statements: nobody who asks waits for it.
  const result = decodeNative(await engine.query(sql, { lane: 'compaction', signal: read.signal }));
  if (result.rows > read.maxRows) {
    return null;
  }
  const wanted = new Set(read.fields);
  return {
    rows: result.rows,
    timesMs: result.numbers('ms'),
    tenants: result.strings('tenant'),
    fields: definition.fields.map(({ index, type }) => {
      if (!wanted.has(index)) {
        return null;
      }
      return type === 'string' ? result.strings(`f${index}`) : result.numbers(`f${index}`);
    }),
  };
}

function partitionSql({ partition, belowOffset, untilMs }: StoredRead['partitions'][number]): string {
  const slash = partition.lastIndexOf('/');
  const topic = sqlString(partition.slice(0, slash));
  const until = `time < fromUnixTimestamp64Milli(${sqlInt(untilMs)}, 'UTC')`;
  return `(topic = ${topic} AND partition = ${sqlInt(Number(partition.slice(slash + 1)))} AND offset < ${sqlInt(belowOffset)} AND ${until})`;
}
