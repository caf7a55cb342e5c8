// One process lives through every outage of its stores: absent at the start, killed, hung, emptied, answers lost. While a store is
// away the others' answers stay right or say what is missing; when it is back everything read meanwhile is there, once.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../aggregator/src/runtime/status.js';
import { makeLog } from '../oracle/events.js';
import { everyQuestion, RememberingReference } from '../oracle/every-question.js';
import { judge, tiersOf, type Answer } from '../oracle/questions.js';
import { oracleDefinition } from '../oracle/stack.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { repositoryRoot } from '../support/repository-root.js';
import { inLogOrder, openFeed, stackSettings, withoutGaps, type LogFeed } from '../support/shop-log.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const MINUTE_MS = 60_000;
const END_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const START_MS = END_MS - 12 * MINUTE_MS;
const FROM_MS = START_MS - 11 * MINUTE_MS;
const SLICES = 16;
const DEFINITION = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');
const BACK_WITHIN_MS = 30_000;

const { yaml, definition } = oracleDefinition();
const log = withoutGaps('outages', makeLog({ seed: 23, events: 24_000, startMs: START_MS, endMs: END_MS, partitions: 4 }));

let kafka: KafkaCluster;
let redis: RedisServer;
let clickhouse: ClickHouseHttp;
let env: Record<string, string>;
let feed: LogFeed;
let tidemark: Tidemark;
/** Slices of the log that the topic has. */
let produced = 0;

beforeAll(async () => {
  [kafka, redis, clickhouse] = await Promise.all([
    startKafka({ topics: [{ name: 'outages', partitions: 4 }] }),
    startRedis(),
    startClickHouseHttp(),
    buildTidemark(),
  ]);
  const places = { brokers: kafka.brokers, topic: 'outages', redisPort: redis.port, clickhouse, database: 'outages' };
  env = { ...stackSettings(places), TIDEMARK_QUERY_DEADLINE: '4s' };
  feed = await openFeed(kafka.brokers, log);
});
afterAll(async () => {
  await tidemark?.process.kill();
  await feed?.close();
  await Promise.allSettled([kafka?.stop(), redis?.stop(), clickhouse?.stop()]);
});

async function produce(): Promise<void> {
  await feed.produce(produced / SLICES, ++produced / SLICES);
}

/** The oracle of what the topic has now. */
function oracle(): RememberingReference {
  const share = produced / SLICES;
  const part = new Map([...log].map(([id, records]) => [id, records.slice(0, Math.floor(records.length * share))]));
  return new RememberingReference(yaml, inLogOrder(part), definition.duplicates);
}

const ledger = ({ partitions }: Status): Record<string, number> => {
  const sum = (key: 'consumed' | 'applied' | 'duplicates' | 'deadLettered'): number => partitions.reduce((total, p) => total + p[key], 0);
  return { consumed: sum('consumed'), applied: sum('applied'), duplicates: sum('duplicates'), deadLettered: sum('deadLettered') };
};

/** Resolves when the process is ready, has read the topic to its end, and its ledger, raw rows and answers are the oracle's. */
async function everythingIsRight(measures: readonly string[] = ['events', 'revenue', 'largest', 'visitors', 'latency']): Promise<Status> {
  const reference = oracle();
  const records = reference.applied.length + reference.duplicates.length + reference.refused.length;
  const status = await until('the process is ready and has read all', BACK_WITHIN_MS, async () => {
    const now = await tidemark.status();
    return now.complete && ledger(now)['consumed'] === records && (await tidemark.ready()).ready ? now : null;
  });
  expect(ledger(status)).toEqual({
    consumed: records,
    applied: reference.applied.length,
    duplicates: reference.duplicates.length,
    deadLettered: reference.refused.length,
  });
  const response = await fetch(clickhouse.url, {
    method: 'POST',
    body: 'SELECT count(), uniqExact(partition, offset) FROM outages.events FINAL',
  });
  expect((await response.text()).trim()).toBe(`${reference.applied.length}\t${reference.applied.length}`);
  const wrong: string[] = [];
  for (const question of everyQuestion(reference, FROM_MS, END_MS)) {
    if (!measures.includes(question.ask.measure)) continue;
    const { A: answer } = await tidemark.query(question.body);
    wrong.push(
      ...judge(question, answer, reference).map((problem) => `${JSON.stringify(question.body)} by ${tiersOf(answer)}: ${problem}`),
    );
  }
  expect(wrong).toEqual([]);
  return status;
}

