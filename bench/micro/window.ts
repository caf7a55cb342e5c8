// µs per event of the way from a fetched batch to the two tiers' requests, without Kafka and ClickHouse: decode and panes, seal,
// the raw rows' Native block, and the hot tier's flush into a real Redis. Events are the demo shop's, ten minutes at the given
// rate, flushed as often as the count says. CPU time of this process.
// Arguments: [events 500000] [events per flush 200000]

import { createShop } from '../../aggregator/src/source/demo/shop.js';
import { systemClock } from '../../aggregator/src/clock.js';
import { encodeNative } from '../../aggregator/src/cold/native.js';
import { batchOf } from '../../aggregator/src/decode/definition.fixture.js';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import { RedisHotTier } from '../../aggregator/src/hot/redis.js';
import { compactDelta } from '../../aggregator/src/sketch/codecs.js';
import type { RecordBatch } from '../../aggregator/src/source/log.js';
import { EventProcessor } from '../../aggregator/src/window/event-processor.js';
import { PartitionProcessor } from '../../aggregator/src/window/partition-processor.js';
import { startRedis } from '../../test/support/redis-server.js';

const [events = 500_000, perFlush = 200_000] = process.argv.slice(2).map(Number);
const SPAN_MS = 600_000;
const RECORDS_PER_BATCH = 10_000;

const redis = await startRedis();
const definition = loadDefinition({ path: 'definitions/webshop.yaml', env: { TIDEMARK_HOT_REDIS_NODES: `${redis.host}:${redis.port}` } });
const hot = new RedisHotTier({ definition, clock: systemClock, compact: compactDelta, warn: () => undefined });
await hot.start();
await hot.admissionsLoaded();

const untilMs = Date.now();
const shop = createShop({ seed: 1, rate: (events / SPAN_MS) * 1_000 * 3.2 });
const batches: RecordBatch[] = [];
let texts: string[] = [];
let sentMs: number[] = [];
let made = 0;
for (let fromMs = untilMs - SPAN_MS; fromMs < untilMs && made < events; fromMs += 1_000) {
  for (const event of shop.eventsBetween(fromMs, fromMs + 1_000)) {
    texts.push(event.json);
    sentMs.push(event.sentMs);
    made++;
    if (texts.length === RECORDS_PER_BATCH) {
      const base = made - texts.length;
      const batch = batchOf(texts);
      batches.push({
        ...batch,
        partition: 'shop.events/0',
        offset: batch.offset.map((_, i) => base + i),
        timestampMs: Float64Array.from(sentMs),
      });
      texts = [];
      sentMs = [];
    }
  }
}

const spent = new Map<string, number>();
function charge<T>(step: string, run: () => T): T {
  const before = process.cpuUsage();
  const result = run();
  const used = process.cpuUsage(before);
  spent.set(step, (spent.get(step) ?? 0) + used.user + used.system);
  return result;
}

const processor = new EventProcessor(definition, systemClock);
const start = { offset: 0, maxEventTimeMs: 0, warmFrom: 0, consumed: 0, applied: 0, duplicates: 0, deadLettered: 0, late: 0, lost: 0 };
const partition = new PartitionProcessor('shop.events/0', definition, start, 0);
const shards = Array.from({ length: hot.shards }, (_, i) => i);
let open = processor.open();
let deltaCount = 0;
let blockBytes = 0;
let first = true;

async function flush(): Promise<void> {
  const accumulation = open;
  const moves = accumulation.close();
  const before = process.cpuUsage();
  const { deltas, raw } = await processor.seal(accumulation, hot);
  const sealed = process.cpuUsage(before);
  spent.set('seal', (spent.get('seal') ?? 0) + sealed.user + sealed.system);
  deltaCount += deltas.length;
  blockBytes += charge('encode the raw rows', () => encodeNative(raw)).length;
  const beforeHot = process.cpuUsage();
  const outcome = await hot.apply(
    { partitions: moves.map((m) => ({ ...m, coverageFromMs: first ? 0 : null })), allPartitions: ['shop.events/0'], deltas, raw },
    shards,
  );
  const applied = process.cpuUsage(beforeHot);
  spent.set('hot apply', (spent.get('hot apply') ?? 0) + applied.user + applied.system);
  if (outcome.outcome !== 'applied') throw new Error(JSON.stringify(outcome));
  first = false;
  open = processor.open();
}

for (const batch of batches) {
  charge('decode and panes', () => processor.process(batch, 0, batch.count, Number.POSITIVE_INFINITY, partition, open));
  if (open.raw.rows >= perFlush) await flush();
}
await flush();

const total = [...spent.values()].reduce((sum, us) => sum + us, 0);
const n = partition.applied + partition.duplicates + partition.deadLettered;
process.stdout.write(`${n} events: ${partition.applied} applied, ${partition.duplicates} duplicates, ${partition.deadLettered} refused\n`);
process.stdout.write(`${(deltaCount / n).toFixed(3)} deltas and ${(blockBytes / n).toFixed(0)} block bytes per event\n`);
for (const [step, us] of spent) process.stdout.write(`${step.padEnd(24)} ${(us / n).toFixed(3).padStart(8)} µs per event\n`);
process.stdout.write(`${'all of it'.padEnd(24)} ${(total / n).toFixed(3).padStart(8)} µs per event\n`);
const redisCpu = await redis.connect().info('cpu');
process.stdout.write(`redis: ${redisCpu.replace(/\r\n/g, ' ')}\n`);
await hot.stop();
await redis.stop();
