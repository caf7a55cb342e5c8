// Kafka that is not there when a process starts is waited for, however long, as the stores are. It used to end the process after 30 s.

import { afterEach, expect, it } from 'vitest';
import { createKafkaSource } from '../../aggregator/src/source/kafka-source.js';
import type { LogConsumer } from '../../aggregator/src/source/log.js';
import { TcpProxy } from '../faults/world/tcp-proxy.js';
import { startKafka } from '../support/kafka-broker.js';
import { kafkaConfig } from '../support/kafka-config.js';
import { freePorts } from '../support/managed-process.js';
import { until } from '../support/until.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('is waited for, and whoever waits is told so', async () => {
  const [nobody] = await freePorts(1);
  const proxy = await TcpProxy.open(nobody);
  ends.push(() => proxy.close());
  const waiting: string[] = [];
  // An hour passes between any two looks at the clock.
  let hours = 0;
  const clock = { now: () => Date.now(), monotonic: () => ++hours * 3_600_000 };
  const fatal: unknown[] = [];
  const source = createKafkaSource(kafkaConfig([`127.0.0.1:${proxy.port}`], ['late']), {
    clock,
    onFatal: (error) => fatal.push(error),
    onWaiting: (problem) => waiting.push(problem.code),
  });
  ends.push(() => source.stop());
  let assigned: readonly string[] = [];
  const consumer: LogConsumer = {
    assigned: (_generation, partitions) => {
      assigned = partitions.map(({ id }) => id);
      return Promise.resolve(new Map(partitions.map(({ id, logStart }) => [id, logStart])));
    },
    revoked: () => Promise.resolve(),
    batch: () => Promise.resolve(),
    undecodable: () => Promise.resolve(),
    idle: () => undefined,
  };
  const started = source.start(consumer);
  await until('it waits', 30_000, () => Promise.resolve(waiting.length >= 3));
  expect(new Set(waiting)).toEqual(new Set(['KAFKA_UNAVAILABLE']));
  const kafka = await startKafka({ topics: [{ name: 'late', partitions: 2 }] });
  ends.push(() => kafka.stop());
  proxy.retarget(Number(kafka.brokers[0].split(':')[1]));
  await started;
  expect([...assigned].sort()).toEqual(['late/0', 'late/1']);
  expect(fatal).toEqual([]);
}, 180_000);
