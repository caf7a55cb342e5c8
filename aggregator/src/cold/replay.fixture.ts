// For tests: the whole of a cold tier's rollups compared with its raw events, by what `tidemark verify` runs.

import { verifyTiers } from '../verify/verify-tiers.js';
import { NEVER, type Bench } from './cold-bench.fixture.js';

/** @returns how many numbers differ */
export function numbersDiffer({ tier, definition, clock }: Bench, fromMs: number, toMs: number): Promise<number> {
  const options = { definition, cold: tier, hot: null, nowMs: clock.now(), signal: NEVER, onCompared: () => undefined };
  return verifyTiers(options, { fromMs, toMs });
}
