// Faults that a test asks the ClickHouse HTTP process for, and the record of what it was asked. Held in that process alone.

/** One fault. It acts on the next `times` requests whose query (or path, for /ping) matches. */
export interface FaultRule {
  /** Tells in `met` whether the rule has acted. */
  readonly name?: string;
  /** Regular expression, upper and lower case alike; every request when left out. */
  readonly match?: string;
  /** @default 1; `null` for ever */
  readonly times?: number | null;
  /** Waits before anything else happens. */
  readonly delayMs?: number;
  /** Answers with this exception. `status` as goes with the code when left out. */
  readonly error?: { readonly code: number; readonly type: string; readonly message: string; readonly status?: number };
  /** Closes the connection without an answer. */
  readonly drop?: boolean;
  /** When `error` or `drop` act. `after`: the statement has taken effect, the client is not told. @default 'before' */
  readonly when?: 'before' | 'after';
}

/** One request as it was served, oldest first in the log. */
export interface ServedQuery {
  readonly queryId: string;
  /** At most the first 10,000 characters. */
  readonly sql: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  /** Exception code; 0 when there was none. */
  readonly code: number;
  readonly rows: number;
  readonly settings: Readonly<Record<string, string>>;
}

const LOG_LIMIT = 10_000;

export class Faults {
  readonly log: ServedQuery[] = [];
  /** Names of the rules that have acted since the start or the last `clear`. */
  readonly met = new Set<string>();
  #rules: { readonly rule: FaultRule; readonly pattern: RegExp; left: number }[] = [];
  #paused: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  /** @throws SyntaxError for a bad regular expression */
  add(rule: FaultRule): void {
    this.#rules.push({ rule, pattern: new RegExp(rule.match ?? '', 'i'), left: rule.times === null ? Infinity : (rule.times ?? 1) });
  }

  clear(): void {
    this.#rules = [];
    this.log.length = 0;
    this.met.clear();
    this.resume();
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#resume?.();
    this.#paused = undefined;
    this.#resume = undefined;
  }

  /** The first rule that matches and is not used up; counts it. Resolves late where a delay or a pause says so. */
  async next(text: string): Promise<FaultRule | undefined> {
    await this.#paused;
    const found = this.#rules.find((entry) => entry.left > 0 && entry.pattern.test(text));
    if (found === undefined) return undefined;
    found.left--;
    if (found.rule.name !== undefined) this.met.add(found.rule.name);
    if (found.rule.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, found.rule.delayMs));
    return found.rule;
  }

  record(served: ServedQuery): void {
    this.log.push(served);
    if (this.log.length > LOG_LIMIT) this.log.shift();
  }
}
