// The code under test, put together as `serve` does, on a log, a clock and stores that the test gives.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../aggregator/src/clock.js';
import { ChdbEngine } from '../../aggregator/src/cold/engine-chdb.js';
import { HttpEngine } from '../../aggregator/src/cold/engine-http.js';
import type { ColdTier } from '../../aggregator/src/cold/cold-tier.js';
import { createColdTier } from '../../aggregator/src/cold/tier.js';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import type { Definition } from '../../aggregator/src/definition/model.js';
import { GroupFreshness } from '../../aggregator/src/flush/freshness.js';
import { Pipeline } from '../../aggregator/src/flush/pipeline.js';
import type { HotTier } from '../../aggregator/src/hot/hot-tier.js';
import { MemoryHotTier } from '../../aggregator/src/hot/memory.js';
import { RedisHotTier } from '../../aggregator/src/hot/redis.js';
import type { QueryEngine } from '../../aggregator/src/query/engine.js';
import type { HotSource } from '../../aggregator/src/query/execute.js';
import type { FreshnessProvider } from '../../aggregator/src/query/freshness.js';
import { createHotSource, createQueryEngine } from '../../aggregator/src/runtime/query-engine.js';
import { compactDelta } from '../../aggregator/src/sketch/codecs.js';
import { repositoryRoot } from '../support/repository-root.js';
import { DeadLetterList, type ScriptedLog, type SetClock } from '../support/scripted-log.js';

export interface Stack {
  readonly definition: Definition;
  readonly hot: HotTier;
  readonly cold: ColdTier;
  readonly pipeline: Pipeline;
  readonly letters: DeadLetterList;
  readonly freshness: GroupFreshness;
  readonly fatal: unknown[];
  /** An engine whose hot tier claims to cover only from this time on; +Infinity: cold answers everything. */
  engine(hotFromMs: number): QueryEngine;
  close(): Promise<void>;
}

export function oracleDefinition(): { readonly yaml: string; readonly definition: Definition } {
  const path = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');
  const yaml = readFileSync(path, 'utf8');
  return { yaml, definition: loadDefinition({ path, text: yaml }) };
}

export interface Stores {
  readonly hot: HotTier;
  readonly cold: ColdTier;
  close(): Promise<void>;
}

export type OpenStores = (definition: Definition, clock: SetClock) => Promise<Stores>;

/** Memory and the engine in this process, in a folder of their own. */
export async function embeddedStores(definition: Definition, clock: SetClock): Promise<Stores> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-oracle-'));
  return {
    hot: new MemoryHotTier({ definition, clock, compact: compactDelta }),
    cold: createColdTier(definition, new ChdbEngine({ dataDir }), clock),
    close: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** A Redis and a ClickHouse that the test has started. */
/** @param name of their own keys and database, so that several may share the servers */
export async function serverStores(
  definition: Definition,
  clock: SetClock,
  servers: { readonly redisPort: number; readonly clickhouseUrl: string; readonly name: string },
): Promise<Stores> {
  const { redisPort, clickhouseUrl, name } = servers;
  const redis = { ...definition.hot.redis, nodes: [`127.0.0.1:${redisPort}`], keyPrefix: name };
  const withServers: Definition = {
    ...definition,
    hot: { ...definition.hot, kind: 'redis', redis },
    cold: { ...definition.cold, kind: 'http', url: clickhouseUrl, username: 'default', database: name },
  };
  const fail = (problem: Error): void => {
    throw problem;
  };
  return Promise.resolve({
    hot: new RedisHotTier({ definition: withServers, clock, compact: compactDelta, warn: fail }),
    cold: createColdTier(withServers, new HttpEngine({ cold: withServers.cold }), clock),
    close: () => Promise.resolve(),
  });
}

export async function openStack(
  definition: Definition,
  clock: SetClock,
  log: ScriptedLog,
  openStores: OpenStores = embeddedStores,
): Promise<Stack> {
  const stores = await openStores(definition, clock);
  const { hot, cold } = stores;
  await hot.start();
  await cold.start();
  await cold.migrate(() => undefined);
  const letters = new DeadLetterList();
  const fatal: unknown[] = [];
  const pipeline = new Pipeline(definition, clock, hot, cold, log, letters, {
    flushed: () => undefined,
    retrying: () => undefined,
    recovering: () => undefined,
    fenced: () => undefined,
    fatal: (error) => fatal.push(error),
  });
  const freshness = new GroupFreshness(definition, clock, hot, pipeline);
  return {
    definition,
    hot,
    cold,
    pipeline,
    letters,
    freshness,
    fatal,
    engine: (hotFromMs) => narrowedEngine({ definition, clock, hot, cold, freshness, onError: (error) => fatal.push(error) }, hotFromMs),
    close: async () => {
      await cold.stop();
      await hot.stop();
      await stores.close();
    },
  };
}

export interface Readable {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly hot: HotTier;
  readonly cold: ColdTier;
  readonly freshness: FreshnessProvider;
  readonly onError: (error: unknown) => void;
}

/** A query engine whose hot tier claims to cover only from `hotFromMs` on; +Infinity: cold answers everything. */
export function narrowedEngine({ definition, clock, hot, cold, freshness, onError }: Readable, hotFromMs: number): QueryEngine {
  const source = createHotSource(definition, hot, clock);
  const narrowed: HotSource = {
    ...source,
    coverage: async () => {
      const coverage = await hot.coverage();
      return {
        ...coverage,
        fromMs: Math.max(coverage.fromMs, hotFromMs),
        reason: hotFromMs === Infinity ? 'switched off by the test' : coverage.reason,
      };
    },
  };
  return createQueryEngine({ definition, clock, hot: narrowed, cold, freshness, onError, onOutcome: () => undefined });
}
