// One process at a time installs what all of them need. The lock is a folder, which only one can make; it names its owner, so
// that one left behind by a killed process is taken over.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Runs `work` while holding the lock at `path`. Waits at most `withinMs`. @throws Error when the lock stays taken */
export async function withFileLock<T>(path: string, withinMs: number, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const deadline = performance.now() + withinMs;
  while (!(await tryTake(path))) {
    if (performance.now() > deadline) throw new Error(`${path} stayed locked for ${withinMs} ms; remove it if nothing is installing`);
    await delay(100);
  }
  try {
    return await work();
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

async function tryTake(path: string): Promise<boolean> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    const owner = Number(await readFile(join(path, 'pid'), 'utf8').catch(() => String(process.pid)));
    if (!alive(owner)) await rm(path, { recursive: true, force: true });
    return false;
  }
  await writeFile(join(path, 'pid'), String(process.pid));
  return true;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
