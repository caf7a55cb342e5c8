// Puts the watch loop together: what it finds goes to the cold tier, the metrics and the log.

import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import type { QueryEngine } from '../query/engine.js';
import { WatchLoop } from '../watch/watch-loop.js';
import { WatchMetrics } from '../watch/watch-metrics.js';
import type { Logger } from './logger.js';

export interface WatchParts {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly engine: QueryEngine;
  readonly cold: ColdTier;
  readonly hot: HotTier;
  /** Epoch ms; 0 when it is not known. */
  readonly watermarkMs: () => Promise<number>;
  readonly registry: Registry;
}

/** @returns null where there is nothing to watch, or another process does: watches are judged where compaction is done */
export function createWatches(parts: WatchParts): WatchLoop | null {
  const { definition, logger } = parts;
  if (!definition.roles.compact || definition.watches.length === 0) return null;
  const metrics = new WatchMetrics(parts.registry);
  return new WatchLoop({
    def: definition,
    clock: parts.clock,
    engine: parts.engine,
    cold: parts.cold,
    hot: parts.hot,
    watermarkMs: parts.watermarkMs,
    owner: randomUUID(),
    events: {
      judged: (tenant, watch, judged) => metrics.judged(tenant, watch, judged),
      began: (_tenant, watch, record) => {
        metrics.began(record);
        logger.info({ watch: watch.name, series: record.labels, score: record.score }, `anomaly: ${record.reason}`);
      },
      failed: (watch, error) => {
        metrics.failed(watch);
        logger.warn({ err: error, watch: watch.name }, 'a watch could not be judged; the next round tries again');
      },
    },
  });
}
