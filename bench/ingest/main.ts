// npm run bench:ingest [-- --events 2000000 --partitions 4 --seed 1 --prof --only separate,plain,embedded]
//
// Two million events of the demo shop from a real Kafka through both tiers until queryable and committed, three times over the
// same topic: the aggregator with Redis and the engine in processes of their own, a plain ClickHouse pipeline, and the aggregator
// with the engine inside. Every run's numbers are compared with a plain pass over the events. CPU seconds are the kernel's, per
// process. `--prof` writes V8 profiles and lists the costliest functions instead of figures.

import { join } from 'node:path';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { startClickHouseHttp } from '../../test/support/clickhouse-http.js';
import { startKafka } from '../../test/support/kafka-broker.js';
import { freePorts } from '../../test/support/managed-process.js';
import { startRedis } from '../../test/support/redis-server.js';
import { buildProgram } from '../harness/aggregator-process.js';
import { Figures } from '../harness/figure.js';
import { printSelfTimes } from '../harness/profile.js';
import { TopicProducer } from '../harness/topic-producer.js';
import { runAggregator, type AggregatorRun } from './aggregator-run.js';
import { runPlain, type PlainRun } from './plain-run.js';
import { writeShopLog } from './shop-log.js';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    partitions: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    prof: { type: 'boolean', default: false },
    only: { type: 'string', default: 'separate,plain,embedded' },
  },
});
const events = Number(values.events);
const partitions = Number(values.partitions);
const only = values.only.split(',');
const TOPIC = 'shop.events';
const SPAN_MS = 600_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function perSecond(seconds: number): string {
  return `${Math.round(events / seconds).toLocaleString('en')} events per CPU second`;
}

function describe(run: AggregatorRun): void {
  say(
    `  aggregator: ${run.consumingCpuS.toFixed(2)} CPU s consuming (${perSecond(run.consumingCpuS)}), ${run.processCpuS.toFixed(2)} with its start`,
  );
  say(
    `  wall ${run.wallS.toFixed(1)} s, peak RSS ${run.peakRssMib.toFixed(0)} MiB, Redis ${run.redisCpuS.toFixed(2)} CPU s, engine process ${run.engineCpuS.toFixed(2)} CPU s`,
  );
  say(`  until compacted and merged: ${run.settledCpuS.toFixed(2)} CPU s of all processes (${perSecond(run.settledCpuS)})`);
}

const profiles = values.prof ? await mkdtemp(join(tmpdir(), 'tidemark-profile-')) : null;
say('building the program, starting Kafka, Redis and the engine');
const [kafka, redis, engine] = await Promise.all([startKafka(), startRedis(), startClickHouseHttp(), buildProgram()]);
try {
  await kafka.createTopic({ name: TOPIC, partitions, config: { 'retention.ms': '-1', 'segment.bytes': '1073741824' } });
  await kafka.createTopic({ name: `${TOPIC}.dead-letters` });
  const producer = await TopicProducer.connect({ broker: kafka.brokers[0], topic: TOPIC, partitions });
  const untilMs = Date.now();
  say(`writing ${events.toLocaleString('en')} events of the last ten minutes into ${partitions} partitions`);
  const expected = await writeShopLog(producer, { events, untilMs, spanMs: SPAN_MS, seed: Number(values.seed) });
  await producer.close();
  const lateMs = Date.now() - untilMs;
  say(
    `  ${(expected.bytes / expected.records).toFixed(0)} bytes each, ${expected.duplicates} duplicates; took ${(lateMs / 1000).toFixed(0)} s`,
  );

  const admin = await kafka.admin();
  const [port] = await freePorts(1);
  const stack = {
    brokers: kafka.brokers,
    topic: TOPIC,
    admin,
    redis,
    engine,
    expected,
    port,
    range: { fromMs: untilMs - 5 * 3_600_000, toMs: untilMs + 3_600_000 },
  };
  const separate = only.includes('separate')
    ? await runAggregator({ ...stack, cold: 'http', group: 'bench-separate', profiles, say })
    : null;
  if (separate !== null) describe(separate);
  const plain: PlainRun | null = only.includes('plain') ? await runPlain({ ...stack, group: 'bench-plain', say }) : null;
  if (plain !== null) {
    say(
      `  consumer ${plain.consumerCpuS.toFixed(2)} CPU s, engine process ${plain.engineCpuS.toFixed(2)} CPU s; with merges ${plain.settledCpuS.toFixed(2)}`,
    );
  }
  const embedded = only.includes('embedded')
    ? await runAggregator({ ...stack, cold: 'chdb', group: 'bench-embedded', profiles, say })
    : null;
  if (embedded !== null) describe(embedded);

  if (profiles !== null) {
    for (const file of await readdir(profiles)) {
      say(`\n${file}`);
      printSelfTimes(join(profiles, file), 60);
    }
    say(`profiles are in ${profiles}`);
  } else if (separate !== null && plain !== null && embedded !== null) {
    const figures = new Figures('ingest');
    figures.add('ingest_events', events, 'events');
    figures.add('ingest_event_bytes', expected.bytes / expected.records, 'bytes');
    figures.add('ingest_events_per_second', events / separate.wallS, 'events/s');
    figures.add('ingest_peak_rss_mib', separate.peakRssMib, 'MiB');
    figures.add('ingest_redis_cpu_seconds', separate.redisCpuS, 's');
    figures.add('ingest_engine_cpu_seconds', separate.engineCpuS, 's');
    figures.add('ingest_events_per_cpu_second_with_start', events / separate.processCpuS, 'events/s');
    figures.add('ingest_events_per_cpu_second_with_engine_in_process', events / embedded.consumingCpuS, 'events/s');
    figures.add('ingest_peak_rss_mib_with_engine_in_process', embedded.peakRssMib, 'MiB');
    figures.add('ingest_events_per_cpu_second_all_processes', events / separate.doneCpuS, 'events/s');
    figures.add('ingest_events_per_cpu_second_all_processes_settled', events / separate.settledCpuS, 'events/s');
    figures.add('plain_clickhouse_events_per_cpu_second', events / plain.doneCpuS, 'events/s');
    figures.add('plain_clickhouse_events_per_cpu_second_settled', events / plain.settledCpuS, 'events/s');
    figures.add('ingest_over_plain_clickhouse', plain.settledCpuS / separate.settledCpuS, 'ratio');
    figures.add('ingest_over_plain_clickhouse_consumer_alone', plain.consumerCpuS / separate.consumingCpuS, 'ratio');
    figures.add('ingest_events_per_cpu_second', events / separate.consumingCpuS, 'events/s');
    figures.publish({ events, partitions, seed: Number(values.seed) });
  }
} finally {
  await Promise.allSettled([kafka.stop(), redis.stop(), engine.stop()]);
  if (profiles !== null && process.exitCode === 1) await rm(profiles, { recursive: true, force: true });
}
