// ClickHouse's HTTP interface in front of the engine: one request in, one statement, one answer with the headers of a server.
// Invariant: an answer has status 200 only when its statement has begun to give rows; an error before that has its own status,
// one after that is appended in the form that clients of servers from 25.11 on look for.

import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Answer } from './answer.js';
import { EnginePool } from './engine-pool.js';
import { Faults, type FaultRule } from './faults.js';
import { ClickHouseException, exceptionText, fromEngine, statusOfCode } from './http-errors.js';
import { authenticate, readRequest, type Credentials, type HttpRequest } from './request.js';

export interface ServerOptions {
  readonly dataDir: string;
  /** RAM-backed folder for request bodies. */
  readonly scratchDir: string;
  readonly credentials: Credentials;
  /** Statements that run at once; more wait. */
  readonly connections: number;
  /** Statements that run or wait; one more is refused with code 202. */
  readonly maxConcurrentQueries: number;
  /** Sockets that may be open; one more is closed. */
  readonly maxConnections: number;
  readonly keepAliveMs: number;
}

export class ClickHouseHttpServer {
  readonly #options: ServerOptions;
  readonly #engine: EnginePool;
  readonly #faults = new Faults();
  readonly #server: Server;
  readonly #running = new Map<string, AbortController>();
  #sequence = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#engine = new EnginePool(options.dataDir, options.connections);
    this.#server = createServer({ keepAliveTimeout: options.keepAliveMs }, (request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
    this.#server.maxConnections = options.maxConnections;
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(address === null || typeof address === 'string' ? port : address.port);
      });
    });
  }

  /** Cancels what runs, closes every socket and the engine. */
  async close(): Promise<void> {
    for (const running of this.#running.values()) running.abort();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    await this.#engine.close();
    await rm(this.#options.scratchDir, { recursive: true, force: true });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/__control') return this.#control(request, response);
    const fromBrowser = request.method === 'GET' && url.pathname === '/' && !url.searchParams.has('query');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status' || fromBrowser) {
      const rule = await this.#faults.next(url.pathname);
      if (rule?.drop === true) return void response.destroy();
      if (rule?.error !== undefined) return this.#refuse(response, asException(rule.error), '');
      response.writeHead(200, { 'content-type': 'text/html; charset=UTF-8' }).end('Ok.\n');
      return;
    }
    if (url.pathname !== '/') {
      response.writeHead(404, { 'content-type': 'text/plain; charset=UTF-8' }).end(`There is no handle ${url.pathname}\n`);
      return;
    }
    await this.#serve(request, response, url);
  }

  async #serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const startedAtMs = Date.now();
    const started = performance.now();
    const queryId = url.searchParams.get('query_id') ?? randomUUID();
    let query: HttpRequest | undefined;
    let noted = false;
    // Before the answer ends, so that a client that has its answer finds it in the log.
    const note = (status: number, code: number, rows: number): void => {
      if (noted) return;
      noted = true;
      const sql = (query?.shownSql ?? '').slice(0, 10_000);
      const settings = Object.fromEntries(query?.settings ?? []);
      this.#faults.record({ queryId, sql, startedAtMs, durationMs: performance.now() - started, status, code, rows, settings });
    };
    try {
      authenticate(request, url, this.#options.credentials);
      query = await readRequest(request, url, join(this.#options.scratchDir, `body-${this.#sequence++}`));
      const rule = await this.#faults.next(query.shownSql);
      if (rule !== undefined && rule.when !== 'after') failAs(rule, response);
      if (!response.destroyed) await this.#run(query, queryId, response, rule, note);
    } catch (error) {
      if (response.destroyed) return;
      const exception = error instanceof ClickHouseException ? error : fromEngine(error);
      note(exception.status ?? statusOfCode(exception.code), exception.code, 0);
      this.#refuse(response, exception, queryId);
    } finally {
      note(0, 0, 0);
      await query?.dispose();
    }
  }

  async #run(
    query: HttpRequest,
    queryId: string,
    response: ServerResponse,
    rule: FaultRule | undefined,
    note: (status: number, code: number, rows: number) => void,
  ): Promise<void> {
    if (query.readOnly && !query.statement.readOnly) {
      throw new ClickHouseException(
        164,
        'READONLY',
        'default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.',
      );
    }
    if (this.#running.has(queryId)) {
      throw new ClickHouseException(216, 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', `Query with id = ${queryId} is already running.`);
    }
    if (this.#running.size >= this.#options.maxConcurrentQueries) {
      const limit = this.#options.maxConcurrentQueries;
      const message = `Too many simultaneous queries. Current: ${this.#running.size}, maximum: ${limit}.`;
      throw new ClickHouseException(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message);
    }
    const abort = new AbortController();
    this.#running.set(queryId, abort);
    const cancelOnClose = ['1', 'true'].includes(query.settings.get('cancel_http_readonly_queries_on_client_close') ?? '');
    response.once('close', () => {
      if (!response.writableFinished && cancelOnClose && query.statement.readOnly) abort.abort();
    });
    const answer = new Answer(response, query, queryId, this.#engine);
    const held = rule?.when === 'after';
    try {
      const stats = await this.#engine.run({
        id: queryId,
        sql: query.statement.verb === 'KILL' ? killById(query.sql) : query.sql,
        outputFormat: query.outputFormat,
        database: query.database,
        settings: query.settings,
        parameters: query.parameters,
        signal: abort.signal,
        onChunk: (bytes) => (held ? Promise.resolve() : answer.write(bytes)),
      });
      if (rule !== undefined && held) failAs(rule, response);
      note(response.destroyed ? 0 : 200, 0, stats.rows);
      await answer.end(stats.rows, stats.bytes, stats.elapsedNs);
    } catch (error) {
      if (!answer.begun || response.destroyed) throw error;
      const exception = error instanceof ClickHouseException ? error : fromEngine(error);
      note(200, exception.code, 0);
      await answer.breakOff(exceptionText(exception, this.#engine.version));
    } finally {
      this.#running.delete(queryId);
    }
  }

  #refuse(response: ServerResponse, exception: ClickHouseException, queryId: string): void {
    if (response.headersSent) return void response.destroy();
    response.writeHead(exception.status ?? statusOfCode(exception.code), {
      'content-type': 'text/plain; charset=UTF-8',
      'x-clickhouse-server-display-name': 'chdb',
      'x-clickhouse-exception-code': String(exception.code),
      ...(queryId === '' ? {} : { 'x-clickhouse-query-id': queryId }),
      ...(exception.code === 194 ? { 'www-authenticate': 'Basic realm="ClickHouse server HTTP API"' } : {}),
    });
    response.end(exceptionText(exception, this.#engine.version));
  }

  /** Not part of ClickHouse: how a test arranges faults and sees what was asked. */
  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const command = JSON.parse(text) as { do: 'add' | 'clear' | 'pause' | 'resume' | 'log' | 'met'; rule?: FaultRule };
    if (command.do === 'add') this.#faults.add(command.rule ?? {});
    else if (command.do === 'clear') this.#faults.clear();
    else if (command.do === 'pause') this.#faults.pause();
    else if (command.do === 'resume') this.#faults.resume();
    const answer = command.do === 'log' ? this.#faults.log : command.do === 'met' ? [...this.#faults.met] : {};
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }
}

function failAs(rule: FaultRule, response: ServerResponse): void {
  if (rule.drop === true) response.destroy();
  else if (rule.error !== undefined) throw asException(rule.error);
}

function asException(error: NonNullable<FaultRule['error']>): ClickHouseException {
  return new ClickHouseException(error.code, error.type, error.message, error.status);
}

/** The engine names its statements itself; the client's name stands in `log_comment`. A synchronous KILL would wait for ever. */
function killById(sql: string): string {
  return sql.replace(/\bquery_id\b/gi, "Settings['log_comment']").replace(/\bSYNC\b/gi, 'ASYNC');
}
