// The connection to Kafka: addresses, TLS, SASL, logging and what its errors mean, in one place for consumer, producer and admin.
// Invariant: no error of kafkajs leaves this room; callers see TidemarkErrors with a class and a remedy.

import { createConnection, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, logLevel, PartitionAssigners, type Cluster, type KafkaConfig as ClientConfig, type logCreator } from 'kafkajs';
import type { KafkaConfig } from '../definition/model.js';
import { TidemarkError, type ErrorClass } from '../errors.js';

/** Structured log, the subset of pino's that sources use. */
export interface SourceLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const SILENT_LOG: SourceLog = { debug() {}, info() {}, warn() {}, error() {} };

export interface KafkaClient {
  readonly kafka: Kafka;
  /**
   * Closes every connection at once. kafkajs' own disconnect waits for answers that may never come: call that first, and this after it
   * or after a limit.
   */
  destroySockets(): void;
}

/** Makes the client; nothing is connected yet. */
export function createKafkaClient(config: KafkaConfig, log: SourceLog): KafkaClient {
  const sockets = new Set<Socket>();
  const client: ClientConfig = {
    brokers: [...config.brokers],
    clientId: config.clientId,
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 30_000,
    // One quick second try; longer waits are decided here, where it is known what is being waited for.
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 },
    logLevel: logLevel.INFO,
    logCreator: logInto(log),
    socketFactory: ({ host, port, ssl, onConnect }) => {
      const socket = config.tls.enabled
        ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
        : createConnection({ host, port }, onConnect);
      socket.setKeepAlive(true, 60_000);
      socket.setNoDelay(true);
      // kafkajs closes a dead connection again at every attempt to reach the broker, which leaves a listener each time.
      socket.setMaxListeners(0);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
  };
  if (config.tls.enabled) {
    client.ssl = {
      rejectUnauthorized: !config.tls.insecureSkipVerify,
      ...(config.tls.ca === '' ? {} : { ca: config.tls.ca }),
      ...(config.tls.cert === '' ? {} : { cert: config.tls.cert }),
      ...(config.tls.key === '' ? {} : { key: config.tls.key }),
      ...(config.tls.serverName === '' ? {} : { servername: config.tls.serverName }),
    };
  }
  if (config.sasl !== null) {
    const { mechanism, username, password } = config.sasl;
    // Written out, because kafkajs types each mechanism apart.
    if (mechanism === 'plain') client.sasl = { mechanism, username, password };
    else if (mechanism === 'scram-sha-256') client.sasl = { mechanism, username, password };
    else client.sasl = { mechanism, username, password };
  }
  return {
    kafka: new Kafka(client),
    destroySockets: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** kafkajs logs lost connections as errors; here they are warnings until somebody has to act. */
function logInto(log: SourceLog): logCreator {
  return () =>
    ({ namespace, level, log: entry }) => {
      const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = entry;
      const text = `kafka ${namespace.toLowerCase()}: ${message}`;
      if (level === logLevel.ERROR || level === logLevel.WARN) log.warn(fields, text);
      else log.debug(fields, text);
    };
}

/**
 * kafkajs' cluster of its own connections and metadata. It is handed to partition assigners only, so a consumer that is never run
 * is made for it.
 */
export function openCluster(kafka: Kafka, groupId: string): Cluster {
  let cluster: Cluster | null = null;
  kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    // Ages are checked by the source, which asks for new metadata itself.
    metadataMaxAge: 24 * 3_600_000,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        return PartitionAssigners.roundRobin(config);
      },
    ],
  });
  return connectingOnce(cluster);
}

/**
 * kafkajs opens a connection anew for every request that finds it closed; two at once would share one buffer for what two sockets
 * bring. Here the second waits for the first.
 */
function connectingOnce(cluster: Cluster | null): Cluster {
  if (cluster === null) throw clientMismatch('its consumer no longer hands its cluster to partition assigners');
  const guarded = new WeakSet<object>();
  const findBroker = cluster.findBroker.bind(cluster);
  // kafkajs' own search for the group's coordinator goes through this method too.
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node);
    const pool: unknown = Reflect.get(broker, 'connectionPool');
    if (!isConnectionPool(pool)) throw clientMismatch('its brokers have no pool of connections');
    if (!guarded.has(pool)) {
      guarded.add(pool);
      const getConnection = pool.getConnection.bind(pool);
      const connecting = new Map<number, Promise<unknown>>();
      pool.getConnection = (index = 0) => {
        const shared = connecting.get(index) ?? getConnection(index).finally(() => connecting.delete(index));
        connecting.set(index, shared);
        return shared;
      };
    }
    return broker;
  };
  return cluster;
}

interface ConnectionPool {
  getConnection(index?: number): Promise<unknown>;
}

