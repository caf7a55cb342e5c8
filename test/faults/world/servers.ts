// The servers that a run breaks, and the program that it breaks: real Kafka, Redis and engine. Several runs may use the same ones, one
// after the other, each with a topic, a database and a key prefix of its own; between two runs everything must be whole again.

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startKafka, type KafkaCluster } from '../../support/kafka-broker.js';
import { repositoryRoot } from '../../support/repository-root.js';
import { EngineHost } from './engine-host.js';
import { RedisPair } from './redis-pair.js';

export interface Servers {
  readonly kafka: KafkaCluster;
  readonly redis: RedisPair;
  readonly engine: EngineHost;
  /** The aggregator with failpoints. */
  readonly program: string;
  close(): Promise<void>;
}

/** @param without the protection that is taken out of the program, or null */
export async function openServers(brokers: 1 | 3, without: string | null): Promise<Servers> {
  const ends: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.allSettled(ends.splice(0).map((end) => end()));
  };
  const opened = async <T>(opening: Promise<T>, end: (part: T) => Promise<unknown>): Promise<T> => {
    const part = await opening;
    ends.push(() => end(part));
    return part;
  };
  const parts = await Promise.allSettled([
    opened(startKafka({ nodes: brokers }), (it) => it.stop()),
    opened(RedisPair.open(), (it) => it.close()),
    opened(EngineHost.open(), (it) => it.close()),
    opened(buildProgram(without), (it) => rm(it, { force: true })),
  ]);
  const [kafka, redis, engine, program] = parts;
  if (kafka.status === 'rejected' || redis.status === 'rejected' || engine.status === 'rejected' || program.status === 'rejected') {
    await close();
    throw new Error('a server did not start', { cause: parts.find((part) => part.status === 'rejected')?.reason });
  }
  return { kafka: kafka.value, redis: redis.value, engine: engine.value, program: program.value, close };
}

/** @returns its path; the caller removes it */
export async function buildProgram(without: string | null): Promise<string> {
  const folder = join(repositoryRoot(), '.cache', 'faults');
  await mkdir(folder, { recursive: true });
  const program = join(folder, `tidemark-${without ?? 'whole'}-${process.pid}.mjs`);
  const script = join(repositoryRoot(), 'test', 'faults', 'build-program.mjs');
  await promisify(execFile)(process.execPath, [script, program, ...(without === null ? [] : [without])]);
  return program;
}
