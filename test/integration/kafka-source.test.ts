import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../aggregator/src/clock.js';
import type { KafkaConfig } from '../../aggregator/src/definition/model.js';
import type { TidemarkError } from '../../aggregator/src/errors.js';
import { createKafkaSource, type KafkaSourceOptions } from '../../aggregator/src/source/kafka-source.js';
import type { LogSource } from '../../aggregator/src/source/log.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { kafkaConfig } from '../support/kafka-config.js';
import { breakChecksum, patchBatch, setUnknownCompression } from '../support/kafka-log-file.js';
import { produceByKcat } from '../support/kcat.js';
import { RecordingConsumer } from '../support/recording-consumer.js';

let cluster: KafkaCluster;
let kafka: Kafka;
let producer: Producer;
let topics = 0;
const sources: LogSource[] = [];
const fatal: TidemarkError[] = [];

beforeAll(async () => {
  cluster = await startKafka({ properties: { 'message.max.bytes': '10000000', 'group.min.session.timeout.ms': '1000' } });
  kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING });
  producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
});
afterEach(async () => {
  await Promise.all(sources.splice(0).map((source) => source.stop()));
  expect(fatal.splice(0)).toEqual([]);
});
afterAll(async () => {
  await producer?.disconnect();
  await cluster?.stop();
});

async function newTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
  const name = `shop.events.${++topics}`;
  await cluster.createTopic({ name, partitions, config });
  return name;
}

async function produce(topic: string, values: readonly (string | Buffer | null)[], partition = 0): Promise<void> {
  await producer.send({ topic, messages: values.map((value) => ({ partition, value })) });
}

async function begin(config: KafkaConfig, options: Partial<KafkaSourceOptions> = {}, consumer = new RecordingConsumer()) {
  const source = createKafkaSource(config, { clock: systemClock, onFatal: (error) => void fatal.push(error), ...options });
  sources.push(source);
  await source.start(consumer);
  return { source, consumer };
}

async function end(source: LogSource): Promise<void> {
  sources.splice(sources.indexOf(source), 1);
  await source.stop();
}

