// What tests of the Kafka source rely on when they start, break and restart brokers.

import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import { startKafka, type KafkaCluster } from './kafka-broker.js';

let cluster: KafkaCluster;
afterEach(() => cluster.stop());

const clientOf = (brokers: readonly string[]): Kafka =>
  new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 30 } });

async function endOffsets(client: Kafka, topic: string): Promise<number> {
  const admin = client.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets.reduce((sum, { offset }) => sum + Number(offset), 0);
}

describe('one node', () => {
  it('has the topics that were asked for, and keeps its records through SIGKILL and a restart', async () => {
    cluster = await startKafka({ topics: [{ name: 'events', partitions: 4, config: { 'max.message.bytes': '2000000' } }] });
    await cluster.createTopic({ name: 'later' });
    const client = clientOf(cluster.brokers);
    const admin = await cluster.admin();
    expect((await admin.listTopics()).sort()).toEqual(['events', 'later']);
    expect((await admin.fetchTopicMetadata({ topics: ['events'] })).topics[0]?.partitions).toHaveLength(4);
    const producer = client.producer({ idempotent: true });
    await producer.connect();
    await producer.send({ topic: 'events', messages: Array.from({ length: 100 }, (_, n) => ({ key: `k${n}`, value: `v${n}` })) });
    await cluster.kill();
    await cluster.restart();
    await producer.send({ topic: 'events', messages: [{ value: 'after' }] });
    await producer.disconnect();
    expect(await endOffsets(client, 'events')).toBe(101);
  });

  it('lets a user in by TLS with PLAIN and SCRAM, and nobody with a wrong password', async () => {
    cluster = await startKafka({ secured: { username: 'tide', password: 'mark' }, topics: [{ name: 'events' }] });
    const send = async (sasl: SASLOptions): Promise<void> => {
      const { broker, certificates } = cluster.secured!;
      const client = new Kafka({
        brokers: [broker],
        logLevel: logLevel.NOTHING,
        ssl: { ca: [certificates.ca] },
        sasl,
        retry: { retries: 1 },
      });
      const producer = client.producer();
      await producer.connect();
      await producer.send({ topic: 'events', messages: [{ value: sasl.mechanism }] });
      await producer.disconnect();
    };
    await send({ mechanism: 'plain', username: 'tide', password: 'mark' });
    await send({ mechanism: 'scram-sha-256', username: 'tide', password: 'mark' });
    await send({ mechanism: 'scram-sha-512', username: 'tide', password: 'mark' });
    await expect(send({ mechanism: 'scram-sha-256', username: 'tide', password: 'wrong' })).rejects.toThrow(/authentication/i);
    expect(await endOffsets(clientOf(cluster.brokers), 'events')).toBe(3);
  });
});

describe('three nodes', () => {
  it('loses no acknowledged record when one is killed, and takes it back', async () => {
    cluster = await startKafka({ nodes: 3, topics: [{ name: 'events', partitions: 3 }] });
    const client = clientOf(cluster.brokers);
    const producer = client.producer({ idempotent: true });
    await producer.connect();
    for (let n = 0; n < 40; n++) {
      if (n === 10) await cluster.kill(1);
      if (n === 30) await cluster.restart(1);
      await producer.send({ topic: 'events', acks: -1, messages: [{ key: String(n), value: String(n) }] });
    }
    await producer.disconnect();
    expect(await endOffsets(client, 'events')).toBe(40);
  }, 90_000);
});
