// The engine behind the HTTP interface: several connections to one data folder, each running one statement at a time.
// Invariant: a statement sees exactly the settings, parameters and database of its own request. A connection remembers what was
// set on it and puts it back before the next statement. Only this file talks to the engine.

import { Session, drainPending } from 'chdb';
import { ClickHouseException, fromEngine } from './http-errors.js';
import { quote, readStatement } from './statement.js';

export interface Execution {
  /** Unique among those running; what KILL finds it by. */
  readonly id: string;
  readonly sql: string;
  readonly outputFormat: string;
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Values in the escaped TSV form that the HTTP interface takes, by name. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Ends the statement in the engine, not only the wait for it. */
  readonly signal: AbortSignal;
  /** Takes the answer piece by piece; the next piece is made when it resolves. */
  readonly onChunk: (bytes: Uint8Array) => Promise<void>;
}

export interface ExecutionStats {
  /** Rows read or, for an INSERT with data, written. */
  readonly rows: number;
  readonly bytes: number;
  readonly elapsedNs: number;
}

interface Connection {
  readonly session: Session;
  database: string | undefined;
  readonly changedSettings: Set<string>;
  readonly changedParameters: Set<string>;
}

// Each chunk of a stream is formatted by itself: right for formats without a head, a foot or a separator between rows.
const STREAMABLE = new Set(['JSONEachRow', 'JSONCompactEachRow', 'Native', 'RowBinary', 'TabSeparated', 'TSV', 'TabSeparatedRaw', 'CSV']);
const KILL_AGAIN_MS = 50;
// What the engine sets otherwise in process than on a server: `implicit_select` would take `SELEC` for a column.
const LOCAL_SETTINGS = ['implicit_select', 'allow_introspection_functions'];

export class EnginePool {
  readonly version: string;
  readonly timezone: string;
  readonly #path: string;
  readonly #size: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #sessions: Session[] = [];
  readonly #control: Session;
  readonly #knownSettings: ReadonlySet<string>;
  #opened = 0;

  /**
   * @param path data folder; of this process alone
   * @param size statements that may run at once
   */
  constructor(path: string, size: number) {
    this.#path = path;
    this.#size = size;
    this.#control = new Session(path);
    this.#sessions.push(this.#control);
    const [version = '', timezone = ''] = this.#control.query('SELECT version(), timezone()', 'TabSeparated').trim().split('\t');
    this.version = version;
    this.timezone = timezone;
    this.#knownSettings = new Set(this.#control.query('SELECT name FROM system.settings', 'TabSeparated').trim().split('\n'));
  }

  /** @throws ClickHouseException */
  async run(execution: Execution): Promise<ExecutionStats> {
    const connection = await this.#acquire(execution.signal);
    const running = new AbortController();
    const kill = (): void => void this.#killUntilEnded(execution.id, running.signal);
    try {
      await this.#prepare(connection, execution);
      if (execution.signal.aborted) throw cancelled();
      execution.signal.addEventListener('abort', kill, { once: true });
      return await this.#execute(connection.session, execution);
    } catch (error) {
      // A failed statement stays in system.processes until its connection gets another one.
      await connection.session.queryAsync('SELECT 1');
      throw error instanceof ClickHouseException ? error : fromEngine(error);
    } finally {
      running.abort();
      execution.signal.removeEventListener('abort', kill);
      this.#noteWhatTheStatementChanged(connection, execution.sql);
      this.#release(connection);
    }
  }

  async close(): Promise<void> {
    await drainPending();
    for (const session of this.#sessions) session.close();
    await drainPending();
  }

  async #execute(session: Session, execution: Execution): Promise<ExecutionStats> {
    const statement = readStatement(execution.sql);
    const format = statement.outputFormat ?? execution.outputFormat;
    if ((statement.verb === 'SELECT' || statement.verb === 'WITH') && STREAMABLE.has(format)) {
      const started = performance.now();
      let rows = 0;
      let bytes = 0;
      for await (const chunk of session.queryStream(execution.sql, { format })) {
        rows += chunk.numRows;
        bytes += chunk.numBytes;
        await execution.onChunk(chunk.raw());
        if (execution.signal.aborted) throw cancelled();
      }
      return { rows, bytes, elapsedNs: Math.round((performance.now() - started) * 1e6) };
    }
    const result = await session.queryAsync(execution.sql, { format });
    await execution.onChunk(result.bytes());
    return { rows: result.rowsRead, bytes: result.bytesRead, elapsedNs: Math.round(result.elapsed * 1e9) };
  }

