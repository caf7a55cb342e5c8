// Real Redis servers in every form the hot tier connects to: one server, a cluster of three, a primary under Sentinel, one with
// an ACL user, one with TLS. Each call starts its own; `stop` ends them and removes their folder.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import type { Definition } from '../../aggregator/src/definition/model.js';
import { NO_TLS } from './hot-definition.js';
import { freePorts, startProcess, type ManagedProcess } from './managed-process.js';

type RedisSettings = Partial<Definition['hot']['redis']>;

export interface RedisTopology {
  readonly settings: RedisSettings;
  readonly processes: readonly ManagedProcess[];
  /** A connection with all rights to server `index`. Closed by `stop`. */
  admin(index?: number): Redis;
  stop(): Promise<void>;
}

const run = promisify(execFile);

interface Parts {
  readonly folder: string;
  readonly processes: ManagedProcess[];
  readonly admins: Redis[];
}

async function begin(): Promise<Parts> {
  return { folder: await mkdtemp(join(tmpdir(), 'tidemark-redis-')), processes: [], admins: [] };
}

async function startServer(parts: Parts, port: number, args: readonly string[] = [], ready = 'Ready to accept connections'): Promise<void> {
  parts.processes.push(
    await startProcess({
      name: `redis-server ${port}`,
      command: 'redis-server',
      args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', parts.folder, '--save', '', '--appendonly', 'no', ...args],
      ready: (output) => output.includes(ready),
      readyWithinMs: 20_000,
    }),
  );
}

function topology(parts: Parts, settings: RedisSettings, connect: (index: number) => Redis): RedisTopology {
  return {
    settings,
    processes: parts.processes,
    admin: (index = 0) => {
      const admin = connect(index);
      admin.on('error', () => undefined);
      parts.admins.push(admin);
      return admin;
    },
    stop: async () => {
      for (const admin of parts.admins) admin.disconnect();
      await Promise.all(parts.processes.map((p) => p.kill()));
      await rm(parts.folder, { recursive: true, force: true });
    },
  };
}

/** @param args more arguments for redis-server */
export async function startSingle(args: readonly string[] = []): Promise<RedisTopology> {
  const parts = await begin();
  const [port] = await freePorts(1);
  await startServer(parts, port, args);
  return topology(parts, { mode: 'single', nodes: [`127.0.0.1:${port}`] }, () => new Redis(port, '127.0.0.1'));
}

