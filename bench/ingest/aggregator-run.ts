// One run of the aggregator over the topic: started on an empty hot tier and an empty database, watched from outside until
// everything is committed and the query API counts every event.

import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { ClickHouseHttp } from '../../test/support/clickhouse-http.js';
import type { RedisServer } from '../../test/support/redis-server.js';
import { startAggregator } from '../harness/aggregator-process.js';
import { untilCommitted } from '../harness/group-progress.js';
import { cpuSeconds, peakRssMib } from '../harness/process-usage.js';
import { checkCounts, countEvents, type Range } from './check-counts.js';
import { summariseStatements } from './engine-statements.js';
import { untilQuiet } from './settle.js';
import type { Expected } from './shop-log.js';

export interface Stack {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly admin: Admin;
  readonly redis: RedisServer;
  readonly engine: ClickHouseHttp;
  readonly expected: Expected;
  readonly port: number;
  readonly range: Range;
}

export interface AggregatorRun {
  /** Of the aggregator, from its first assignment to the moment that everything was queryable and committed. */
  readonly consumingCpuS: number;
  /** The same, its start included. */
  readonly processCpuS: number;
  readonly wallS: number;
  readonly peakRssMib: number;
  readonly redisCpuS: number;
  readonly engineCpuS: number;
  /** Aggregator (without its start), Redis and engine together, until queryable and committed. */
  readonly doneCpuS: number;
  /** The same until every closed minute is compacted and the engine has nothing left to merge. */
  readonly settledCpuS: number;
}

const DONE_WITHIN_MS = 600_000;
const SETTLE_WITHIN_MS = 120_000;

export async function runAggregator(
  options: Stack & { readonly cold: 'http' | 'chdb'; readonly group: string; readonly profiles: string | null; say(text: string): void },
): Promise<AggregatorRun> {
  const { admin, redis, engine, topic, group, expected, range, cold, say } = options;
  say(`aggregator with ${cold === 'http' ? 'the engine in a process of its own' : 'the engine in its process'}`);
  const connection = redis.connect();
  await connection.flushall();
  connection.disconnect();
  await engine.control.clear();
  const pids = [redis.pid(), engine.pid()];
  const before = pids.map(cpuSeconds);
  const aggregator = await startAggregator({
    base: 'webshop.yaml',
    port: options.port,
    nodeOptions:
      options.profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profiles}`, `--cpu-prof-name=${cold}.cpuprofile`],
    changes: {
      // What it is compared with judges nothing either.
      watches: {},
      source: { kafka: { brokers: options.brokers, topics: [topic], group, start: 'earliest' } },
      hot: { kind: 'redis', redis: { nodes: [`${redis.host}:${redis.port}`], keyPrefix: group }, maxMemory: '16GiB', expectedRate: 4000 },
      cold:
        cold === 'chdb' ? { kind: 'chdb' } : { kind: 'http', url: engine.url, username: engine.user, database: group.replace('-', '_') },
    },
  });
  try {
    const { pid } = aggregator.process;
    while (!aggregator.process.output().includes('partition assigned')) {
      if (!aggregator.process.running()) throw new Error(`the aggregator ended:\n${aggregator.process.output()}`);
      await delay(5);
    }
    const startCpuS = cpuSeconds(pid);
    const startedMs = performance.now();
    await untilCommitted(admin, group, topic, { withinMs: DONE_WITHIN_MS, everyMs: 200, alive: () => aggregator.process.running() });
    for (let counted = 0; counted !== expected.applied;) {
      counted = await countEvents(aggregator.url, range);
      if (performance.now() - startedMs > DONE_WITHIN_MS) throw new Error(`${counted} of ${expected.applied} events are queryable`);
    }
    const processCpuS = cpuSeconds(pid);
    const wallS = (performance.now() - startedMs) / 1_000;
    const [redisCpuS, engineCpuS] = pids.map((other, i) => cpuSeconds(other) - before[i]);
    const result = { consumingCpuS: processCpuS - startCpuS, processCpuS, wallS, peakRssMib: peakRssMib(pid), redisCpuS, engineCpuS };
    await checkCounts(aggregator.url, range, expected);
    const checkCpuS =
      cpuSeconds(pid) - processCpuS + pids.reduce((sum, other, i) => sum + cpuSeconds(other) - before[i], 0) - redisCpuS - engineCpuS;
    await untilCompacted(aggregator.url);
    if (options.profiles !== null) summariseStatements(await engine.control.log()).forEach(say);
    await untilQuiet(cold === 'chdb' ? pid : engine.pid(), SETTLE_WITHIN_MS);
    const settledCpuS = cpuSeconds(pid) - startCpuS + pids.reduce((sum, other, i) => sum + cpuSeconds(other) - before[i], 0) - checkCpuS;
    await checkCounts(aggregator.url, range, expected);
    return { ...result, doneCpuS: result.consumingCpuS + redisCpuS + engineCpuS, settledCpuS };
  } catch (error) {
    say(aggregator.process.output().slice(-4_000));
    throw error;
  } finally {
    await aggregator.stop();
  }
}

/** Until every minute before the watermark is compacted. */
async function untilCompacted(url: string): Promise<void> {
  const deadline = performance.now() + SETTLE_WITHIN_MS;
  for (;;) {
    const status = (await (await fetch(`${url}/api/v1/status`)).json()) as {
      readonly watermarkMs: number;
      readonly cold: { readonly closedUntilMs: number; readonly dirtyMinutes: number };
    };
    const wantedMs = Math.floor(status.watermarkMs / 60_000) * 60_000;
    if (status.cold.closedUntilMs >= wantedMs && status.cold.dirtyMinutes === 0) return;
    if (performance.now() > deadline) throw new Error(`compaction has not come to its end: ${JSON.stringify(status.cold)}`);
    await delay(500);
  }
}
