// Real Kafka brokers for tests and benchmarks, without a container: one node, or three that replicate. The caller owns them and
// must stop them; ports are free ones, data is temporary.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { makeCertificates, type Certificates } from './certificates.js';
import { formatNode, formatNodeWithUsers, kafkaClassPath } from './kafka-install.js';
import { freePorts, startProcess, type ManagedProcess } from './managed-process.js';

export interface TopicSpec {
  readonly name: string;
  /** @default 1 */
  readonly partitions?: number;
  /** For example `{ 'retention.ms': '1000' }`. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface KafkaOptions {
  /** Three nodes replicate everything and keep going without one of them. @default 1 */
  readonly nodes?: 1 | 3;
  readonly topics?: readonly TopicSpec[];
  /** Also listens by TLS with SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) for this user. One node only. */
  readonly secured?: { readonly username: string; readonly password: string };
  /** More lines for every server.properties, for example `{ 'message.max.bytes': '10000000' }`. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface KafkaCluster {
  /** `host:port` of every node, without encryption. */
  readonly brokers: readonly string[];
  /** The listener with TLS and SASL, where it was asked for. */
  readonly secured: { readonly broker: string; readonly certificates: Certificates } | undefined;
  createTopic(topic: TopicSpec): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  /** A connected administrator; `stop` disconnects it. */
  admin(): Promise<Admin>;
  pid(node?: number): number;
  /** Ends every node and removes the data. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(node?: number): Promise<void>;
  /** SIGSTOP: sockets stay open, nothing answers. */
  pause(node?: number): void;
  resume(node?: number): void;
  /** Starts a node again on its ports and data, after `kill` or in place of the running one. Resolves when it serves. */
  restart(node?: number): Promise<void>;
}

interface Node {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly folder: string;
  process: ManagedProcess | undefined;
}

const HOST = '127.0.0.1';
const READY_WITHIN_MS = 180_000;

