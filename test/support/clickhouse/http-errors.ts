// ClickHouse's exceptions as its HTTP interface reports them: which status goes with which code, and the text of the body.

/** An error in the words of the engine; `message` is without `Code: n. DB::Exception:`. */
export class ClickHouseException extends Error {
  constructor(
    readonly code: number,
    readonly type: string,
    message: string,
    /** Overrides the status that goes with the code. */
    readonly status?: number,
  ) {
    super(message);
    this.name = 'ClickHouseException';
  }
}

const BAD_REQUEST = [6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676];
const NOT_FOUND = [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511];

/** HTTP status by exception code, as servers of version 26 answer. */
export function statusOfCode(code: number): number {
  if (code === 194) return 401;
  if ([192, 193, 516, 497, 512].includes(code)) return 403;
  if (BAD_REQUEST.includes(code)) return 400;
  if (NOT_FOUND.includes(code)) return 404;
  if (code === 159) return 408;
  if (code === 381) return 411;
  if (code === 229) return 413;
  if (code === 779) return 415;
  if (code === 48) return 501;
  if (code === 209 || code === 76 || code === 439) return 503;
  return 500;
}

/** The engine's own message taken apart. It repeats `Code: n. DB::Exception:` once per layer that the error passed through. */
export function fromEngine(error: unknown): ClickHouseException {
  const text = error instanceof Error ? error.message : String(error);
  const code = /Code: (\d+)/.exec(text)?.[1];
  if (code === undefined) return new ClickHouseException(1001, 'STD_EXCEPTION', text);
  const type = /\(([A-Z][A-Z0-9_]{2,})\)\s*$/.exec(text)?.[1] ?? 'UNKNOWN_EXCEPTION';
  const message = text
    .replace(/^(?:\s*Code: \d+\. DB::Exception: )+/, '')
    .replace(/(?:\s*\([A-Z][A-Z0-9_]{2,}\)(?: \(version [^()]*\)\.?)?)+\s*$/, '');
  return new ClickHouseException(Number(code), type, message);
}

/** The body of an error answer. */
export function exceptionText(exception: ClickHouseException, version: string): string {
  return `Code: ${exception.code}. DB::Exception: ${exception.message} (${exception.type}) (version ${version} (official build))\n`;
}

/** What a server of version 25.11 or newer appends to an answer that has already begun. */
export function exceptionTrailer(text: string, tag: string): string {
  return `\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`;
}
