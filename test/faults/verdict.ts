// What must hold when everything is back: each answer equals the oracle's over the Kafka log, from either tier and across any
// boundary; the ledger balances per partition; raw rows and dead letters are exactly the log's.

import { systemClock } from '../../aggregator/src/clock.js';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import { GroupFreshness } from '../../aggregator/src/flush/freshness.js';
import { createCold, createHotTier } from '../../aggregator/src/runtime/stores.js';
import type { PartitionStatus, Status } from '../../aggregator/src/runtime/status.js';
import { random } from '../oracle/events.js';
import { everyQuestion, RememberingReference } from '../oracle/every-question.js';
import { judge, tiersOf, type Answer, type Question } from '../oracle/questions.js';
import type { Reference } from '../oracle/reference.js';
import { narrowedEngine, oracleDefinition } from '../oracle/stack.js';
import { linesOf } from './load/log-copy.js';
import { FAULTS_DEFINITION } from './world/aggregators.js';
import type { World } from './world/world.js';

export interface Verdict {
  readonly problems: readonly string[];
  /** Identities of the log that no raw row has, or events that an answer lacks: whatever is more. */
  readonly lost: number;
  /** Rows or counts beyond the log's. */
  readonly doubled: number;
  readonly questions: number;
  readonly answeredBy: Readonly<Record<string, number>>;
  readonly events: number;
}

const MINUTE_MS = 60_000;
/** Older than all that is sent. */
const REBUILT_MS = 20 * 60 * MINUTE_MS;
const SHOWN = 10;
const MOST_ATTEMPTS = 3;

export interface VerdictOptions {
  /** 1: every question is asked in all three ways. n: about one n-th of that, another part for each seed. */
  readonly share: number;
  readonly settleWithinMs: number;
}

export async function judgeWorld(world: World, { share, settleWithinMs }: VerdictOptions): Promise<Verdict> {
  const problems: string[] = [];
  await world.log.read();
  const { yaml, definition } = oracleDefinition();
  const reference = new RememberingReference(yaml, world.log.inLogOrder(), definition.duplicates);
  const settled = await settle(world, settleWithinMs, problems);
  world.say(settled === null ? 'the group has not settled' : 'the group has read everything');
  if (settled !== null) checkLedger(world, settled, reference, problems);
  const { lost, doubled } = await checkRawRows(world, reference, problems);
  await checkDeadLetters(world, reference, problems);
  const asked = await askEverything(world, reference, share, problems);
  return {
    problems,
    lost: Math.max(lost, asked.lost),
    doubled: Math.max(doubled, asked.doubled),
    questions: asked.questions,
    answeredBy: asked.answeredBy,
    events: reference.applied.length,
  };
}

