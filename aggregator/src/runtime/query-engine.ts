// Puts the query engine together on a process's tiers and sketches.

import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import { QueryEngine, type QueryOutcome } from '../query/engine.js';
import type { HotSource } from '../query/execute.js';
import type { FreshnessProvider } from '../query/freshness.js';
import { hotSource } from '../query/tiers.js';
import { compactDelta, readerFor } from '../sketch/codecs.js';
import { coarseBinBounds } from '../sketch/ddsketch.js';

export interface QueryEngineParts {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly hot: HotSource;
  readonly cold: ColdTier;
  readonly freshness: FreshnessProvider;
  readonly onError: (error: unknown) => void;
  readonly onOutcome: (outcome: QueryOutcome) => void;
}

export function createHotSource(definition: Definition, tier: HotTier, clock: Clock): HotSource {
  return hotSource({ definition, tier, clock, sketches: { compact: compactDelta, readerFor } });
}

export function createQueryEngine(parts: QueryEngineParts): QueryEngine {
  const bins = {
    bounds: (bin: number) => {
      const { from, to } = coarseBinBounds(bin);
      return { lower: from, upper: to };
    },
  };
  return new QueryEngine({ def: parts.definition, bins, ...parts });
}
