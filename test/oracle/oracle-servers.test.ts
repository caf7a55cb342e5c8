// Every answer equals the oracle's, on a real Redis and the real engine over HTTP, binary inserts included.

import { afterAll, beforeAll } from 'vitest';
import type { Definition } from '../../aggregator/src/definition/model.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import type { SetClock } from '../support/scripted-log.js';
import { serverStores, type Stores } from './stack.js';
import { describeOracle } from './suite.js';

let redis: RedisServer;
let clickhouse: ClickHouseHttp;

beforeAll(async () => {
  [redis, clickhouse] = await Promise.all([startRedis(), startClickHouseHttp()]);
});

afterAll(async () => {
  await Promise.all([redis?.stop(), clickhouse?.stop()]);
});

const open = (definition: Definition, clock: SetClock, name: string): Promise<Stores> =>
  serverStores(definition, clock, { redisPort: redis.port, clickhouseUrl: clickhouse.url, name });

describeOracle({
  stores: 'Redis and ClickHouse over HTTP',
  seed: Number(process.env['TIDEMARK_ORACLE_SEED'] ?? 7),
  questions: Number(process.env['TIDEMARK_ORACLE_QUESTIONS'] ?? 150),
  openStores: (definition, clock) => open(definition, clock, 'oracle'),
});

describeOracle({
  stores: 'Redis and ClickHouse over HTTP, wiped and rebuilt',
  seed: Number(process.env['TIDEMARK_ORACLE_SEED'] ?? 8),
  questions: Number(process.env['TIDEMARK_ORACLE_QUESTIONS'] ?? 150),
  openStores: (definition, clock) => open(definition, clock, 'wiped'),
  wiped: true,
});