/** Waits until the group has read everything. @returns null when it never did */
async function settle(world: World, withinMs: number, problems: string[]): Promise<readonly PartitionStatus[] | null> {
  const wanted = world.log.counts();
  const deadline = performance.now() + withinMs;
  let last = 'no aggregator answered';
  while (performance.now() < deadline) {
    for (const url of world.group.urls()) {
      try {
        const response = await fetch(`${url}/api/v1/status`, { signal: AbortSignal.timeout(5_000) });
        const status = (await response.json()) as Status;
        const ready = status.complete && status.partitions.every(({ lag }) => lag === 0);
        const behind = [...wanted].filter(
          ([id, count]) => (status.partitions.find(({ partition }) => partition === id)?.consumed ?? 0) < count,
        );
        const whole = status.hot.coverageReason === '' && reachesBack(world, status.hot.coverageFromMs);
        if (ready && behind.length === 0 && whole) return status.partitions;
        last = `${status.state}, ${status.reason} ${status.hot.coverageReason}, hot since ${status.hot.coverageFromMs}, behind in ${JSON.stringify(behind)}: ${JSON.stringify(status.partitions)}`;
      } catch (error) {
        last = String(error);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  problems.push(`the group had not read everything after ${withinMs} ms: ${last}`);
  return null;
}

/** What was lost is rebuilt, so that what is asked next is answered by rebuilt windows. Not below records that the log dropped. */
function reachesBack({ startedAtMs, lost }: World, coverageFromMs: number | null): boolean {
  return lost.length > 0 || (coverageFromMs !== null && coverageFromMs <= startedAtMs - REBUILT_MS);
}

function checkLedger(world: World, partitions: readonly PartitionStatus[], reference: Reference, problems: string[]): void {
  const count = (records: readonly { readonly partition: string }[], id: string): number =>
    records.filter(({ partition }) => partition === id).length;
  for (const [id, records] of world.log.counts()) {
    const found = partitions.find(({ partition }) => partition === id);
    const { consumed = 0, applied = 0, duplicates = 0, deadLettered = 0, lost = 0 } = found ?? {};
    const expected = {
      consumed: records,
      applied: count(
        reference.applied.map(({ record }) => record),
        id,
      ),
      duplicates: count(reference.duplicates, id),
      deadLettered: count(reference.refused, id),
      lost: world.log.lostOf(id),
    };
    if (consumed !== applied + duplicates + deadLettered) {
      problems.push(`${id}: consumed ${consumed} is not ${applied} + ${duplicates} + ${deadLettered}`);
    }
    const actual = { consumed, applied, duplicates, deadLettered, lost };
    if (JSON.stringify(actual) !== JSON.stringify(expected)) {
      problems.push(`ledger of ${id}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
    }
  }
}

async function checkRawRows(
  { engine, database }: World,
  reference: Reference,
  problems: string[],
): Promise<{ lost: number; doubled: number }> {
  const rows = await engine.ask(`SELECT topic, partition, offset FROM ${database}.events FINAL`);
  const expected = new Set(reference.applied.map(({ record }) => `${record.partition.replace('/', '\t')}\t${record.offset}`));
  const found = new Set(rows);
  const missing = [...expected].filter((row) => !found.has(row));
  const foreign = [...found].filter((row) => !expected.has(row));
  const doubled = rows.length - found.size + foreign.length;
  if (missing.length > 0) problems.push(`${missing.length} records have no raw row: ${missing.slice(0, SHOWN).join(', ')}`);
  if (foreign.length > 0) problems.push(`${foreign.length} raw rows are of no applied record: ${foreign.slice(0, SHOWN).join(', ')}`);
  if (rows.length > found.size) problems.push(`${rows.length - found.size} identities have more than one raw row`);
  return { lost: missing.length, doubled };
}

async function checkDeadLetters({ kafka, topic }: World, reference: Reference, problems: string[]): Promise<void> {
  const keys = new Set<string>();
  const args = ['-C', '-b', kafka.brokers.join(','), '-t', `${topic}.dead-letters`, '-o', 'beginning', '-e', '-q', '-f', '%k\n'];
  for await (const key of linesOf('kcat', args)) keys.add(key);
  const expected = new Set(reference.refused.map(({ partition, offset }) => `${partition}/${offset}`));
  const missing = [...expected].filter((key) => !keys.has(key));
  const foreign = [...keys].filter((key) => !expected.has(key));
  if (missing.length > 0) problems.push(`${missing.length} refused records have no dead letter: ${missing.slice(0, SHOWN).join(', ')}`);
  if (foreign.length > 0) problems.push(`${foreign.length} dead letters are of no refused record: ${foreign.slice(0, SHOWN).join(', ')}`);
}

interface Asked {
  readonly lost: number;
  readonly doubled: number;
  readonly questions: number;
  readonly answeredBy: Readonly<Record<string, number>>;
}

async function askEverything(world: World, reference: Reference, share: number, problems: string[]): Promise<Asked> {
  const definition = loadDefinition({ path: FAULTS_DEFINITION, env: { ...world.settings } });
  const hot = createHotTier(definition, systemClock, () => undefined);
  const cold = createCold(definition, systemClock);
  const answeredBy: Record<string, number> = {};
  let [questions, wrong, lost, doubled] = [0, 0, 0, 0];
  const judgeOne = (mode: string, question: Question, answer: Answer): void => {
    questions++;
    const tiers = `${mode} by ${tiersOf(answer)}`;
    answeredBy[tiers] = (answeredBy[tiers] ?? 0) + 1;
    const found = judge(question, answer, reference);
    if (question.ask.measure === 'events' && question.bucketMs === 0 && question.ask.groupBy.length === 0) {
      const off = Number(answer.frames[0]?.data.values[0]?.[0] ?? 0) - countIn(reference, answer);
      lost = Math.max(lost, -off);
      doubled = Math.max(doubled, off);
    }
    if (found.length > 0 && ++wrong <= SHOWN) {
      problems.push(
        `${tiers}: ${JSON.stringify(question.body)}: ${found.length} wrong, first: ${found[0]}; hot unused: ${whyNotHot(answer)}`,
      );
    }
  };
  try {
    await hot.start();
    await cold.start();
    const inProcess = async (question: Question, hotFromMs: number): Promise<Answer> => {
      const freshness = new GroupFreshness(definition, systemClock, hot, null);
      await freshness.exchange();
      const onError = (error: unknown): void => void problems.push(`a store failed while answering: ${String(error)}`);
      const engine = narrowedEngine({ definition, clock: systemClock, hot, cold, freshness, onError }, hotFromMs);
      const { results } = await engine.run(definition.tenants[0], question.body, new AbortController().signal);
      await engine.settled();
      return results['A'] as unknown as Answer;
    };
    const draw = random(world.options.seed + 7);
    const choose = random(world.options.seed + 8);
    const urls = world.group.urls();
    for (const [i, question] of questionsFor(world, reference).entries()) {
      const boundaryMs = question.fromMs + draw() * (question.toMs - question.fromMs);
      const ways = [
        { mode: 'http', ask: () => overHttp(urls[i % urls.length], question) },
        { mode: 'cold', ask: () => inProcess(question, Number.POSITIVE_INFINITY) },
        { mode: 'across', ask: () => inProcess(question, boundaryMs) },
      ];
      const chosen = ways.filter(() => choose() * share < 1);
      await Promise.all(chosen.map(async ({ mode, ask }) => judgeOne(mode, question, await answerOf(ask))));
    }
  } finally {
    await Promise.allSettled([hot.stop(), cold.stop()]);
  }
  if (wrong > SHOWN) problems.push(`${wrong} answers were wrong in all`);
  return { lost, doubled, questions, answeredBy };
}

/** Every measure and grouping: over everything in total, per minute and per hour; over the last minutes at the finer resolutions. */
function questionsFor(world: World, reference: Reference): Question[] {
  const nowMs = Date.now();
  const oldestMs = reference.applied.reduce((oldest, { timeMs }) => Math.min(oldest, timeMs), nowMs);
  const from = Math.floor(oldestMs / MINUTE_MS) * MINUTE_MS;
  const lastMinute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const to = lastMinute + MINUTE_MS;
  // Nobody can ask for what is still to come.
  const totalTo = Math.floor(nowMs / 10_000) * 10_000;
  const ranges: readonly { readonly bucketMs: number; readonly fromMs: number; readonly toMs: number }[] = [
    { bucketMs: 0, fromMs: from, toMs: totalTo },
    { bucketMs: 0, fromMs: Math.max(from, lastMinute - 5 * MINUTE_MS), toMs: totalTo },
    { bucketMs: MINUTE_MS, fromMs: from, toMs: to },
    {
      bucketMs: 60 * MINUTE_MS,
      fromMs: Math.floor(from / (60 * MINUTE_MS)) * 60 * MINUTE_MS,
      toMs: Math.ceil(to / (60 * MINUTE_MS)) * 60 * MINUTE_MS,
    },
    { bucketMs: 10_000, fromMs: Math.max(world.startedAtMs, lastMinute - 6 * MINUTE_MS), toMs: totalTo },
    { bucketMs: 1_000, fromMs: Math.max(world.startedAtMs, lastMinute - 2 * MINUTE_MS), toMs: totalTo },
  ];
  return ranges.flatMap(({ bucketMs, fromMs, toMs }) => {
    const step = Math.max(bucketMs, 10_000);
    return everyQuestion(reference, Math.floor(fromMs / step) * step, Math.ceil(toMs / step) * step, [bucketMs]);
  });
}

/** Nothing is broken any more, so an error passes: a machine that was too busy. One that stays is judged. */
async function answerOf(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask();
    if (answer.status === 200 || attempt === MOST_ATTEMPTS) return answer;
  }
}

async function overHttp(url: string, question: Question): Promise<Answer> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(question.body),
  });
  const { results } = (await response.json()) as { results: Record<string, Answer> };
  return results['A'];
}

function countIn(reference: Reference, answer: Answer): number {
  const range = answer.frames[0]?.schema.meta?.custom?.effectiveRange;
  return range === undefined ? 0 : reference.applied.filter(({ timeMs }) => timeMs >= range.fromMs && timeMs < range.toMs).length;
}

function whyNotHot(answer: Answer): string {
  const plan: unknown = answer.frames[0]?.schema.meta?.custom?.plan;
  return typeof plan === 'object' && plan !== null && 'hotUnused' in plan ? String(plan.hotUnused) : '';
}
