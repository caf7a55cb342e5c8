// The embedded engine: chDB in this process, spoken to through the same client as a server.
// Invariant: a connection runs one statement at a time, and a lane has connections of its own, so that nobody waits behind a
// compaction. An aborted statement keeps its connection until the engine is done with it; only its caller goes on.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { access, unlink, writeFile, constants } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ClickHouseClient, type ClickHouseClientConfigOptions } from '@clickhouse/client';
import type { ChdbConnection } from 'chdb/connection';
import { TidemarkError } from '../errors.js';
import { DataDirectoryLock } from './data-directory-lock.js';
import { PINNED_SETTINGS, type Engine, type Lane, type StatementOptions } from './engine.js';
import { abortError, classify, type StatementKind } from './engine-errors.js';
import { sqlString } from './sql.js';

export interface ChdbEngineOptions {
  /** chDB keeps its files in `chdb` below it. */
  readonly dataDir: string;
  /** @default 2: each running statement occupies a thread of libuv's pool (see UV_THREADPOOL_SIZE) */
  readonly queryConnections?: number;
  /** Where binary inserts pass through. @default /dev/shm, else the system's temporary folder */
  readonly ramDirectory?: string;
}

interface Connection {
  readonly client: ClickHouseClient;
  busy: boolean;
}

interface Waiting {
  readonly start: (connection: Connection) => void;
}

const PASS_PREFIX = 'tidemark-pass-';

export class ChdbEngine implements Engine {
  readonly kind = 'chdb';
  readonly #options: ChdbEngineOptions;
  readonly #lock: DataDirectoryLock;
  readonly #connections: Record<Lane, Connection[]> = { insert: [], compaction: [], control: [], query: [] };
  readonly #waiting: Record<Lane, Waiting[]> = { insert: [], compaction: [], control: [], query: [] };
  readonly #running = new Set<Promise<unknown>>();
  #drain: (() => Promise<void>) | null = null;
  #passDirectory = '';
  #sequence = 0;
  #stopping = false;

  constructor(options: ChdbEngineOptions) {
    this.#options = options;
    this.#lock = new DataDirectoryLock(options.dataDir);
  }

  async start(): Promise<{ readonly version: string }> {
    const chdb = await loadChdb();
    this.#lock.acquire();
    try {
      this.#drain = chdb.drainPending;
      const path = join(this.#options.dataDir, 'chdb');
      mkdirSync(path, { recursive: true });
      this.#passDirectory = await openPassDirectory(this.#options.ramDirectory);
      const wanted: Record<Lane, number> = { insert: 1, compaction: 1, control: 1, query: this.#options.queryConnections ?? 2 };
      for (const lane of lanes()) {
        for (let i = 0; i < wanted[lane]; i++) {
          const connection: Connection = { client: createClient({ connection: plain(chdb.createChdbConnection({ path })) }), busy: false };
          this.#connections[lane].push(connection);
          for (const [name, value] of Object.entries(PINNED_SETTINGS)) {
            await connection.client.command({ query: `SET ${name} = ${sqlString(value)}` });
          }
        }
      }
      return { version: chdb.version() };
    } catch (error) {
      await this.stop();
      throw classify(error, 'read');
    }
  }

  async query(sql: string, options: StatementOptions): Promise<Uint8Array> {
    return this.#run('read', options, `${sql}\nFORMAT Native`);
  }

  async command(sql: string, options: StatementOptions): Promise<void> {
    await this.#run('write', options, sql);
  }

  async insertNative(table: string, columns: readonly string[], blocks: Uint8Array, options: StatementOptions): Promise<void> {
    const name = `${this.#sequence++}.native`;
    const path = await writeBlocks(this.#passDirectory, name, blocks);
    try {
      const list = columns.join(', ');
      // The client hands a statement over as text, which binary data would not survive; a file in memory does.
      await this.#run('write', options, `INSERT INTO ${table} (${list}) SELECT ${list} FROM file(${sqlString(path)}, 'Native')`);
    } finally {
      await unlink(path);
    }
  }

  async ping(): Promise<void> {
    await this.#run('read', { lane: 'control' }, 'SELECT 1 FORMAT Null');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    while (this.#running.size > 0) {
      await Promise.allSettled(this.#running);
    }
    for (const lane of lanes()) {
      for (const connection of this.#connections[lane].splice(0)) {
        await connection.client.close();
      }
    }
    await this.#drain?.();
    if (this.#passDirectory !== '') {
      rmSync(this.#passDirectory, { recursive: true, force: true });
      this.#passDirectory = '';
    }
    this.#lock.release();
  }

  async #run(kind: StatementKind, options: StatementOptions, sql: string): Promise<Uint8Array> {
    const { lane, signal } = options;
    const marker = `tidemark ${process.pid} ${this.#sequence++}`;
    const connection = await this.#take(lane, signal);
    const statement = execute(connection.client, `/* ${marker} */ ${sql}`).finally(() => {
      this.#running.delete(statement);
      this.#giveBack(lane, connection);
    });
    this.#running.add(statement);
    try {
      return await raceAbort(statement, signal, () => {
        this.#cancel(marker);
      });
    } catch (error) {
      throw classify(error, kind, signal);
    }
  }

  #take(lane: Lane, signal: AbortSignal | undefined): Promise<Connection> {
    if (signal?.aborted === true) {
      return Promise.reject(abortError(signal));
    }
    if (this.#stopping || this.#connections[lane].length === 0) {
      return Promise.reject(
        new TidemarkError('unavailable', 'COLD_STOPPED', 'the embedded engine is not running', 'Start the process again.'),
      );
    }
    const free = this.#connections[lane].find((connection) => !connection.busy);
    if (free !== undefined) {
      free.busy = true;
      return Promise.resolve(free);
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start: (connection) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(connection);
        },
      };
      const onAbort = (): void => {
        const queue = this.#waiting[lane];
        queue.splice(queue.indexOf(waiting), 1);
        reject(signal === undefined ? new Error('aborted') : abortError(signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting[lane].push(waiting);
    });
  }

  #giveBack(lane: Lane, connection: Connection): void {
    const next = this.#waiting[lane].shift();
    if (next === undefined) {
      connection.busy = false;
    } else {
      next.start(connection);
    }
  }

  /** Best effort: the caller has its answer already; what fails here only costs the engine time. */
  #cancel(marker: string): void {
    if (this.#stopping) {
      return;
    }
    void this.command(`KILL QUERY WHERE startsWith(query, ${sqlString(`/* ${marker} */`)}) ASYNC FORMAT Null`, { lane: 'control' }).catch(
      () => undefined,
    );
  }
}

