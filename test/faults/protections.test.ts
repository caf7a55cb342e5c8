// The harness is known to see: with any one protection taken out of the program, a run that passes otherwise fails.

import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan, Step } from './plan.js';
import { runFaults, type RunResult } from './run.js';
import { buildProgram, openServers, type Servers } from './world/servers.js';

const RUN_WITHIN_MS = 900_000;

const lostAnswersOfHot: readonly Step[] = [
  { action: 'redis-answer-lost', drawn: { times: 4 }, pauseMs: 500 },
  { action: 'redis-answer-lost', drawn: { times: 4 }, pauseMs: 1_500 },
];
// Rows that were written twice stay so: the engine merges nothing.
const lostAnswersOfCold: readonly Step[] = [
  { action: 'engine-merges-stop', drawn: {}, pauseMs: 200 },
  { action: 'engine-answer-lost', drawn: { match: 'INSERT INTO \\S*events', times: 2 }, pauseMs: 1_000 },
  { action: 'engine-answer-lost', drawn: { match: 'INSERT INTO \\S*events', times: 2 }, pauseMs: 1_500 },
];
const hotGoesBack: readonly Step[] = [{ action: 'redis-older-snapshot', drawn: { ms: 3_000 }, pauseMs: 1_500 }];

let servers: Servers;
let seed = 1_000;
const programs: string[] = [];

beforeAll(async () => {
  servers = await openServers(1, null);
}, RUN_WITHIN_MS);

afterAll(async () => {
  await Promise.all(programs.map((program) => rm(program, { force: true })));
  await servers?.close();
});

/** @param share see VerdictOptions */
async function run(steps: readonly Step[], without?: string, share = 6): Promise<RunResult> {
  const plan: Plan = { seed: ++seed, brokers: 1, aggregators: 2, clocksAhead: false, steps };
  const program = without === undefined ? servers.program : await buildProgram(without);
  if (without !== undefined) programs.push(program);
  const lines: string[] = [];
  return await runFaults({
    plan,
    servers: { ...servers, program },
    share,
    historyEvents: 2_000,
    eventsPerSecond: 80,
    // What a missing protection breaks is not waited for long.
    ...(without === undefined ? {} : { settleWithinMs: 60_000 }),
    say: (line) => lines.push(line),
  });
}

/** Without a protection, and with every action of the plan having met something: else the run proves nothing. */
async function runWithout(protection: string, steps: readonly Step[], share?: number): Promise<RunResult> {
  const result = await run(steps, protection, share);
  expect(result.missed).toBe(0);
  expect(result.survived).toBe(steps.length);
  return result;
}

describe('the fault harness', { timeout: RUN_WITHIN_MS }, () => {
  it('finds nothing wrong with the program as it is', async () => {
    const result = await run([...lostAnswersOfHot, ...lostAnswersOfCold, ...hotGoesBack]);
    expect(result.problems).toEqual([]);
    expect(result.survived).toBe(6);
    expect(result.verdict.questions).toBeGreaterThan(100);
  });

  it('fails a program whose script applies flushes whatever its markers say', async () => {
    const result = await runWithout('compare-and-set', lostAnswersOfHot);
    expect(result.problems.filter((problem) => /wrong|only \d+ were sent/.test(problem))).not.toEqual([]);
  });

  it('fails a program whose raw rows have no identity', async () => {
    const result = await runWithout('raw-identity', lostAnswersOfCold);
    expect(result.problems).toContainEqual(expect.stringMatching(/identities have more than one raw row/));
    expect(result.verdict.doubled).toBeGreaterThan(0);
  });

  it('fails a program that goes on from the highest position', async () => {
    // Where what was asked first is wrong already, few questions will do: each wrong one is asked several times.
    const result = await runWithout('lowest-seek', hotGoesBack, 30);
    expect(result.problems).not.toEqual([]);
  });

  it('fails a program that reads rows without FINAL', async () => {
    const result = await runWithout('final', lostAnswersOfCold);
    expect(result.problems.filter((problem) => /by cold|by cold\+hot|only \d+ were sent/.test(problem))).not.toEqual([]);
  });
});
