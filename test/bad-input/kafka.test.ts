// What only Kafka can bring: tombstones, records beyond the limit, batches that cannot be decoded. Through the real broker, the built
// program and its dead-letter topic: each refused record is there with its reason and its place, everything else is counted once.

import { Kafka, logLevel, type Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { breakChecksum, patchBatch, setUnknownCompression } from '../support/kafka-log-file.js';
import { until } from '../support/until.js';
import { SHOP_YAML } from './bench.js';
import { Served } from './served.js';

const TOPIC = 'shop';
const DEAD_LETTERS = 'shop.dead-letters';

interface Letter {
  readonly reason: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly detail: string;
  readonly value: Buffer | null;
}

let cluster: KafkaCluster;
let kafka: Kafka;
let producer: Producer;
let served: Served;
let settings: Record<string, string>;
/** What was sent to each of the two partitions, and what of it are events. */
const sent = [0, 0];
let good = 0;
let ids = 0;

beforeAll(async () => {
  cluster = await startKafka({
    topics: [{ name: TOPIC, partitions: 2, config: { 'max.message.bytes': '10000000' } }],
    properties: { 'message.max.bytes': '10000000' },
  });
  kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING });
  producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  settings = {
    TIDEMARK_AUTH: 'none',
    TIDEMARK_SOURCE_KAFKA_BROKERS: cluster.brokers.join(','),
    TIDEMARK_SOURCE_KAFKA_TOPICS: TOPIC,
    TIDEMARK_SOURCE_KAFKA_SESSION_TIMEOUT: '6s',
  };
});
afterAll(async () => {
  await served?.stop();
  await producer?.disconnect();
  await cluster?.stop();
});

function event(): string {
  good++;
  return JSON.stringify({ event_id: `k-${ids++}`, ts: Date.now() - 1_000, device: 'phone', amount: 1 });
}

/** One batch. @returns its first offset */
async function produce(values: readonly (string | Buffer | null)[], partition = 0): Promise<number> {
  await producer.send({ topic: TOPIC, messages: values.map((value) => ({ partition, value })) });
  sent[partition] += values.length;
  return sent[partition] - values.length;
}