/** @throws Error when java or mvn is missing, or the brokers do not start */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const classPath = await kafkaClassPath();
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-kafka-'));
  const count = options.nodes ?? 1;
  const ports = await freePorts(count * 2 + 1);
  const securedPort = ports[count * 2] ?? 0;
  const nodes: Node[] = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    port: ports[index] ?? 0,
    controllerPort: ports[count + index] ?? 0,
    folder: join(folder, String(index + 1)),
    process: undefined,
  }));
  const admins: Admin[] = [];
  const stop = async (): Promise<void> => {
    await Promise.allSettled(admins.map((admin) => admin.disconnect()));
    // Nobody reads the data again, so nothing is gained by a clean end.
    await Promise.all(nodes.map((node) => node.process?.kill() ?? Promise.resolve()));
    await rm(folder, { recursive: true, force: true });
  };
  const brokers = nodes.map((node) => `${HOST}:${node.port}`);
  const client = new Kafka({ brokers, clientId: 'test-support', logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 20 } });
  const at = (index: number): Node => {
    const node = nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}; there are ${nodes.length}`);
    return node;
  };
  const admin = async (): Promise<Admin> => {
    const made = client.admin();
    await made.connect();
    admins.push(made);
    return made;
  };
  const createTopics = async (topics: readonly TopicSpec[]): Promise<void> => {
    if (topics.length === 0) return;
    const asked = await admin();
    await asked.createTopics({
      waitForLeaders: false,
      topics: topics.map(({ name, partitions = 1, config = {} }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: count,
        configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
      })),
    });
    await untilLed(asked, topics);
  };
  let certificates: Certificates | undefined;
  try {
    if (options.secured !== undefined) certificates = await makeCertificates(folder);
    const launch = (node: Node): Promise<void> => startNode(classPath, node, nodes, options, securedPort, certificates);
    await Promise.all(
      nodes.map(async (node) => {
        const { username, password } = options.secured ?? {};
        const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => `${mechanism}=[name=${username},password=${password}]`);
        if (options.secured === undefined) await formatNode(node.id, join(node.folder, 'data'));
        else await formatNodeWithUsers(node.id, join(node.folder, 'data'), users);
        await launch(node);
      }),
    );
    await allRegistered(await admin(), count);
    await createTopics(options.topics ?? []);
    return {
      brokers,
      secured: certificates === undefined ? undefined : { broker: `localhost:${securedPort}`, certificates },
      createTopic: (topic) => createTopics([topic]),
      deleteTopic: async (name) => (await admin()).deleteTopics({ topics: [name] }),
      admin,
      pid: (node = 0) => at(node).process?.pid ?? 0,
      stop,
      kill: async (node = 0) => at(node).process?.kill(),
      pause: (node = 0) => at(node).process?.pause(),
      resume: (node = 0) => at(node).process?.resume(),
      restart: async (node = 0) => {
        await at(node).process?.stop();
        await launch(at(node));
        await allRegistered(await admin(), nodes.filter((each) => each.process?.running() === true).length);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(
  classPath: string,
  node: Node,
  nodes: readonly Node[],
  options: KafkaOptions,
  securedPort: number,
  certificates: Certificates | undefined,
): Promise<void> {
  await mkdir(node.folder, { recursive: true });
  const file = join(node.folder, 'server.properties');
  const base = nodeProperties(node, nodes, certificates === undefined ? undefined : securedPort);
  const properties = { ...base, ...securedProperties(options, certificates), ...options.properties };
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  await writeFile(file, `${lines.join('\n')}\n`);
  node.process = await startProcess({
    name: `Kafka node ${node.id}`,
    command: 'java',
    args: ['-Xms256m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-cp', classPath, 'kafka.Kafka', file],
    cwd: node.folder,
    ready: () => accepts(node.port),
    readyWithinMs: READY_WITHIN_MS,
  });
}

function nodeProperties(node: Node, nodes: readonly Node[], securedPort: number | undefined): Record<string, string> {
  const open = [`PLAINTEXT://${HOST}:${node.port}`, ...(securedPort === undefined ? [] : [`SECURED://localhost:${securedPort}`])];
  const replicas = String(nodes.length);
  const inSync = nodes.length === 1 ? '1' : '2';
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': nodes.map(({ id, controllerPort }) => `${id}@${HOST}:${controllerPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: [...open, `CONTROLLER://${HOST}:${node.controllerPort}`].join(','),
    'advertised.listeners': open.join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(node.folder, 'data'),
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '3',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '3',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    'broker.session.timeout.ms': '6000',
    'controlled.shutdown.enable': 'true',
    'log.retention.check.interval.ms': '1000',
  };
}

function securedProperties(options: KafkaOptions, certificates: Certificates | undefined): Record<string, string> {
  if (options.secured === undefined || certificates === undefined) return {};
  const { username, password } = options.secured;
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.secured.plain.sasl.jaas.config': `${plain} required user_${username}="${password}";`,
    'listener.name.secured.scram-sha-256.sasl.jaas.config': `${scram} required;`,
    'listener.name.secured.scram-sha-512.sasl.jaas.config': `${scram} required;`,
    'listener.name.secured.ssl.keystore.type': 'PEM',
    'listener.name.secured.ssl.keystore.location': certificates.serverKeystoreFile,
    'listener.name.secured.ssl.truststore.type': 'PEM',
    'listener.name.secured.ssl.truststore.location': certificates.caFile,
    'listener.name.secured.ssl.client.auth': 'requested',
  };
}

/** A broker takes connections before the controller counts it in; a topic created then might get no leader. */
async function allRegistered(admin: Admin, count: number): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const { brokers } = await admin.describeCluster();
    if (brokers.length >= count) return;
    if (performance.now() > deadline) throw new Error(`only ${brokers.length} of ${count} Kafka nodes registered`);
    await delay(50);
  }
}

/** kafkajs' own waiting for leaders fails when a broker has not heard of the new topic yet. */
async function untilLed(admin: Admin, topics: readonly TopicSpec[]): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const known = await admin.fetchTopicMetadata({ topics: topics.map(({ name }) => name) }).catch((error: unknown) => String(error));
    if (typeof known !== 'string' && known.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    if (performance.now() > deadline) {
      throw new Error(`no leader for ${topics.map(({ name }) => name).join(', ')}: ${typeof known === 'string' ? known : 'none elected'}`);
    }
    await delay(50);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
