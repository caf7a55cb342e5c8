// What must be true of a Redis before the hot tier may trust it: version, no eviction, a primary, and a user that may do all
// that the scripts do. Every refusal says what to change.

import type { Redis } from 'ioredis';
import { TidemarkError } from '../errors.js';
import type { HotKeys } from './keys.js';
import type { RedisConnection } from './redis-connect.js';
import { classifyRedisError } from './redis-errors.js';
import { PROBE } from './redis-scripts.js';

const OLDEST_VERSION: readonly [number, number] = [6, 2];

export interface ServerInfo {
  readonly version: string;
  readonly usedMemoryBytes: number;
  readonly maxMemoryBytes: number;
  readonly evictionPolicy: string;
  readonly role: string;
}

export async function readServerInfo(node: Redis): Promise<ServerInfo> {
  const fields = new Map<string, string>();
  for (const line of (await node.info()).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) {
      fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
  }
  return {
    version: fields.get('redis_version') ?? '',
    usedMemoryBytes: Number(fields.get('used_memory') ?? 0),
    maxMemoryBytes: Number(fields.get('maxmemory') ?? 0),
    evictionPolicy: fields.get('maxmemory_policy') ?? 'noeviction',
    role: fields.get('role') ?? 'master',
  };
}

/** Why this server would give wrong answers sooner or later; null when it would not. */
export function unsafeServer(info: ServerInfo, where: string): TidemarkError | null {
  const [major = 0, minor = 0] = info.version.split('.').map(Number);
  if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
    return new TidemarkError(
      'unavailable',
      'HOT_REDIS_TOO_OLD',
      `Redis ${where} is version ${info.version || 'unknown'}; at least 6.2 is needed.`,
      'Upgrade Redis.',
    );
  }
  if (info.maxMemoryBytes > 0 && info.evictionPolicy !== 'noeviction') {
    return new TidemarkError(
      'unavailable',
      'HOT_REDIS_EVICTS',
      `Redis ${where} has maxmemory-policy ${info.evictionPolicy}: when memory is short it would silently drop buckets, and numbers would be too low.`,
      'Set maxmemory-policy noeviction, or use a Redis of its own for Tidemark.',
    );
  }
  if (info.role !== 'master') {
    return new TidemarkError(
      'unavailable',
      'HOT_REDIS_REPLICA',
      `Redis ${where} is a ${info.role}.`,
      'Point hot.redis.nodes at the primary, or use Sentinel or Cluster mode.',
    );
  }
  return null;
}

export function nodeName(node: Redis): string {
  return `${node.options.host ?? 'localhost'}:${node.options.port ?? 6379}`;
}

/**
 * Checks every primary and tries the scripts' commands in every shard.
 * @param id makes the probes' keys unique
 * @throws TidemarkError unavailable
 */
export async function checkServers(connection: RedisConnection, keys: HotKeys, id: string): Promise<void> {
  try {
    for (const node of connection.primaries()) {
      const problem = unsafeServer(await readServerInfo(node), nodeName(node));
      if (problem !== null) {
        throw problem;
      }
    }
    for (let shard = 0; shard < keys.shards; shard++) {
      await connection.script(PROBE, [keys.probe(shard, id)], []);
    }
  } catch (error) {
    throw classifyRedisError(error, 'the check at start', false);
  }
}
