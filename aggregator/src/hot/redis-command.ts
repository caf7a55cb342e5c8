// A command that is encoded once, by us: a flush names thousands of keys, and the client's own way makes several strings of each.

import { Command } from 'ioredis';

const DOLLAR = 0x24;
const STAR = 0x2a;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const ZERO = 0x30;

/** EVALSHA of a script; replies come as Buffers. */
export class ScriptCommand extends Command {
  readonly #encoded: Buffer;

  constructor(sha1: string, keys: readonly string[], args: readonly (string | Buffer | number)[]) {
    // The client looks at the first key, which names the slot of all.
    super('evalsha', [sha1, Math.min(keys.length, 1), ...keys.slice(0, 1)], { replyEncoding: null });
    const given = args.map((argument) => (typeof argument === 'number' ? String(argument) : argument));
    this.#encoded = encodeCommand(['evalsha', sha1, String(keys.length), ...keys, ...given]);
  }

  override toWritable(): Buffer {
    return this.#encoded;
  }
}

/**
 * A list of bulk strings, as requests are in RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/); strings as UTF-8.
 */
export function encodeCommand(parts: readonly (string | Buffer)[]): Buffer {
  let bytes = headerBytes(parts.length);
  for (const part of parts) bytes += headerBytes(part.length) + part.length + 2;
  const target = Buffer.allocUnsafe(bytes);
  let at = writeHeader(target, 0, STAR, parts.length);
  for (const part of parts) {
    at = writeHeader(target, at, DOLLAR, part.length);
    if (typeof part !== 'string') {
      target.set(part, at);
      at += part.length;
    } else {
      for (let i = 0; i < part.length; i++) {
        const unit = part.charCodeAt(i);
        // Longer in UTF-8 than was reckoned with.
        if (unit > 0x7f) return encodeCommand(parts.map((each) => (typeof each === 'string' ? Buffer.from(each) : each)));
        target[at++] = unit;
      }
    }
    target[at++] = CARRIAGE_RETURN;
    target[at++] = LINE_FEED;
  }
  return target;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}

function headerBytes(count: number): number {
  return 3 + digitsOf(count);
}

function writeHeader(target: Buffer, at: number, type: number, count: number): number {
  const end = at + 1 + digitsOf(count);
  target[at] = type;
  let rest = count;
  for (let place = end - 1; place > at; place--) {
    target[place] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  target[end] = CARRIAGE_RETURN;
  target[end + 1] = LINE_FEED;
  return end + 2;
}
