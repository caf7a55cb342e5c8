// Time from a SIGKILL to fresh answers. Events come in all the time; an answer is fresh when it is complete, nobody lags by more than
// a second's worth of records, and the newest event counted is at most two flushes old.

import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseHttp } from '../../test/support/clickhouse-http.js';
import type { KafkaCluster } from '../../test/support/kafka-broker.js';
import type { RedisServer } from '../../test/support/redis-server.js';
import { stackSettings } from '../../test/support/shop-log.js';
import { startTidemark, type Tidemark } from '../../test/support/tidemark-process.js';
import { Load } from '../../test/faults/load/producer.js';
import { FAULTS_DEFINITION } from '../../test/faults/world/aggregators.js';

export interface BenchStack {
  readonly kafka: KafkaCluster;
  readonly redis: RedisServer;
  readonly engine: ClickHouseHttp;
  say(line: string): void;
}

const PARTITIONS = 4;
const EVENTS_PER_SECOND = 1_000;
const FRESH_MS = 3_000;
const WITHIN_MS = 60_000;

/** @returns seconds, one per kill */
export async function measureRecovery(
  { kafka, redis, engine, say }: BenchStack,
  { processes, kills }: { readonly processes: 1 | 2; readonly kills: number },
): Promise<number[]> {
  const topic = `recovery_${processes}`;
  await kafka.createTopic({ name: topic, partitions: PARTITIONS });
  const env = stackSettings({ brokers: kafka.brokers, topic, redisPort: redis.port, clickhouse: engine, database: topic });
  const load = new Load({
    brokers: kafka.brokers,
    topic,
    seed: processes,
    clocksAhead: false,
    eventsPerSecond: EVENTS_PER_SECOND,
    partitions: PARTITIONS,
    latenessMs: 20_000,
  });
  const start = (port?: number): Promise<Tidemark> =>
    startTidemark({ definition: FAULTS_DEFINITION, env, until: 'listening', ...(port === undefined ? {} : { port }) });
  const running = await Promise.all(Array.from({ length: processes }, () => start()));
  load.start();
  const seconds: number[] = [];
  try {
    for (let kill = 0; kill < kills; kill++) {
      await fresh(running[processes - 1], performance.now());
      await delay(2_000);
      const killedMs = performance.now();
      await running[0].process.kill();
      // A lone process is started again by its supervisor; of two, the other one takes over, and the first comes back later.
      if (processes === 1) running[0] = await start(running[0].port);
      seconds.push(await fresh(running[processes - 1], killedMs, processes === 1 ? 0 : FRESH_MS));
      say(`fresh ${seconds[kill].toFixed(1)} s after kill ${kill + 1} of ${processes === 1 ? 'the only process' : 'one of two'}`);
      if (processes === 2) running[0] = await start(running[0].port);
    }
  } finally {
    await load.stop();
    await Promise.all(running.map((each) => each.process.kill()));
  }
  return seconds;
}

async function fresh(tidemark: Tidemark, sinceMs: number, notBeforeMs = 0): Promise<number> {
  for (;;) {
    // Before that, an answer of the one that is left may be fresh although nobody has the other's partitions.
    const isTold = performance.now() - sinceMs >= notBeforeMs;
    if (isTold && (await isFresh(tidemark))) return (performance.now() - sinceMs) / 1_000;
    if (performance.now() - sinceMs > WITHIN_MS) throw new Error(`no fresh answer within ${WITHIN_MS / 1_000} s`);
    await delay(50);
  }
}

async function isFresh(tidemark: Tidemark): Promise<boolean> {
  const nowMs = Date.now();
  const query = { refId: 'A', kind: 'metric', measure: 'events', groupBy: [], bucket: '1s' };
  try {
    const { A } = await tidemark.query({ from: nowMs - 60_000, to: nowMs, queries: [query] });
    const custom = A.frames[0]?.schema.meta?.custom as
      { readonly freshness: { readonly complete: boolean; readonly lag: number | null; readonly newestEventMs: number } } | undefined;
    if (custom === undefined || A.status !== 200) return false;
    const { complete, lag, newestEventMs } = custom.freshness;
    return complete && lag !== null && lag <= EVENTS_PER_SECOND && nowMs - newestEventMs < FRESH_MS;
  } catch {
    // Not there yet.
    return false;
  }
}
