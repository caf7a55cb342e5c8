// An idempotent producer that is made anew when it is past use: kafkajs' own stays broken after its topic was deleted or its producer id
// forgotten by the brokers. Shared by the writer of events and the dead-letter topic.
// Invariant: `send` resolves only when all in-sync replicas have the messages; after a rejection their fate is unknown.

import { Partitioners, type Message, type PartitionMetadata, type Producer, type RecordMetadata } from 'kafkajs';
import type { KafkaConfig } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { createKafkaClient, openCluster, toKafkaError, type KafkaClient, type SourceLog } from './kafka-client.js';

/** acks=all */
const ALL_IN_SYNC = -1;
const SEND_TIMEOUT_MS = 30_000;

export class KafkaProducer {
  readonly #client: KafkaClient;
  readonly #config: KafkaConfig;
  readonly #log: SourceLog;
  #connected: Promise<Producer> | null = null;
  #closed = false;

  constructor(config: KafkaConfig, log: SourceLog) {
    this.#client = createKafkaClient(config, log);
    this.#config = config;
    this.#log = log;
  }

  async #connect(): Promise<Producer> {
    const producer = this.#client.kafka.producer({
      idempotent: true,
      // With more, a retry could overtake what follows it.
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      // Enough for a leader election; the sequence numbers make repeats harmless.
      retry: { retries: 8, initialRetryTime: 200, maxRetryTime: 5_000 },
    });
    await producer.connect();
    return producer;
  }

  /**
   * @returns per partition written, its base offset; messages of one partition get consecutive offsets
   * @throws TidemarkError: invalid (too large, not allowed, no such topic), else unknown_outcome or unavailable
   */
  async send(topic: string, messages: Message[]): Promise<RecordMetadata[]> {
    if (this.#closed) throw new TidemarkError('fatal', 'KAFKA_PRODUCER_CLOSED', 'the Kafka producer is closed');
    const connecting = (this.#connected ??= this.#connect());
    try {
      const producer = await connecting;
      return await producer.send({ topic, messages, acks: ALL_IN_SYNC, timeout: SEND_TIMEOUT_MS });
    } catch (error) {
      const known = toKafkaError(error, `write to topic ${topic}`);
      if (known.code !== 'KAFKA_MESSAGE_TOO_LARGE' && this.#connected === connecting) {
        this.#connected = null;
        connecting
          .then((producer) => producer.disconnect())
          .catch((again: unknown) => this.#log.debug({}, toKafkaError(again, 'disconnect').message));
      }
      throw known;
    }
  }

  /** @returns the topic's partitions @throws TidemarkError when there is no such topic */
  async partitions(topic: string): Promise<PartitionMetadata[]> {
    const cluster = openCluster(this.#client.kafka, this.#config.group);
    try {
      await cluster.connect();
      await cluster.addMultipleTargetTopics([topic]);
      return cluster.findTopicPartitionMetadata(topic);
    } catch (error) {
      throw toKafkaError(error, `find topic ${topic}`);
    } finally {
      await cluster.disconnect();
    }
  }

  /** Creates the topic with the brokers' default replication, if it is not there. */
  async ensureTopic(topic: string, partitions: number): Promise<void> {
    const admin = this.#client.kafka.admin();
    try {
      await admin.connect();
      const existing = await admin.listTopics();
      if (!existing.includes(topic)) {
        await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: -1 }], waitForLeaders: true });
      }
    } catch (error) {
      throw toKafkaError(error, `create topic ${topic}`);
    } finally {
      await admin.disconnect();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connecting = this.#connected;
    this.#connected = null;
    try {
      await (await connecting)?.disconnect();
    } catch (error) {
      this.#log.debug({}, toKafkaError(error, 'disconnect').message);
    }
    this.#client.destroySockets();
  }
}