type ClientConnection = Exclude<ClickHouseClientConfigOptions['connection'], undefined>;

/**
 * Passes on the statement alone: settings are pinned by SET (given per statement they would stay), signals are dealt with above.
 * chDB declares the same interface over its own copy of the client's types, whose nominal parts do not match.
 */
function plain(connection: ChdbConnection): ClientConnection {
  return {
    query: ({ query }) => connection.query({ query }),
    exec: ({ query }) => connection.exec({ query }),
    command: ({ query }) => connection.command({ query }),
    insert: ({ query, values }) => connection.insert({ query, values }),
    ping: () => connection.ping({ select: true }),
    close: () => connection.close(),
  };
}

interface Chdb {
  readonly createChdbConnection: typeof import('chdb/connection').createChdbConnection;
  readonly drainPending: () => Promise<void>;
  readonly version: () => string;
}

/** chDB is an optional dependency: it is 540 MB, and a deployment with a server does without. */
async function loadChdb(): Promise<Chdb> {
  try {
    const [connection, root] = await Promise.all([import('chdb/connection'), import('chdb')]);
    return {
      createChdbConnection: connection.createChdbConnection,
      drainPending: root.drainPending,
      version: () => root.version().libchdb,
    };
  } catch (error) {
    throw new TidemarkError(
      'unavailable',
      'COLD_CHDB_MISSING',
      `the embedded engine could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
      'Run `npm install chdb` (Linux or macOS, x64 or arm64, glibc), or set cold.kind to http and cold.url to a ClickHouse server.',
      { cause: error },
    );
  }
}

function lanes(): readonly Lane[] {
  return ['control', 'insert', 'compaction', 'query'];
}

async function execute(client: ClickHouseClient, query: string): Promise<Uint8Array> {
  const result = await client.exec({ query });
  const chunks: Buffer[] = [];
  for await (const chunk of result.stream) {
    chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

function raceAbort<T>(statement: Promise<T>, signal: AbortSignal | undefined, cancel: () => void): Promise<T> {
  if (signal === undefined) {
    return statement;
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(abortError(signal));
    };
    if (signal.aborted) {
      onAbort();
    }
    signal.addEventListener('abort', onAbort, { once: true });
    statement.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}

async function openPassDirectory(given: string | undefined): Promise<string> {
  let parent = given ?? '/dev/shm';
  try {
    await access(parent, constants.W_OK);
  } catch {
    parent = tmpdir();
  }
  // What a killed process left behind would fill memory: its folder says whose it was.
  for (const name of readdirSync(parent)) {
    const owner = name.startsWith(PASS_PREFIX) ? Number(name.slice(PASS_PREFIX.length).split('-')[0]) : Number.NaN;
    if (Number.isInteger(owner) && owner !== process.pid && !processExists(owner)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
  return mkdtempSync(join(parent, `${PASS_PREFIX}${process.pid}-`));
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Containers often have 64 MB of /dev/shm: what does not fit goes by way of the temporary folder. */
async function writeBlocks(directory: string, name: string, blocks: Uint8Array): Promise<string> {
  const path = join(directory, name);
  try {
    await writeFile(path, blocks);
    return path;
  } catch (error) {
    await unlink(path).catch(() => undefined);
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) {
      throw new TidemarkError('unavailable', 'COLD_PASS_DIRECTORY', `cannot write ${path}: ${String(error)}`, 'Make the folder writable.', {
        cause: error,
      });
    }
  }
  const fallback = join(tmpdir(), `${PASS_PREFIX}${process.pid}-${name}`);
  await writeFile(fallback, blocks);
  return fallback;
}