/** All events of the log, as one number. */
async function ask(more: object = {}): Promise<Answer> {
  const query = { refId: 'A', kind: 'metric', measure: 'events', format: 'total', ...more };
  return (await tidemark.query({ from: FROM_MS, to: END_MS, queries: [query] }))['A'];
}
const numberIn = (answer: Answer): number => Number(answer.frames[0].data.values.at(-1)?.[0]);
const dependency = async (name: string): Promise<{ ok: boolean; detail: string }> => {
  const { dependencies } = await tidemark.ready();
  return dependencies.find((each) => each.name === name) ?? { ok: false, detail: `no word of ${name}` };
};

/** Of a wiped hot tier: it covers the log again, and answers what it covers. */
async function windowsComeBack(): Promise<void> {
  await until('the hot tier is rebuilt', BACK_WITHIN_MS, async () => {
    const { coverageFromMs } = (await tidemark.status()).hot;
    return coverageFromMs !== null && coverageFromMs <= START_MS;
  });
  expect(tiersOf(await ask())).toBe('hot');
}

async function stopInTime(): Promise<void> {
  const started = performance.now();
  tidemark.process.signal('SIGTERM');
  expect(await tidemark.process.ended).toBe(0);
  expect(performance.now() - started).toBeLessThan(10_000);
}

describe('stores that are absent at the start', () => {
  it('are waited for: HTTP answers and says why, and a stop is obeyed', async () => {
    await Promise.all([redis.kill(), clickhouse.kill()]);
    tidemark = await startTidemark({ definition: DEFINITION, env, until: 'listening' });
    const readiness = await until('the reason is known', 20_000, async () => {
      const now = await tidemark.ready();
      return now.dependencies.at(-1)?.detail.includes('ECONNREFUSED') === true ? now : null;
    });
    expect(readiness).toMatchObject({ status: 503, ready: false });
    expect(readiness.dependencies.map(({ name, ok }) => `${name} ${ok}`)).toEqual(['hot tier false', 'cold tier false', 'ingest false']);
    expect(readiness.dependencies[2].detail).toMatch(/^waiting for the stores: Redis does not answer .*Check that Redis runs/);
    const answer = await ask();
    expect(answer.status).toBe(503);
    expect(answer.error).toMatch(/ClickHouse|cold/i);

    await stopInTime();
  });

  it('are used as soon as they come', async () => {
    tidemark = await startTidemark({ definition: DEFINITION, env, until: 'listening' });
    await redis.restart();
    await until('Redis is there and ClickHouse is missed', BACK_WITHIN_MS, async () => (await dependency('hot tier')).ok);
    expect(await dependency('cold tier')).toMatchObject({ ok: false });
    await clickhouse.restart();
    await produce();
    await everythingIsRight();
  }, 90_000);
});

