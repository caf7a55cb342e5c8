// Every answer equals the oracle's, on a real Redis and the real engine over HTTP, binary inserts included.

import { afterAll, beforeAll } from 'vitest';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { serverStores } from './stack.js';
import { describeOracle } from './suite.js';

let redis: RedisServer;
let clickhouse: ClickHouseHttp;

beforeAll(async () => {
  [redis, clickhouse] = await Promise.all([startRedis(), startClickHouseHttp()]);
});

afterAll(async () => {
  await Promise.all([redis?.stop(), clickhouse?.stop()]);
});

describeOracle({
  stores: 'Redis and ClickHouse over HTTP',
  seed: Number(process.env['TIDEMARK_ORACLE_SEED'] ?? 7),
  questions: Number(process.env['TIDEMARK_ORACLE_QUESTIONS'] ?? 150),
  openStores: (definition, clock) => serverStores(definition, clock, redis.port, clickhouse.url),
});
