// Real redis-server processes for tests and benchmarks: one server, a cluster of masters, or a master with a replica and a
// Sentinel; by password, ACL user or TLS. The caller owns what it starts and must stop it; ports are free ones, data is temporary.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { makeCertificates, type Certificates } from './certificates.js';
import { freePorts, startProcess, type ManagedProcess } from './managed-process.js';

export interface RedisOptions {
  /** More arguments for every redis-server, for example `['--maxmemory', '100mb']`. */
  readonly args?: readonly string[];
  /** Number of masters of a Redis Cluster; all slots are spread over them and it is ready to use. */
  readonly cluster?: number;
  /** A master (node 0), a replica (node 1) and a Sentinel that watches them under this name. */
  readonly sentinel?: string;
  /** An ACL user besides the default one. `rules` as in an ACL file. @default rules '~* &* +@all' */
  readonly user?: { readonly name: string; readonly password: string; readonly rules?: string };
  /** TLS only, with a client certificate asked for. Not with `cluster` or `sentinel`. */
  readonly tls?: boolean;
  /** Every write is on disk before it is answered, so that data survives `kill`. @default false */
  readonly persist?: boolean;
}

export interface RedisServer {
  readonly host: string;
  /** Of node 0, the only one without `cluster` and `sentinel`. */
  readonly port: number;
  /** `redis://` or `rediss://`, with the ACL user where there is one. */
  readonly url: string;
  /** `host:port` of every node. */
  readonly nodes: readonly string[];
  /** `host:port` of the Sentinel. */
  readonly sentinel: string | undefined;
  readonly certificates: Certificates | undefined;
  /** An own connection to a node with all rights; `stop` closes it. */
  connect(node?: number): Redis;
  pid(node?: number): number;
  /** Ends everything and removes the data. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(node?: number): Promise<void>;
  /** SIGSTOP: sockets stay open, nothing answers. */
  pause(node?: number): void;
  resume(node?: number): void;
  /** Starts a node again on its port, after `kill` or in place of the running one; empty unless `keepData`. */
  restart(options?: { readonly node?: number; readonly keepData?: boolean }): Promise<void>;
}

interface Node {
  readonly port: number;
  readonly folder: string;
  readonly args: readonly string[];
  process: ManagedProcess;
}

const HOST = '127.0.0.1';
const READY_WITHIN_MS = 60_000;
const START_ATTEMPTS = 5;

