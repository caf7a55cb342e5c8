// One run: opens the world, carries the plan out while the prober asks, lets everything come back, and judges.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../aggregator/src/runtime/status.js';
import { until } from '../support/until.js';
import { actions } from './actions/all.js';
import type { Plan } from './plan.js';
import { Prober } from './prober.js';
import { judgeWorld, type Verdict } from './verdict.js';
import { openServers, type Servers } from './world/servers.js';
import { openWorld, type World } from './world/world.js';

export interface RunOptions {
  readonly plan: Plan;
  /** To run on; @default ones of its own */
  readonly servers?: Servers;
  /** A protection that is taken out of the program, where the run has servers of its own. */
  readonly without?: string;
  readonly eventsPerSecond?: number;
  readonly historyEvents?: number;
  /** See judgeWorld. @default 1 */
  readonly share?: number;
  /** @default 300_000 */
  readonly settleWithinMs?: number;
  /** No action is begun later than this after the start. */
  readonly limitMs?: number;
  readonly say: (line: string) => void;
}

export interface RunResult {
  readonly problems: readonly string[];
  readonly verdict: Verdict;
  readonly survived: number;
  readonly missed: number;
  readonly kills: number;
  readonly pauses: number;
  readonly wipes: number;
  readonly probes: Prober['counts'];
  readonly seconds: number;
}

const WIPES = [
  'redis-flushall',
  'redis-restart-empty',
  'redis-older-snapshot',
  'redis-older-snapshot-and-kill-all',
  'redis-failover-lagging',
];
/** Of waiting for what is bound to come: a busy machine is no fault. */
const CALM_WITHIN_MS = 300_000;

export async function runFaults(options: RunOptions): Promise<RunResult> {
  if (options.servers !== undefined) return runOn(options.servers, options);
  const servers = await openServers(options.plan.brokers, options.without ?? null);
  try {
    return await runOn(servers, options);
  } finally {
    await servers.close();
  }
}

async function runOn(servers: Servers, options: RunOptions): Promise<RunResult> {
  const { plan, say } = options;
  const startedMs = performance.now();
  const since = (): string => `${((performance.now() - startedMs) / 1_000).toFixed(1)} s`;
  const { eventsPerSecond = 80, historyEvents = 3_000 } = options;
  const { seed, aggregators, clocksAhead } = plan;
  const world = await openWorld({ seed, aggregators, clocksAhead, eventsPerSecond, historyEvents, say }, servers);
  try {
    say(`the world stands after ${since()}`);
    const lost = ({ partition, ackedAtMs }: { readonly partition: number; readonly ackedAtMs: number }): boolean =>
      world.lost.some((gap) => gap.partition === partition && ackedAtMs <= gap.atMs && ackedAtMs > gap.atMs - 60_000);
    const prober = new Prober({ seed: plan.seed, produced: world.load.produced, lost, urls: () => world.group.urls() });
    prober.start();
    await caughtUp(world);
    say(`the history is read after ${since()}`);
    const { survived, missed, problems } = await carryOut(options, world, since);
    await heal(world);
    await world.load.stop();
    say(`everything is back after ${since()}`);
    await prober.stop();
    const verdict = await judgeWorld(world, { share: options.share ?? 1, settleWithinMs: options.settleWithinMs ?? 300_000 });
    say(`judged after ${since()}: ${verdict.questions} questions, ${JSON.stringify(verdict.answeredBy)}`);
    const { kills, pauses } = world.group.counts;
    return {
      problems: [
        ...problems,
        ...world.group.selfEnded.map(({ slot, code, lastWords }) => `slot ${slot} ended by itself with ${code}: ${lastWords}`),
        ...prober.problems.map((problem) => `while it ran: ${problem}`),
        ...verdict.problems,
      ],
      verdict,
      survived,
      missed,
      kills,
      pauses,
      wipes: plan.steps.filter(({ action }) => WIPES.includes(action)).length,
      probes: prober.counts,
      seconds: (performance.now() - startedMs) / 1_000,
    };
  } finally {
    await world.close();
  }
}

async function carryOut(
  { plan, say, limitMs = Number.POSITIVE_INFINITY }: RunOptions,
  world: World,
  since: () => string,
): Promise<{ survived: number; missed: number; problems: string[] }> {
  const problems: string[] = [];
  const untilMs = performance.now() + limitMs;
  let [survived, missed] = [0, 0];
  const standing: string[] = [];
  for (const [i, { action: name, drawn, pauseMs }] of plan.steps.entries()) {
    if (performance.now() > untilMs) {
      problems.push(`time ran out after ${i} of ${plan.steps.length} actions`);
      break;
    }
    const action = actions.find((each) => each.name === name);
    if (action === undefined) throw new Error(`no action is called ${name}`);
    say(`${since()} #${i + 1} ${name} ${JSON.stringify(drawn)}`);
    try {
      const outcome = await action.run(world, drawn);
      if (outcome === true) survived++;
      else if (outcome === false) missed++;
      else standing.push(outcome);
      if (outcome !== true) say(outcome === false ? '  nothing came along' : '  the order stands');
    } catch (error) {
      problems.push(`${name} could not be carried out: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      say(`  failed: ${String(error)}`);
    }
    await sleep(pauseMs);
  }
  const met = new Set([...(await world.orders.obeyed()).map(({ id }) => id), ...(await world.engine.control.met())]);
  const late = standing.filter((id) => met.has(id)).length;
  return { survived: survived + late, missed: missed + standing.length - late, problems };
}

/** Every store and process has done its ordinary work before the first fault. */
async function caughtUp({ group, options }: World): Promise<void> {
  await until('the history is read', CALM_WITHIN_MS, async () => {
    const response = await fetch(`${group.urls()[0]}/api/v1/status`, { signal: AbortSignal.timeout(5_000) });
    const { complete, partitions } = (await response.json()) as Status;
    return complete && partitions.reduce((sum, { consumed }) => sum + consumed, 0) > options.historyEvents;
  });
}

/** Nothing more is broken, and a frozen process has been woken. */
async function heal({ orders, engine, redis }: World): Promise<void> {
  await orders.withdrawAll();
  redis.proxy.stopLosing();
  await engine.control.clear();
  await engine.freeDisk();
}
