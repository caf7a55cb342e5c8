// Everything that a fault run breaks: real Kafka, Redis and engine, the group of aggregators, the load and the copy of the log.
// Started whole, ended whole; the actions steer it through these parts and nothing else.

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startKafka, type KafkaCluster } from '../../support/kafka-broker.js';
import { repositoryRoot } from '../../support/repository-root.js';
import { stackSettings } from '../../support/shop-log.js';
import { LogCopy } from '../load/log-copy.js';
import { Load } from '../load/producer.js';
import { Aggregators, FAULTS_DEFINITION } from './aggregators.js';
import { EngineHost } from './engine-host.js';
import { Orders } from './orders.js';
import { RedisPair } from './redis-pair.js';

export interface WorldOptions {
  readonly seed: number;
  readonly brokers: 1 | 3;
  readonly aggregators: number;
  readonly clocksAhead: boolean;
  readonly eventsPerSecond: number;
  readonly historyEvents: number;
  /** Taken out of the program, to see whether the harness notices. */
  readonly without: string | null;
  readonly say: (line: string) => void;
}

export interface World {
  readonly options: WorldOptions;
  readonly topic: string;
  readonly database: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly kafka: KafkaCluster;
  readonly redis: RedisPair;
  readonly engine: EngineHost;
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

export async function openWorld(options: WorldOptions): Promise<World> {
  const topic = 'shop';
  const database = `faults_${options.seed}`;
  const ends: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.allSettled(
      ends
        .splice(0)
        .reverse()
        .map((end) => end()),
    );
  };
  try {
    const opened = <T>(part: T, end: () => Promise<unknown>): T => {
      ends.push(end);
      return part;
    };
    const startedAtMs = Date.now();
    const [program, kafka, redis, engine, orders] = await Promise.all([
      buildProgram(options.without).then((it) => opened(it, () => rm(it, { force: true }))),
      startKafka({ nodes: options.brokers, topics: [{ name: topic, partitions: PARTITIONS }] }).then((it) => opened(it, () => it.stop())),
      RedisPair.open().then((it) => opened(it, () => it.close())),
      EngineHost.open().then((it) => opened(it, () => it.close())),
      Orders.open().then((it) => opened(it, () => it.close())),
    ]);
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
    opened(load, () => load.stop());
    await load.history(options.historyEvents, startedAtMs - HISTORY_MS, startedAtMs - 30_000);
    const group = new Aggregators({ program, definition: FAULTS_DEFINITION, env: settings, orders, say }, options.aggregators);
    opened(group, () => group.close());
    await group.start();
    load.start();
    const log = new LogCopy(kafka.brokers, topic);
    return { options, topic, database, settings, kafka, redis, engine, orders, group, load, log, startedAtMs, lost: [], say, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function buildProgram(without: string | null): Promise<string> {
  const folder = join(repositoryRoot(), '.cache', 'faults');
  await mkdir(folder, { recursive: true });
  const program = join(folder, `tidemark-${without ?? 'whole'}-${process.pid}.mjs`);
  const script = join(repositoryRoot(), 'test', 'faults', 'build-program.mjs');
  await promisify(execFile)(process.execPath, [script, program, ...(without === null ? [] : [without])]);
  return program;
}
