// One process per chDB data directory: two would corrupt it. The lock is a file that names its owner.
// Invariant: a lock whose owner is gone is taken over; a process id that was given to another process is recognised by its start time.

import { mkdirSync, openSync, closeSync, writeSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TidemarkError } from '../errors.js';

interface Owner {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, with the boot's id; '' where the system does not tell. */
  readonly started: string;
}

export class DataDirectoryLock {
  readonly #path: string;
  #held = false;

  constructor(directory: string) {
    this.#path = join(directory, 'tidemark.lock');
    mkdirSync(directory, { recursive: true });
  }

  /** @throws TidemarkError unavailable COLD_DATA_DIR_IN_USE */
  acquire(): void {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (this.#create()) {
        this.#held = true;
        return;
      }
      const owner = this.#owner();
      if (owner !== null && isAlive(owner)) {
        throw new TidemarkError(
          'unavailable',
          'COLD_DATA_DIR_IN_USE',
          `data directory in use by pid ${owner.pid} (${this.#path})`,
          'Stop that process, or give this one a dataDir of its own: the embedded engine allows one process per directory.',
        );
      }
      rmSync(this.#path, { force: true });
    }
    throw new TidemarkError('unavailable', 'COLD_DATA_DIR_IN_USE', `${this.#path} is being taken by another process`, 'Start again.');
  }

  release(): void {
    if (this.#held) {
      this.#held = false;
      rmSync(this.#path, { force: true });
    }
  }

  #create(): boolean {
    let file: number;
    try {
      file = openSync(this.#path, 'wx');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
        return false;
      }
      throw new TidemarkError(
        'unavailable',
        'COLD_DATA_DIR',
        `cannot write ${this.#path}: ${String(error)}`,
        'Make dataDir writable for this user.',
        {
          cause: error,
        },
      );
    }
    try {
      writeSync(file, JSON.stringify({ pid: process.pid, started: startedAt(process.pid) } satisfies Owner));
    } finally {
      closeSync(file);
    }
    return true;
  }

  #owner(): Owner | null {
    try {
      const parsed: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'pid' in parsed && 'started' in parsed) {
        return { pid: Number(parsed.pid), started: String(parsed.started) };
      }
    } catch {
      // Gone in between, or cut off by a crash while it was written: nobody owns it.
    }
    return null;
  }
}

function isAlive(owner: Owner): boolean {
  if (!Number.isInteger(owner.pid) || owner.pid <= 0) {
    return false;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return owner.started === startedAt(owner.pid);
}

function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold anything; starttime is the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return '';
  }
}
