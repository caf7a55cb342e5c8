// The built program as its own process: `serve` with an HTTP port of its own, and every other command run to its end.
// The caller owns what `startTidemark` starts and must stop it.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Status } from '../../aggregator/src/runtime/status.js';
import type { Answer } from '../oracle/questions.js';
import { withFileLock } from './file-lock.js';
import { freePorts, startProcess, type ManagedProcess } from './managed-process.js';
import { repositoryRoot } from './repository-root.js';

const run = promisify(execFile);
const PROGRAM = join(repositoryRoot(), 'aggregator', 'dist', 'tidemark.js');

export interface TidemarkOptions {
  /** Path of the definition file. */
  readonly definition: string;
  /** Settings laid over it, `TIDEMARK_…`. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default a free one */
  readonly port?: number;
  /** running: it works. listening: HTTP answers, stores may still be missing. @default 'running' */
  readonly until?: 'running' | 'listening';
  /** @default the built program */
  readonly program?: string;
}

export interface Readiness {
  readonly status: number;
  readonly ready: boolean;
  readonly dependencies: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

export interface Tidemark {
  readonly url: string;
  readonly port: number;
  readonly process: ManagedProcess;
  status(): Promise<Status>;
  ready(): Promise<Readiness>;
  /** Answers by refId. @throws Error with the body where the request as a whole is refused */
  query(body: object): Promise<Readonly<Record<string, Answer>>>;
  /** Structured log lines so far, oldest first (of the last 64 KiB). */
  log(): readonly Readonly<Record<string, unknown>>[];
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Builds aggregator/dist where it is older than its sources. */
export async function buildTidemark(): Promise<void> {
  const root = repositoryRoot();
  await withFileLock(join(root, '.cache', 'build.lock'), 120_000, async () => {
    await run(process.execPath, [join(root, 'scripts', 'build.mjs'), '--if-stale', '--only=aggregator'], { cwd: root });
  });
}

/** @throws Error with the program's output when it ends first or is not there within three minutes */
export async function startTidemark(options: TidemarkOptions): Promise<Tidemark> {
  const [port] = options.port === undefined ? await freePorts(1) : [options.port];
  const url = `http://127.0.0.1:${port}`;
  const path = options.until === 'listening' ? '/healthz' : '/readyz';
  const managed = await startProcess({
    name: `tidemark serve on ${port}`,
    command: process.execPath,
    args: [options.program ?? PROGRAM, 'serve', '--definition', options.definition],
    cwd: repositoryRoot(),
    env: { ...withoutSettings(), ...options.env, TIDEMARK_SERVER_PORT: String(port) },
    ready: async () => (await fetch(url + path).catch(() => null))?.ok === true,
    readyWithinMs: 180_000,
  });
  const json = async (path_: string, init?: RequestInit): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(url + path_, init);
    return { status: response.status, body: await response.json() };
  };
  return {
    url,
    port,
    process: managed,
    status: async () => (await json('/api/v1/status')).body as Status,
    ready: async () => {
      const { status, body } = await json('/readyz');
      return { ...(body as Omit<Readiness, 'status'>), status };
    },
    query: async (question) => {
      const { status, body } = await json('/api/v1/query', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(question),
      });
      if (status !== 200) throw new Error(`the query was refused with ${status}: ${JSON.stringify(body)}`);
      return (body as { results: Record<string, Answer> }).results;
    },
    log: () =>
      managed
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Runs one command to its end. */
export async function runTidemark(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { cwd: repositoryRoot(), env: { ...process.env, ...withoutSettings(), ...env }, maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
      (error, stdout, stderr) => {
        const code: unknown = error === null ? 0 : error.code;
        resolve({ code: typeof code === 'number' ? code : -1, stdout, stderr });
      },
    );
  });
}

/** Settings of whoever runs the tests must not reach the program: an empty one counts as not given. */
function withoutSettings(): Record<string, string> {
  return Object.fromEntries(Object.keys(process.env).flatMap((name) => (name.startsWith('TIDEMARK_') ? [[name, '']] : [])));
}
