// The engine behind ClickHouse's HTTP interface, on a disk of its own that can be full. As root the disk is a small tmpfs, and full
// means full; else inserts are refused with the engine's own error for it.

import { execFileSync } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClickHouseHttp, type ClickHouseControl, type ClickHouseHttp, type FaultRule } from '../../support/clickhouse-http.js';

const DISK_MIB = 3_000;
const FILL_CHUNK_BYTES = 16 * 1024 * 1024;
/** Too little for the engine to begin an insert, and enough to end what it has begun. */
const SCARCE_BYTES = 128 * 1024 * 1024;
const ENDING_MS = 500;
/** Left free in the end, so that merges meet the end of the disk in the middle of their work and not at their first byte. */
const LEFT_BYTES = 512 * 1024;
const WRITES = 'INSERT INTO';

export class EngineHost {
  readonly #folder: string;
  readonly #mounted: boolean;
  readonly #server: ClickHouseHttp;
  #away: Promise<void> | null = null;
  #faults = 0;
  #fillers = 0;

  private constructor(folder: string, mounted: boolean, server: ClickHouseHttp) {
    this.#folder = folder;
    this.#mounted = mounted;
    this.#server = server;
  }

  static async open(): Promise<EngineHost> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'));
    const mounted = mount(folder);
    try {
      return new EngineHost(folder, mounted, await startClickHouseHttp({ dataDir: join(folder, 'data') }));
    } catch (error) {
      await release(folder, mounted);
      throw error;
    }
  }

  get url(): string {
    return this.#server.url;
  }

  get control(): ClickHouseControl {
    return this.#server.control;
  }

  /** @returns a name by which `control.met()` tells that it has acted; a fault ends with the engine's process */
  async fault(rule: FaultRule): Promise<string> {
    const name = `fault-${++this.#faults}`;
    await this.control.fault({ ...rule, name });
    return name;
  }

  /** The disk is a real one that ends; else its end is only said. */
  get hasOwnDisk(): boolean {
    return this.#mounted;
  }

  /** SIGKILL, and after `awayMs` a start on the same data. */
  async killAndRestart(awayMs: number): Promise<void> {
    await this.#away;
    this.#away = (async () => {
      await this.#server.kill();
      await sleep(awayMs);
      await this.#server.restart();
    })();
    await this.#away;
    this.#away = null;
  }

  /**
   * SIGKILL at the moment a new part of the table appears under its temporary name or gets its final one.
   * @returns false when no part appeared in time
   */
  async killAtPart(database: string, table: string, at: 'written' | 'renamed', withinMs: number): Promise<boolean> {
    const paths = await this.ask(
      `SELECT arrayStringConcat(data_paths) FROM system.tables WHERE database = '${database}' AND name = '${table}'`,
    );
    const path = paths[0];
    if (path === undefined) throw new Error(`no table ${database}.${table}`);
    const seen = await new Promise<boolean>((resolve) => {
      const watcher = watch(path, (_event, name) => {
        const temporary = name?.startsWith('tmp_insert') ?? false;
        if (name === null || temporary !== (at === 'written')) return;
        process.kill(this.#server.pid(), 'SIGKILL');
        end(true);
      });
      const timer = setTimeout(() => end(false), withinMs);
      const end = (answer: boolean): void => {
        clearTimeout(timer);
        watcher.close();
        resolve(answer);
      };
    });
    if (seen) await this.killAndRestart(0);
    return seen;
  }

  suspend(): void {
    this.#server.suspend();
  }

  wake(): void {
    this.#server.wake();
  }

  async fillDisk(): Promise<void> {
    if (!this.#mounted) {
      const message = 'Cannot reserve 1.00 MiB, not enough space';
      await this.control.fault({ match: WRITES, times: null, error: { code: 243, type: 'NOT_ENOUGH_SPACE', message } });
      return;
    }
    // In two steps: a disk that ends while a part is written breaks that part, which is the engine's own affair (docs/guarantees.md).
    await this.#fillUntil(SCARCE_BYTES);
    await sleep(ENDING_MS);
    await this.#fillUntil(LEFT_BYTES);
  }

  async #fillUntil(leftBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const chunk = Buffer.alloc(FILL_CHUNK_BYTES);
    for (let left = bavail * bsize - leftBytes; left > 0; left -= FILL_CHUNK_BYTES) {
      try {
        await writeFile(join(this.#folder, `filler-${this.#fillers++}`), chunk.subarray(0, Math.min(left, FILL_CHUNK_BYTES)));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
        throw error;
      }
    }
  }

  async freeDisk(): Promise<void> {
    if (!this.#mounted) return this.control.clear();
    while (this.#fillers > 0) await rm(join(this.#folder, `filler-${--this.#fillers}`), { force: true });
  }

  /** Rows as tab-separated lines. @throws Error with the engine's words */
  async ask(sql: string): Promise<string[]> {
    const response = await fetch(this.url, { method: 'POST', body: `${sql} FORMAT TabSeparated` });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text.split('\n').filter((line) => line !== '');
  }

  /** @throws Error with the engine's words */
  async command(sql: string): Promise<void> {
    const response = await fetch(this.url, { method: 'POST', body: sql });
    if (!response.ok) throw new Error(await response.text());
    await response.arrayBuffer();
  }

  async close(): Promise<void> {
    await this.#server.stop();
    await release(this.#folder, this.#mounted);
  }
}

function mount(folder: string): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function release(folder: string, mounted: boolean): Promise<void> {
  // Lazily: the engine's process may still be ending.
  if (mounted) execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
  await rm(folder, { recursive: true, force: true });
}
