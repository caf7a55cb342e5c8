// Writes queries that took long into the log, with what is needed to ask them again. Hung into the engine's onOutcome.

import type { QueryOutcome } from '../query/engine.js';

/** What is used of pino. */
export interface WarnLog {
  warn(fields: object, message: string): void;
}

/** @param thresholdMs queries of at least this are logged; refused ones are not slow, they are counted */
export function slowQueryLog(log: WarnLog, thresholdMs: number): (outcome: QueryOutcome) => void {
  return (outcome) => {
    if (outcome.durationMs < thresholdMs || outcome.status === 400 || outcome.status === 429) return;
    const { tenant, refId, kind, measure, status, tiers, cacheHits, cacheMisses, problem } = outcome;
    log.warn(
      {
        tenant,
        refId,
        kind,
        measure,
        status,
        tiers,
        cacheHits,
        cacheMisses,
        durationMs: Math.round(outcome.durationMs),
        ...(problem === null ? {} : { code: problem.code }),
      },
      'slow query',
    );
  };
}
