import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../aggregator/src/clock.js';
import type { KafkaConfig } from '../../aggregator/src/definition/model.js';
import type { TidemarkError } from '../../aggregator/src/errors.js';
import { createKafkaDeadLetters } from '../../aggregator/src/source/kafka-dead-letters.js';
import { createKafkaSource, type KafkaSourceOptions } from '../../aggregator/src/source/kafka-source.js';
import { createKafkaWriter } from '../../aggregator/src/source/kafka-writer.js';
import type { LogSource, LogWriter } from '../../aggregator/src/source/log.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { kafkaConfig } from '../support/kafka-config.js';
import { RecordingConsumer } from '../support/recording-consumer.js';

const USER = { username: 'reader', password: 'open sesame' };
let cluster: KafkaCluster;
const sources: LogSource[] = [];
const writers: LogWriter[] = [];
const fatal: TidemarkError[] = [];

beforeAll(async () => {
  cluster = await startKafka({
    secured: USER,
    topics: [
      { name: 'secured', partitions: 2 },
      { name: 'plain', partitions: 2 },
      { name: 'kept', partitions: 2 },
    ],
  });
});
afterEach(async () => {
  await Promise.all(sources.splice(0).map((source) => source.stop()));
  await Promise.all(writers.splice(0).map((writer) => writer.close()));
  expect(fatal.splice(0)).toEqual([]);
});
afterAll(async () => {
  await cluster?.stop();
});

async function begin(config: KafkaConfig, options: Partial<KafkaSourceOptions> = {}) {
  const consumer = new RecordingConsumer();
  const source = createKafkaSource(config, { clock: systemClock, onFatal: (error) => void fatal.push(error), ...options });
  sources.push(source);
  await source.start(consumer);
  return { source, consumer };
}

async function refusalOf(config: KafkaConfig, options: Partial<KafkaSourceOptions> = {}): Promise<TidemarkError> {
  return begin(config, options).then(
    () => {
      throw new Error('it connected');
    },
    (error: TidemarkError) => error,
  );
}

function writerFor(config: KafkaConfig): LogWriter {
  const writer = createKafkaWriter(config, () => systemClock.now());
  writers.push(writer);
  return writer;
}

function event(key: string, text: string) {
  return { key, value: Buffer.from(text) };
}

async function securedConfig(mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', group: string): Promise<KafkaConfig> {
  const { broker, certificates } = cluster.secured ?? { broker: '', certificates: { caFile: '' } };
  const tls = {
    enabled: true,
    ca: await readFile(certificates.caFile, 'utf8'),
    cert: '',
    key: '',
    serverName: '',
    insecureSkipVerify: false,
  };
  return kafkaConfig([broker], ['secured'], { group, tls, sasl: { mechanism, ...USER } });
}