/** Numbered texts, long enough to be worth compressing. */
function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i} ${'shoes and shirts '.repeat(i % 20)}`);
}

describe('reading', () => {
  it('reads every compression that another client writes, exactly as kafkajs decodes it', async () => {
    const topic = await newTopic();
    const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
    for (const compression of compressions) await produceByKcat(cluster.brokers, { topic, compression, values: texts(compression, 700) });
    await producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: [{ key: 'k', value: 'with headers', headers: { a: 'b', c: ['d', 'e'] }, timestamp: '1700000000123' }],
    });
    const expected = [...compressions.flatMap((compression) => texts(compression, 700)), 'with headers'];

    const { consumer } = await begin(kafkaConfig(cluster.brokers, [topic], { group: 'lean' }));
    const { consumer: plain } = await begin(kafkaConfig(cluster.brokers, [topic], { group: 'plain' }), { plainDecoding: true });
    await consumer.until(() => consumer.values.length >= expected.length);
    await plain.until(() => plain.values.length >= expected.length);
    expect(consumer.texts()).toEqual(expected);
    expect(consumer.values.map(({ offset }) => offset)).toEqual(expected.map((_, i) => i));
    expect(consumer.values.at(-1)?.timestampMs).toBe(1_700_000_000_123);
    expect(consumer.values).toEqual(plain.values);
  });

  it('hands on tombstones, empty values and a record of 5 MB as they are', async () => {
    const topic = await newTopic();
    const large = Buffer.alloc(5_000_000, 'x');
    await produce(topic, ['first', null, '', large, 'last']);
    const { consumer } = await begin(kafkaConfig(cluster.brokers, [topic]));
    await consumer.until(() => consumer.values.length === 5);
    expect(consumer.values.map(({ value }) => (value === null ? null : value.length))).toEqual([5, null, 0, 5_000_000, 4]);
    expect(consumer.values[3].value?.equals(large)).toBe(true);
  });

  it('delivers committed transactions and leaves aborted ones out, and tells that the log is read to its end', async () => {
    const topic = await newTopic();
    for (const [text, keep] of [
      ['one', true],
      ['two', false],
      ['three', true],
      ['four', false],
    ] as const) {
      await inTransaction(topic, text, keep);
    }
    await produce(topic, ['outside']);
    const { consumer } = await begin(kafkaConfig(cluster.brokers, [topic]));
    const [{ high }] = await (await cluster.admin()).fetchTopicOffsets(topic);
    await consumer.until(() => consumer.idleAt.get(`${topic}/0`) === Number(high));
    expect(consumer.texts()).toEqual(['one a', 'one b', 'three a', 'three b', 'outside']);
    // Aborted records and markers take offsets too.
    const offsets = consumer.values.map(({ offset }) => offset);
    expect(offsets[1]).toBe(offsets[0] + 1);
    expect(offsets[2]).toBeGreaterThanOrEqual(offsets[1] + 5);
    expect(Number(high)).toBe(offsets[4] + 1);
  });

  it('hands a batch of an unknown compression, and one with a wrong checksum, on to the dead letters and reads the rest', async () => {
    const topic = await newTopic();
    await produce(topic, ['before']);
    await produce(topic, ['a', 'b', 'c']);
    await produce(topic, ['between']);
    await produce(topic, ['d', 'e']);
    await produce(topic, ['after']);
    await patchBatch(cluster, topic, 0, 1, setUnknownCompression);
    await patchBatch(cluster, topic, 0, 3, breakChecksum);
    const { consumer } = await begin(kafkaConfig(cluster.brokers, [topic]));
    await consumer.until(() => consumer.texts().includes('after'));
    expect(consumer.texts()).toEqual(['before', 'between', 'after']);
    expect(consumer.unread.map(({ fromOffset, toOffset }) => [fromOffset, toOffset])).toEqual([
      [1, 4],
      [5, 7],
    ]);
    expect(consumer.unread[0].detail).toMatch(/compression 6/);
    expect(consumer.unread[1].detail).toMatch(/checksum/);
  });

  it('reads several topics, and reports those without records idle', async () => {
    const [first, second] = [await newTopic(2), await newTopic()];
    await produce(first, ['x'], 1);
    const { consumer } = await begin(kafkaConfig(cluster.brokers, [first, second]));
    await consumer.until(() => consumer.idleAt.size === 3 && consumer.values.length === 1);
    expect(Object.fromEntries(consumer.idleAt)).toEqual({ [`${first}/0`]: 0, [`${first}/1`]: 1, [`${second}/0`]: 0 });
    expect(consumer.assignments[0].allPartitions).toEqual([`${first}/0`, `${first}/1`, `${second}/0`]);
  });
});

describe('positions', () => {
  it('starts a partition that was never committed where the definition says', async () => {
    const topic = await newTopic();
    const messages = [0, 1, 2, 3].map((i) => ({ value: `m${i}`, timestamp: String(1_700_000_000_000 + i * 1_000) }));
    for (const message of messages) await producer.send({ topic, messages: [message] });
    const starts = [
      [{ from: 'earliest' }, 0],
      [{ from: 'latest' }, 4],
      [{ from: 'timestamp', timeMs: 1_700_000_001_500 }, 2],
      [{ from: 'timestamp', timeMs: 1_800_000_000_000 }, 4],
    ] as const;
    for (const [i, [start, offset]] of starts.entries()) {
      const { consumer } = await begin(kafkaConfig(cluster.brokers, [topic], { group: `start-${i}`, start }));
      expect(consumer.assignments[0].partitions).toEqual([
        { id: `${topic}/0`, committedOffset: null, committedMetadata: '', logStart: 0, logEnd: 4, startOffset: offset },
      ]);
    }
  });

  it('gives the committed offset and its metadata back to the next member', async () => {
    const topic = await newTopic();
    await produce(topic, ['a', 'b', 'c']);
    const config = kafkaConfig(cluster.brokers, [topic]);
    const first = await begin(config);
    const metadata = JSON.stringify({ warmFrom: 1, note: 'ä'.repeat(1_900) });
    await first.source.commit([{ partition: `${topic}/0`, offset: 2, metadata }]);
    await end(first.source);
    const second = await begin(config);
    expect(second.consumer.assignments[0].partitions[0]).toMatchObject({ committedOffset: 2, committedMetadata: metadata });
    await second.consumer.until(() => second.consumer.values.length === 1);
    expect(second.consumer.texts()).toEqual(['c']);
    await expect(second.source.commit([{ partition: `${topic}/0`, offset: 3, metadata: 'x'.repeat(4_001) }])).rejects.toMatchObject({
      errorClass: 'invalid',
    });
  });

  it('assigns again on request, from where the consumer then says', async () => {
    const topic = await newTopic();
    await produce(topic, ['a', 'b', 'c']);
    const { source, consumer } = await begin(kafkaConfig(cluster.brokers, [topic]));
    await consumer.until(() => consumer.values.length === 3);
    consumer.choose = () => 1;
    await source.reassign();
    await consumer.until(() => consumer.values.length === 5);
    expect(consumer.values.map(({ offset, generation }) => [offset, generation])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [1, 2],
      [2, 2],
    ]);
    expect(consumer.revocations).toBe(0);
  });

  it('says where the log begins when records were deleted, before and while they are read', async () => {
    const topic = await newTopic();
    const megabyte = (i: number): Buffer => Buffer.alloc(1_000_000, String(i % 10));
    for (let i = 0; i < 20; i++) await produce(topic, [megabyte(i)]);
    const admin = await cluster.admin();
    // kafkajs' admin deletes records only of topics that it has asked for before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
    const consumer = new RecordingConsumer();
    let release = (): void => undefined;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    consumer.onBatch = () => blocked;
    const { source } = await begin(kafkaConfig(cluster.brokers, [topic]), {}, consumer);
    expect(consumer.assignments[0].partitions[0]).toMatchObject({ logStart: 2, logEnd: 20, startOffset: 2 });
    await consumer.until(() => consumer.values.length > 0);
    await source.commit([{ partition: `${topic}/0`, offset: 3, metadata: '' }]);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '18' }] });
    consumer.choose = (p) => Math.max(p.committedOffset ?? 0, p.logStart);
    release();
    await consumer.until(() => consumer.assignments.length === 2 && consumer.values.at(-1)?.offset === 19);
    expect(consumer.assignments[1].partitions[0]).toMatchObject({ committedOffset: 3, logStart: 18, logEnd: 20 });
  });

  it('notices new partitions while running', async () => {
    const topic = await newTopic(2);
    const { consumer } = await begin(kafkaConfig(cluster.brokers, [topic]), { metadataMaxAgeMs: 500 });
    expect(consumer.owned).toHaveLength(2);
    const admin = await cluster.admin();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    await consumer.until(() => consumer.owned.length === 5);
    expect(consumer.revocations).toBe(1);
    await produceByKcat(cluster.brokers, { topic, partition: 4, values: ['in the new one'] });
    await consumer.until(() => consumer.texts(`${topic}/4`).length === 1);
  });
});

describe('the group', () => {
  it('shares partitions with a second member: flush and commit first, nothing lost, nothing read twice', async () => {
    const topic = await newTopic(4);
    const config = kafkaConfig(cluster.brokers, [topic]);
    const members: RecordingConsumer[] = [];
    const join = async () => {
      const consumer = new RecordingConsumer();
      members.push(consumer);
      const source = createKafkaSource(config, { clock: systemClock, onFatal: (error) => void fatal.push(error) });
      sources.push(source);
      // As the pipeline does: the position is committed at the last chance.
      consumer.onRevoked = () => source.commit(positions(consumer));
      await source.start(consumer);
      return { source, consumer };
    };
    const send = async (from: number): Promise<void> => {
      for (let p = 0; p < 4; p++)
        await produce(
          topic,
          Array.from({ length: 25 }, (_, i) => `${p}:${from + i}`),
          p,
        );
    };
    const first = await join();
    await send(0);
    await first.consumer.until(() => first.consumer.values.length === 100);
    const second = await join();
    await first.consumer.until(() => first.consumer.owned.length === 2);
    await second.consumer.until(() => second.consumer.owned.length === 2);
    expect(first.consumer.revocations).toBe(1);
    expect([...first.consumer.owned, ...second.consumer.owned].sort()).toEqual([0, 1, 2, 3].map((p) => `${topic}/${p}`));
    await send(25);
    await first.consumer.until(() => first.consumer.values.length + second.consumer.values.length === 200);
    await second.source.commit(positions(second.consumer));
    await end(second.source);
    await first.consumer.until(() => first.consumer.owned.length === 4);
    await send(50);
    await first.consumer.until(() => first.consumer.values.length + second.consumer.values.length === 300);
    const all = members.flatMap((consumer) => consumer.texts()).sort();
    expect(all).toEqual([0, 1, 2, 3].flatMap((p) => Array.from({ length: 75 }, (_, i) => `${p}:${i}`)).sort());
  });

  it('refuses to commit what it does not own, and what it owned before', async () => {
    const topic = await newTopic(2);
    const config = kafkaConfig(cluster.brokers, [topic]);
    const first = await begin(config);
    const second = await begin(config);
    await first.consumer.until(() => first.consumer.owned.length === 1);
    const [others] = second.consumer.owned;
    await expect(first.source.commit([{ partition: others, offset: 0, metadata: '' }])).rejects.toMatchObject({ errorClass: 'fenced' });
    await end(first.source);
    await expect(first.source.commit([{ partition: first.consumer.owned[0], offset: 0, metadata: '' }])).rejects.toMatchObject({
      errorClass: 'fenced',
    });
  });

  it('stays a member while a flush takes far longer than the session', async () => {
    const topic = await newTopic();
    await produce(topic, ['slow']);
    const consumer = new RecordingConsumer();
    consumer.onBatch = () => new Promise((resolve) => setTimeout(resolve, 5_000));
    const { source } = await begin(kafkaConfig(cluster.brokers, [topic], { sessionTimeoutMs: 1_500 }), {}, consumer);
    await consumer.until(() => consumer.values.length === 1);
    consumer.onBatch = () => Promise.resolve();
    await produce(topic, ['next']);
    await consumer.until(() => consumer.values.length === 2);
    expect(consumer.revocations).toBe(0);
    expect(consumer.assignments).toHaveLength(1);
    await source.commit([{ partition: `${topic}/0`, offset: 2, metadata: '' }]);
  });

  it('gives up what it lost while the process stood still: the commit is fenced, the partitions are assigned anew', async () => {
    const topic = await newTopic();
    await produce(topic, ['a']);
    const consumer = new RecordingConsumer();
    const refused: unknown[] = [];
    consumer.onBatch = () => {
      consumer.onBatch = () => Promise.resolve();
      // Not a single heartbeat gets out.
      for (const until = performance.now() + 4_000; performance.now() < until;);
      return Promise.resolve();
    };
    const { source } = await begin(kafkaConfig(cluster.brokers, [topic], { sessionTimeoutMs: 1_000 }), {}, consumer);
    consumer.onRevoked = () =>
      source.commit([{ partition: `${topic}/0`, offset: 1, metadata: '' }]).catch((error: unknown) => void refused.push(error));
    await consumer.until(() => consumer.assignments.length === 2 && consumer.values.length === 2);
    expect(refused).toMatchObject([{ errorClass: 'fenced' }]);
    expect(consumer.values.map(({ offset, generation }) => [offset, generation])).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it('stops quickly and calls nothing afterwards', async () => {
    const topic = await newTopic();
    const { source, consumer } = await begin(kafkaConfig(cluster.brokers, [topic]));
    const started = performance.now();
    await end(source);
    // Less than the grace given to callbacks that do not return.
    expect(performance.now() - started).toBeLessThan(3_500);
    const calls = consumer.values.length + consumer.revocations + consumer.assignments.length;
    await produce(topic, ['late']);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(consumer.values.length + consumer.revocations + consumer.assignments.length).toBe(calls);
  });

  it('ends with the error of a consumer that fails, and leaves the group to others', async () => {
    const topic = await newTopic();
    await produce(topic, ['a']);
    const consumer = new RecordingConsumer();
    consumer.onBatch = () => Promise.reject(new Error('no room'));
    const config = kafkaConfig(cluster.brokers, [topic]);
    await begin(config, {}, consumer);
    await consumer.until(() => consumer.values.length === 1);
    await expect.poll(() => fatal.length).toBe(1);
    expect(fatal.splice(0)[0]).toMatchObject({
      errorClass: 'fatal',
      code: 'CONSUMER_FAILED',
      message: expect.stringContaining('no room') as string,
    });
    const started = performance.now();
    await begin(config);
    // Less than the session timeout.
    expect(performance.now() - started).toBeLessThan(8_000);
  });
});

/** Each under an id of its own: a broker that is still ending one transaction refuses the next of the same id. */
async function inTransaction(topic: string, text: string, keep: boolean): Promise<void> {
  const producer = kafka.producer({
    transactionalId: `tx-${topic}-${text}`,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: `${text} a` }, { value: `${text} b` }] });
    await (keep ? transaction.commit() : transaction.abort());
  } finally {
    await producer.disconnect();
  }
}

/** Where each owned partition of the consumer stands. */
function positions(consumer: RecordingConsumer) {
  return consumer.owned.map((partition) => {
    const read = consumer.values.filter((v) => v.partition === partition && v.generation === consumer.generation);
    const assigned = consumer.assignments.at(-1)?.partitions.find(({ id }) => id === partition);
    return { partition, offset: (read.at(-1)?.offset ?? (assigned?.committedOffset ?? 0) - 1) + 1, metadata: '' };
  });
}
