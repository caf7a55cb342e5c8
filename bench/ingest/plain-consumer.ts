// The plain pipeline to compare with, as a process of its own: kafkajs batches, gathered into inserts of 100,000 rows of JSON as it
// came, offsets committed after each. Raw events go in as they are, materialized views do the rest. It is let off everything that
// the aggregator does besides: duplicates, bad records, late data, a hot tier, exactly once.
// Arguments: --brokers LIST --topic NAME --group NAME --url URL --database NAME --records N

import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { Kafka, logLevel } from 'kafkajs';

const ROWS_PER_INSERT = 100_000;
const NEWLINE = Buffer.from('\n');

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '' },
    topic: { type: 'string', default: '' },
    group: { type: 'string', default: '' },
    url: { type: 'string', default: '' },
    database: { type: 'string', default: '' },
    records: { type: 'string', default: '0' },
  },
});
const { topic, database } = values;
const records = Number(values.records);

const client = createClient({
  url: values.url,
  database,
  request_timeout: 120_000,
  compression: { request: false },
  clickhouse_settings: {
    async_insert: 0,
    date_time_input_format: 'best_effort',
    input_format_skip_unknown_fields: 1,
    wait_end_of_query: 1,
  },
});
const consumer = new Kafka({ brokers: values.brokers.split(','), logLevel: logLevel.NOTHING }).consumer({
  groupId: values.group,
  maxBytesPerPartition: 4 * 1024 * 1024,
  maxBytes: 32 * 1024 * 1024,
  maxWaitTimeInMs: 100,
});

let lines: Buffer[] = [];
let rows = 0;
let inserted = 0;
const next = new Map<number, string>();

async function flush(): Promise<void> {
  const chunks = lines;
  const count = rows;
  const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset }));
  lines = [];
  rows = 0;
  next.clear();
  const { stream } = await client.exec({
    query: `INSERT INTO ${database}.events FORMAT JSONEachRow`,
    values: Readable.from(chunks, { objectMode: false }),
  });
  stream.resume();
  await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject));
  await consumer.commitOffsets(offsets);
  inserted += count;
}

await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
process.stdout.write('consuming\n');
await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: 1,
  eachBatchAutoResolve: false,
  eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
    for (const { value, offset } of batch.messages) {
      if (value !== null) {
        lines.push(value, NEWLINE);
        rows++;
      }
      next.set(batch.partition, String(Number(offset) + 1));
      resolveOffset(offset);
    }
    if (rows >= ROWS_PER_INSERT || (rows > 0 && inserted + rows >= records)) await flush();
    await heartbeat();
    if (inserted >= records) process.stdout.write('everything is inserted\n');
  },
});
