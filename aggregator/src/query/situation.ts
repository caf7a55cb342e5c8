// What one request knows of the tiers before it plans: read once, shared by all of its queries, and by all live evaluations of one
// moment. Never throws for a tier that is down: the plan then goes without it, and the answer says so.

import type { CompactionState } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import { HotFailed, type ColdSource, type Executor } from './execute.js';
import type { Freshness, FreshnessProvider } from './freshness.js';
import { within } from './patience.js';
import type { Coverage } from './tier-read.js';

export interface Situation {
  readonly nowMs: number;
  /** null: the hot tier cannot be asked, for the reason given. */
  readonly coverage: Coverage | null;
  readonly hotReason: string;
  readonly state: CompactionState | null;
  readonly freshness: Freshness;
  readonly asOf: string;
}

export interface SituationSources {
  readonly def: Definition;
  readonly cold: ColdSource;
  readonly freshness: FreshnessProvider;
  readonly onError: (error: unknown) => void;
}

export async function readSituation(sources: SituationSources, executor: Executor, nowMs: number, signal: AbortSignal): Promise<Situation> {
  const [{ coverage, failure }, state] = await Promise.all([readCoverage(executor, signal), readCompaction(sources)]);
  const usable = coverage !== null && Number.isFinite(coverage.fromMs);
  const hotReason = coverage === null ? failure : usable ? '' : coverage.reason === '' ? 'it covers nothing' : coverage.reason;
  const known = sources.freshness.freshness(coverage);
  const offsets = [...(coverage?.partitions.values() ?? [])].reduce((sum, { offset }) => sum + offset, 0);
  return { nowMs, coverage: usable ? coverage : null, hotReason, state, freshness: known, asOf: `${offsets}/${known.newestEventMs}` };
}

async function readCoverage(executor: Executor, signal: AbortSignal): Promise<{ coverage: Coverage | null; failure: string }> {
  try {
    return { coverage: await executor.coverage(signal), failure: '' };
  } catch (error) {
    if (error instanceof HotFailed) return { coverage: null, failure: error.reason };
    // The deadline or the client's leaving: each query then ends with that reason.
    if (signal.aborted) return { coverage: null, failure: 'the query ended first' };
    throw error;
  }
}

/** Without it nothing is cached, and hot may still answer; a cold tier that is down or hangs shows when it is read. */
async function readCompaction({ cold, def, onError }: SituationSources): Promise<CompactionState | null> {
  try {
    const waited = await within(cold.state(), Math.min(1_000, def.query.deadlineMs / 4));
    return waited.late ? null : waited.value;
  } catch (error) {
    onError(error);
    return null;
  }
}

/** Buckets that end at or before this are finished, late events aside. Epoch ms. */
export function finishedUntilMs({ freshness, state }: Pick<Situation, 'freshness' | 'state'>): number {
  // While partitions are missing nothing is finished but what was closed when all were there.
  return freshness.complete ? freshness.watermarkMs : (state?.closedUntilMs ?? 0);
}

/** Event time up to which nothing is missing but late events: an empty bucket before it is a real zero. Epoch ms. */
export function completeUntilMs({ freshness, state }: Pick<Situation, 'freshness' | 'state'>): number {
  const closedUntilMs = state?.closedUntilMs ?? 0;
  return freshness.complete ? Math.max(freshness.watermarkMs, freshness.newestEventMs, closedUntilMs) : closedUntilMs;
}
