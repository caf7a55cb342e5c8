// Reads one HTTP request the way ClickHouse does: URL parameters, headers, credentials, and the body, which is decompressed and
// goes to a RAM-backed file where it is data, because the engine's binding takes statements as text only and would corrupt bytes.

import { createWriteStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { PassThrough, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ClickHouseException } from './http-errors.js';
import { quote, readStatement, type InsertData, type Statement } from './statement.js';

export interface HttpRequest {
  /** The statement as the engine runs it. */
  readonly sql: string;
  /** The statement as the client wrote it, without the data of an INSERT. */
  readonly shownSql: string;
  readonly statement: Statement;
  readonly queryId: string | undefined;
  readonly database: string;
  readonly outputFormat: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly gzipAnswer: boolean;
  /** Only statements that read may run. */
  readonly readOnly: boolean;
  /** Removes the body's file. */
  readonly dispose: () => Promise<void>;
}

// Parameters of the interface itself; everything else in the URL is a setting.
const INTERFACE_PARAMETERS = new Set(
  (
    'query query_id database default_format user password quota_key session_id session_timeout session_check role compress decompress ' +
    'wait_end_of_query buffer_size stacktrace client_protocol_version close_session readonly'
  ).split(' '),
);
const HEAD_BYTES = 65_536;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** @throws ClickHouseException 516 or 194 */
export function authenticate(request: IncomingMessage, url: URL, expected: Credentials): void {
  const given = credentialsOf(request, url);
  if (given.user === expected.user && given.password === expected.password) return;
  if (given.anonymous && expected.password !== '') {
    throw new ClickHouseException(
      194,
      'REQUIRED_PASSWORD',
      `${given.user}: Authentication failed: password is required, or there is no user with such name.`,
    );
  }
  throw new ClickHouseException(
    516,
    'AUTHENTICATION_FAILED',
    `${given.user}: Authentication failed: password is incorrect, or there is no user with such name.`,
  );
}

function credentialsOf(request: IncomingMessage, url: URL): Credentials & { readonly anonymous: boolean } {
  const user = header(request, 'x-clickhouse-user');
  const key = header(request, 'x-clickhouse-key');
  const basic = /^basic\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if ((user ?? key) !== undefined && basic !== undefined) {
    throw new ClickHouseException(
      516,
      'AUTHENTICATION_FAILED',
      'Invalid authentication: it is not allowed to use X-ClickHouse HTTP headers and Authorization HTTP header simultaneously',
    );
  }
  if (basic !== undefined) {
    const [name = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { user: name, password: rest.join(':'), anonymous: false };
  }
  const password = key ?? url.searchParams.get('password') ?? undefined;
  return { user: user ?? url.searchParams.get('user') ?? 'default', password: password ?? '', anonymous: password === undefined };
}

/**
 * @param bodyFile where data may be put; unique to this request
 * @throws ClickHouseException for what the interface refuses before the engine sees it
 */
export async function readRequest(request: IncomingMessage, url: URL, bodyFile: string): Promise<HttpRequest> {
  if (url.searchParams.has('session_id')) {
    throw new ClickHouseException(48, 'NOT_IMPLEMENTED', 'HTTP sessions are not supported by this server');
  }
  if (/^multipart\//.test(header(request, 'content-type') ?? '')) {
    throw new ClickHouseException(48, 'NOT_IMPLEMENTED', 'multipart bodies are not supported by this server');
  }
  const bodyBytes = await spool(request, bodyFile);
  const dispose = (): Promise<void> => rm(bodyFile, { force: true });
  try {
    const inUrl = url.searchParams.get('query') ?? '';
    const composed = await compose(inUrl, bodyFile, bodyBytes);
    const settings = new Map<string, string>();
    const parameters = new Map<string, string>();
    for (const [name, value] of url.searchParams) {
      if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
      else if (!INTERFACE_PARAMETERS.has(name)) settings.set(name, value);
    }
    return {
      ...composed,
      queryId: url.searchParams.get('query_id') ?? undefined,
      database: url.searchParams.get('database') ?? header(request, 'x-clickhouse-database') ?? 'default',
      outputFormat:
        composed.statement.outputFormat ??
        url.searchParams.get('default_format') ??
        header(request, 'x-clickhouse-format') ??
        'TabSeparated',
      settings,
      parameters,
      gzipAnswer:
        ['1', 'true'].includes(settings.get('enable_http_compression') ?? '') && /\bgzip\b/.test(header(request, 'accept-encoding') ?? ''),
      readOnly: request.method === 'GET' || !['', '0'].includes(url.searchParams.get('readonly') ?? ''),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Writes the decompressed body to a file. @returns its size */
async function spool(request: IncomingMessage, file: string): Promise<number> {
  const encoding = header(request, 'content-encoding') ?? '';
  try {
    await pipeline(request, decoder(encoding), createWriteStream(file));
  } catch (error) {
    await rm(file, { force: true });
    if (request.destroyed && !request.complete) throw error;
    throw new ClickHouseException(354, 'ZLIB_INFLATE_FAILED', `inflate failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  return (await stat(file)).size;
}

function decoder(encoding: string): Transform {
  if (encoding === '' || encoding === 'identity') return new PassThrough();
  if (encoding === 'gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  if (encoding === 'br') return createBrotliDecompress();
  throw new ClickHouseException(48, 'NOT_IMPLEMENTED', `Unknown compression method: ${encoding}`, 501);
}

async function compose(inUrl: string, bodyFile: string, bodyBytes: number): Promise<Pick<HttpRequest, 'sql' | 'shownSql' | 'statement'>> {
  if (inUrl.trim() !== '') {
    const statement = checked(readStatement(inUrl));
    const { insert, input } = statement;
    if (insert !== undefined && bodyBytes > 0) {
      const inline = inUrl.slice(insert.dataAt);
      if (inline.trim() !== '') throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Data of the INSERT both in the query and in the body');
      return { sql: withInfile(inUrl, insert, bodyFile), shownSql: inUrl, statement };
    }
    if (input !== undefined) return { sql: withFile(inUrl, input, bodyFile), shownSql: inUrl, statement };
    if (insert === undefined || inUrl.slice(insert.dataAt).trim() !== '') {
      const rest = bodyBytes > 0 ? `\n${(await readHead(bodyFile, bodyBytes)).toString('utf8')}` : '';
      return { sql: inUrl + rest, shownSql: inUrl, statement };
    }
    return { sql: withInfile(inUrl, insert, bodyFile), shownSql: inUrl, statement };
  }
  // The statement stands in the body, perhaps with its data behind it. Latin-1 keeps one character per byte.
  const head = await readHead(bodyFile, Math.min(bodyBytes, HEAD_BYTES));
  const insert = readStatement(head.toString('latin1')).insert;
  if (insert?.formatNamed === true && insert.dataAt < bodyBytes) {
    const shownSql = head.subarray(0, insert.headEnd).toString('utf8');
    await keepFrom(bodyFile, insert.dataAt);
    const data = readStatement(shownSql).insert;
    if (data === undefined) throw new ClickHouseException(62, 'SYNTAX_ERROR', `Syntax error: ${shownSql}`);
    return { sql: withInfile(shownSql, data, bodyFile), shownSql, statement: checked(readStatement(shownSql)) };
  }
  const sql = (await readHead(bodyFile, bodyBytes)).toString('utf8');
  if (sql.trim() === '')
    throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Syntax error: failed at position 1 (end of query): . Empty query.');
  return { sql, shownSql: sql, statement: checked(readStatement(sql)) };
}

function checked(statement: Statement): Statement {
  if (!statement.multiple) return statement;
  throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed): failed at the first semicolon.');
}

/** `INSERT INTO t (a) SETTINGS x = 1 FORMAT Native` reads its rows from a file. */
function withInfile(sql: string, insert: InsertData, file: string): string {
  const clause = ` FROM INFILE ${quote(file)} `;
  const head = sql.slice(0, insert.infileAt) + clause + sql.slice(insert.infileAt, insert.headEnd);
  return insert.formatNamed ? head : `${head} FORMAT ${insert.format}`;
}

/** `… SELECT … FROM input('a UInt8') … FORMAT Native`: the table function that reads the body becomes one that reads a file. */
function withFile(sql: string, input: NonNullable<Statement['input']>, file: string): string {
  const format = /\bFORMAT\s+(\w+)\s*;?\s*$/i.exec(sql);
  if (format === null) throw new ClickHouseException(62, 'SYNTAX_ERROR', 'input() needs a FORMAT at the end of the statement');
  const structure = sql.slice(input.open + 1, input.close);
  return `${sql.slice(0, input.start)}file(${quote(file)}, ${quote(format[1] ?? '')}, ${structure}${sql.slice(input.close, format.index)}`;
}

async function readHead(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Cuts the first bytes off a file. */
async function keepFrom(file: string, from: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const whole = await handle.readFile();
    await handle.truncate(0);
    await handle.write(whole, from, whole.length - from, 0);
  } finally {
    await handle.close();
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
