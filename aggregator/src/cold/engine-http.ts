// The engine seam over ClickHouse's HTTP interface, for a server or a cluster.
// Invariant: a write is sent once; only a read whose idle connection turned out dead is sent a second time. Results are awaited
// whole on the server (wait_end_of_query), so an error never hides at the end of an answer that began well.

import { randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import type { ColdConfig } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { CLUSTER_SETTINGS, LEAST_VERSION, PINNED_SETTINGS, type Engine, type StatementOptions } from './engine.js';
import { abortError, classify, type StatementKind } from './engine-errors.js';
import { decodeNative } from './native-reader.js';
import { sqlString } from './sql.js';

export interface HttpEngineOptions {
  readonly cold: ColdConfig;
  /** @default 16 */
  readonly maxConnections?: number;
  /**
   * Idle sockets are closed by this side after so many ms: well before ClickHouse does (10 s, older servers 3 s), else a
   * request meets a socket that the server is just closing (ECONNRESET).
   * @default 2000
   */
  readonly idleSocketTtlMs?: number;
  /** @default random UUIDs */
  readonly newId?: () => string;
}

export class HttpEngine implements Engine {
  readonly kind = 'http';
  readonly #client: ClickHouseClient;
  readonly #newId: () => string;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: HttpEngineOptions) {
    const { cold } = options;
    this.#newId = options.newId ?? randomUUID;
    const maxConnections = options.maxConnections ?? 16;
    try {
      this.#client = createClient({
        url: cold.url,
        username: cold.username,
        password: cold.password,
        application: 'tidemark',
        request_timeout: cold.requestTimeoutMs,
        max_open_connections: maxConnections,
        compression: { request: false, response: false },
        keep_alive: { enabled: true, idle_socket_ttl: options.idleSocketTtlMs ?? 2000, eagerly_destroy_stale_sockets: true },
        log: { level: ClickHouseLogLevel.OFF },
        clickhouse_settings: {
          ...PINNED_SETTINGS,
          ...(cold.cluster === '' ? {} : CLUSTER_SETTINGS),
          wait_end_of_query: 1,
          cancel_http_readonly_queries_on_client_close: 1,
        },
        ...tlsOptions(cold, maxConnections),
      });
    } catch (error) {
      throw new TidemarkError('invalid', 'COLD_BAD_URL', `cold.url cannot be used: ${String(error)}`, 'Give it as http(s)://host:8123.', {
        cause: error,
      });
    }
  }

  async start(): Promise<{ readonly version: string }> {
    const result = decodeNative(await this.query('SELECT CAST(version() AS String) AS version', { lane: 'control' }));
    const version = result.strings('version')[0] ?? '';
    const [major, minor] = version.split('.').map(Number);
    if (major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1])) {
      throw new TidemarkError(
        'unavailable',
        'COLD_VERSION',
        `ClickHouse ${version} is too old`,
        `Use ClickHouse ${LEAST_VERSION.join('.')} or newer.`,
      );
    }
    return { version };
  }

  async query(sql: string, options: StatementOptions): Promise<Uint8Array> {
    const text = `${sql}\nFORMAT Native`;
    try {
      return await this.#send('read', text, options);
    } catch (error) {
      if (error instanceof TidemarkError && error.errorClass !== 'deadline' && error.errorClass !== 'cancelled' && isReset(error.cause)) {
        return this.#send('read', text, options);
      }
      throw error;
    }
  }

  async command(sql: string, options: StatementOptions): Promise<void> {
    await this.#send('write', sql, options);
  }

  async insertNative(table: string, columns: readonly string[], blocks: Uint8Array, options: StatementOptions): Promise<void> {
    await this.#send('write', `INSERT INTO ${table} (${columns.join(', ')}) FORMAT Native`, options, blocks);
  }

  async ping(): Promise<void> {
    await this.#send('read', 'SELECT 1 FORMAT Null', { lane: 'control' });
  }

  async stop(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.allSettled(this.#running);
    }
    await this.#client.close();
  }

  async #send(kind: StatementKind, query: string, options: StatementOptions, body?: Uint8Array): Promise<Uint8Array> {
    const { signal } = options;
    if (signal?.aborted === true) {
      throw abortError(signal);
    }
    const queryId = this.#newId();
    const sent = this.#exchange(query, queryId, signal, body);
    this.#running.add(sent);
    try {
      return await sent;
    } catch (error) {
      if (wasAborted(signal)) {
        this.#kill(queryId);
      }
      throw classify(error, kind, signal);
    } finally {
      this.#running.delete(sent);
    }
  }

  async #exchange(query: string, queryId: string, signal: AbortSignal | undefined, body: Uint8Array | undefined): Promise<Uint8Array> {
    const common = { query, query_id: queryId, ...(signal === undefined ? {} : { abort_signal: signal }) };
    const result =
      body === undefined
        ? await this.#client.exec(common)
        : await this.#client.exec({ ...common, values: Readable.from([body], { objectMode: false }) });
    const stop = (): void => {
      result.stream.destroy(new Error('aborted'));
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of result.stream) {
        chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
      }
      return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Best effort: closing the connection cancels most reads already; what fails here only costs the server time. */
  #kill(queryId: string): void {
    const kill = this.#client
      .command({ query: `KILL QUERY WHERE query_id = ${sqlString(queryId)} ASYNC` })
      .catch(() => undefined)
      .finally(() => this.#running.delete(kill));
    this.#running.add(kill);
  }
}

function tlsOptions(cold: ColdConfig, maxSockets: number): object {
  const { tls } = cold;
  if (!tls.enabled) {
    return {};
  }
  if (tls.serverName !== '' || tls.insecureSkipVerify) {
    // Node's own agent closes idle sockets by the server's Keep-Alive hint.
    return {
      http_agent: new Agent({
        keepAlive: true,
        maxSockets,
        rejectUnauthorized: !tls.insecureSkipVerify,
        ...(tls.ca === '' ? {} : { ca: tls.ca }),
        ...(tls.cert === '' ? {} : { cert: tls.cert, key: tls.key }),
        ...(tls.serverName === '' ? {} : { servername: tls.serverName }),
      }),
    };
  }
  if (tls.ca === '') {
    return {};
  }
  const ca = Buffer.from(tls.ca);
  return { tls: tls.cert === '' ? { ca_cert: ca } : { ca_cert: ca, cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) } };
}

/** A function of its own, because the compiler remembers the answer of before the call. */
function wasAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function isReset(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
}
