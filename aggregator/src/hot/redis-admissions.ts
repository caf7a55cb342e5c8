// Which dimension values are kept, agreed between all processes: sorted sets in Redis, by the time a value was last seen.
// Invariant: a set never holds more than its dimension's cap.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { ABANDONED_AFTER_S, SIGHTING_EVERY_MS, UNSEEN_MAKES_ROOM_MS } from './admission-rules.js';
import { escapeName, type HotKeys } from './keys.js';
import type { RedisConnection } from './redis-connect.js';
import { classifyRedisError } from './redis-errors.js';
import { ADMIT } from './redis-scripts.js';

/** Values per call: about a millisecond of Redis. */
const VALUES_PER_CALL = 1_000;

export class RedisAdmissions {
  readonly #definition: Definition;
  readonly #keys: HotKeys;
  readonly #clock: Clock;

  constructor(definition: Definition, keys: HotKeys, clock: Clock) {
    this.#definition = definition;
    this.#keys = keys;
    this.#clock = clock;
  }

  async admit(connection: RedisConnection, tenant: string, dimension: number, values: readonly string[]): Promise<ReadonlySet<string>> {
    const { cap } = this.#definition.dimensions[dimension];
    const key = this.#keys.admissions(tenant, dimension);
    const unique = [...new Set(values)];
    const admitted = new Set<string>();
    for (let i = 0; i < unique.length; i += VALUES_PER_CALL) {
      const chunk = unique.slice(i, i + VALUES_PER_CALL);
      const args = [
        Math.floor(this.#clock.now()),
        cap,
        UNSEEN_MAKES_ROOM_MS,
        SIGHTING_EVERY_MS,
        ABANDONED_AFTER_S,
        ...chunk.map(escapeName),
      ];
      const answer = await connection.script(ADMIT, [key], args).catch((error: unknown) => {
        // Admitting the same values again gives the same answer, so a lost one is no more than an outage.
        throw classifyRedisError(error, 'admitting dimension values', false);
      });
      const flags = Buffer.isBuffer(answer) ? answer.toString('latin1') : '';
      if (flags.length !== chunk.length) {
        throw new TidemarkError(
          'fatal',
          'HOT_UNEXPECTED_ANSWER',
          'Redis answered the script admit in an unknown form.',
          'Is something between Tidemark and Redis?',
        );
      }
      chunk.forEach((value, k) => {
        if (flags[k] === '1') {
          admitted.add(value);
        }
      });
    }
    return admitted;
  }

  /** True when any shard's registry was never loaded, or was lost. */
  async missing(connection: RedisConnection): Promise<boolean> {
    const present = await this.#everyShard((shard) => connection.command('exists', [this.#keys.admissionsLoaded(shard)]));
    return present.some((answer) => Number(answer) !== 1);
  }

  async loaded(connection: RedisConnection): Promise<void> {
    await this.#everyShard((shard) => connection.command('set', [this.#keys.admissionsLoaded(shard), '1', 'EX', ABANDONED_AFTER_S]));
  }

  /** The keys that a clear must delete. */
  keys(): string[] {
    const { tenants, dimensions } = this.#definition;
    const shards = Array.from({ length: this.#keys.shards }, (_, shard) => this.#keys.admissionsLoaded(shard));
    return [...shards, ...tenants.flatMap((tenant) => dimensions.map((dimension) => this.#keys.admissions(tenant.name, dimension.index)))];
  }

  async #everyShard(run: (shard: number) => Promise<unknown>): Promise<unknown[]> {
    try {
      return await Promise.all(Array.from({ length: this.#keys.shards }, (_, shard) => run(shard)));
    } catch (error) {
      throw classifyRedisError(error, 'checking the admitted dimension values', false);
    }
  }
}
