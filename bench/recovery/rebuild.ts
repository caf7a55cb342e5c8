// Time from a wipe of Redis until a day of hot windows is there again, while events go on coming in.

import { stackSettings } from '../../test/support/shop-log.js';
import { startTidemark } from '../../test/support/tidemark-process.js';
import { until } from '../../test/support/until.js';
import { Load } from '../../test/faults/load/producer.js';
import { FAULTS_DEFINITION } from '../../test/faults/world/aggregators.js';
import { untilCommitted } from '../harness/group-progress.js';
import type { BenchStack } from './recovery.js';

const PARTITIONS = 4;
const TOPIC = 'rebuilt';
const DAY_MS = 24 * 3_600_000;
const EVENTS_PER_SECOND = 200;
const WITHIN_MS = 900_000;

/** @param events of the day before @returns seconds */
export async function measureRebuild({ kafka, redis, engine, say }: BenchStack, events: number): Promise<number> {
  await kafka.createTopic({ name: TOPIC, partitions: PARTITIONS });
  const load = new Load({
    brokers: kafka.brokers,
    topic: TOPIC,
    seed: 9,
    clocksAhead: false,
    eventsPerSecond: EVENTS_PER_SECOND,
    partitions: PARTITIONS,
    latenessMs: 20_000,
  });
  const nowMs = Date.now();
  await load.history(events, nowMs - DAY_MS, nowMs);
  const env = stackSettings({ brokers: kafka.brokers, topic: TOPIC, redisPort: redis.port, clickhouse: engine, database: TOPIC });
  const tidemark = await startTidemark({ definition: FAULTS_DEFINITION, env, until: 'running' });
  try {
    const alive = (): boolean => tidemark.process.running();
    await untilCommitted(await kafka.admin(), TOPIC, TOPIC, { withinMs: WITHIN_MS, everyMs: 100, alive });
    load.start();
    const covers = async (): Promise<boolean> => {
      const { coverageFromMs } = (await tidemark.status()).hot;
      return coverageFromMs !== null && coverageFromMs <= nowMs - DAY_MS;
    };
    await until('a day is covered', WITHIN_MS, covers);
    const connection = redis.connect();
    await connection.call('FLUSHALL');
    connection.disconnect();
    const wipedMs = performance.now();
    await until('a day is covered again', WITHIN_MS, covers, 50);
    const seconds = (performance.now() - wipedMs) / 1_000;
    say(`a day of ${events} events is hot again ${seconds.toFixed(1)} s after a wipe`);
    return seconds;
  } finally {
    await load.stop();
    await tidemark.process.kill();
  }
}
