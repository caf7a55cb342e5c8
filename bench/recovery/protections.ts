// What the protections cost: the same topic read by the program as it is, and by one built without compare-and-set, raw identity,
// lowest seek and FINAL, in turns. CPU seconds of the aggregator from its assignment to the last commit.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../test/support/repository-root.js';
import { stackSettings } from '../../test/support/shop-log.js';
import { startTidemark } from '../../test/support/tidemark-process.js';
import { Load } from '../../test/faults/load/producer.js';
import { FAULTS_DEFINITION } from '../../test/faults/world/aggregators.js';
import { untilCommitted } from '../harness/group-progress.js';
import { percentile } from '../harness/percentiles.js';
import { cpuSeconds } from '../harness/process-usage.js';
import type { BenchStack } from './recovery.js';

const PARTITIONS = 4;
const TOPIC = 'protected';
const TURNS = 5;
const WITHIN_MS = 300_000;

/** @returns events per CPU second, with and without */
export async function measureProtections(stack: BenchStack, events: number): Promise<{ whole: number; without: number }> {
  const { kafka, say } = stack;
  await kafka.createTopic({ name: TOPIC, partitions: PARTITIONS });
  const nowMs = Date.now();
  const load = new Load({
    brokers: kafka.brokers,
    topic: TOPIC,
    seed: 5,
    clocksAhead: false,
    eventsPerSecond: 0,
    partitions: PARTITIONS,
    latenessMs: 20_000,
  });
  await load.history(events, nowMs - 600_000, nowMs);
  await load.stop();
  // Inside the repository, where the packages of the programs are found.
  const folder = await mkdtemp(join(repositoryRoot(), '.cache', 'protections-'));
  try {
    const programs = { whole: await build(folder, 'whole'), without: await build(folder, 'without') };
    const found = { whole: [] as number[], without: [] as number[] };
    for (let turn = 0; turn < TURNS; turn++) {
      for (const kind of ['whole', 'without'] as const) {
        const cpuS = await consume(stack, programs[kind], `${kind}_${turn}`, folder);
        found[kind].push(events / cpuS);
        say(`${kind === 'whole' ? 'with' : 'without'} protections: ${cpuS.toFixed(2)} CPU s`);
      }
    }
    return { whole: percentile(found.whole, 50), without: percentile(found.without, 50) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function build(folder: string, kind: 'whole' | 'without'): Promise<string> {
  const program = join(folder, `${kind}.mjs`);
  const script = join(repositoryRoot(), 'test', 'faults', 'build-program.mjs');
  await promisify(execFile)(process.execPath, [script, program, ...(kind === 'whole' ? [] : ['all'])]);
  return program;
}

async function consume({ kafka, redis, engine }: BenchStack, program: string, database: string, orders: string): Promise<number> {
  const settings = stackSettings({ brokers: kafka.brokers, topic: TOPIC, redisPort: redis.port, clickhouse: engine, database });
  const env = { ...settings, FAULTS_ORDERS: orders, FAULTS_SLOT: '0' };
  const tidemark = await startTidemark({ definition: FAULTS_DEFINITION, env, program, until: 'running' });
  try {
    const before = cpuSeconds(tidemark.process.pid);
    const alive = (): boolean => tidemark.process.running();
    await untilCommitted(await kafka.admin(), database, TOPIC, { withinMs: WITHIN_MS, everyMs: 100, alive });
    return cpuSeconds(tidemark.process.pid) - before;
  } finally {
    await tidemark.process.kill();
  }
}
