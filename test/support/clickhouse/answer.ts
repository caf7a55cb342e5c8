// One answer of the HTTP interface: its headers, its rows, and the error that may come after them.

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createGzip, type Gzip } from 'node:zlib';
import type { EnginePool } from './engine-pool.js';
import { exceptionTrailer } from './http-errors.js';
import type { HttpRequest } from './request.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  JSON: 'application/json; charset=UTF-8',
  JSONCompact: 'application/json; charset=UTF-8',
  JSONStrings: 'application/json; charset=UTF-8',
  JSONEachRow: 'application/x-ndjson; charset=UTF-8',
  JSONCompactEachRow: 'application/x-ndjson; charset=UTF-8',
  CSV: 'text/csv; charset=UTF-8; header=absent',
  CSVWithNames: 'text/csv; charset=UTF-8; header=present',
  TabSeparated: 'text/tab-separated-values; charset=UTF-8',
  TSV: 'text/tab-separated-values; charset=UTF-8',
  Native: 'application/octet-stream',
  RowBinary: 'application/octet-stream',
  RowBinaryWithNamesAndTypes: 'application/octet-stream',
};

/** The answer of one statement. Headers go out with the first rows, so that an error before them keeps its own status. */
export class Answer {
  begun = false;
  readonly #response: ServerResponse;
  readonly #query: HttpRequest;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #tag = randomUUID().replaceAll('-', '').slice(0, 16);
  #gzip: Gzip | undefined;
  #firstChunk: Uint8Array | undefined;

  constructor(response: ServerResponse, query: HttpRequest, queryId: string, engine: EnginePool) {
    this.#response = response;
    this.#query = query;
    this.#headers = {
      'content-type': CONTENT_TYPES[query.outputFormat] ?? 'text/plain; charset=UTF-8',
      'x-clickhouse-server-display-name': 'chdb',
      'x-clickhouse-query-id': queryId,
      'x-clickhouse-format': query.outputFormat,
      'x-clickhouse-timezone': engine.timezone,
      'x-clickhouse-exception-tag': this.#tag,
    };
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    // An answer in one piece waits for the figures of the summary and for errors; most are.
    if (!this.begun && this.#firstChunk === undefined) {
      this.#firstChunk = bytes;
      return;
    }
    if (!this.begun) await this.#begin(0, 0, 0);
    await this.#send(bytes);
  }

  async end(rows: number, bytes: number, elapsedNs: number): Promise<void> {
    if (!this.begun) await this.#begin(rows, bytes, elapsedNs);
    if (this.#response.destroyed) return;
    (this.#gzip ?? this.#response).end();
  }

  /** An error after the first rows were sent. */
  async breakOff(text: string): Promise<void> {
    await this.#send(Buffer.from(exceptionTrailer(text, this.#tag)));
    (this.#gzip ?? this.#response).end();
  }

  async #begin(rows: number, bytes: number, elapsedNs: number): Promise<void> {
    this.begun = true;
    const writes = this.#query.statement.verb === 'INSERT';
    const summary = {
      read_rows: String(rows),
      read_bytes: String(bytes),
      written_rows: String(writes ? rows : 0),
      written_bytes: String(writes ? bytes : 0),
      total_rows_to_read: '0',
      result_rows: String(rows),
      result_bytes: String(bytes),
      elapsed_ns: String(elapsedNs),
      memory_usage: '0',
    };
    if (this.#response.destroyed) return;
    this.#response.writeHead(200, {
      ...this.#headers,
      'x-clickhouse-summary': JSON.stringify(summary),
      ...(this.#query.gzipAnswer ? { 'content-encoding': 'gzip' } : {}),
    });
    if (this.#query.gzipAnswer) {
      this.#gzip = createGzip({ level: 3 });
      this.#gzip.pipe(this.#response);
    }
    if (this.#firstChunk !== undefined) await this.#send(this.#firstChunk);
  }

  /** Resolves when the next piece may be made; at once when nobody listens any more. */
  async #send(bytes: Uint8Array): Promise<void> {
    const sink = this.#gzip ?? this.#response;
    if (this.#response.destroyed || sink.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        sink.off('drain', go);
        this.#response.off('close', go);
        resolve();
      };
      sink.once('drain', go);
      this.#response.once('close', go);
    });
  }
}