/** All dead letters so far, in the order of the topic, without repetitions. */
async function letters(): Promise<Letter[]> {
  const admin = await cluster.admin();
  if (!(await admin.listTopics()).includes(DEAD_LETTERS)) return [];
  const [{ high }] = await admin.fetchTopicOffsets(DEAD_LETTERS);
  const consumer = kafka.consumer({ groupId: `reader-${ids++}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: DEAD_LETTERS, fromBeginning: true });
  const found = new Map<string, Letter>();
  let read = 0;
  await consumer.run({
    eachMessage: async ({ message }) => {
      read++;
      const header = (name: string): string => message.headers?.[name]?.toString() ?? '';
      found.set(message.key?.toString() ?? '', {
        reason: header('reason'),
        topic: header('topic'),
        partition: Number(header('partition')),
        offset: Number(header('offset')),
        detail: header('detail'),
        value: message.value,
      });
      return Promise.resolve();
    },
  });
  await until('all dead letters are read', 20_000, () => Promise.resolve(read >= Number(high)));
  await consumer.disconnect();
  return [...found.values()];
}

const lettersFrom = async (partition: number, offset: number): Promise<Letter[]> =>
  (await letters()).filter((letter) => letter.partition === partition && letter.offset >= offset);

/** It still reads, and every record of the topic is an event that is counted or dead-lettered. */
async function expectSound(): Promise<void> {
  await produce([event()]);
  await produce([event()], 1);
  const total = sent[0] + sent[1];
  const ledger = await served.ledgerAt(total);
  expect(ledger).toEqual({ consumed: total, applied: good, duplicates: 0, deadLettered: total - good });
  expect((await served.columns({ measure: 'events', format: 'total' })).values).toEqual([[good]]);
  expect((await served.columns({ kind: 'events', limit: 1_000 })).values[0]).toHaveLength(good);
}

it('a log that begins with batches nobody can decode is read all the same', async () => {
  await produce(['x', 'y']);
  await produce([event()]);
  await produce([event(), event(), event()]);
  await produce([event()]);
  await produce([event(), event()]);
  await patchBatch(cluster, TOPIC, 0, 2, setUnknownCompression);
  await patchBatch(cluster, TOPIC, 0, 4, breakChecksum);
  good -= 5;
  served = await Served.start(SHOP_YAML, settings);
  await expectSound();
  const found = await lettersFrom(0, 0);
  expect(found.map(({ reason, topic, partition, offset }) => [reason, topic, partition, offset])).toEqual([
    ['malformed_json', TOPIC, 0, 0],
    ['malformed_json', TOPIC, 0, 1],
    ['undecodable_batch', TOPIC, 0, 3],
    ['undecodable_batch', TOPIC, 0, 7],
  ]);
  expect(found[2].detail).toMatch(/compression/);
  expect(found[3].detail).toMatch(/checksum/);
});

describe('while it runs', () => {
  afterEach(expectSound);

  it('null values (tombstones) and empty ones', async () => {
    const first = await produce([null, event(), '', null]);
    await served.ledgerAt(sent[0] + sent[1]);
    expect((await lettersFrom(0, first)).map(({ reason, offset, value }) => [reason, offset, value?.length ?? 0])).toEqual([
      ['empty', first, 0],
      ['empty', first + 2, 0],
      ['empty', first + 3, 0],
    ]);
  });

  it('a record of 5 MB, beyond the limit of 1 MiB: its beginning is kept', async () => {
    const large = JSON.stringify({ ts: Date.now(), pad: 'x'.repeat(5_000_000) });
    const first = await produce([event(), large, event()]);
    await served.ledgerAt(sent[0] + sent[1]);
    const [letter] = await lettersFrom(0, first);
    expect([letter.reason, letter.offset, letter.value?.length]).toEqual(['too_large', first + 1, 64 * 1024]);
    expect(letter.detail).toMatch(/found 50\d+ bytes, expected at most 1048576/);
    expect(large.startsWith(letter.value?.toString() ?? '?')).toBe(true);
  });

  it('one of each kind in each partition, between events', async () => {
    const bad = [
      '{',
      '[]',
      '{}',
      '{"ts":0}',
      '{"ts":"2099-01-01"}',
      Buffer.from([0x7b, 0xff, 0x7d]),
      `{"ts":${Date.now()},"amount":"NaN"}`,
    ];
    const reasons = ['malformed_json', 'not_an_object', 'missing_time', 'time_too_old', 'time_in_future', 'invalid_utf8', 'wrong_type'];
    for (const partition of [0, 1]) {
      const first = await produce(
        bad.flatMap((value) => [value, event()]),
        partition,
      );
      await served.ledgerAt(sent[0] + sent[1]);
      const found = await lettersFrom(partition, first);
      expect(found.map(({ reason, offset }) => [reason, offset])).toEqual(reasons.map((reason, i) => [reason, first + 2 * i]));
      found.forEach(({ value, detail }, i) => {
        expect(value).toEqual(Buffer.from(bad[i]));
        expect(detail.length).toBeGreaterThan(10);
      });
    }
  });

  it('a thousand tombstones in one batch', async () => {
    const first = await produce(new Array<null>(1_000).fill(null), 1);
    await served.ledgerAt(sent[0] + sent[1]);
    expect(await lettersFrom(1, first)).toHaveLength(1_000);
  });

  it('and a restart reads none of it again', async () => {
    const before = (await letters()).length;
    await served.restart();
    await until('both partitions are owned', 20_000, async () => (await served.tidemark.status()).partitions.length === 2);
    expect((await letters()).length).toBe(before);
  });
});