/** Three primaries without replicas. */
export async function startCluster(): Promise<RedisTopology> {
  const parts = await begin();
  const ports = await clusterPorts();
  for (const port of ports) {
    await startServer(parts, port, [
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      `nodes-${port}.conf`,
      '--cluster-node-timeout',
      '5000',
    ]);
  }
  const nodes = ports.map((port) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-replicas', '0', '--cluster-yes']);
  const built = topology(parts, { mode: 'cluster', nodes }, (index) => new Redis(ports[index], '127.0.0.1'));
  for (let i = 0; i < ports.length; i++) {
    const admin = built.admin(i);
    while (!String(await admin.cluster('INFO')).includes('cluster_state:ok')) await delay(50);
  }
  return built;
}

/** A cluster node also listens at its port + 10,000. */
async function clusterPorts(): Promise<number[]> {
  for (;;) {
    const ports = await freePorts(3);
    if (ports.every((port) => port < 55_000)) return ports;
    await delay(1);
  }
}

/** Moves one hash slot of a cluster from server to server, keys one by one; `between` runs while it is on the move. */
export async function moveSlot(
  cluster: RedisTopology,
  slot: number,
  from: number,
  to: number,
  between: () => Promise<void>,
): Promise<void> {
  const [source, target] = [cluster.admin(from), cluster.admin(to)];
  const [sourceId, targetId] = [await source.cluster('MYID'), await target.cluster('MYID')];
  const { host = '127.0.0.1', port = 0 } = target.options;
  await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
  await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
  for (;;) {
    const keys = await source.cluster('GETKEYSINSLOT', slot, 1);
    if (keys.length === 0) break;
    await source.call('MIGRATE', host, port, String(keys[0]), 0, 5_000);
    await between();
  }
  for (const server of [target, source]) await server.cluster('SETSLOT', slot, 'NODE', targetId);
}

/** Servers 0 (primary) and 1 (its replica), and one sentinel (process 2) that watches them as `shop`. */
export async function startSentinel(): Promise<RedisTopology> {
  const parts = await begin();
  const [primary, replica, sentinel] = await freePorts(3);
  await startServer(parts, primary);
  await startServer(parts, replica, ['--replicaof', '127.0.0.1', String(primary)], 'MASTER <-> REPLICA sync: Finished with success');
  const file = join(parts.folder, 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${sentinel}`,
      'bind 127.0.0.1',
      `sentinel monitor shop 127.0.0.1 ${primary} 1`,
      'sentinel down-after-milliseconds shop 1000',
      'sentinel failover-timeout shop 5000',
      '',
    ].join('\n'),
  );
  parts.processes.push(
    await startProcess({
      name: 'redis-sentinel',
      command: 'redis-server',
      args: [file, '--sentinel'],
      ready: (output) => output.includes('+monitor'),
      readyWithinMs: 20_000,
    }),
  );
  const ports = [primary, replica, sentinel];
  return topology(
    parts,
    { mode: 'sentinel', nodes: [`127.0.0.1:${sentinel}`], sentinelName: 'shop' },
    (index) => new Redis(ports[index], '127.0.0.1'),
  );
}

/** Only the user `tidemark` with the rights given; the default user keeps all rights for `admin`, under a password. */
export async function startWithUser(rules: string): Promise<RedisTopology> {
  const parts = await begin();
  const [port] = await freePorts(1);
  const file = join(parts.folder, 'users.acl');
  await writeFile(file, `user default on >root ~* &* +@all\nuser tidemark on >secret ${rules}\n`);
  await startServer(parts, port, ['--aclfile', file]);
  return topology(
    parts,
    { mode: 'single', nodes: [`127.0.0.1:${port}`], username: 'tidemark', password: 'secret' },
    () => new Redis(port, '127.0.0.1', { password: 'root' }),
  );
}

/** A server that speaks only TLS and asks for a client certificate. */
export async function startTls(): Promise<RedisTopology> {
  const parts = await begin();
  const path = (name: string): string => join(parts.folder, name);
  const openssl = async (...args: string[]): Promise<void> => void (await run('openssl', args));
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.crt'),
  );
  for (const name of ['server', 'client']) {
    await writeFile(path(`${name}.ext`), 'subjectAltName=DNS:redis.test,IP:127.0.0.1\n');
    await openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      path(`${name}.key`),
      '-out',
      path(`${name}.csr`),
    );
    await openssl(
      'x509',
      '-req',
      '-in',
      path(`${name}.csr`),
      '-CA',
      path('ca.crt'),
      '-CAkey',
      path('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      path(`${name}.ext`),
      '-out',
      path(`${name}.crt`),
    );
  }
  const [port] = await freePorts(1);
  await startServer(parts, 0, [
    '--tls-port',
    String(port),
    '--tls-cert-file',
    path('server.crt'),
    '--tls-key-file',
    path('server.key'),
    '--tls-ca-cert-file',
    path('ca.crt'),
  ]);
  const [ca, cert, key] = await Promise.all(['ca.crt', 'client.crt', 'client.key'].map((name) => readFile(path(name), 'utf8')));
  return topology(
    parts,
    { mode: 'single', nodes: [`127.0.0.1:${port}`], tls: { ...NO_TLS, enabled: true, ca, cert, key, serverName: 'redis.test' } },
    () => new Redis(port, '127.0.0.1', { tls: { ca, cert, key, servername: 'redis.test' } }),
  );
}