/** @throws Error when redis-server is not installed or does not start */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-redis-'));
  try {
    return await start(options, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start(options: RedisOptions, folder: string): Promise<RedisServer> {
  const certificates = options.tls === true ? await makeCertificates(folder) : undefined;
  const aclFile = join(folder, 'users.acl');
  if (options.user !== undefined) {
    const { name, password, rules = '~* &* +@all' } = options.user;
    await writeFile(aclFile, `user default on nopass ~* &* +@all\nuser ${name} on >${password} ${rules}\n`);
  }
  const shared = [
    ...(options.persist === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
    ...(options.user === undefined ? [] : ['--aclfile', aclFile]),
    ...(options.args ?? []),
  ];
  const nodes: Node[] = [];
  const addNode = async (args: readonly string[]): Promise<Node> => {
    const node = await startNode(join(folder, String(nodes.length)), [...shared, ...args], certificates);
    nodes.push(node);
    return node;
  };
  const connections: Redis[] = [];
  const connect = (index = 0): Redis => {
    const { ca, clientCert: cert, clientKey: key } = certificates ?? {};
    const connection = new Redis({
      host: HOST,
      port: nodes[index]?.port ?? 0,
      lazyConnect: false,
      ...(ca === undefined || cert === undefined || key === undefined ? {} : { tls: { ca, cert, key } }),
    });
    connection.on('error', () => undefined);
    connections.push(connection);
    return connection;
  };
  let sentinel: { readonly process: ManagedProcess; readonly port: number } | undefined;
  const stop = async (): Promise<void> => {
    for (const connection of connections) connection.disconnect();
    await Promise.all([...nodes, ...(sentinel === undefined ? [] : [sentinel])].map((node) => node.process.kill()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    if (options.cluster !== undefined) await formCluster(options.cluster, addNode, connect);
    else await addNode([]);
    if (options.sentinel !== undefined) {
      await addNode(['--replicaof', HOST, String(nodes[0]?.port)]);
      sentinel = await startSentinel(folder, options.sentinel, nodes, connect);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const at = (index: number): Node => {
    const node = nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}; there are ${nodes.length}`);
    return node;
  };
  const credentials = options.user === undefined ? '' : `${options.user.name}:${encodeURIComponent(options.user.password)}@`;
  return {
    host: HOST,
    port: at(0).port,
    url: `${options.tls === true ? 'rediss' : 'redis'}://${credentials}${HOST}:${at(0).port}`,
    nodes: nodes.map((node) => `${HOST}:${node.port}`),
    sentinel: sentinel === undefined ? undefined : `${HOST}:${sentinel.port}`,
    certificates,
    connect,
    pid: (node = 0) => at(node).process.pid,
    stop,
    kill: (node = 0) => at(node).process.kill(),
    pause: (node = 0) => at(node).process.pause(),
    resume: (node = 0) => at(node).process.resume(),
    restart: async ({ node = 0, keepData = false } = {}) => {
      const { port, folder: dir, args, process } = at(node);
      if (keepData && process.running() && options.persist !== true) {
        const connection = connect(node);
        await connection.save();
        connection.disconnect();
      }
      await (keepData ? process.stop() : process.kill());
      if (!keepData) for (const file of ['dump.rdb', 'appendonlydir']) await rm(join(dir, file), { recursive: true, force: true });
      at(node).process = await run(port, dir, args, certificates);
    },
  };
}

/** On a free port; tries others where another process was faster. */
async function startNode(folder: string, args: readonly string[], certificates: Certificates | undefined): Promise<Node> {
  await mkdir(folder, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const [port = 0, busPort = 0] = await freePorts(2);
    const all = args.includes('--cluster-enabled') ? [...args, '--cluster-port', String(busPort)] : args;
    try {
      return { port, folder, args: all, process: await run(port, folder, all, certificates) };
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes('Address already in use')) throw error;
    }
  }
}

function run(port: number, folder: string, args: readonly string[], certificates: Certificates | undefined): Promise<ManagedProcess> {
  const listen =
    certificates === undefined
      ? ['--port', String(port)]
      : [
          ...['--port', '0', '--tls-port', String(port), '--tls-ca-cert-file', certificates.caFile],
          ...['--tls-cert-file', certificates.serverCertFile, '--tls-key-file', certificates.serverKeyFile],
        ];
  return startProcess({
    name: 'redis-server',
    command: 'redis-server',
    args: [...listen, '--bind', HOST, '--dir', folder, '--save', '', '--repl-diskless-sync-delay', '0', ...args],
    ready: (output) => output.includes('Ready to accept connections'),
    readyWithinMs: READY_WITHIN_MS,
  });
}

async function formCluster(count: number, addNode: (args: string[]) => Promise<Node>, connect: (index: number) => Redis): Promise<void> {
  const nodes: Node[] = [];
  for (let n = 0; n < count; n++) nodes.push(await addNode(['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']));
  const admins = nodes.map((_, index) => connect(index));
  for (const [index, admin] of admins.entries()) {
    const from = Math.floor((16_384 * index) / count);
    const to = Math.floor((16_384 * (index + 1)) / count) - 1;
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    // Different epochs from the start: nodes that meet with the same one settle it among themselves, which takes seconds.
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  for (const node of nodes.slice(1)) {
    const [, bus = ''] = node.args.slice(node.args.indexOf('--cluster-port'));
    await admins[0]?.call('CLUSTER', 'MEET', HOST, node.port, bus);
  }
  await until('the cluster is formed', async () => {
    const infos = await Promise.all(admins.map(async (admin) => String(await admin.call('CLUSTER', 'INFO'))));
    return infos.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`));
  });
  for (const admin of admins) admin.disconnect();
}

async function startSentinel(
  folder: string,
  name: string,
  nodes: readonly Node[],
  connect: (index: number) => Redis,
): Promise<{ process: ManagedProcess; port: number }> {
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${folder}`,
    `sentinel monitor ${name} ${HOST} ${nodes[0]?.port} 1`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 3000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const process = await startProcess({
    name: 'redis-sentinel',
    command: 'redis-server',
    args: [file, '--sentinel'],
    ready: (output) => output.includes('+monitor'),
    readyWithinMs: READY_WITHIN_MS,
  });
  const admin = connect(1);
  await until('the replica is in step', async () => (await admin.info('replication')).includes('master_link_status:up'));
  admin.disconnect();
  // Without knowing the replica, the Sentinel could not fail over to it.
  const sentinel = new Redis({ host: HOST, port });
  await until('the Sentinel knows the replica', async () =>
    String(await sentinel.call('SENTINEL', 'MASTER', name)).includes('num-slaves,1'),
  );
  sentinel.disconnect();
  return { process, port };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${READY_WITHIN_MS} ms until ${what}`);
    await delay(25);
  }
}
