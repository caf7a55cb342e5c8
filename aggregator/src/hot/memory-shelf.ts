// The small things of the in-memory tier: the query cache, leases, and which dimension values are admitted.
// Everything expires by the injected clock.

import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import { SIGHTING_EVERY_MS, UNSEEN_MAKES_ROOM_MS } from './admission-rules.js';

interface Shelved {
  readonly value: Uint8Array;
  readonly untilMs: number;
}

/** Size of an entry besides its value. */
const ENTRY_BYTES = 200;

export class MemoryShelf {
  readonly #clock: Clock;
  readonly #cache: LRUCache<string, Shelved>;
  readonly #leases = new Map<string, { readonly owner: string; readonly untilMs: number }>();

  constructor(clock: Clock, cacheBytes: number) {
    this.#clock = clock;
    this.#cache = new LRUCache({ maxSize: cacheBytes, sizeCalculation: ({ value }, key) => value.length + key.length * 2 + ENTRY_BYTES });
  }

  get(key: string): Uint8Array | null {
    const shelved = this.#cache.get(key);
    if (shelved === undefined) {
      return null;
    }
    if (shelved.untilMs <= this.#clock.now()) {
      this.#cache.delete(key);
      return null;
    }
    return shelved.value;
  }

  set(key: string, value: Uint8Array, ttlMs: number): void {
    this.#cache.set(key, { value: value.slice(), untilMs: this.#clock.now() + ttlMs });
  }

  lease(name: string, owner: string, ttlMs: number): boolean {
    const now = this.#clock.now();
    const held = this.#leases.get(name);
    if (held !== undefined && held.owner !== owner && held.untilMs > now) {
      return false;
    }
    this.#leases.set(name, { owner, untilMs: now + ttlMs });
    return true;
  }

  releaseLease(name: string, owner: string): void {
    if (this.#leases.get(name)?.owner === owner) {
      this.#leases.delete(name);
    }
  }

  clear(): void {
    this.#cache.clear();
    this.#leases.clear();
  }
}

export class MemoryAdmissions {
  readonly #definition: Definition;
  readonly #clock: Clock;
  /** By `dimension:tenant`: value → last seen, epoch ms. */
  readonly #registries = new Map<string, Map<string, number>>();
  loaded = false;

  constructor(definition: Definition, clock: Clock) {
    this.#definition = definition;
    this.#clock = clock;
  }

  admit(tenant: string, dimension: number, values: readonly string[]): Set<string> {
    const now = this.#clock.now();
    const { cap } = this.#definition.dimensions[dimension];
    const name = `${dimension}:${tenant}`;
    let registry = this.#registries.get(name);
    if (registry === undefined) {
      registry = new Map();
      this.#registries.set(name, registry);
    }
    const admitted = new Set<string>();
    for (const value of new Set(values)) {
      const seenMs = registry.get(value);
      if (seenMs === undefined && registry.size >= cap) {
        this.#makeRoom(registry, now);
      }
      if (seenMs !== undefined || registry.size < cap) {
        if (seenMs === undefined || now - seenMs >= SIGHTING_EVERY_MS) {
          registry.set(value, now);
        }
        admitted.add(value);
      }
    }
    return admitted;
  }

  #makeRoom(registry: Map<string, number>, now: number): void {
    let oldest: string | null = null;
    let oldestMs = now - UNSEEN_MAKES_ROOM_MS;
    for (const [value, seenMs] of registry) {
      if (seenMs < oldestMs) {
        oldest = value;
        oldestMs = seenMs;
      }
    }
    if (oldest !== null) {
      registry.delete(oldest);
    }
  }

  clear(): void {
    this.#registries.clear();
    this.loaded = false;
  }
}
