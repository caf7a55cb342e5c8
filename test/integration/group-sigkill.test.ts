// Two processes of one group, SIGKILLed in turn while they read 200,000 events: every number is the oracle's afterwards, from the
// hot tier, from the cold tier and across a boundary between them; nothing is missing in the ledger, the raw rows or the dead letters.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../aggregator/src/clock.js';
import type { ColdTier } from '../../aggregator/src/cold/cold-tier.js';
import type { Definition } from '../../aggregator/src/definition/model.js';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import { GroupFreshness } from '../../aggregator/src/flush/freshness.js';
import type { HotTier } from '../../aggregator/src/hot/hot-tier.js';
import { createCold, createHotTier } from '../../aggregator/src/runtime/stores.js';
import type { PartitionStatus } from '../../aggregator/src/runtime/status.js';
import { makeLog, random } from '../oracle/events.js';
import { everyQuestion, RememberingReference } from '../oracle/every-question.js';
import { judge, tiersOf, type Answer, type Question } from '../oracle/questions.js';
import { narrowedEngine, oracleDefinition } from '../oracle/stack.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { repositoryRoot } from '../support/repository-root.js';
import { countRecords, inLogOrder, openFeed, stackSettings, withoutGaps } from '../support/shop-log.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const EVENTS = 200_000;
const SLICES = 20;
const TOPIC = 'shop';
const MINUTE_MS = 60_000;
const END_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const START_MS = END_MS - 90 * MINUTE_MS;
const DEFINITION = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');

let kafka: KafkaCluster;
let redis: RedisServer;
let clickhouse: ClickHouseHttp;
let settings: Record<string, string>;
let definition: Definition;
let hot: HotTier;
let cold: ColdTier;
let partitions: readonly PartitionStatus[];
const processes: Tidemark[] = [];

const log = withoutGaps(TOPIC, makeLog({ seed: 3, events: EVENTS, startMs: START_MS, endMs: END_MS, partitions: 4 }));
const { yaml, definition: plain } = oracleDefinition();
const reference = new RememberingReference(yaml, inLogOrder(log), plain.duplicates);
// Late events reach back before the log's first minute.
const questions = everyQuestion(reference, START_MS - 11 * MINUTE_MS, END_MS);

beforeAll(async () => {
  [kafka, redis, clickhouse] = await Promise.all([
    startKafka({ topics: [{ name: TOPIC, partitions: 4 }] }),
    startRedis(),
    startClickHouseHttp(),
    buildTidemark(),
  ]);
  settings = stackSettings({ brokers: kafka.brokers, topic: TOPIC, redisPort: redis.port, clickhouse, database: 'killed' });
  definition = loadDefinition({ path: DEFINITION, env: settings });
  hot = createHotTier(definition, systemClock, () => undefined);
  cold = createCold(definition, systemClock);
});

afterAll(async () => {
  await Promise.allSettled([hot?.stop(), cold?.stop(), ...processes.map((each) => each.process.kill())]);
  await Promise.allSettled([kafka?.stop(), redis?.stop(), clickhouse?.stop()]);
});

const serve = (port?: number): Promise<Tidemark> =>
  startTidemark({ definition: DEFINITION, env: settings, ...(port === undefined ? {} : { port }) });
const total = (list: readonly PartitionStatus[], key: 'consumed' | 'applied' | 'duplicates' | 'deadLettered'): number =>
  list.reduce((sum, partition) => sum + partition[key], 0);