  /** Brings the connection from what the last statement left to what this one asks for. */
  async #prepare(connection: Connection, execution: Execution): Promise<void> {
    for (const name of readStatement(execution.sql).parameters) {
      // A parameter cannot be unset in the engine, so one left behind by another request must not be taken for this one's.
      if (connection.changedParameters.has(name) && !execution.parameters.has(name)) {
        throw new ClickHouseException(456, 'UNKNOWN_QUERY_PARAMETER', `Substitution \`${name}\` is not set.`);
      }
    }
    if (connection.database !== execution.database) {
      connection.database = undefined;
      await connection.session.queryAsync(`USE ${quoteName(execution.database)}`);
      connection.database = execution.database;
    }
    const wanted = new Map(execution.settings);
    wanted.set('log_comment', execution.id);
    const changes = [...connection.changedSettings].filter((name) => !wanted.has(name)).map((name) => `${name} = DEFAULT`);
    for (const [name, value] of wanted) {
      if (!/^\w+$/.test(name)) throw new ClickHouseException(115, 'UNKNOWN_SETTING', `Unknown setting '${name}'.`);
      // A name that the engine does not know makes the SET below fail; remembering it would make every later one fail too.
      if (this.#knownSettings.has(name)) connection.changedSettings.add(name);
      changes.push(`${name} = ${quote(value)}`);
    }
    for (const [name, value] of execution.parameters) {
      if (!/^\w+$/.test(name)) throw new ClickHouseException(36, 'BAD_ARGUMENTS', `Bad query parameter name '${name}'.`);
      connection.changedParameters.add(name);
      changes.push(`param_${name} = ${quote(value)}`);
    }
    await connection.session.queryAsync(`SET ${changes.join(', ')}`);
    for (const name of [...connection.changedSettings]) if (!wanted.has(name)) connection.changedSettings.delete(name);
  }

  /** Over HTTP without a session, USE and SET end with their request; here the connection lives on. */
  #noteWhatTheStatementChanged(connection: Connection, sql: string): void {
    const { verb } = readStatement(sql);
    if (verb === 'USE' || verb === 'DROP') connection.database = undefined;
    if (verb !== 'SET') return;
    for (const [, name = ''] of sql.matchAll(/(\w+)\s*=/g)) {
      if (name.startsWith('param_')) connection.changedParameters.add(name.slice('param_'.length));
      else if (this.#knownSettings.has(name)) connection.changedSettings.add(name);
    }
  }

  async #killUntilEnded(id: string, ended: AbortSignal): Promise<void> {
    // A statement that is still being planned is not in the list of processes yet.
    while (!ended.aborted) {
      await this.#control.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${quote(id)} ASYNC`).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, KILL_AGAIN_MS));
    }
  }

  #acquire(signal: AbortSignal): Promise<Connection> {
    if (signal.aborted) return Promise.reject(cancelled());
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#opened < this.#size) {
      this.#opened++;
      const session = new Session(this.#path);
      this.#sessions.push(session);
      const changedSettings = new Set(LOCAL_SETTINGS);
      return Promise.resolve({ session, database: 'default', changedSettings, changedParameters: new Set() });
    }
    return new Promise((resolve, reject) => {
      const take = (connection: Connection): void => {
        signal.removeEventListener('abort', leave);
        resolve(connection);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(cancelled());
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(take);
    });
  }

  #release(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else next(connection);
  }
}

function cancelled(): ClickHouseException {
  return new ClickHouseException(394, 'QUERY_WAS_CANCELLED', 'Query was cancelled.');
}

function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}
