// Puts the oracle's log into a Kafka topic, offset by offset, and names the settings of a process that reads it.

import { Kafka, logLevel } from 'kafkajs';
import type { LogRecord } from '../oracle/reference.js';
import type { ClickHouseHttp } from './clickhouse-http.js';
import type { ScriptedRecord } from './scripted-log.js';

export type ShopLog = ReadonlyMap<string, readonly ScriptedRecord[]>;

/** The same records under the offsets that an empty topic gives them: without gaps. */
export function withoutGaps(topic: string, log: ShopLog): Map<string, ScriptedRecord[]> {
  return new Map(
    [...log].map(([id, records]) => [`${topic}/${id.split('/')[1]}`, records.map((record, offset) => ({ ...record, offset }))]),
  );
}

/** All records, partition by partition, as the reference takes them. */
export function inLogOrder(log: ShopLog): LogRecord[] {
  return [...log].flatMap(([partition, list]) =>
    list.map((r) => ({ partition, offset: r.offset, timestampMs: r.timestampMs, value: String(r.value) })),
  );
}

export function countRecords(log: ShopLog): number {
  return [...log.values()].reduce((sum, records) => sum + records.length, 0);
}

export interface LogFeed {
  /** Appends the records of every partition between two shares of its length, 0 to 1. Resolves when the broker has them. */
  produce(fromShare: number, toShare: number): Promise<void>;
  close(): Promise<void>;
}

const RECORDS_PER_REQUEST = 2_000;

/** Appends to an empty topic, exactly once and in order, with the log's own timestamps. */
export async function openFeed(brokers: readonly string[], log: ShopLog): Promise<LogFeed> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100, retries: 30 } });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  await producer.connect();
  return {
    produce: async (fromShare, toShare) => {
      for (const [id, records] of log) {
        const [topic, partition] = id.split('/');
        const part = records.slice(Math.floor(records.length * fromShare), Math.floor(records.length * toShare));
        for (let at = 0; at < part.length; at += RECORDS_PER_REQUEST) {
          const sent = await producer.send({
            topic,
            messages: part.slice(at, at + RECORDS_PER_REQUEST).map(({ value, timestampMs }) => ({
              partition: Number(partition),
              timestamp: String(timestampMs),
              value: typeof value === 'string' || value === null ? value : Buffer.from(value),
            })),
          });
          const base = Number(sent[0].baseOffset);
          if (base !== part[at].offset) throw new Error(`${id}: record ${part[at].offset} of the log went to offset ${base}`);
        }
      }
    },
    close: () => producer.disconnect(),
  };
}

export interface StackPlaces {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly redisPort: number;
  readonly clickhouse: Pick<ClickHouseHttp, 'url'>;
  readonly database: string;
}

/** Settings for test/oracle/shop.yaml with Kafka, Redis and ClickHouse; the group is named after the database. */
export function stackSettings({ brokers, topic, redisPort, clickhouse, database }: StackPlaces): Record<string, string> {
  return {
    TIDEMARK_AUTH: 'none',
    TIDEMARK_SOURCE_KAFKA_BROKERS: brokers.join(','),
    TIDEMARK_SOURCE_KAFKA_TOPICS: topic,
    TIDEMARK_SOURCE_KAFKA_GROUP: database,
    // The least that a broker allows: a killed process gives its partitions up after so long.
    TIDEMARK_SOURCE_KAFKA_SESSION_TIMEOUT: '6s',
    TIDEMARK_HOT_KIND: 'redis',
    TIDEMARK_HOT_REDIS_NODES: `127.0.0.1:${redisPort}`,
    TIDEMARK_HOT_REDIS_KEY_PREFIX: database,
    TIDEMARK_COLD_KIND: 'http',
    TIDEMARK_COLD_URL: clickhouse.url,
    TIDEMARK_COLD_DATABASE: database,
  };
}
