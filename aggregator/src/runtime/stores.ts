// Makes the two tiers that a definition names. Nothing connects before `start`.

import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { ChdbEngine } from '../cold/engine-chdb.js';
import { HttpEngine } from '../cold/engine-http.js';
import type { ColdTier } from '../cold/cold-tier.js';
import { createColdTier } from '../cold/tier.js';
import type { Definition } from '../definition/model.js';
import type { TidemarkError } from '../errors.js';
import { NO_FAILPOINTS, type Failpoints } from '../failpoints.js';
import type { HotTier } from '../hot/hot-tier.js';
import { MemoryHotTier } from '../hot/memory.js';
import type { ConnectTimeouts } from '../hot/redis-connect.js';
import { RedisHotTier } from '../hot/redis.js';
import { compactDelta } from '../sketch/codecs.js';

/** @param timeouts default: what a process that runs on allows */
export function createHotTier(
  definition: Definition,
  clock: Clock,
  warn: (problem: TidemarkError) => void,
  timeouts?: ConnectTimeouts,
): HotTier {
  const options = { definition, clock, compact: compactDelta };
  if (definition.hot.kind === 'memory') return new MemoryHotTier(options);
  return new RedisHotTier({ ...options, warn, ...(timeouts === undefined ? {} : { timeouts }) });
}

export function createCold(definition: Definition, clock: Clock, failpoints: Failpoints = NO_FAILPOINTS): ColdTier {
  const engine =
    definition.cold.kind === 'chdb'
      ? new ChdbEngine({ dataDir: join(definition.dataDir, 'cold') })
      : new HttpEngine({ cold: definition.cold });
  return createColdTier(definition, engine, clock, { failpoints });
}
