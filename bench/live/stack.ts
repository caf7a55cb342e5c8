// What the live benchmarks run against: real Kafka, real Redis, the engine behind ClickHouse's HTTP interface, one aggregator with the
// default settings, and a shop's events coming in at a rate. The caller stops it.

import { startClickHouseHttp } from '../../test/support/clickhouse-http.js';
import { startKafka } from '../../test/support/kafka-broker.js';
import { freePorts } from '../../test/support/managed-process.js';
import { startRedis } from '../../test/support/redis-server.js';
import { until } from '../../test/support/until.js';
import { buildProgram, startAggregator, type AggregatorProcess } from '../harness/aggregator-process.js';
import { untilCommitted } from '../harness/group-progress.js';
import { TopicProducer } from '../harness/topic-producer.js';
import { LiveTraffic } from '../query/live-traffic.js';
import { Traffic } from '../query/traffic.js';

export const PARTITIONS = 4;
const TOPIC = 'shop.events';
const MINUTE_MS = 60_000;

export interface LiveStack {
  readonly aggregator: AggregatorProcess;
  readonly producer: TopicProducer;
  readonly load: LiveTraffic;
  readonly redis: { readonly host: string; readonly port: number };
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Consumer group. */
  readonly group: string;
  /** Minutes of history, so that a span has something in it. */
  readonly historyMinutes: number;
  /** Events per second to begin with. */
  readonly perSecond: number;
  readonly say: (text: string) => void;
}

/** Resolves when the history is written and the load is coming in. */
export async function startLiveStack(options: StackOptions): Promise<LiveStack> {
  const { group, historyMinutes, perSecond, say } = options;
  say('building the program, starting Kafka, Redis and the engine');
  // Not beside the build: on a busy machine a broker that starts beside it is slow to know its own topics.
  await buildProgram();
  const topics = [{ name: TOPIC, partitions: PARTITIONS, config: { 'retention.ms': '-1' } }, { name: `${TOPIC}.dead-letters` }];
  const [kafka, redis, engine, [port]] = await Promise.all([startKafka({ topics }), startRedis(), startClickHouseHttp(), freePorts(1)]);
  const stops: (() => Promise<unknown>)[] = [() => Promise.allSettled([kafka.stop(), redis.stop(), engine.stop()])];
  const stop = async (): Promise<void> => {
    for (const step of stops.reverse()) await step().catch(() => undefined);
  };
  try {
    const aggregator = await startAggregator({
      base: 'webshop.yaml',
      port,
      changes: {
        source: { kafka: { brokers: kafka.brokers, topics: [TOPIC], group, start: 'earliest' } },
        hot: { kind: 'redis', redis: { nodes: [`${redis.host}:${redis.port}`] }, maxMemory: '64GiB', expectedRate: 20_000 },
        cold: { kind: 'http', url: engine.url, username: engine.user, database: 'bench' },
      },
    });
    stops.push(async () => {
      // What it said last tells why a run failed; a run that went well has said nothing that matters.
      if (!aggregator.process.running()) say(aggregator.process.output().slice(-4_000));
      await aggregator.stop();
    });
    // Once it takes part in the group, the broker has loaded what it knows of groups.
    await until('the aggregator is ready', 120_000, async () => (await fetch(`${aggregator.url}/readyz`)).ok);
    const producer = await TopicProducer.connect({ broker: kafka.brokers[0], topic: TOPIC, partitions: PARTITIONS });
    const traffic = new Traffic(producer, PARTITIONS, 1);
    const nowMs = Date.now();
    say(`writing ${historyMinutes} minutes of history`);
    for (let minute = historyMinutes; minute > 0; minute--) await traffic.minute(nowMs - minute * MINUTE_MS, 1);
    await producer.flush();
    const load = new LiveTraffic(traffic, producer, Date.now(), perSecond);
    load.start();
    stops.push(async () => {
      await load.stop();
      await producer.close();
    });
    const admin = await kafka.admin();
    await untilCommitted(admin, group, TOPIC, {
      withinMs: 300_000,
      everyMs: 200,
      alive: () => aggregator.process.running(),
      enough: 2 * perSecond + 1_000,
      progress: () => undefined,
    });
    say(`${perSecond.toLocaleString('en')} events/s are coming in`);
    return { aggregator, producer, load, redis: { host: redis.host, port: redis.port }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
