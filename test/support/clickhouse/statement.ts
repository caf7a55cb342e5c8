// Reads just enough of a ClickHouse statement to serve it as the HTTP interface does: its kind, its output format, and where the
// data of an INSERT begins. The engine still parses everything; a statement that is not understood here goes to it unchanged.

interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'punctuation';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface InsertData {
  /** Input format, `Values` when none is named. */
  readonly format: string;
  /** Where `FROM INFILE '…'` belongs, as an offset into the statement. */
  readonly infileAt: number;
  /** The statement up to its data, format clause included; `FORMAT Values` is appended where it was only implied. */
  readonly headEnd: number;
  readonly formatNamed: boolean;
  /** Offset of the first byte of the data that follows in the same text; equals the text's length when there is none. */
  readonly dataAt: number;
}

export interface Statement {
  /** First keyword, upper case; empty for an empty statement. */
  readonly verb: string;
  readonly readOnly: boolean;
  /** FORMAT named at the end of a statement that returns rows. */
  readonly outputFormat: string | undefined;
  /** Set for an INSERT whose rows come with the request. */
  readonly insert: InsertData | undefined;
  /** Offsets of the name and both parentheses of `input(…)`, which reads the request's body. */
  readonly input: { readonly start: number; readonly open: number; readonly close: number } | undefined;
  /** True when something stands behind a semicolon, which the HTTP interface refuses. */
  readonly multiple: boolean;
  /** Names within `{name:Type}`. */
  readonly parameters: readonly string[];
}

const READ_ONLY_VERBS = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXISTS', 'EXPLAIN', 'CHECK', 'USE']);

/** @param sql one statement in latin1 or UTF-16; all offsets are in the same unit */
export function readStatement(sql: string): Statement {
  const tokens: Token[] = [];
  let multiple = false;
  let insert: InsertData | undefined;
  let depth = 0;
  let semicolon = false;
  let selects = false;
  for (const token of scan(sql)) {
    if (semicolon) {
      multiple = true;
      break;
    }
    tokens.push(token);
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    else if (token.text === ';' && depth === 0) semicolon = true;
    if (tokens.length > 2 && isWord(token, 'SELECT', 'WITH', 'WATCH')) selects = true;
    if (depth === 0 && !selects && tokens[0]?.text.toUpperCase() === 'INSERT') {
      insert = insertDataAt(sql, tokens);
      if (insert !== undefined) break;
    }
  }
  const verb = (tokens.find((token) => token.text !== '(')?.text ?? '').toUpperCase();
  if (verb === 'INSERT' && insert === undefined && !multiple && !selects) {
    const end = (semicolon ? tokens.at(-1)?.start : tokens.at(-1)?.end) ?? sql.length;
    const settings = settingsAt(tokens) ?? end;
    insert = { format: 'Values', formatNamed: false, infileAt: settings, headEnd: end, dataAt: sql.length };
  }
  return {
    verb,
    readOnly: READ_ONLY_VERBS.has(verb),
    outputFormat: insert === undefined ? trailingFormat(tokens) : undefined,
    insert,
    input: insert === undefined && verb === 'INSERT' ? inputCall(tokens) : undefined,
    multiple,
    parameters: parameterNames(tokens),
  };
}

/** Where the rows begin when the last token completes `FORMAT name` or `VALUES`, before any SELECT. */
function insertDataAt(sql: string, tokens: readonly Token[]): InsertData | undefined {
  const last = tokens.at(-1);
  if (last === undefined || tokens.length < 4) return undefined;
  const before = tokens.at(-2);
  if (last.kind === 'word' && before !== undefined && isWord(before, 'FORMAT')) {
    return {
      format: last.text,
      formatNamed: true,
      infileAt: settingsAt(tokens) ?? before.start,
      headEnd: last.end,
      dataAt: afterNewline(sql, last.end),
    };
  }
  if (isWord(last, 'VALUES')) {
    return { format: 'Values', formatNamed: false, infileAt: settingsAt(tokens) ?? last.start, headEnd: last.start, dataAt: last.end };
  }
  return undefined;
}

function settingsAt(tokens: readonly Token[]): number | undefined {
  // The fourth token on: a table may be called settings.
  const index = tokens.findIndex((token, at) => at >= 3 && isWord(token, 'SETTINGS') && tokens[at - 1]?.text !== '.');
  return index < 0 ? undefined : tokens[index]?.start;
}

/** The data starts behind the spaces that follow the format's name and at most one line break. */
function afterNewline(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && (sql[at] === ' ' || sql[at] === '\t' || sql[at] === '\r')) at++;
  if (sql[at] === ';') at++;
  return sql[at] === '\n' ? at + 1 : at;
}

function trailingFormat(tokens: readonly Token[]): string | undefined {
  let depth = 0;
  let format: string | undefined;
  tokens.forEach((token, index) => {
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    const name = tokens[index + 1];
    const after = tokens[index + 2];
    const ends = after === undefined || after.text === ';' || isWord(after, 'SETTINGS');
    if (depth === 0 && isWord(token, 'FORMAT') && name?.kind === 'word' && ends) format = name.text;
  });
  return format;
}

function inputCall(tokens: readonly Token[]): Statement['input'] {
  const index = tokens.findIndex((token, at) => isWord(token, 'INPUT') && tokens[at + 1]?.text === '(' && tokens[at + 3]?.text === ')');
  const name = tokens[index];
  const open = tokens[index + 1];
  const close = tokens[index + 3];
  return name === undefined || open === undefined || close === undefined
    ? undefined
    : { start: name.start, open: open.start, close: close.start };
}

function parameterNames(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token, at) => (token.text === '{' && tokens[at + 2]?.text === ':' ? [tokens[at + 1]?.text ?? ''] : []));
}

function isWord(token: Token, ...words: string[]): boolean {
  return token.kind === 'word' && words.includes(token.text.toUpperCase());
}

/** A string literal. */
export function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`;
}

const WORD = /[A-Za-z_0-9$]/;
const WORD_START = /[A-Za-z_]/;

function* scan(sql: string): Generator<Token> {
  let at = 0;
  while (at < sql.length) {
    const char = sql[at] ?? '';
    const start = at;
    if (/\s/.test(char)) {
      at++;
    } else if ((char === '-' && sql[at + 1] === '-') || (char === '#' && /[ !]/.test(sql[at + 1] ?? ''))) {
      at = endOf(sql, '\n', at);
    } else if (char === '/' && sql[at + 1] === '*') {
      at = endOf(sql, '*/', at + 2);
    } else if (char === "'" || char === '"' || char === '`') {
      at = closingQuote(sql, at, char);
      yield { kind: char === "'" ? 'string' : 'quoted', text: sql.slice(start, at), start, end: at };
    } else if (char === '$' && /^\$\w*\$/.test(sql.slice(at, at + 64))) {
      const tag = /^\$\w*\$/.exec(sql.slice(at, at + 64))?.[0] ?? '$$';
      at = endOf(sql, tag, at + tag.length);
      yield { kind: 'string', text: sql.slice(start, at), start, end: at };
    } else if (WORD_START.test(char)) {
      while (at < sql.length && WORD.test(sql[at] ?? '')) at++;
      yield { kind: 'word', text: sql.slice(start, at), start, end: at };
    } else {
      at++;
      yield { kind: 'punctuation', text: char, start, end: at };
    }
  }
}

function endOf(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from);
  return found < 0 ? sql.length : found + mark.length;
}

function closingQuote(sql: string, open: number, quote: string): number {
  for (let at = open + 1; at < sql.length; at++) {
    if (sql[at] === '\\') at++;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return sql.length;
}
