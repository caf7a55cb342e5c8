// The connections' part of a compiled definition: source, hot and cold tier. Pure; secrets were read before.

import { parseStart } from './check-access.js';
import type { ConnectionSecrets } from './connection-secrets.js';
import type { ColdConfig, DemoConfig, HotConfig, KafkaConfig, SourceConfig } from './model.js';
import { durationMs, sizeBytes } from './quantities.js';
import type { DefinitionInput } from './schema.js';
import { NO_INCIDENTS } from './schema-connections.js';

const DEFAULT_DEMO = { seed: 1, rate: 50, history: '3h', incidents: '15m' };

export function compileSource({ source }: DefinitionInput, secrets: ConnectionSecrets): SourceConfig {
  return { kafka: compileKafka(source.kafka, secrets), demo: compileDemo(source.demo), format: source.format };
}

function compileKafka(kafka: DefinitionInput['source']['kafka'], secrets: ConnectionSecrets): KafkaConfig | null {
  if (kafka === undefined) return null;
  const { sasl } = kafka;
  return {
    brokers: listOf(kafka.brokers),
    topics: listOf(kafka.topics),
    group: kafka.group,
    clientId: kafka.clientId,
    start: parseStart(kafka.start) ?? { from: 'earliest' },
    tls: secrets.kafkaTls,
    sasl: sasl === undefined ? null : { mechanism: sasl.mechanism, username: sasl.username, password: secrets.saslPassword },
    maxRecordBytes: sizeBytes(kafka.maxRecord),
    sessionTimeoutMs: durationMs(kafka.sessionTimeout),
    deadLetterTopic: kafka.deadLetterTopic ?? '',
  };
}

function compileDemo(given: DefinitionInput['source']['demo']): DemoConfig | null {
  if (given === undefined) return null;
  const demo = given ?? DEFAULT_DEMO;
  return {
    seed: demo.seed,
    rate: demo.rate,
    historyMs: durationMs(demo.history),
    incidentsEveryMs: demo.incidents === NO_INCIDENTS ? null : durationMs(demo.incidents),
  };
}

export function compileHot({ hot }: DefinitionInput, secrets: ConnectionSecrets): HotConfig {
  const { redis } = hot;
  return {
    kind: hot.kind,
    redis: {
      mode: redis?.mode ?? 'single',
      nodes: listOf(redis?.nodes ?? 'localhost:6379'),
      sentinelName: redis?.sentinelName ?? '',
      username: redis?.username ?? '',
      password: secrets.redisPassword,
      sentinelPassword: secrets.sentinelPassword,
      db: redis?.db ?? 0,
      tls: secrets.redisTls,
      keyPrefix: redis?.keyPrefix ?? 'tidemark',
    },
    shards: hot.shards,
    maxMemoryBytes: sizeBytes(hot.maxMemory),
    ...(hot.expectedRate === undefined ? {} : { expectedEventsPerSecond: hot.expectedRate }),
  };
}

export function compileCold({ cold }: DefinitionInput, secrets: ConnectionSecrets): ColdConfig {
  return {
    kind: cold.kind,
    url: cold.url,
    username: cold.username,
    password: secrets.coldPassword,
    database: cold.database,
    tls: secrets.coldTls,
    cluster: cold.cluster ?? '',
    requestTimeoutMs: durationMs(cold.requestTimeout),
  };
}

function listOf(given: string | readonly string[]): readonly string[] {
  return typeof given === 'string' ? [given] : given;
}
