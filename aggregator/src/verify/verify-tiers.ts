// Checks that the tiers agree: rollups with raw events, and the hot tier with the cold one, for every tenant and grouping, minute by
// minute. Reads only. A cell that differs is read once more after a while, since both sides move on while they are read.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition, Grouping } from '../definition/model.js';
import type { HotSource } from '../query/execute.js';
import { resolutionFor } from '../hot/resolution.js';
import type { Coverage, Output, TierRead, TierResult } from '../query/tier-read.js';
import { differences, type Difference } from './differences.js';

export type Comparison = 'rollups with raw events' | 'hot with cold';

export interface VerifyOptions {
  readonly definition: Definition;
  readonly cold: Pick<ColdTier, 'state' | 'read' | 'readRaw'>;
  /** null: there is no hot tier that outlives its process. */
  readonly hot: Pick<HotSource, 'coverage' | 'read'> | null;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly onCompared: (comparison: Comparison, tenant: string, grouping: string, compared: Compared) => void;
}

export interface Compared {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cells: number;
  readonly differences: readonly Difference[];
}

const MINUTE_MS = 60_000;
const STRETCH_MS = 60 * MINUTE_MS;
/** A flush writes the cold tier first: what is this young may differ for a moment. */
const SETTLED_MS = 15_000;
const SECOND_LOOK_MS = 3_000;
const MAX_ROWS = 100_000_000;

/** @returns how many cells differ. @throws TidemarkError unavailable */
export async function verifyTiers(options: VerifyOptions, span: { readonly fromMs: number; readonly toMs: number }): Promise<number> {
  const { definition, cold, hot, nowMs } = options;
  const { closedUntilMs } = await cold.state();
  const coverage = hot === null ? null : await hot.coverage();
  const fromMs = Math.floor(span.fromMs / MINUTE_MS) * MINUTE_MS;
  const toMs = Math.ceil(span.toMs / MINUTE_MS) * MINUTE_MS;
  let wrong = 0;
  for (const tenant of definition.tenants) {
    for (const grouping of definition.groupings) {
      const outputs = numbersOf(definition);
      const rollupsUntil = Math.min(toMs, closedUntilMs);
      for (let at = fromMs; at < rollupsUntil; at = nextStretch(at)) {
        const read = readOf(options, tenant.name, grouping, outputs, at, Math.min(nextStretch(at), rollupsUntil));
        const compared = await compare(
          options,
          read,
          () => cold.read(read),
          () => cold.readRaw(read),
        );
        wrong += compared.differences.length;
        options.onCompared('rollups with raw events', tenant.name, grouping.name, compared);
      }
      if (hot === null || coverage === null || !grouping.hot) continue;
      const settled = Math.floor((nowMs - SETTLED_MS) / MINUTE_MS) * MINUTE_MS;
      const numeric = outputs.filter((output) => output.stat === 'value');
      for (let at = Math.max(fromMs, hotFrom(options, numeric, coverage)); at < Math.min(toMs, settled); at = nextStretch(at)) {
        const read = readOf(options, tenant.name, grouping, numeric, at, Math.min(nextStretch(at), toMs, settled));
        const compared = await compare(
          options,
          read,
          () => hot.read(read, coverage),
          () => cold.read(read),
        );
        wrong += compared.differences.length;
        options.onCompared('hot with cold', tenant.name, grouping.name, compared);
      }
    }
  }
  return wrong;
}

async function compare(
  { definition, signal }: VerifyOptions,
  read: TierRead,
  left: () => Promise<TierResult>,
  right: () => Promise<TierResult>,
): Promise<Compared> {
  const look = async (): Promise<{ readonly found: readonly Difference[]; readonly cells: number }> => {
    const [a, b] = [await left(), await right()];
    return {
      found: differences(definition, read.outputs, a, b),
      cells: Math.max(a.groups.length, b.groups.length) * a.timesMs.length * read.outputs.length,
    };
  };
  const first = await look();
  const compared = { fromMs: read.fromMs, toMs: read.toMs };
  if (first.found.length === 0) return { ...compared, cells: first.cells, differences: [] };
  await sleep(SECOND_LOOK_MS, undefined, { signal });
  const second = await look();
  return { ...compared, cells: second.cells, differences: second.found };
}

function nextStretch(at: number): number {
  return (Math.floor(at / STRETCH_MS) + 1) * STRETCH_MS;
}

/** From where on the hot tier holds minutes, epoch ms. */
function hotFrom({ definition, nowMs }: VerifyOptions, outputs: readonly Output[], coverage: Coverage): number {
  const shape = { outputs, bucketMs: MINUTE_MS, windowSizeMs: null };
  const newest = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  let at = Math.ceil(Math.max(coverage.fromMs, nowMs - definition.retention.hot1mMs) / MINUTE_MS) * MINUTE_MS;
  while (at < newest && resolutionFor(definition, shape, at, newest, coverage, nowMs) === null) at += MINUTE_MS;
  return at;
}

function readOf(
  { signal }: VerifyOptions,
  tenant: string,
  grouping: Grouping,
  outputs: readonly Output[],
  fromMs: number,
  toMs: number,
): TierRead {
  return {
    ...{ tenant, grouping: grouping.index, groupBy: grouping.dimensions, filters: [], outputs, fromMs, toMs },
    ...{ bucketMs: MINUTE_MS, windowSizeMs: null, maxRows: MAX_ROWS, signal },
  };
}

/** Everything that is a number: rankings and distributions are made of the same rows. */
function numbersOf(definition: Definition): readonly Output[] {
  return definition.components.flatMap((component): Output[] => {
    const { index } = component;
    if (component.kind === 'top') return [];
    if (component.kind === 'unique') return [{ component: index, stat: 'estimate' }];
    if (component.kind === 'quantiles') return component.quantiles.map((q) => ({ component: index, stat: 'quantile', q }));
    return [{ component: index, stat: 'value' }];
  });
}
