// A process that is told to stop leaves everything flushed and committed, in time, and the next one goes on exactly there. A process
// that is killed loses nothing that it has acknowledged, with Kafka and with the embedded log alike.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PartitionStatus } from '../../aggregator/src/runtime/status.js';
import { makeLog, random } from '../oracle/events.js';
import { everyQuestion, RememberingReference } from '../oracle/every-question.js';
import { judge } from '../oracle/questions.js';
import { oracleDefinition } from '../oracle/stack.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { repositoryRoot } from '../support/repository-root.js';
import { countRecords, inLogOrder, openFeed, stackSettings, withoutGaps } from '../support/shop-log.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const MINUTE_MS = 60_000;
const END_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const START_MS = END_MS - 20 * MINUTE_MS;
const STOP_WITHIN_MS = 10_000;
const DEFINITION = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');
const { yaml, definition } = oracleDefinition();

beforeAll(() => buildTidemark());

/** @returns the exit code and how long the process took to leave */
async function terminate(tidemark: Tidemark): Promise<{ code: unknown; tookMs: number }> {
  const started = performance.now();
  tidemark.process.signal('SIGTERM');
  const code = await tidemark.process.ended;
  return { code, tookMs: performance.now() - started };
}

const sum = (list: readonly PartitionStatus[], key: 'consumed' | 'applied' | 'duplicates' | 'deadLettered'): number =>
  list.reduce((total, partition) => total + partition[key], 0);

/** @returns what is wrong with the answers to every question about the reference's log */
async function wrongAnswers(tidemark: Tidemark, reference: RememberingReference, fromMs: number, toMs: number): Promise<string[]> {
  const wrong: string[] = [];
  for (const question of everyQuestion(reference, fromMs, toMs)) {
    const { A: answer } = await tidemark.query(question.body);
    wrong.push(...judge(question, answer, reference).map((problem) => `${JSON.stringify(question.body)}: ${problem}`));
  }
  return wrong;
}

describe('with Kafka, Redis and ClickHouse', () => {
  let kafka: KafkaCluster;
  let redis: RedisServer;
  let clickhouse: ClickHouseHttp;
  let tidemark: Tidemark;
  const log = withoutGaps('stops', makeLog({ seed: 11, events: 60_000, startMs: START_MS, endMs: END_MS, partitions: 4 }));
  const reference = new RememberingReference(yaml, inLogOrder(log), definition.duplicates);

  beforeAll(async () => {
    [kafka, redis, clickhouse] = await Promise.all([
      startKafka({ topics: [{ name: 'stops', partitions: 4 }] }),
      startRedis(),
      startClickHouseHttp(),
    ]);
  });
  afterAll(async () => {
    await tidemark?.process.kill();
    await Promise.allSettled([kafka?.stop(), redis?.stop(), clickhouse?.stop()]);
  });

  it('SIGTERM under load flushes, commits and leaves in time, and a restart goes on exactly where it was', async () => {
    const env = stackSettings({ brokers: kafka.brokers, topic: 'stops', redisPort: redis.port, clickhouse, database: 'stops' });
    const feed = await openFeed(kafka.brokers, log);
    const admin = await kafka.admin();
    tidemark = await startTidemark({ definition: DEFINITION, env });
    for (const share of [0.3, 0.6, 1]) {
      // The load goes on while the process stops.
      const load = feed.produce(share - (share === 1 ? 0.4 : 0.3), share);
      await until(
        'some of it is applied',
        30_000,
        async () => sum((await tidemark.status()).partitions, 'consumed') > (share - 0.3) * 60_000,
        20,
      );
      const { code, tookMs } = await terminate(tidemark);
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(STOP_WITHIN_MS);
      expect(tidemark.log().at(-1)).toMatchObject({ msg: 'stopped' });
      await load;
      const [{ partitions: committed }] = await admin.fetchOffsets({ groupId: 'stops', topics: ['stops'] });

      tidemark = await startTidemark({ definition: DEFINITION, env });
      const resumed = await until('all partitions are assigned', 20_000, async () => {
        const lines = tidemark.log().filter((line) => line['msg'] === 'partition assigned');
        return lines.length === 4 && lines;
      });
      for (const { partition, offset } of committed) {
        const line = resumed.find((each) => each['partition'] === `stops/${partition}`);
        const at = Number(offset);
        // Commit, raw rows and every shard stand at one place: nothing is applied a second time anywhere.
        expect(line).toMatchObject({ applyFrom: at, coldFrom: at, shards: new Array(8).fill(at) as number[] });
      }
    }
    await feed.close();
  }, 120_000);

  it('leaves the ledger and every answer as the oracle has them', async () => {
    const { partitions } = await until('the lag is 0', 30_000, async () => {
      const status = await tidemark.status();
      return status.complete && sum(status.partitions, 'consumed') === countRecords(log) ? status : null;
    });
    expect({
      applied: sum(partitions, 'applied'),
      duplicates: sum(partitions, 'duplicates'),
      deadLettered: sum(partitions, 'deadLettered'),
    }).toEqual({
      applied: reference.applied.length,
      duplicates: reference.duplicates.length,
      deadLettered: reference.refused.length,
    });
    expect(await wrongAnswers(tidemark, reference, START_MS - 11 * MINUTE_MS, END_MS)).toEqual([]);
  });

  it('hands its partitions over at once when it leaves: the others need not wait for a time-out', async () => {
    const env = stackSettings({ brokers: kafka.brokers, topic: 'stops', redisPort: redis.port, clickhouse, database: 'stops' });
    const slow = { ...env, TIDEMARK_SOURCE_KAFKA_SESSION_TIMEOUT: '60s' };
    const other = await startTidemark({ definition: DEFINITION, env: slow });
    expect((await terminate(tidemark)).code).toBe(0);
    await until('the other one has all partitions', 20_000, async () => {
      const lines = other.log().filter((line) => line['msg'] === 'partitions assigned');
      return (lines.at(-1)?.['partitions'] as unknown[] | undefined)?.length === 4;
    });
    expect((await terminate(other)).code).toBe(0);
  });
});

