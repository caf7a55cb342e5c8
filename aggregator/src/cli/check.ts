// `tidemark check`: what a definition comes to, without starting anything; on request also whether its stores answer.

import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock.js';
import { catalogOf } from '../definition/describe.js';
import { estimateHotMemory } from '../definition/memory-estimate.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { createCold, createHotTier } from '../runtime/stores.js';
import { createKafkaClient, SILENT_LOG, toKafkaError } from '../source/kafka-client.js';
import { formatBytes } from '../definition/quantities.js';
import { readDefinitionFile } from './definition-file.js';
import { describeError, EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import { table } from './table.js';

const CONNECT_MS = 10_000;
/** A store that can be reached answers within this; one attempt is enough for a check. */
const HOT_TIMEOUTS = { connectTimeoutMs: 3_000, commandTimeoutMs: 3_000 };

export async function check(
  options: { readonly definition: string; readonly connect: boolean; readonly json: boolean },
  io: Io,
): Promise<number> {
  const definition = readDefinitionFile(options.definition, io);
  const memory = estimateHotMemory(definition);
  if (options.json) {
    io.stdout.write(`${JSON.stringify({ catalog: catalogOf(definition), hotMemory: memory }, null, 2)}\n`);
  } else {
    const { kafka, demo } = definition.source;
    io.stdout.write(
      [
        `${options.definition} is right: ${definition.name}`,
        `  source    ${kafka === null ? `HTTP collect${demo === null ? '' : ` and the demo shop (${demo.rate} events/s)`}` : `Kafka ${kafka.topics.join(', ')} at ${kafka.brokers.join(', ')}`}`,
        `  measures  ${definition.measures.map((m) => m.name).join(', ')}`,
        `  groupings ${definition.groupings.map((g) => (g.hot ? g.name : `${g.name} (cold only)`)).join(' · ')}`,
        `  hot       ${definition.hot.kind}, at most ${formatBytes(memory.totalBytes)} at ${memory.eventsPerSecond} events/s`,
        `  cold      ${definition.cold.kind}`,
        '',
        table(
          [['hot memory', 'keys', 'bytes'], ...memory.rows.slice(0, 8).map((r) => [r.part, String(r.keys), formatBytes(r.bytes)])],
          new Set([1, 2]),
        ),
        '',
      ].join('\n'),
    );
  }
  return options.connect ? connect(definition, io) : EXIT.ok;
}

async function connect(definition: Definition, io: Io): Promise<number> {
  const results = await Promise.all([
    attempt('hot tier', async () => {
      const hot = createHotTier(definition, systemClock, () => undefined, HOT_TIMEOUTS);
      try {
        await hot.start();
        return (await hot.health()).detail;
      } finally {
        await hot.stop();
      }
    }),
    attempt('cold tier', async () => {
      const cold = createCold(definition, systemClock);
      try {
        await cold.start();
        return (await cold.health()).detail;
      } finally {
        await cold.stop();
      }
    }),
    attempt('Kafka', async () => {
      const { kafka } = definition.source;
      if (kafka === null) {
        return 'not used';
      }
      const admin = createKafkaClient(kafka, SILENT_LOG).kafka.admin({ retry: { retries: 1 } });
      try {
        await admin.connect();
        const { topics } = await admin.fetchTopicMetadata({ topics: [...kafka.topics] });
        return topics.map((t) => `${t.name}: ${t.partitions.length} partitions`).join(', ');
      } catch (error) {
        throw toKafkaError(error, `connect to ${kafka.brokers.join(', ')}`);
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    }),
  ]);
  io.stdout.write(`${table(results.map((r) => [r.name, r.ok ? 'ok' : 'FAILED', r.detail]))}\n`);
  return results.every((r) => r.ok) ? EXIT.ok : EXIT.unavailable;
}

async function attempt(name: string, run: () => Promise<string>): Promise<{ name: string; ok: boolean; detail: string }> {
  try {
    const abort = new AbortController();
    const timeout = sleep(CONNECT_MS, undefined, { signal: abort.signal }).then(() =>
      Promise.reject(
        new TidemarkError(
          'unavailable',
          'CHECK_TIMED_OUT',
          `No answer within ${CONNECT_MS / 1000} s.`,
          'Check the address and the network.',
        ),
      ),
    );
    timeout.catch(() => undefined);
    const detail = await Promise.race([run(), timeout]).finally(() => abort.abort());
    return { name, ok: true, detail };
  } catch (error) {
    return {
      name,
      ok: false,
      detail: describeError(error)
        .replace(/^error: /, '')
        .replaceAll(/\s*\n\s*/g, ' '),
    };
  }
}
