// Everything that a fault run breaks: real Kafka, Redis and engine, the group of aggregators, the load and the copy of the log.
// Started whole, ended whole; the actions steer it through these parts and nothing else.

import { stackSettings } from '../../support/shop-log.js';
import { LogCopy } from '../load/log-copy.js';
import { Load } from '../load/producer.js';
import { Aggregators, FAULTS_DEFINITION } from './aggregators.js';
import { Orders } from './orders.js';
import type { Servers } from './servers.js';

export interface WorldOptions {
  readonly seed: number;
  readonly aggregators: number;
  readonly clocksAhead: boolean;
  readonly eventsPerSecond: number;
  readonly historyEvents: number;
  readonly say: (line: string) => void;
}

export interface World extends Pick<Servers, 'kafka' | 'redis' | 'engine'> {
  readonly options: WorldOptions;
  readonly topic: string;
  readonly database: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly orders: Orders;
  readonly group: Aggregators;
  readonly load: Load;
  readonly log: LogCopy;
  readonly startedAtMs: number;
  /** Deleted before anybody had read them: by partition, offsets [from, to) and the time of deletion. */
  readonly lost: { readonly partition: number; readonly from: number; readonly to: number; readonly atMs: number }[];
  say(line: string): void;
  close(): Promise<void>;
}

const PARTITIONS = 4;
const HISTORY_MS = 75 * 60_000;
const LATENESS_MS = 20_000;

/** @param servers whole and with nothing of this seed; they stay when the world is closed */
export async function openWorld(options: WorldOptions, servers: Servers): Promise<World> {
  const { kafka, redis, engine, program } = servers;
  const topic = `shop-${options.seed}`;
  const database = `faults_${options.seed}`;
  const ends: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const startedAtMs = Date.now();
    await kafka.createTopic({ name: topic, partitions: PARTITIONS });
    ends.push(async () => {
      await engine.command('SYSTEM START MERGES');
      await engine.command(`DROP DATABASE IF EXISTS ${database}`);
      await redis.command('FLUSHALL');
    });
    const orders = await Orders.open();
    ends.push(() => orders.close());
    const settings = {
      ...stackSettings({ brokers: kafka.brokers, topic, redisPort: redis.port, clickhouse: engine, database }),
      // A slow machine is no fault; the prober has less patience.
      TIDEMARK_QUERY_DEADLINE: '30s',
    };
    const { say, seed, clocksAhead, eventsPerSecond } = options;
    const load = new Load({
      brokers: kafka.brokers,
      topic,
      seed,
      clocksAhead,
      eventsPerSecond,
      partitions: PARTITIONS,
      latenessMs: LATENESS_MS,
    });
    ends.push(() => load.stop());
    await load.history(options.historyEvents, startedAtMs - HISTORY_MS, startedAtMs - 30_000);
    const group = new Aggregators({ program, definition: FAULTS_DEFINITION, env: settings, orders, say }, options.aggregators);
    ends.push(() => group.close());
    await group.start();
    load.start();
    const log = new LogCopy(kafka.brokers, topic);
    return { options, topic, database, settings, kafka, redis, engine, orders, group, load, log, startedAtMs, lost: [], say, close };
  } catch (error) {
    await close();
    throw error;
  }
}