describe('embedded: HTTP collect, the log on disk, the engine in process', () => {
  let dataDir: string;
  let tidemark: Tidemark;
  // What a client sends, in its order; rubbish is refused at the door, duplicates are taken and recognised later.
  const events = [...makeLog({ seed: 5, events: 6_000, startMs: START_MS, endMs: END_MS, partitions: 1 }).values()]
    .flat()
    .map(({ value }) => String(value));
  const reference = new RememberingReference(
    yaml,
    events.map((value, offset) => ({ partition: 'embedded/0', offset, timestampMs: END_MS, value })),
    definition.duplicates,
  );

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tidemark-stop-start-'));
  });
  afterAll(async () => {
    await tidemark?.process.kill();
    await rm(dataDir, { recursive: true, force: true });
  });
  const start = (port?: number): Promise<Tidemark> =>
    startTidemark({
      definition: DEFINITION,
      env: { TIDEMARK_DATA_DIR: dataDir },
      ...(port === undefined ? {} : { port }),
    });

  const post = (batch: readonly string[]): Promise<Response> =>
    fetch(`${tidemark.url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: batch.join('\n'),
    });
  const settled = (): Promise<readonly PartitionStatus[]> =>
    until('everything is applied', 30_000, async () => {
      const { partitions } = await tidemark.status();
      return sum(partitions, 'applied') >= reference.applied.length && partitions.every((p) => p.lag === 0) ? partitions : null;
    });

  it('keeps what it acknowledged through SIGKILLs, and counts what a client had to repeat once', async () => {
    tidemark = await start();
    const draw = random(17);
    let unanswered = 0;
    for (let at = 0, batch = 1; at < events.length; batch++) {
      const part = events.slice(at, at + 200);
      const sent = post(part);
      if (batch % 8 === 0) {
        // Somewhere between the first byte of the request and the last of the answer.
        const killed = new Promise<void>((resolve) => setTimeout(() => void tidemark.process.kill().then(resolve), draw() * 30));
        const answer = await sent.then((response) => response.json()).catch(() => null);
        await killed;
        tidemark = await start(tidemark.port);
        if (answer === null) {
          unanswered++;
          continue;
        }
      } else {
        const { accepted, refused } = (await (await sent).json()) as { accepted: number; refused: unknown[] };
        expect(accepted + refused.length).toBe(part.filter((line) => line.trim() !== '').length);
      }
      at += part.length;
    }
    const [ledger] = await settled();
    expect(ledger.applied).toBe(reference.applied.length);
    expect(ledger.consumed).toBe(ledger.applied + ledger.duplicates);
    if (unanswered === 0) expect(ledger.duplicates).toBe(reference.duplicates.length);
    expect(await wrongAnswers(tidemark, reference, START_MS - 11 * MINUTE_MS, END_MS)).toEqual([]);
  }, 120_000);

  it('SIGTERM leaves in time, and the restarted process has the same numbers', async () => {
    const before = await settled();
    const { code, tookMs } = await terminate(tidemark);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(STOP_WITHIN_MS);
    tidemark = await start();
    expect(tidemark.log().find((line) => line['msg'] === 'partition assigned')).toMatchObject({ applyFrom: before[0].offset });
    expect(await wrongAnswers(tidemark, reference, START_MS - 11 * MINUTE_MS, END_MS)).toEqual([]);
  });
});