describe('two processes of one group', () => {
  it('read everything although each is killed once on the way', async () => {
    processes.push(await serve(), await serve());
    const feed = await openFeed(kafka.brokers, log);
    const consumedBy = async (witness: Tidemark): Promise<number> => total((await witness.status()).partitions, 'consumed');
    const killOrder = [
      { victim: 0, witness: 1, atShare: 0.4 },
      { victim: 1, witness: 0, atShare: 0.7 },
    ];
    let at = 0;
    for (const { victim, witness, atShare } of killOrder) {
      await until(
        `${atShare} of the log is applied`,
        60_000,
        async () => {
          const applied = await consumedBy(processes[witness]);
          // A little ahead of the readers, so that the kill meets them in the middle of their work.
          if (at < SLICES && applied >= ((at - 3) / SLICES) * EVENTS) {
            await feed.produce(at / SLICES, ++at / SLICES);
          }
          return applied >= atShare * EVENTS;
        },
        20,
      );
      expect(at).toBeLessThan(SLICES);
      expect(processes[victim].log().some((line) => line['msg'] === 'partition assigned')).toBe(true);
      await processes[victim].process.kill();
      processes[victim] = await serve(processes[victim].port);
    }
    await feed.produce(at / SLICES, 1);
    await feed.close();
    const records = countRecords(log);
    partitions = await until('the lag is 0', 60_000, async () => {
      const status = await processes[0].status();
      const done = status.complete && status.partitions.length === 4 && status.partitions.every((partition) => partition.lag === 0);
      return done && total(status.partitions, 'consumed') >= records ? status.partitions : null;
    });
    expect(processes.every((each) => each.process.running())).toBe(true);
  }, 180_000);

  it('leave a ledger that balances, partition by partition, as the oracle counts', () => {
    const count = (list: readonly { readonly partition: string }[], id: string): number =>
      list.filter((record) => record.partition === id).length;
    const expected = [...log].map(([partition, records]) => ({
      partition,
      offset: records.length,
      lag: 0,
      consumed: records.length,
      applied: count(
        reference.applied.map((event) => event.record),
        partition,
      ),
      duplicates: count(reference.duplicates, partition),
      deadLettered: count(reference.refused, partition),
      lost: 0,
    }));
    expect([...partitions].sort((a, b) => (a.partition < b.partition ? -1 : 1))).toMatchObject(expected);
    for (const { consumed, applied, duplicates, deadLettered } of partitions) expect(consumed).toBe(applied + duplicates + deadLettered);
    expect(total(partitions, 'duplicates')).toBeGreaterThan(1_000);
    expect(total(partitions, 'deadLettered')).toBeGreaterThan(300);
  });

  it('leave exactly the applied records as raw rows', async () => {
    const rows = await askClickHouse('SELECT topic, partition, offset FROM killed.events FINAL ORDER BY topic, partition, offset');
    const expected = reference.applied
      .map(({ record }) => ({ id: record.partition, offset: record.offset }))
      .sort((a, b) => (a.id === b.id ? a.offset - b.offset : a.id < b.id ? -1 : 1))
      .map(({ id, offset }) => `${id.replace('/', '\t')}\t${offset}`);
    expect(rows.length).toBe(expected.length);
    expect(rows.filter((row, i) => row !== expected[i]).slice(0, 5)).toEqual([]);
  });

  it('leave exactly the refused records as dead letters', async () => {
    const { stdout } = await promisify(execFile)(
      'kcat',
      ['-C', '-b', kafka.brokers.join(','), '-t', `${TOPIC}.dead-letters`, '-e', '-q', '-f', '%k\t%h\n'],
      {
        maxBuffer: 16 * 1024 * 1024,
      },
    );
    const letters = stdout.split('\n').filter((line) => line !== '');
    const keys = new Set(letters.map((line) => line.split('\t')[0]));
    expect([...keys].sort()).toEqual(reference.refused.map(({ partition, offset }) => `${partition}/${offset}`).sort());
    // Repeated by a killed flush at most: the same key again.
    expect(letters.every((line) => /reason=\w+/.test(line))).toBe(true);
  });
});

describe(`${questions.length} questions: every measure, in total and per minute, as a whole and by each dimension`, () => {
  beforeAll(async () => {
    await hot.start();
    await cold.start();
  });

  const wrongAnswers = async (ask: (question: Question, i: number) => Promise<Answer>, tiers: readonly string[]): Promise<string[]> => {
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const [i, question] of questions.entries()) {
      const answer = await ask(question, i);
      seen.add(tiersOf(answer));
      const problems = judge(question, answer, reference);
      if (problems.length > 0)
        wrong.push(`${JSON.stringify(question.body)} by ${tiersOf(answer)}: ${problems.length} wrong, first: ${problems[0]}`);
    }
    expect([...seen]).toEqual(expect.arrayContaining([...tiers]));
    if (tiers.length === 1) expect(seen.size).toBe(1);
    return wrong;
  };
  const inProcess =
    (hotFromMs: () => number) =>
    async (question: Question): Promise<Answer> => {
      const freshness = new GroupFreshness(definition, systemClock, hot, null);
      const engine = narrowedEngine(
        { definition, clock: systemClock, hot, cold, freshness, onError: (error) => expect.fail(String(error)) },
        hotFromMs(),
      );
      const { results } = await engine.run(definition.tenants[0], question.body, new AbortController().signal);
      await engine.settled();
      return results['A'] as unknown as Answer;
    };

  it('are answered right by both processes from the hot tier', async () => {
    expect(await wrongAnswers(async (question, i) => (await processes[i % 2].query(question.body))['A'], ['hot'])).toEqual([]);
  });

  it('are answered right by the cold tier alone', async () => {
    expect(
      await wrongAnswers(
        inProcess(() => Number.POSITIVE_INFINITY),
        ['cold'],
      ),
    ).toEqual([]);
  });

  it('are answered right across a boundary that stands anywhere', async () => {
    const draw = random(7);
    const anywhere = inProcess(() => START_MS + draw() * (END_MS - START_MS));
    expect(await wrongAnswers(anywhere, ['cold', 'cold+hot'])).toEqual([]);
  });
});

async function askClickHouse(sql: string): Promise<string[]> {
  const response = await fetch(clickhouse.url, { method: 'POST', body: `${sql} FORMAT TabSeparated` });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.split('\n').filter((line) => line !== '');
}
