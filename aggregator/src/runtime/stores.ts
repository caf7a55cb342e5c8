// Makes the two tiers that a definition names. Nothing connects before `start`.

import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { ChdbEngine } from '../cold/engine-chdb.js';
import { HttpEngine } from '../cold/engine-http.js';
import type { ColdTier } from '../cold/cold-tier.js';
import { createColdTier } from '../cold/tier.js';
import type { Definition } from '../definition/model.js';
import type { TidemarkError } from '../errors.js';
import type { HotTier } from '../hot/hot-tier.js';
import { MemoryHotTier } from '../hot/memory.js';
import { RedisHotTier } from '../hot/redis.js';
import { compactDelta } from '../sketch/codecs.js';

export function createHotTier(definition: Definition, clock: Clock, warn: (problem: TidemarkError) => void): HotTier {
  const options = { definition, clock, compact: compactDelta };
  return definition.hot.kind === 'memory' ? new MemoryHotTier(options) : new RedisHotTier({ ...options, warn });
}

export function createCold(definition: Definition, clock: Clock): ColdTier {
  const engine =
    definition.cold.kind === 'chdb'
      ? new ChdbEngine({ dataDir: join(definition.dataDir, 'cold') })
      : new HttpEngine({ cold: definition.cold });
  return createColdTier(definition, engine, clock);
}
