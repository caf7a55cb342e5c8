// Forgets everything that one definition keeps in Redis. First the shards' states go, which ends every epoch at once; then the
// old epochs' keys are swept away in small steps. What is written under a new epoch meanwhile is not touched.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HotKeys } from './keys.js';
import type { RedisConnection } from './redis-connect.js';
import { classifyRedisError } from './redis-errors.js';
import { FORGET } from './redis-scripts.js';

const KEYS_PER_SCAN = 1_000;

/**
 * @param more further keys to delete: the registries of admitted values
 * @throws TidemarkError unavailable: call again
 */
export async function clearRedis(connection: RedisConnection, keys: HotKeys, more: readonly string[]): Promise<void> {
  try {
    const ended = new Set<string>();
    for (let shard = 0; shard < keys.shards; shard++) {
      ended.add(String(await connection.script(FORGET, [keys.state(shard)], [])));
    }
    await Promise.all(more.map((key) => connection.command('unlink', [key])));
    for (const node of connection.primaries()) {
      let cursor = '0';
      do {
        const [next, found] = await node.scan(cursor, 'MATCH', `${keys.prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`, 'COUNT', KEYS_PER_SCAN);
        cursor = next;
        const stale = found.filter((key) => {
          const epoch = keys.epochOf(key);
          return (epoch !== null && ended.has(epoch)) || keys.isShortLived(key);
        });
        await Promise.all(stale.map((key) => node.unlink(key)));
        await nextTurn();
      } while (cursor !== '0');
    }
  } catch (error) {
    throw classifyRedisError(error, 'clearing', false);
  }
}
