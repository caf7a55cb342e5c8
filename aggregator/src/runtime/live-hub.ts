// Puts the live API together on a process's query engine and its hot tier's announcements.

import type { Registry } from 'prom-client';
import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import { LiveHub } from '../live/hub.js';
import { LiveMetrics } from '../live/live-metrics.js';
import type { QueryEngine } from '../query/engine.js';
import type { Logger } from './logger.js';

/** @returns a hub that listens to announcements; the server that serves it stops it */
export function startLiveHub(
  definition: Definition,
  clock: Clock,
  logger: Logger,
  engine: QueryEngine,
  hot: HotTier,
  registry: Registry,
): LiveHub {
  const hub = new LiveHub({
    def: definition,
    clock,
    engine,
    announcements: hot,
    metrics: new LiveMetrics(registry),
    onError: (error) => logger.warn({ err: error }, 'a live evaluation failed; it is tried again'),
  });
  hub.start();
  return hub;
}
