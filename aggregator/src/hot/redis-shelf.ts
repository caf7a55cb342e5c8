// The small things in Redis that belong to no flush: the query cache and leases.
// Invariant: a cache that does not work is an empty cache; queries never fail because of it.

import type { TidemarkError } from '../errors.js';
import type { HotKeys } from './keys.js';
import type { RedisConnection } from './redis-connect.js';
import { classifyRedisError } from './redis-errors.js';
import { LEASE, RELEASE } from './redis-scripts.js';

export class RedisShelf {
  readonly #keys: HotKeys;
  readonly #warn: (problem: TidemarkError) => void;

  constructor(keys: HotKeys, warn: (problem: TidemarkError) => void) {
    this.#keys = keys;
    this.#warn = warn;
  }

  async get(connection: RedisConnection | null, keys: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    try {
      // One by one, as each may be on another node; the client sends them together.
      return await Promise.all(
        keys.map(async (key) => {
          const value = await connection?.command('get', [this.#keys.cache(key)]);
          return Buffer.isBuffer(value) ? value : null;
        }),
      );
    } catch (error) {
      this.#warn(classifyRedisError(error, 'reading the query cache', false));
      return keys.map(() => null);
    }
  }

  async set(connection: RedisConnection | null, key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    try {
      await connection?.command('set', [
        this.#keys.cache(key),
        Buffer.from(value.buffer, value.byteOffset, value.length),
        'PX',
        wholeMs(ttlMs),
      ]);
    } catch (error) {
      // The next query computes it again.
      this.#warn(classifyRedisError(error, 'writing the query cache', false));
    }
  }

  /** @throws TidemarkError unavailable */
  async lease(connection: RedisConnection, name: string, owner: string, ttlMs: number): Promise<boolean> {
    try {
      return Number(await connection.script(LEASE, [this.#keys.lease(name)], [owner, wholeMs(ttlMs)])) === 1;
    } catch (error) {
      throw classifyRedisError(error, 'taking a lease', false);
    }
  }

  /** @throws TidemarkError unavailable */
  async releaseLease(connection: RedisConnection, name: string, owner: string): Promise<void> {
    try {
      await connection.script(RELEASE, [this.#keys.lease(name)], [owner]);
    } catch (error) {
      throw classifyRedisError(error, 'releasing a lease', false);
    }
  }
}

function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
