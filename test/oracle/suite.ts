// The oracle's suite, run against any pair of stores: seeded questions over measures × groupings × buckets × filters × range ends,
// answered hot, cold and across a boundary that stands anywhere, with late and duplicate events in the log and compaction half done.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailpointName } from '../../aggregator/src/failpoints.js';
import { RebuildLoop } from '../../aggregator/src/flush/rebuild-loop.js';
import { ScriptedLog, SetClock, type ScriptedRecord } from '../support/scripted-log.js';
import { until } from '../support/until.js';
import { makeLog, random } from './events.js';
import { drawQuestion, judge, tiersOf, type Answer, type QuestionLimits } from './questions.js';
import { Reference, type LogRecord } from './reference.js';
import { openStack, oracleDefinition, type OpenStores, type Stack } from './stack.js';

const HOUR_MS = 3_600_000;
// Near today, because the engine's retention follows the real clock; always the same minute of an hour.
const NOW_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS + Date.parse('1970-01-01T00:34:56.789Z');

export interface OracleSuite {
  readonly stores: string;
  readonly seed: number;
  readonly questions: number;
  readonly openStores: OpenStores;
  /** The hot tier loses everything on the way, once while it is being rebuilt, and is rebuilt before it is asked. @default false */
  readonly wiped?: boolean;
}

const GIVEN_UP = new Error('given up');
const WIPED_AT_PART = 13;
const WIPED_AGAIN_AT_PART = 15;

export function describeOracle({ stores, seed: SEED, questions: QUESTIONS, openStores, wiped = false }: OracleSuite): void {
  describe(`the oracle, ${stores}, seed ${SEED}`, () => {
    const EVENTS = wiped ? 12_000 : 60_000;
    const { yaml, definition } = oracleDefinition();
    const clock = new SetClock(NOW_MS - 3 * HOUR_MS);
    let stack: Stack;
    let reference: Reference;

    beforeAll(async () => {
      const records = makeLog({ seed: SEED, events: EVENTS, startMs: NOW_MS - 3 * HOUR_MS, endMs: NOW_MS - 1_000, partitions: 4 });
      reference = new Reference(yaml, inLogOrder(records), definition.duplicates);
      const log = new ScriptedLog(records);
      stack = await openStack(definition, clock, log, openStores);
      await log.start(stack.pipeline);
      stack.pipeline.start();
      const draw = random(SEED + 1);
      // The clock follows the log, so that panes are kept at the resolution they have in life; compaction runs in between.
      for (let part = 0; part < 18; part++) {
        clock.nowMs = NOW_MS - 3 * HOUR_MS + part * (HOUR_MS / 6) + 1;
        for (const partition of records.keys()) {
          await log.deliver(partition, Math.floor((EVENTS / 60_000) * (700 + draw() * 300)));
        }
        if (wiped && part === WIPED_AT_PART) {
          // Something must have been flushed to be lost.
          await covered(stack);
          await stack.hot.clear();
        }
        if (wiped && part === WIPED_AGAIN_AT_PART) {
          await covered(stack);
          await rebuild(stack, clock, 'rebuild.rows-read', () => stack.hot.clear());
          expect((await stack.hot.coverage()).fromMs).toBe(Number.POSITIVE_INFINITY);
        }
        if (part % 5 === 4) {
          await stack.cold.compact(Math.floor(clock.nowMs / 60_000) * 60_000 - 120_000, new AbortController().signal);
        }
      }
      clock.nowMs = NOW_MS;
      await log.deliverAll();
      // A flush that meets a wiped tier is fenced, and its records come again.
      if (wiped) await until('everything is there again', 60_000, () => readToItsEnd(stack, log));
      await stack.pipeline.drain();
      await stack.cold.compact(Math.floor(NOW_MS / 60_000) * 60_000 - 10 * 60_000, new AbortController().signal);
      if (wiped) {
        // It begins somewhere in the log, depending on when was flushed.
        expect((await stack.hot.coverage()).fromMs).toBeGreaterThan(NOW_MS - 3 * HOUR_MS);
        // Given up when it has begun, and again in the middle of a stretch.
        expect(await rebuild(stack, clock, 'rebuild.stretch-added', () => Promise.reject(GIVEN_UP))).toBe(false);
        expect(await rebuild(stack, clock, 'rebuild.rows-read', () => Promise.reject(GIVEN_UP))).toBe(false);
        const whole = await rebuild(stack, clock);
        expect(stack.fatal).toEqual([]);
        expect(whole).toBe(true);
        expect((await stack.hot.coverage()).fromMs).toBeLessThanOrEqual(NOW_MS - 24 * HOUR_MS);
      }
      stack.freshness.flushed('shop/0', [...(await stack.hot.coverage()).partitions.values()][0]);
      expect(stack.fatal).toEqual([]);
    }, 300_000);

    afterAll(async () => {
      await stack?.close();
    });

    it('applied, refused and recognised exactly what the oracle did', async () => {
      const states = [...(await stack.hot.coverage()).partitions.values()];
      const sum = (key: 'consumed' | 'applied' | 'duplicates' | 'deadLettered'): number =>
        states.reduce((total, state) => total + state[key], 0);
      expect({ applied: sum('applied'), duplicates: sum('duplicates'), refused: sum('deadLettered') }).toEqual({
        applied: reference.applied.length,
        duplicates: reference.duplicates.length,
        refused: reference.refused.length,
      });
      expect(sum('consumed')).toBe(sum('applied') + sum('duplicates') + sum('deadLettered'));
      expect(stack.letters.letters).toHaveLength(reference.refused.length);
      expect(reference.duplicates.length).toBeGreaterThan(EVENTS / 600);
      expect(reference.refused.length).toBeGreaterThan(EVENTS / 2_000);
    });

    const modes: readonly {
      name: string;
      limits: (draw: () => number) => QuestionLimits;
      hotFromMs: (draw: () => number, limits: QuestionLimits) => number;
      tiers: readonly string[];
    }[] = [
      {
        name: 'hot',
        limits: (draw) =>
          draw() < 0.5
            ? { fromMs: NOW_MS - 13 * 60_000, toMs: NOW_MS, leastBucketMs: 1_000 }
            : { fromMs: NOW_MS - 110 * 60_000, toMs: NOW_MS, leastBucketMs: 10_000 },
        hotFromMs: () => 0,
        tiers: ['hot'],
      },
      {
        name: 'cold',
        limits: () => ({ fromMs: NOW_MS - 3 * HOUR_MS, toMs: NOW_MS, leastBucketMs: 1_000 }),
        hotFromMs: () => Number.POSITIVE_INFINITY,
        tiers: ['cold'],
      },
      {
        name: 'spanning',
        limits: () => ({ fromMs: NOW_MS - 170 * 60_000, toMs: NOW_MS, leastBucketMs: 1_000 }),
        hotFromMs: (draw, limits) => limits.fromMs + draw() * (limits.toMs - limits.fromMs),
        tiers: ['hot', 'cold', 'cold+hot'],
      },
    ];

    for (const mode of modes) {
      it(`answers ${Math.ceil(QUESTIONS / modes.length)} questions right, ${mode.name}`, async () => {
        const draw = random(SEED + mode.name.length * 1_000);
        const wrong: string[] = [];
        const answeredBy = new Map<string, number>();
        for (let i = 0; i < Math.ceil(QUESTIONS / modes.length); i++) {
          const limits = mode.limits(draw);
          const question = drawQuestion(draw, reference, limits);
          const engine = stack.engine(mode.hotFromMs(draw, limits));
          const response = await engine.run(definition.tenants[0], question.body, new AbortController().signal);
          await engine.settled();
          const answer = response.results['A'] as unknown as Answer;
          const tiers = tiersOf(answer);
          answeredBy.set(tiers, (answeredBy.get(tiers) ?? 0) + 1);
          const problems = judge(question, answer, reference);
          if (problems.length > 0) {
            wrong.push(
              `${JSON.stringify(question.body)} by ${tiers}:\n  ${problems.slice(0, 3).join('\n  ')}${problems.length > 3 ? `\n  … ${problems.length} in all` : ''}`,
            );
          }
        }
        console.info(
          `oracle (${stores}) seed ${SEED}, ${mode.name}: ${[...answeredBy].map(([tiers, n]) => `${n} by ${tiers || 'none'}`).join(', ')}`,
        );
        expect(wrong.slice(0, 10).join('\n')).toBe('');
        expect(wrong).toHaveLength(0);
        for (const tier of mode.tiers) {
          expect(answeredBy.get(tier) ?? 0, `answers by ${tier}`).toBeGreaterThan(0);
        }
      }, 600_000);
    }
  });
}

