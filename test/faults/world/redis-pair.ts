// Two real Redis servers behind one address: a primary and a replica that changes places with it. What the aggregators see is the
// proxy; a failover is the address leading elsewhere, as with a virtual address or a name.

import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { TcpProxy } from './tcp-proxy.js';
import { until } from '../../support/until.js';

export class RedisPair {
  readonly proxy: TcpProxy;
  readonly #servers: readonly [RedisServer, RedisServer];
  #primary: 0 | 1 = 0;
  #detached = false;
  #snapshots = 0;

  private constructor(proxy: TcpProxy, servers: readonly [RedisServer, RedisServer]) {
    this.proxy = proxy;
    this.#servers = servers;
  }

  static async open(): Promise<RedisPair> {
    const servers = await Promise.all([startRedis(), startRedis()]);
    const pair = new RedisPair(await TcpProxy.open(servers[0].port), [servers[0], servers[1]]);
    await pair.attachReplica();
    return pair;
  }

  get port(): number {
    return this.proxy.port;
  }

  get #master(): RedisServer {
    return this.#servers[this.#primary];
  }

  get #other(): RedisServer {
    return this.#servers[this.#primary === 0 ? 1 : 0];
  }

  /** One command to the primary, past the proxy. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    return this.#ask(this.#master, name, args);
  }

  /** What every shard says of where it stands: another text after each flush. */
  async markers(): Promise<string> {
    const keys = ((await this.command('KEYS', '*}:state')) as string[]).sort();
    return JSON.stringify(await Promise.all(keys.map((key) => this.command('HGETALL', key))));
  }

  /** Keeps what Redis holds now, for `restoreSnapshot`. */
  async takeSnapshot(): Promise<void> {
    await this.command('SAVE');
    this.#snapshots++;
  }

  /** SIGKILL, and a start from the last snapshot: everything since then is gone. */
  async restoreSnapshot(): Promise<void> {
    if (this.#snapshots === 0) throw new Error('no snapshot was taken');
    await this.#master.kill();
    await this.#master.restart({ keepData: true });
    await this.attachReplica();
  }

  /** SIGKILL, and a start with nothing. */
  async restartEmpty(): Promise<void> {
    await this.#master.kill();
    await this.#master.restart();
    this.#snapshots = 0;
    await this.attachReplica();
  }

  /** The replica follows the primary (again), with everything it has. */
  async attachReplica(): Promise<void> {
    await this.#ask(this.#other, 'REPLICAOF', ['127.0.0.1', this.#master.port]);
    await until('the replica is in step', 20_000, async () =>
      String(await this.#ask(this.#other, 'INFO', ['replication'])).includes('master_link_status:up'),
    );
    this.#detached = false;
  }

  /** From now on the replica hears nothing: it lags. */
  async detachReplica(): Promise<void> {
    await this.#ask(this.#other, 'REPLICAOF', ['NO', 'ONE']);
    this.#detached = true;
  }

  /** The primary dies and the replica takes its place, with what it has. */
  async failOver(): Promise<void> {
    if (!this.#detached) await this.detachReplica();
    await this.#master.kill();
    const former = this.#master;
    this.#primary = this.#primary === 0 ? 1 : 0;
    this.#snapshots = 0;
    this.proxy.retarget(this.#master.port);
    await former.restart();
    await this.attachReplica();
  }

  pause(): void {
    this.#master.pause();
  }

  resume(): void {
    this.#master.resume();
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  async #ask(server: RedisServer, name: string, args: readonly (string | number)[]): Promise<unknown> {
    const connection = server.connect();
    try {
      return await connection.call(name, ...args);
    } finally {
      connection.disconnect();
    }
  }
}
