// Wires the loop that gives a hot tier back what it lost: in the processes that do the work of the background, and in the one that
// keeps its windows in memory.

import { randomUUID } from 'node:crypto';
import { RebuildLoop, type RebuildParts } from '../flush/rebuild-loop.js';
import type { Metrics } from '../metrics.js';
import type { Logger } from './logger.js';

/** @returns null where another process does it */
export function createRebuild(
  parts: Omit<RebuildParts, 'owner' | 'events'> & { readonly logger: Logger; readonly metrics: Metrics },
): RebuildLoop | null {
  const { definition, logger, metrics } = parts;
  if (!definition.roles.compact && definition.hot.kind !== 'memory') return null;
  const since = (ms: number): string => new Date(ms).toISOString();
  return new RebuildLoop({
    ...parts,
    owner: randomUUID(),
    events: {
      began: (fromMs) => logger.info({ coveredSince: since(fromMs) }, 'giving the hot tier back what lies before its coverage'),
      added: (rows, { fromMs }) => {
        metrics.rebuilt(rows);
        logger.debug({ rows, coveredSince: since(fromMs) }, 'the hot tier reaches further back');
      },
      finished: (rows, durationMs) => logger.info({ rows, ms: Math.round(durationMs) }, 'the hot tier is whole again'),
      failed: (error) => logger.warn({ err: error }, 'rebuilding the hot tier failed; the next round goes on'),
    },
  });
}