/** Flushes go by the real clock. */
async function covered({ hot }: Stack): Promise<void> {
  await until('the hot tier covers something', 60_000, async () => Number.isFinite((await hot.coverage()).fromMs));
}

async function readToItsEnd({ hot, pipeline }: Stack, log: ScriptedLog): Promise<boolean> {
  await log.deliverAll();
  const { fromMs, partitions } = await hot.coverage();
  return Number.isFinite(fromMs) && pipeline.allPartitions.every((id) => partitions.get(id)?.offset === log.logEnd(id));
}

/** One round. @param at where `meanwhile` happens, once @returns whether the hot tier is whole again */
async function rebuild(
  { definition, hot, cold, fatal }: Stack,
  clock: SetClock,
  at?: FailpointName,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  let whole = false;
  let left = at === undefined ? 0 : 1;
  const loop = new RebuildLoop({
    definition,
    hot,
    cold,
    clock,
    owner: 'the test',
    events: {
      began: () => undefined,
      added: () => undefined,
      finished: () => {
        whole = true;
      },
      failed: (error) => {
        if (error !== GIVEN_UP) fatal.push(error);
      },
    },
    failpoints: { reach: (name) => (name === at && left-- > 0 ? meanwhile() : undefined) },
  });
  await loop.runOnce();
  await loop.stop();
  return whole;
}

function inLogOrder(records: ReadonlyMap<string, readonly ScriptedRecord[]>): LogRecord[] {
  return [...records].flatMap(([partition, list]) =>
    list.map((r) => ({ partition, offset: r.offset, timestampMs: r.timestampMs, value: String(r.value) })),
  );
}