describe('ClickHouse', () => {
  it('is killed: ingest waits, the hot tier answers, what needs it says so; after its return nothing is missing', async () => {
    const before = oracle().applied.length;
    await clickhouse.kill();
    await produce();
    await until('readyz tells of it', 15_000, async () => !(await dependency('cold tier')).ok);
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(tiersOf(answer)).toBe('hot');
    expect(numberIn(answer)).toBe(before);
    const older = await ask({ kind: 'events', measure: undefined, format: undefined });
    expect(older).toMatchObject({ status: 503 });
    expect(older.error).toMatch(/ClickHouse/);
    await clickhouse.restart();
    await everythingIsRight();
  }, 90_000);

  it('loses its answers to inserts that took place: rows written again are the same rows', async () => {
    const insert = 'INSERT INTO \\S*events';
    await clickhouse.control.clear();
    await clickhouse.control.fault({ match: insert, drop: true, when: 'after' });
    await clickhouse.control.fault({
      match: insert,
      when: 'after',
      error: { code: 209, type: 'SOCKET_TIMEOUT', message: 'Timeout exceeded' },
    });
    await clickhouse.control.tooManyParts(insert, 2);
    await produce();
    await everythingIsRight();
    const inserts = (await clickhouse.control.log()).filter(({ sql }) => new RegExp(insert).test(sql));
    expect(inserts.filter(({ status }) => status !== 200).map(({ status, code }) => (status === 0 ? 'dropped' : code))).toEqual([
      'dropped',
      209,
      252,
      252,
    ]);
  }, 60_000);

  it('hangs: a query that needs it ends at its deadline with words, and everything goes on afterwards', async () => {
    clickhouse.suspend();
    await produce();
    const hot = await ask();
    expect(tiersOf(hot)).toBe('hot');
    const raw = await ask({ kind: 'events', measure: undefined, format: undefined });
    expect(raw).toMatchObject({ status: 504 });
    expect(raw.error).toMatch(/deadline|within|took longer/);
    clickhouse.wake();
    await everythingIsRight();
  }, 60_000);
});

describe('Kafka', () => {
  it('is killed and started again: reading goes on where it was', async () => {
    await produce();
    await kafka.kill();
    const answer = await ask();
    expect(answer.status).toBe(200);
    await kafka.restart();
    await produce();
    await everythingIsRight();
  }, 120_000);
});

describe('Redis', () => {
  it('hangs: queries are answered by the cold tier, and it is used again when it wakes', async () => {
    redis.pause();
    await produce();
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(tiersOf(answer)).toBe('cold');
    redis.resume();
    await everythingIsRight();
    expect(tiersOf(await ask())).toBe('hot');
  }, 90_000);

  it('is killed and comes back empty: cold answers meanwhile and for what it no longer has', async () => {
    const before = oracle().applied.length;
    await redis.kill();
    await produce();
    const after = oracle().applied.length;
    await until('readyz tells of it', 15_000, async () => !(await dependency('hot tier')).ok);
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(tiersOf(answer)).toBe('cold');
    expect(numberIn(answer)).toBeGreaterThanOrEqual(before);
    expect(numberIn(answer)).toBeLessThanOrEqual(after);
    expect(JSON.stringify(answer.frames[0].schema.meta)).toMatch(/Redis does not answer|not used|incomplete/);
    await redis.restart();
    await produce();
    await everythingIsRight();
    await windowsComeBack();
  }, 90_000);

  it('is emptied by FLUSHALL under load: the windows come back, no number is wrong', async () => {
    const load = produce();
    const admin = redis.connect();
    await admin.flushall();
    admin.disconnect();
    await load;
    await produce();
    await everythingIsRight();
    await windowsComeBack();
    await everythingIsRight();
  }, 90_000);
});

describe('a stop while a store is away', () => {
  it.each(['Redis is killed', 'ClickHouse hangs'])(
    'is obeyed in time when %s; the next start brings in what was not flushed',
    async (how) => {
      if (how === 'Redis is killed') await redis.kill();
      else clickhouse.suspend();
      await produce();
      await until('the process is not ready', 15_000, async () => !(await tidemark.ready()).ready);
      await stopInTime();
      if (how === 'Redis is killed') await redis.restart();
      else clickhouse.wake();
      tidemark = await startTidemark({ definition: DEFINITION, env });
      await everythingIsRight();
    },
    90_000,
  );
});

describe('after all of it', () => {
  it('the same process gives every answer of the whole log as the oracle has it', async () => {
    while (produced < SLICES) await produce();
    await everythingIsRight(oracle().measures);
    expect(tidemark.process.running()).toBe(true);
  }, 90_000);
});
