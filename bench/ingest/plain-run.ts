// One run of the plain ClickHouse pipeline over the same topic, into the same engine process.

import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { startProcess } from '../../test/support/managed-process.js';
import { repositoryRoot } from '../../test/support/repository-root.js';
import { untilCommitted } from '../harness/group-progress.js';
import { cpuSeconds } from '../harness/process-usage.js';
import type { Stack } from './aggregator-run.js';
import { plainSchema } from './plain-schema.js';
import { untilQuiet } from './settle.js';

export interface PlainRun {
  /** Of the consumer, from the moment that it joined the group. */
  readonly consumerCpuS: number;
  readonly engineCpuS: number;
  readonly wallS: number;
  /** Both together until everything was inserted and committed. */
  readonly doneCpuS: number;
  /** The same until the engine has nothing left to merge. */
  readonly settledCpuS: number;
}

const DATABASE = 'plain';

export async function runPlain(options: Stack & { readonly group: string; say(text: string): void }): Promise<PlainRun> {
  const { engine, admin, topic, group, expected, say } = options;
  say('plain ClickHouse pipeline: JSONEachRow into a raw table, materialized views');
  const client = createClient({ url: engine.url, username: engine.user });
  const root = repositoryRoot();
  try {
    for (const query of plainSchema(DATABASE)) await client.command({ query });
    await untilQuiet(engine.pid(), 60_000);
    const engineBeforeS = cpuSeconds(engine.pid());
    const consumer = await startProcess({
      name: 'plain consumer',
      command: process.execPath,
      args: [
        ...[join(root, 'scripts', 'run-ts.mjs'), join(root, 'bench', 'ingest', 'plain-consumer.ts')],
        ...['--brokers', options.brokers.join(','), '--topic', topic, '--group', group],
        ...['--url', engine.url, '--database', DATABASE, '--records', String(expected.records)],
      ],
      cwd: root,
      ready: (output) => output.includes('consuming'),
      readyWithinMs: 60_000,
    });
    try {
      const consumerBeforeS = cpuSeconds(consumer.pid);
      const startedMs = performance.now();
      await untilCommitted(admin, group, topic, { withinMs: 900_000, everyMs: 200, alive: () => consumer.running() }).catch(
        (error: unknown) => {
          throw new Error(`the plain consumer: ${String(error)}\n${consumer.output()}`);
        },
      );
      const consumerCpuS = cpuSeconds(consumer.pid) - consumerBeforeS;
      const engineCpuS = cpuSeconds(engine.pid()) - engineBeforeS;
      const wallS = (performance.now() - startedMs) / 1_000;
      await untilQuiet(engine.pid(), 120_000);
      const settledCpuS = cpuSeconds(engine.pid()) - engineBeforeS + consumerCpuS;
      const rows = await client.query({
        query: `SELECT (SELECT toUInt32(count()) FROM ${DATABASE}.events) AS raw,
          (SELECT toUInt32(countMerge(events)) FROM ${DATABASE}.by_nothing) AS rolled, (SELECT toUInt32(countMerge(events)) FROM ${DATABASE}.by_country_device_category) AS fine`,
        format: 'JSONEachRow',
      });
      const [counts] = await rows.json<{ raw: number; rolled: number; fine: number }>();
      for (const [what, count] of Object.entries(counts)) {
        if (count !== expected.records) throw new Error(`the plain pipeline counts ${count} (${what}) of ${expected.records} events`);
      }
      return { consumerCpuS, engineCpuS, wallS, doneCpuS: consumerCpuS + engineCpuS, settledCpuS };
    } finally {
      await consumer.kill();
    }
  } finally {
    await client.command({ query: `DROP DATABASE IF EXISTS ${DATABASE}` }).catch(() => undefined);
    await client.close();
  }
}
