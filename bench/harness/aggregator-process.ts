// The aggregator as a process of its own, started the way people start it: `node aggregator/dist/tidemark.js serve -d FILE`.
// The caller owns it and must stop it.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { readFile } from 'node:fs/promises';
import { startProcess, type ManagedProcess } from '../../test/support/managed-process.js';
import { repositoryRoot } from '../../test/support/repository-root.js';

/** Settings that replace those of a definition file, section by section. */
export type DefinitionChanges = Readonly<Record<string, unknown>>;

export interface AggregatorOptions {
  /** File in definitions/ whose events, dimensions, measures and groupings are used. */
  readonly base: string;
  readonly changes: DefinitionChanges;
  readonly port: number;
  /** Options of node itself, e.g. `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface AggregatorProcess {
  readonly url: string;
  readonly process: ManagedProcess;
  /** The folder of its definition and its data; removed by `stop`. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Builds the program that is shipped. */
export async function buildProgram(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(repositoryRoot(), 'scripts', 'build.mjs')], { cwd: repositoryRoot() });
}

/** Resolves when it answers /healthz. */
export async function startAggregator(options: AggregatorOptions): Promise<AggregatorProcess> {
  const root = repositoryRoot();
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
  const base: unknown = parse(await readFile(join(root, 'definitions', options.base), 'utf8'));
  if (typeof base !== 'object' || base === null) throw new Error(`definitions/${options.base} is not a map`);
  const definition = { ...base, dataDir: join(folder, 'data'), server: { port: options.port, host: '127.0.0.1' }, ...options.changes };
  const file = join(folder, 'tidemark.yaml');
  await writeFile(file, stringify(definition));
  const url = `http://127.0.0.1:${options.port}`;
  const managed = await startProcess({
    name: 'aggregator',
    command: process.execPath,
    args: [...(options.nodeOptions ?? []), join(root, 'aggregator', 'dist', 'tidemark.js'), 'serve', '-d', file],
    cwd: folder,
    env: { NODE_ENV: 'production', ...options.env },
    ready: () => answers(`${url}/healthz`),
    readyWithinMs: 60_000,
  });
  return {
    url,
    process: managed,
    folder,
    stop: async () => {
      await managed.stop(20_000);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
