// `tidemark verify` and `tidemark replay` beside a process that goes on serving: what agrees, what somebody broke, and that it is right again.

import { join } from 'node:path';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLog } from '../oracle/events.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { repositoryRoot } from '../support/repository-root.js';
import { openFeed, stackSettings, withoutGaps } from '../support/shop-log.js';
import { buildTidemark, runTidemark, startTidemark, type CommandResult, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const MINUTE_MS = 60_000;
const END_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 2 * MINUTE_MS;
const START_MS = END_MS - 12 * MINUTE_MS;
const DEFINITION = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');

let kafka: KafkaCluster;
let redis: RedisServer;
let clickhouse: ClickHouseHttp;
let client: ClickHouseClient;
let tidemark: Tidemark;
let env: Record<string, string>;

const command = (name: string, ...more: string[]): Promise<CommandResult> =>
  runTidemark([name, '-d', DEFINITION, '--from', String(START_MS - 12 * MINUTE_MS), ...more], env);

beforeAll(async () => {
  [kafka, redis, clickhouse] = await Promise.all([
    startKafka({ topics: [{ name: 'checked', partitions: 2 }] }),
    startRedis(),
    startClickHouseHttp(),
    buildTidemark(),
  ]);
  env = stackSettings({ brokers: kafka.brokers, topic: 'checked', redisPort: redis.port, clickhouse, database: 'checked' });
  client = createClient({ url: clickhouse.url, username: clickhouse.user, password: clickhouse.password, database: 'checked' });
  const feed = await openFeed(
    kafka.brokers,
    withoutGaps('checked', makeLog({ seed: 31, events: 3_000, startMs: START_MS, endMs: END_MS, partitions: 2 })),
  );
  tidemark = await startTidemark({ definition: DEFINITION, env });
  await feed.produce(0, 1);
  await feed.close();
  await until('all of it is in the rollups', 90_000, async () => {
    const { cold } = await tidemark.status();
    return cold.closedUntilMs >= END_MS;
  });
});
afterAll(async () => {
  await tidemark?.process.stop();
  await client?.close();
  await Promise.allSettled([kafka?.stop(), redis?.stop(), clickhouse?.stop()]);
});

describe('verify and replay', () => {
  it('agree while nothing is wrong', async () => {
    const { code, stdout } = await command('verify');
    expect(stdout).toMatch(/^\d+ numbers compared: all agree\.$/m);
    expect(Number(stdout.split(' ')[0])).toBeGreaterThan(10_000);
    expect(code).toBe(0);
  });

  it('name a rollup that is not what the raw events say, and put it right while queries go on', async () => {
    await client.command({
      query:
        "INSERT INTO rollup_1m SELECT * REPLACE (version + 1000000 AS version, bucket + 60 AS bucket) FROM rollup_1m FINAL WHERE grouping = 'country'",
    });
    const wrong = await command('verify');
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('rollups with raw events, tenant default, grouping country:');
    expect(wrong.stderr).toContain('tidemark replay');
    const asked = tidemark.query({ from: START_MS, to: END_MS, queries: [{ refId: 'A', measure: 'events', bucket: '1m' }] });
    const replayed = await command('replay');
    expect(replayed.stdout).toContain('rollup_1m');
    expect(replayed.code).toBe(0);
    expect((await asked)['A'].status).toBe(200);
    expect(await command('verify')).toMatchObject({ code: 0 });
  });

  it('name a number in Redis that the cold tier has otherwise', async () => {
    const admin = new Redis({ port: redis.port });
    try {
      const keys = await admin.keys('*:n:60:*');
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) {
        const slots = Math.floor((await admin.strlen(key)) / 8);
        for (let slot = 0; slot < slots; slot++) await admin.bitfield(key, 'INCRBY', 'i64', `#${slot}`, 1);
      }
    } finally {
      await admin.quit();
    }
    const { code, stdout } = await command('verify');
    expect(stdout).toContain('hot with cold');
    expect(code).toBe(1);
  });

  it('say what is wrong with a range', async () => {
    expect(await runTidemark(['verify', '-d', DEFINITION, '--from', 'yesterday'], env)).toMatchObject({ code: 2 });
    expect(await runTidemark(['replay', '-d', DEFINITION, '--from', 'now-200d'], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('raw events before'),
    });
  });
});
