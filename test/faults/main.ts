// `npm run test:faults -- --seed S --actions N [--seeds K] [--minutes M] [--replay FILE] [--share N]`: draws a plan from the seed, prints it, carries
// it out, and ends with figures. Exit code 0 only when nothing was wrong.

import { readFileSync } from 'node:fs';
import { inspect, parseArgs } from 'node:util';
import { drawPlan, printPlan, readPlan, type Plan } from './plan.js';
import { runFaults, type RunResult } from './run.js';
import { openServers, type Servers } from './world/servers.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    actions: { type: 'string', default: '40' },
    seeds: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '0' },
    replay: { type: 'string' },
    without: { type: 'string' },
    share: { type: 'string', default: '1' },
  },
});
const say = (line: string): void => console.log(line);

function plans(): Plan[] {
  if (values.replay !== undefined) return [readPlan(readFileSync(values.replay, 'utf8'))];
  const first = wholeNumber('seed', values.seed);
  const count = wholeNumber('actions', values.actions);
  const drawn = Array.from({ length: wholeNumber('seeds', values.seeds) }, (_, i) => drawPlan(first + i, count));
  // So that servers are exchanged once.
  return drawn.sort((a, b) => a.brokers - b.brokers);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) {
    console.error(`--${name} wants a whole number, not ${JSON.stringify(text)}`);
    process.exit(2);
  }
  return Number(text);
}

/** By number of brokers: seeds after each other run on the same ones. */
const open = new Map<number, Servers>();
async function serversFor(brokers: 1 | 3): Promise<Servers> {
  const known = open.get(brokers);
  if (known !== undefined) return known;
  await closeServers();
  const servers = await openServers(brokers, values.without ?? null);
  open.set(brokers, servers);
  return servers;
}

async function closeServers(): Promise<void> {
  for (const servers of open.values()) await servers.close();
  open.clear();
}

const share = wholeNumber('share', values.share);
const minutes = wholeNumber('minutes', values.minutes);
const results: RunResult[] = [];
let notRun = 0;
for (const plan of plans()) {
  printPlan(plan).forEach(say);
  let result: RunResult;
  try {
    result = await runFaults({
      plan,
      say,
      share,
      servers: await serversFor(plan.brokers),
      ...(minutes === 0 ? {} : { limitMs: minutes * 60_000 }),
    });
  } catch (error) {
    notRun++;
    // Who knows what state they are in.
    await closeServers();
    say(`WRONG seed ${plan.seed} could not be run to its end: ${inspect(error)}`);
    continue;
  }
  results.push(result);
  const { kills, pauses, wipes, probes, verdict, survived, missed, seconds } = result;
  say(
    `seed ${plan.seed}: ${survived} actions, ${missed} that met nothing, ${kills} kills, ${pauses} pauses, ${wipes} wipes, ${verdict.events} events, ${verdict.questions} questions, probes ${JSON.stringify(probes)}, ${seconds.toFixed(0)} s, ${result.problems.length === 0 ? 'right' : 'WRONG'}`,
  );
  result.problems.forEach((problem) => say(`WRONG ${problem}`));
}
await closeServers();
const sum = (of: (result: RunResult) => number): number => results.reduce((total, result) => total + of(result), 0);
const wrong = notRun + sum(({ problems }) => problems.length);
say(`figure faults_seeds ${results.length} seeds`);
say(`figure faults_kills ${sum((r) => r.kills)} processes`);
say(`figure faults_probes ${sum(({ probes }) => probes.right + probes.partial + probes.refused)} answers`);
say(`figure faults_wrong_answers ${sum(({ probes }) => probes.wrong)} answers`);
say(`figure faults_survived ${wrong === 0 ? sum((r) => r.survived) : 0} actions`);
say(`figure events_lost ${sum(({ verdict }) => verdict.lost)} events`);
say(`figure events_doubled ${sum(({ verdict }) => verdict.doubled)} events`);
process.exit(wrong === 0 ? 0 : 1);
