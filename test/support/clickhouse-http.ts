// Starts the ClickHouse HTTP process for a test or benchmark and steers its faults. The caller owns it and must stop it.

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultRule, ServedQuery } from './clickhouse/faults.js';
import { startProcess, type ManagedProcess } from './managed-process.js';
import { repositoryRoot } from './repository-root.js';

export type { FaultRule, ServedQuery } from './clickhouse/faults.js';

/** What a server answers whose merges do not keep up. */
export const TOO_MANY_PARTS = {
  code: 252,
  type: 'TOO_MANY_PARTS',
  message: 'Too many parts (3001 with average size of 1.00 KiB) in table. Merges are processing significantly slower than inserts.',
} as const;

export interface ClickHouseHttpOptions {
  /** Data folder; a new temporary one by default. One process per folder. */
  readonly dataDir?: string;
  /** Leaves the data folder behind on stop. @default true for a given folder, false for a temporary one */
  readonly keepData?: boolean;
  /** @default 'default' */
  readonly user?: string;
  /** @default '' */
  readonly password?: string;
  /** @default 0, any free one; kept over `restart` */
  readonly port?: number;
  /** Statements that run at once; more wait. @default 8 */
  readonly connections?: number;
  /** Statements that run or wait; one more is refused with code 202. @default 100 */
  readonly maxConcurrentQueries?: number;
  /** @default 4096 */
  readonly maxConnections?: number;
  /** How long an idle socket is kept. @default 30000 */
  readonly keepAliveMs?: number;
}

export interface ClickHouseControl {
  /** Adds a fault; earlier rules come first. */
  fault(rule: FaultRule): Promise<void>;
  /** The next `times` matching requests fail as when a table has too many parts (code 252, nothing written). */
  tooManyParts(match: string, times?: number | null): Promise<void>;
  /** Names of the faults that have acted since the start or the last `clear`. */
  met(): Promise<string[]>;
  /** Removes all faults, resumes, and empties the log. */
  clear(): Promise<void>;
  /** Requests are taken but wait until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** What was asked since the start or the last `clear`, oldest first. */
  log(): Promise<ServedQuery[]>;
}

export interface ClickHouseHttp {
  /** `http://127.0.0.1:PORT`, for @clickhouse/client with `username` and `password`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly dataDir: string;
  readonly control: ClickHouseControl;
  pid(): number;
  output(): string;
  /** Ends the process and removes its data folder where it is a temporary one. */
  stop(): Promise<void>;
  /** SIGKILL; the data folder stays. */
  kill(): Promise<void>;
  /** SIGSTOP: sockets stay open, nothing answers. */
  suspend(): void;
  wake(): void;
  /** Starts again on the same port and data, after `kill` or in place of the running process. */
  restart(): Promise<void>;
}

export async function startClickHouseHttp(options: ClickHouseHttpOptions = {}): Promise<ClickHouseHttp> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'tidemark-clickhouse-')));
  const keepData = options.keepData ?? options.dataDir !== undefined;
  const scratchDir = await makeScratch(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
  const connections = options.connections ?? 8;
  let port = options.port ?? 0;

  const start = async (): Promise<ManagedProcess> => {
    const root = repositoryRoot();
    const args = [
      join(root, 'scripts', 'run-ts.mjs'),
      join(root, 'test', 'support', 'clickhouse-http-main.ts'),
      ...['--data', dataDir, '--scratch', scratchDir, '--port', String(port), '--user', options.user ?? 'default'],
      ...['--connections', String(connections), '--max-queries', String(options.maxConcurrentQueries ?? 100)],
      ...['--max-sockets', String(options.maxConnections ?? 4096), '--keep-alive-ms', String(options.keepAliveMs ?? 30_000)],
    ];
    const process_ = await startProcess({
      name: 'ClickHouse HTTP server',
      command: process.execPath,
      args,
      cwd: root,
      // The engine's calls hold a thread each; a KILL must not wait for one.
      env: { UV_THREADPOOL_SIZE: String(connections + 8), CLICKHOUSE_PASSWORD: options.password ?? '' },
      ready: (output) => /listening \d+/.test(output),
      readyWithinMs: 120_000,
    });
    port = Number(/listening (\d+)/.exec(process_.output())?.[1]);
    return process_;
  };
  const removeFolders = async (): Promise<void> => {
    await rm(scratchDir, { recursive: true, force: true });
    if (!keepData) await rm(dataDir, { recursive: true, force: true });
  };
  let running = await start().catch(async (error: unknown) => {
    await removeFolders();
    throw error;
  });
  const url = `http://127.0.0.1:${port}`;
  const command = async (body: object): Promise<Response> => {
    const response = await fetch(`${url}/__control`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`/__control answered ${response.status}`);
    return response;
  };
  const control: ClickHouseControl = {
    fault: async (rule) => void (await (await command({ do: 'add', rule })).arrayBuffer()),
    tooManyParts: (match, times = 1) => control.fault({ match, times, error: TOO_MANY_PARTS }),
    met: async () => (await (await command({ do: 'met' })).json()) as string[],
    clear: async () => void (await (await command({ do: 'clear' })).arrayBuffer()),
    pause: async () => void (await (await command({ do: 'pause' })).arrayBuffer()),
    resume: async () => void (await (await command({ do: 'resume' })).arrayBuffer()),
    log: async () => (await (await command({ do: 'log' })).json()) as ServedQuery[],
  };
  return {
    url,
    user: options.user ?? 'default',
    password: options.password ?? '',
    dataDir,
    control,
    pid: () => running.pid,
    output: () => running.output(),
    stop: async () => {
      await running.stop();
      await removeFolders();
    },
    kill: () => running.kill(),
    suspend: () => running.pause(),
    wake: () => running.resume(),
    restart: async () => {
      await running.stop();
      running = await start();
    },
  };
}

const SCRATCH_PREFIX = 'tidemark-clickhouse-body-';

/** A folder in memory, named by its owner: those of owners that were killed before they could remove theirs are removed here. */
async function makeScratch(parent: string): Promise<string> {
  for (const name of await readdir(parent)) {
    const owner = name.startsWith(SCRATCH_PREFIX) ? Number(name.slice(SCRATCH_PREFIX.length).split('-')[0]) : 0;
    if (owner > 0 && existsSync('/proc/self') && !existsSync(`/proc/${owner}`))
      await rm(join(parent, name), { recursive: true, force: true });
  }
  return mkdtemp(join(parent, `${SCRATCH_PREFIX}${process.pid}-`));
}
