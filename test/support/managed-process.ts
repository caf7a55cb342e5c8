// A process that a test or benchmark starts: known by its id, watched until a line says that it is ready, and ended for sure.
// Invariant: nothing started here outlives the process that started it, however that one ends (see `setpriv` below).

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ManagedProcess {
  readonly pid: number;
  /** Everything written to stdout and stderr so far, at most the last 64 KiB. */
  output(): string;
  running(): boolean;
  /** Resolves when the process is gone, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`. Resolves when the process is gone. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: the process keeps its sockets and answers nothing. */
  pause(): void;
  resume(): void;
}

export interface ProcessSpec {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called until it resolves true; gives up after `readyWithinMs` or when the process ends. */
  readonly ready: (output: string) => boolean | Promise<boolean>;
  readonly readyWithinMs: number;
}

const OUTPUT_LIMIT = 65_536;

// The kernel ends the child when its starter dies, even by SIGKILL, where no exit handler can.
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** Starts a process and waits until it is ready. @throws Error with its output when it ends first or takes too long */
export async function startProcess(spec: ProcessSpec): Promise<ManagedProcess> {
  const argv = SETPRIV === undefined ? [spec.command, ...spec.args] : [SETPRIV, '--pdeathsig', 'KILL', spec.command, ...spec.args];
  const [command, ...args] = argv;
  const child = spawn(command ?? spec.command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...spec.env },
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
  });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_LIMIT);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, by) => resolve(code ?? by ?? 1));
    child.once('error', (error) => {
      output += String(error);
      resolve(1);
    });
  });
  const killNow = (): void => signal(child, 'SIGKILL');
  process.once('exit', killNow);
  void ended.then(() => process.off('exit', killNow));

  const managed: ManagedProcess = {
    pid: child.pid ?? 0,
    output: () => output,
    running: () => running(child),
    ended,
    signal: (name) => signal(child, name),
    stop: async (graceMs = 10_000) => {
      if (!running(child)) return;
      signal(child, 'SIGCONT');
      signal(child, 'SIGTERM');
      const timer = setTimeout(killNow, graceMs);
      await ended;
      clearTimeout(timer);
    },
    kill: async () => {
      killNow();
      await ended;
    },
    pause: () => signal(child, 'SIGSTOP'),
    resume: () => signal(child, 'SIGCONT'),
  };
  const deadline = performance.now() + spec.readyWithinMs;
  while (running(child)) {
    if (await spec.ready(output)) return managed;
    if (performance.now() > deadline) {
      await managed.kill();
      throw new Error(`${spec.name} was not ready within ${spec.readyWithinMs} ms. Its output:\n${output}`);
    }
    await delay(20);
  }
  await ended;
  throw new Error(
    `${spec.name} ended with ${child.exitCode ?? child.signalCode ?? 'an error'} before it was ready. Its output:\n${output}`,
  );
}

function running(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (running(child)) child.kill(name);
}

/** Ports that were free a moment ago, all different. A caller that loses the race to another process starts again. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