function isConnectionPool(pool: unknown): pool is ConnectionPool {
  return typeof pool === 'object' && pool !== null && typeof Reflect.get(pool, 'getConnection') === 'function';
}

export function clientMismatch(what: string): TidemarkError {
  return new TidemarkError(
    'fatal',
    'KAFKA_CLIENT_MISMATCH',
    `kafkajs is not the version this program was written for: ${what}`,
    'Install exactly kafkajs 2.2.4, as package.json says.',
  );
}

/** Kafka's name of an error (`REBALANCE_IN_PROGRESS`), else kafkajs' name of it, else ''. */
export function kafkaErrorType(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('type' in error && typeof error.type === 'string') return error.type;
  if (error.cause instanceof Error) {
    const inner = kafkaErrorType(error.cause);
    if (inner !== '') return inner;
  }
  return error.name.startsWith('KafkaJS') ? error.name : '';
}

const REMEDIES: Readonly<Record<string, readonly [ErrorClass, string, string]>> = {
  UNKNOWN_TOPIC_OR_PARTITION: ['invalid', 'KAFKA_TOPIC_MISSING', 'Create the topic, or correct source.kafka.topics in the definition.'],
  INVALID_TOPIC_EXCEPTION: [
    'invalid',
    'KAFKA_TOPIC_NAME',
    'Correct source.kafka.topics: letters, digits, dot, underscore and hyphen, at most 249.',
  ],
  TOPIC_AUTHORIZATION_FAILED: [
    'invalid',
    'KAFKA_NOT_AUTHORIZED',
    'Give this user READ and DESCRIBE on the topics (WRITE on those it produces to).',
  ],
  GROUP_AUTHORIZATION_FAILED: [
    'invalid',
    'KAFKA_NOT_AUTHORIZED',
    'Give this user READ on the consumer group, or choose another source.kafka.group.',
  ],
  CLUSTER_AUTHORIZATION_FAILED: ['invalid', 'KAFKA_NOT_AUTHORIZED', 'Give this user IDEMPOTENT_WRITE on the cluster.'],
  SASL_AUTHENTICATION_FAILED: ['invalid', 'KAFKA_LOGIN_REFUSED', 'Check source.kafka.sasl: mechanism, username and password.'],
  KafkaJSSASLAuthenticationError: ['invalid', 'KAFKA_LOGIN_REFUSED', 'Check source.kafka.sasl: mechanism, username and password.'],
  UNSUPPORTED_SASL_MECHANISM: ['invalid', 'KAFKA_LOGIN_REFUSED', 'Choose a SASL mechanism that the brokers offer.'],
  INCONSISTENT_GROUP_PROTOCOL: [
    'invalid',
    'KAFKA_GROUP_TAKEN',
    'Another kind of consumer is in this group: stop it, or choose another source.kafka.group.',
  ],
  INVALID_SESSION_TIMEOUT: [
    'invalid',
    'KAFKA_SESSION_TIMEOUT',
    "Set source.kafka.sessionTimeout between the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms.",
  ],
  ILLEGAL_GENERATION: ['fenced', 'KAFKA_GROUP_MOVED_ON', 'None needed: the partitions are assigned anew.'],
  UNKNOWN_MEMBER_ID: ['fenced', 'KAFKA_GROUP_MOVED_ON', 'None needed: the partitions are assigned anew.'],
  REBALANCE_IN_PROGRESS: ['fenced', 'KAFKA_GROUP_MOVED_ON', 'None needed: the partitions are assigned anew.'],
  MESSAGE_TOO_LARGE: ['invalid', 'KAFKA_MESSAGE_TOO_LARGE', "Raise the topic's max.message.bytes, or send smaller events."],
  KafkaJSRequestTimeoutError: ['unknown_outcome', 'KAFKA_TIMEOUT', 'Check that the brokers are healthy; the call is repeated.'],
};

const UNREACHABLE = 'Check source.kafka.brokers, and that the brokers are up and reachable from here; TLS settings must fit the listener.';

/** Says what an error of kafkajs means for the caller. TidemarkErrors pass unchanged. */
export function toKafkaError(error: unknown, doing: string): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const type = kafkaErrorType(error);
  const text = error instanceof Error ? error.message : String(error);
  const [errorClass, code, remedy] = REMEDIES[type] ?? ['unavailable', 'KAFKA_UNAVAILABLE', UNREACHABLE];
  return new TidemarkError(errorClass, code, `${doing}: ${text}${type === '' || text.includes(type) ? '' : ` (${type})`}`, remedy, {
    cause: error,
  });
}

/** Whether trying again can help without anybody changing anything. */
export function isPassing(error: TidemarkError): boolean {
  return error.errorClass !== 'invalid' && error.errorClass !== 'fatal';
}
