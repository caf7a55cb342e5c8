// Names of everything the hot tier keeps: which shard a series belongs to, and under which Redis key it stands.
// Invariant: different (tenant, grouping, values) have different names whatever the strings hold, and a name reads back exactly.
// Data keys carry the shard's epoch, so that what a wiped or cleared shard left behind is never mixed with what comes after.

import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Resolution } from '../window/flush-batch.js';

// Separators, the escape itself, control characters, and halves of surrogate pairs: UTF-8 would turn all of those into one.
const NEEDS_ESCAPE = /[%:,\u0000-\u001f\u007f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const ESCAPED_CHARACTER = new RegExp(NEEDS_ESCAPE, 'g');
const ESCAPE_SEQUENCE = /%([0-9a-f]{4})/g;

/** Makes a string free of separators; `unescapeName` reads it back. */
export function escapeName(value: string): string {
  return NEEDS_ESCAPE.test(value) ? value.replace(ESCAPED_CHARACTER, (c) => `%${c.charCodeAt(0).toString(16).padStart(4, '0')}`) : value;
}

export function unescapeName(name: string): string {
  return name.includes('%') ? name.replace(ESCAPE_SEQUENCE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : name;
}

/** Dimension values as one string. */
export function joinValues(values: readonly string[]): string {
  let joined = '';
  for (let i = 0; i < values.length; i++) {
    joined += i === 0 ? escapeName(values[i]) : `,${escapeName(values[i])}`;
  }
  return joined;
}

/** @param count number of dimensions of the grouping: '' is no value for 0, one empty value for 1 */
export function splitValues(joined: string, count: number): string[] {
  return count === 0 ? [] : joined.split(',').map(unescapeName);
}

/** The name of a series: tells apart every (grouping, tenant, values). */
export function seriesName(tenant: string, grouping: number, values: readonly string[]): string {
  return `${grouping}:${escapeName(tenant)}:${joinValues(values)}`;
}

/** FNV-1a over UTF-16 code units with Murmur3's finalizer, modulo the number of shards. */
export function shardOf(name: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}

export class HotKeys {
  readonly shards: number;
  /** Everything of this definition starts with it. */
  readonly prefix: string;
  readonly #bases: readonly string[];

  /** @throws TidemarkError invalid when the prefix would change the cluster's hash tag */
  constructor(definition: Definition) {
    const { keyPrefix } = definition.hot.redis;
    if (/[{}\s]/.test(keyPrefix)) {
      throw new TidemarkError(
        'invalid',
        'HOT_KEY_PREFIX',
        `hot.redis.keyPrefix ${JSON.stringify(keyPrefix)} has a brace or white space in it; the hash tag of every key stands in braces.`,
        'Use letters, digits, - and : only.',
      );
    }
    this.shards = definition.hot.shards;
    this.prefix = `${keyPrefix}:${definition.layoutHash.slice(0, 12)}:`;
    this.#bases = Array.from({ length: this.shards }, (_, shard) => `${this.prefix}{tm${shard}}:`);
  }

  /** Hash with the shard's epoch, expected partitions and markers. */
  state(shard: number): string {
    return `${this.#bases[shard]}state`;
  }

  numeric(shard: number, epoch: string, resolution: Resolution, stretch: number, series: string): string {
    return `${this.#bases[shard]}${epoch}:n:${resolution}:${stretch}:${series}`;
  }

  sketch(shard: number, epoch: string, component: number, resolution: Resolution, stretch: number, series: string): string {
    return `${this.#bases[shard]}${epoch}:s${component}:${resolution}:${stretch}:${series}`;
  }

  /** Sorted set of a grouping's series by the time they were last seen. */
  registry(shard: number, epoch: string, tenant: string, grouping: number): string {
    return `${this.#bases[shard]}${epoch}:r:${grouping}:${escapeName(tenant)}`;
  }

  /** Sorted set of a dimension's admitted values by the time they were last seen. */
  admissions(tenant: string, dimension: number): string {
    const name = `a:${dimension}:${escapeName(tenant)}`;
    return `${this.#bases[shardOf(name, this.shards)]}${name}`;
  }

  /** Present when the admissions of a shard have been loaded. */
  admissionsLoaded(shard: number): string {
    return `${this.#bases[shard]}loaded`;
  }

  cache(key: string): string {
    return `${this.#bases[shardOf(key, this.shards)]}c:${escapeName(key)}`;
  }

  lease(name: string): string {
    return `${this.#bases[shardOf(name, this.shards)]}l:${escapeName(name)}`;
  }

  probe(shard: number, id: string): string {
    return `${this.#bases[shard]}probe:${id}`;
  }

  channel(): string {
    return `${this.prefix}announce`;
  }

  /** Epoch in the name of a data key (numbers, sketches, registry); null for any other key. */
  epochOf(key: string): string | null {
    const rest = key.startsWith(this.prefix) ? key.slice(this.prefix.length) : '';
    return /^\{tm\d+\}:([^:]+):(?:n|s\d+|r):/.exec(rest)?.[1] ?? null;
  }
  /** True for the query cache and leases, which belong to no epoch. */
  isShortLived(key: string): boolean {
    return key.startsWith(this.prefix) && /^\{tm\d+\}:[cl]:/.test(key.slice(this.prefix.length));
  }
}