describe('TLS and SASL', () => {
  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('writes and reads over TLS with %s', async (mechanism) => {
    const config = await securedConfig(mechanism, `secured-${mechanism}`);
    const text = `by ${mechanism}`;
    await writerFor(config).append([event('user', text)]);
    const { consumer } = await begin(config);
    await consumer.until(() => consumer.texts().includes(text));
  });

  it('says at once that a password is wrong', async () => {
    const config = await securedConfig('scram-sha-256', 'wrong');
    const started = performance.now();
    const refusal = await refusalOf({ ...config, sasl: { mechanism: 'scram-sha-256', username: USER.username, password: 'guess' } });
    expect(refusal).toMatchObject({
      errorClass: 'invalid',
      code: 'KAFKA_LOGIN_REFUSED',
      remedy: expect.stringContaining('sasl') as string,
    });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('does not talk to a server whose certificate it does not trust', async () => {
    const config = await securedConfig('plain', 'untrusting');
    const refusal = await refusalOf({ ...config, tls: { ...config.tls, ca: '' } }, { startTimeoutMs: 500 });
    expect(refusal.message).toMatch(/certificate/);
  });
});

describe('what is not there', () => {
  it('names the topic that does not exist, and what to do', async () => {
    const refusal = await refusalOf(kafkaConfig(cluster.brokers, ['plain', 'nowhere']));
    expect(refusal).toMatchObject({
      errorClass: 'invalid',
      code: 'KAFKA_TOPIC_MISSING',
      remedy: expect.stringContaining('Create the topic') as string,
    });
    expect(refusal.message).toContain('nowhere');
  });

  it('gives up on brokers that cannot be reached after the time given, with the address', async () => {
    const free = await freePort();
    const refusal = await refusalOf(kafkaConfig([`127.0.0.1:${free}`], ['plain']), { startTimeoutMs: 1_000 });
    expect(refusal).toMatchObject({ errorClass: 'unavailable', code: 'KAFKA_UNAVAILABLE' });
    expect(refusal.message).toContain(`127.0.0.1:${free}`);
  });
});

describe('the writer', () => {
  it('reports each event where it stands, one user in one partition, in order', async () => {
    const config = kafkaConfig(cluster.brokers, ['plain']);
    const writer = writerFor(config);
    const events = Array.from({ length: 500 }, (_, i) => event(`user-${i % 7}`, `user-${i % 7} event ${i}`));
    const parts = [events.slice(0, 100), events.slice(100, 101), events.slice(101)];
    const stored = (await Promise.all(parts.map((part) => writer.append(part)))).flat();
    const { consumer } = await begin(config);
    await consumer.until(() => consumer.values.length === 500);
    const read = new Map(consumer.values.map((v) => [`${v.partition}@${v.offset}`, v.value?.toString()]));
    expect(stored.map(({ partition, offset }) => read.get(`${partition}@${offset}`))).toEqual(events.map(({ value }) => value.toString()));
    const homes = new Map<string, Set<string>>();
    stored.forEach(({ partition }, i) => homes.set(events[i].key, (homes.get(events[i].key) ?? new Set()).add(partition)));
    expect([...homes.values()].every((partitions) => partitions.size === 1)).toBe(true);
  });

  it('refuses an event that the topic takes not, and stores those beside it', async () => {
    const writer = writerFor(kafkaConfig(cluster.brokers, ['plain']));
    const results = await Promise.allSettled([
      writer.append([event('a', 'small')]),
      writer.append([event('a', 'x'.repeat(1_500_000))]),
      writer.append([event('a', 'small too')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { errorClass: 'invalid', code: 'KAFKA_MESSAGE_TOO_LARGE' } });
  });

  it('goes on after its topic was deleted and made anew', async () => {
    await cluster.createTopic({ name: 'fleeting' });
    const writer = writerFor(kafkaConfig(cluster.brokers, ['fleeting']));
    await writer.append([event('a', 'first life')]);
    await cluster.deleteTopic('fleeting');
    await cluster.createTopic({ name: 'fleeting' });
    await expect
      .poll(
        async () =>
          writer.append([event('a', 'second life')]).then(
            (stored) => stored[0].partition,
            () => 'not yet',
          ),
        { timeout: 20_000 },
      )
      .toBe('fleeting/0');
  });

  it('writes dead letters with their reason and place in the headers, making the topic', async () => {
    const config = kafkaConfig(cluster.brokers, ['plain']);
    const sink = createKafkaDeadLetters(config);
    const letter = {
      partition: 'plain/1',
      offset: 42,
      timestampMs: 1_700_000_000_000,
      reason: 'missing_time' as const,
      detail: 'ts: nothing found',
      value: Buffer.alloc(70_000, 'v'),
    };
    await sink.write([letter, { ...letter, offset: 43, value: Buffer.from([0xff, 0]) }]);
    await sink.close();
    const { consumer } = await begin(kafkaConfig(cluster.brokers, ['plain.dead-letters']));
    await consumer.until(() => consumer.values.length === 2);
    expect(consumer.values.map(({ value }) => value?.length)).toEqual([65_536, 2]);
    const { Kafka, logLevel } = await import('kafkajs');
    const reader = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING }).consumer({ groupId: 'headers' });
    await reader.connect();
    await reader.subscribe({ topics: ['plain.dead-letters'], fromBeginning: true });
    const seen: Record<string, string>[] = [];
    await reader.run({
      eachMessage: async ({ message }) =>
        void seen.push({
          key: String(message.key),
          ...Object.fromEntries(Object.entries(message.headers ?? {}).map(([k, v]) => [k, String(v)])),
        }),
    });
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(2);
    await reader.disconnect();
    expect(seen[0]).toEqual({
      key: 'plain/1/42',
      reason: 'missing_time',
      detail: 'ts: nothing found',
      topic: 'plain',
      partition: '1',
      offset: '42',
      timestamp: '1700000000000',
    });
  });
});

// Last, because it takes the broker away.
describe('a broker that goes away', () => {
  it('is waited for, and reading goes on in order with nothing lost or doubled', async () => {
    const config = kafkaConfig(cluster.brokers, ['kept'], { sessionTimeoutMs: 6_000 });
    const writer = writerFor(config);
    const { source, consumer } = await begin(config);
    consumer.choose = (p) => Math.max(-1, ...consumer.values.filter((v) => v.partition === p.id).map((v) => v.offset)) + 1;
    await writer.append(Array.from({ length: 50 }, (_, i) => event(`u${i}`, `before ${i}`)));
    await consumer.until(() => consumer.values.length === 50);
    await cluster.kill();
    const commit = await source.commit([{ partition: 'kept/0', offset: 0, metadata: '' }]).then(
      () => null,
      (error: TidemarkError) => error,
    );
    expect(['retryable', 'fenced']).toContain(commit?.errorClass);
    await cluster.restart();
    await expect
      .poll(
        () =>
          writer.append([event('probe', 'probe')]).then(
            () => true,
            () => false,
          ),
        { timeout: 40_000, interval: 500 },
      )
      .toBe(true);
    await writer.append(Array.from({ length: 50 }, (_, i) => event(`u${i}`, `after ${i}`)));
    await consumer.until(() => consumer.texts().filter((text) => text.startsWith('after')).length === 50, 40_000);
    for (const partition of ['kept/0', 'kept/1']) {
      const offsets = consumer.values.filter((v) => v.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual(offsets.map((_, i) => i));
    }
    await expect
      .poll(() =>
        source.commit(consumer.owned.map((partition) => ({ partition, offset: 1, metadata: '' }))).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  }, 90_000);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
