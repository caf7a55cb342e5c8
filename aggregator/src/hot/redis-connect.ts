// Connects to Redis: single server, Sentinel or Cluster, with TLS and an ACL user; runs scripts by their hash.
// Commands fail at once while there is no connection, and within `commandTimeoutMs` in any case; the connection itself comes back
// in the background. In Cluster mode the client may send a command again after a redirection: all ours may run twice.

import { Cluster, Command, Redis, type RedisOptions } from 'ioredis';
import type { HotConfig } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { ScriptCommand } from './redis-command.js';
import { classifyRedisError } from './redis-errors.js';
import type { RedisScript } from './redis-scripts.js';

export type RedisConfig = HotConfig['redis'];

export interface ConnectTimeouts {
  /** For the first connection, and for each later attempt. */
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

const LONGEST_RECONNECT_MS = 2_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:port` or a host alone. @throws TidemarkError invalid */
export function parseNode(node: string, defaultPort: number): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(node);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new TidemarkError(
      'invalid',
      'HOT_NODE_ADDRESS',
      `hot.redis.nodes: ${JSON.stringify(node)} is not an address.`,
      'Write host:port, e.g. redis.internal:6379.',
    );
  }
  return { host: match[1] ?? match[2], port };
}

function commonOptions(config: RedisConfig, timeouts: ConnectTimeouts) {
  const { tls } = config;
  return {
    ...(config.username === '' ? {} : { username: config.username }),
    ...(config.password === '' ? {} : { password: config.password }),
    ...(tls.enabled
      ? {
          tls: {
            ...(tls.ca === '' ? {} : { ca: tls.ca }),
            ...(tls.cert === '' ? {} : { cert: tls.cert }),
            ...(tls.key === '' ? {} : { key: tls.key }),
            ...(tls.serverName === '' ? {} : { servername: tls.serverName }),
            rejectUnauthorized: !tls.insecureSkipVerify,
          },
        }
      : {}),
    connectionName: 'tidemark',
    // The older protocol: hashes arrive as flat lists everywhere, also through proxies.
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    // In flight when the connection breaks: reject, do not send again. The caller knows what may be repeated.
    maxRetriesPerRequest: 0,
    connectTimeout: timeouts.connectTimeoutMs,
    commandTimeout: timeouts.commandTimeoutMs,
    retryStrategy: reconnectAfterMs,
    // A failover made this one a replica: connect anew, to where the primary is now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

/** Back-off before the `times`-th attempt to connect again. */
function reconnectAfterMs(times: number): number {
  return Math.min(100 * 2 ** Math.min(times - 1, 6), LONGEST_RECONNECT_MS);
}

export class RedisConnection {
  readonly #client: Redis | Cluster;
  readonly #subscriber: Redis | Cluster;
  readonly #timeouts: ConnectTimeouts;
  #lastError: Error | null = null;
  #generation = 0;

  /** Connects nothing yet. @throws TidemarkError invalid on settings that cannot work */
  constructor(config: RedisConfig, timeouts: ConnectTimeouts) {
    this.#timeouts = timeouts;
    const common = commonOptions(config, timeouts);
    if (config.nodes.length === 0) {
      throw new TidemarkError('invalid', 'HOT_NODE_ADDRESS', 'hot.redis.nodes is empty.', 'Name at least one host:port.');
    }
    if (config.mode === 'cluster') {
      if (config.db !== 0) {
        throw new TidemarkError(
          'invalid',
          'HOT_CLUSTER_DB',
          `hot.redis.db is ${config.db}, but a cluster has only database 0.`,
          'Remove hot.redis.db.',
        );
      }
      const { enableOfflineQueue: _queue, retryStrategy: _retry, lazyConnect: _lazy, ...redisOptions } = common;
      this.#client = new Cluster(
        config.nodes.map((node) => parseNode(node, 6379)),
        {
          redisOptions,
          lazyConnect: true,
          enableOfflineQueue: false,
          clusterRetryStrategy: reconnectAfterMs,
          slotsRefreshTimeout: timeouts.connectTimeoutMs,
          slotsRefreshInterval: 5_000,
          // Certificates name hosts, so names are kept as the cluster announces them.
          dnsLookup: (address, callback) => callback(null, address),
        },
      );
      this.#subscriber = this.#client;
    } else {
      const client =
        config.mode === 'sentinel'
          ? new Redis({
              ...common,
              sentinels: config.nodes.map((node) => parseNode(node, 26379)),
              name: config.sentinelName,
              db: config.db,
              ...(config.sentinelPassword === '' ? {} : { sentinelPassword: config.sentinelPassword }),
              enableTLSForSentinelMode: config.tls.enabled,
              ...(config.tls.enabled && common.tls !== undefined ? { sentinelTLS: common.tls } : {}),
              sentinelCommandTimeout: timeouts.connectTimeoutMs,
            })
          : new Redis({ ...common, ...parseNode(config.nodes[0], 6379), db: config.db });
      this.#client = client;
      this.#subscriber = client.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null, connectionName: 'tidemark-live' });
      this.#subscriber.on('error', (error) => this.#noteError(error));
    }
    this.#client.on('error', (error) => this.#noteError(error));
    for (const event of ['ready', '+node', '-node']) {
      this.#client.on(event, () => this.#generation++);
    }
  }

  /** Rises with every connection made: a restarted or promoted server may have lost what the last one acknowledged. */
  get generation(): number {
    return this.#generation;
  }

  #noteError(error: unknown): void {
    // A cluster wraps what its nodes said.
    const inner: unknown = error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : error;
    this.#lastError = inner instanceof Error ? inner : new Error(String(inner));
  }

  /** Resolves when commands can be sent. @throws TidemarkError unavailable after the connect timeout */
  async open(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('timed out')), this.#timeouts.connectTimeoutMs);
    });
    try {
      await Promise.race([this.#ready(), timeout]);
    } catch (error) {
      throw classifyRedisError(this.#lastError ?? error, 'connecting', false);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The first attempt may fail while later ones succeed: only being ready counts. */
  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.once('ready', () => resolve());
      this.#client.once('end', () => reject(new Error('the connection was closed')));
      this.#client.connect().catch((error: unknown) => this.#noteError(error));
    });
  }

  /** The nodes that own keys: one, or the cluster's primaries. */
  primaries(): readonly Redis[] {
    return this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
  }

  /** Sends one command; bulk strings come back as Buffers. Rejects with the client's own error. */
  async command(name: string, args: (string | Buffer | number)[]): Promise<unknown> {
    return await this.#client.sendCommand(new Command(name, args, { replyEncoding: null }));
  }

  /** Runs a script; loads it where the server does not have it. Rejects with the client's own error. */
  async script(script: RedisScript, keys: readonly string[], args: readonly (string | Buffer | number)[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(new ScriptCommand(script.sha1, keys, args));
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
        return await this.command('eval', [script.text, keys.length, ...keys, ...args]);
      }
      throw error;
    }
  }

  /** Hands every message of a channel to `handler`, also after reconnects. */
  async subscribe(channel: string, handler: (message: string) => void): Promise<void> {
    this.#subscriber.on('message', (from: string, message: string) => {
      if (from === channel) {
        handler(message);
      }
    });
    await this.#subscriber.subscribe(channel);
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#client.publish(channel, message);
  }

  /** Closes at once; what is in flight is rejected. */
  close(): void {
    this.#client.disconnect();
    if (this.#subscriber !== this.#client) {
      this.#subscriber.disconnect();
    }
  }
}
