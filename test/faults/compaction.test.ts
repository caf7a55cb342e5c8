// Compaction by two processes, interleaved at every moment between its steps: the same buckets twice, by one that has lost its lease,
// and cut off half-way. Afterwards every answer from the cold tier is the oracle's.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ColdTier } from '../../aggregator/src/cold/cold-tier.js';
import { ChdbEngine } from '../../aggregator/src/cold/engine-chdb.js';
import { createColdTier } from '../../aggregator/src/cold/tier.js';
import { FAILPOINTS, type FailpointName } from '../../aggregator/src/failpoints.js';
import { MemoryHotTier } from '../../aggregator/src/hot/memory.js';
import { compactDelta } from '../../aggregator/src/sketch/codecs.js';
import { makeLog } from '../oracle/events.js';
import { everyQuestion, RememberingReference } from '../oracle/every-question.js';
import { judge, type Answer } from '../oracle/questions.js';
import { narrowedEngine, openStack, oracleDefinition, type Stack } from '../oracle/stack.js';
import { ScriptedLog, SetClock } from '../support/scripted-log.js';
import { inLogOrder } from '../support/shop-log.js';

const MINUTE_MS = 60_000;
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const NEVER = new AbortController().signal;
const POINTS = FAILPOINTS.filter((name) => name.startsWith('compaction.'));
const HOUR_MS = 60 * MINUTE_MS;
/** One for each time that something is cut off, and two for each time that one stands still. */
const PARTS = POINTS.length * 3;
// Each part ends an hour, so that every step has something to do.
const START = Math.floor((NOW - PARTS * 70 * MINUTE_MS) / HOUR_MS) * HOUR_MS;

const { yaml, definition } = oracleDefinition();
const records = makeLog({ seed: 17, events: 12_000, startMs: START, endMs: NOW, partitions: 4 });
const clock = new SetClock(NOW);
const log = new ScriptedLog(records);
let stack: Stack;
let dataDir: string;
let steady: ColdTier;
/** What happens at a moment; taken when it is met. */
let gate: { readonly at: FailpointName; readonly act: () => Promise<void> } | null = null;
const met = new Set<FailpointName>();

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidemark-compaction-'));
  const engine = new ChdbEngine({ dataDir });
  const failpoints = {
    reach: (name: FailpointName) => {
      const here = gate?.at === name ? gate : null;
      if (here === null) return undefined;
      gate = null;
      met.add(name);
      return here.act();
    },
  };
  stack = await openStack(definition, clock, log, () =>
    Promise.resolve({
      hot: new MemoryHotTier({ definition, clock, compact: compactDelta }),
      cold: createColdTier(definition, engine, clock, { failpoints, stateTtlMs: 0 }),
      close: () => rm(dataDir, { recursive: true, force: true }),
    }),
  );
  steady = createColdTier(definition, engine, clock, { stateTtlMs: 0 });
  await log.start(stack.pipeline);
  stack.pipeline.start();
}, 120_000);

afterAll(async () => {
  await stack?.pipeline.drain();
  await stack?.close();
});

let delivered = 0;
/** The next stretch of the log into both tiers; it holds late events for minutes that are compacted. */
async function deliver(): Promise<number> {
  for (const [partition, list] of records) await log.deliver(partition, Math.ceil(list.length / PARTS));
  await stack.pipeline.revoked();
  await log.reassign();
  delivered++;
  return Math.floor((START + ((NOW - START) * delivered) / PARTS) / MINUTE_MS) * MINUTE_MS;
}

describe('two processes that compact', { timeout: 300_000 }, () => {
  it.each(POINTS)('may be cut off at %s: whoever comes next does the rest', async (at) => {
    const until = await deliver();
    gate = { at, act: () => Promise.reject(new Error(`cut off at ${at}`)) };
    await stack.cold.compact(until, NEVER).catch((error: unknown) => expect(String(error)).toContain('cut off'));
    gate = null;
    await steady.compact(until, NEVER);
  });

  it.each(POINTS)('may work at once, one standing still at %s while the other does it all and late rows come', async (at) => {
    const until = await deliver();
    gate = {
      at,
      act: async () => {
        await steady.compact(until, NEVER);
        await deliver();
        await steady.compact(until, NEVER);
      },
    };
    await stack.cold.compact(until, NEVER);
    gate = null;
  });

  it('met every moment', () => {
    expect([...met].sort()).toEqual([...POINTS].sort());
  });

  it('leave what the oracle says', async () => {
    await log.deliverAll();
    await stack.pipeline.revoked();
    await steady.compact(NOW, NEVER);
    await steady.compact(NOW, NEVER);
    expect((await steady.state()).dirtyMinutes).toEqual([]);
    const reference = new RememberingReference(yaml, inLogOrder(records), definition.duplicates);
    const engine = narrowedEngine(
      { definition, clock, hot: stack.hot, cold: steady, freshness: stack.freshness, onError: (error) => expect.fail(String(error)) },
      Number.POSITIVE_INFINITY,
    );
    const wrong: string[] = [];
    for (const question of everyQuestion(reference, START - HOUR_MS, Math.floor(NOW / HOUR_MS) * HOUR_MS, [0, HOUR_MS])) {
      const { results } = await engine.run(definition.tenants[0], question.body, NEVER);
      await engine.settled();
      const problems = judge(question, results['A'] as unknown as Answer, reference);
      if (problems.length > 0) wrong.push(`${JSON.stringify(question.body)}: ${problems.length} wrong, first: ${problems[0]}`);
    }
    expect(wrong).toEqual([]);
  });
});
