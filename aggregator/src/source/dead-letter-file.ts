// Dead letters of the embedded default: one JSON object a line in `dead-letters.ndjson`, for people and for `jq`.
// Invariant: `write` resolves once the letters are on disk; the files together stay under the size limit, the oldest go first.

import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { TidemarkError } from '../errors.js';
import type { DeadLetter, DeadLetterSink } from './log.js';

export interface DeadLetterFileOptions {
  readonly dir: string;
  /** A file is rotated when it reaches this size. @default 16 MiB */
  readonly fileBytes?: number;
  /** Rotated files kept besides the current one: `dead-letters.1.ndjson` is the newest of them. @default 4 */
  readonly keepFiles?: number;
}

const VALUE_MAX_BYTES = 64 * 1024;

/** Creates `dir` and the file when the first letter comes. */
export function createDeadLetterFile(options: DeadLetterFileOptions): DeadLetterSink {
  return new DeadLetterFile(options);
}

/** The line of a letter, without the line feed: `value` as text, or `valueBase64` where it is not UTF-8. */
export function formatDeadLetter({ partition, offset, timestampMs, reason, detail, value }: DeadLetter): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, VALUE_MAX_BYTES));
  const content = isUtf8(bytes) ? { value: bytes.toString('utf8') } : { valueBase64: bytes.toString('base64') };
  // Kafka lets producers write any number as a record's time.
  const time = new Date(timestampMs);
  const timestamp = Number.isNaN(time.getTime()) ? null : time.toISOString();
  return JSON.stringify({ reason, detail, partition, offset, timestamp, ...content });
}

class DeadLetterFile implements DeadLetterSink {
  readonly #dir: string;
  readonly #fileBytes: number;
  readonly #keepFiles: number;
  #file: FileHandle | null = null;
  #bytes = 0;
  #last: Promise<void> = Promise.resolve();

  constructor({ dir, fileBytes = 16 * 1024 * 1024, keepFiles = 4 }: DeadLetterFileOptions) {
    this.#dir = dir;
    this.#fileBytes = fileBytes;
    this.#keepFiles = keepFiles;
  }

  /** Repeated letters are repeated lines: partition and offset tell them apart. */
  write(letters: readonly DeadLetter[]): Promise<void> {
    const write = this.#last.catch(() => undefined).then(() => this.#append(letters));
    this.#last = write;
    return write;
  }

  async #append(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    try {
      const file = await this.#current();
      const lines = Buffer.from(letters.map((letter) => `${formatDeadLetter(letter)}\n`).join(''));
      await file.appendFile(lines);
      await file.datasync();
      this.#bytes += lines.length;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const remedy = 'Free space in the data directory, and check its permissions.';
      throw new TidemarkError('retryable', 'DEAD_LETTERS_NOT_STORED', `dead letters could not be stored: ${text}`, remedy, {
        cause: error,
      });
    }
  }

  #path(age: number): string {
    return join(this.#dir, age === 0 ? 'dead-letters.ndjson' : `dead-letters.${age}.ndjson`);
  }

  async #current(): Promise<FileHandle> {
    if (this.#file !== null && this.#bytes < this.#fileBytes) return this.#file;
    await this.#file?.close();
    this.#file = null;
    await mkdir(this.#dir, { recursive: true });
    if ((await sizeOf(this.#path(0))) >= this.#fileBytes) await this.#rotate();
    this.#file = await open(this.#path(0), 'a');
    this.#bytes = (await this.#file.stat()).size;
    return this.#file;
  }

  async #rotate(): Promise<void> {
    await rm(this.#path(this.#keepFiles), { force: true });
    for (let age = this.#keepFiles - 1; age >= 0; age--) {
      if ((await sizeOf(this.#path(age))) >= 0) await rename(this.#path(age), this.#path(age + 1));
    }
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#file?.close();
    this.#file = null;
  }
}

/** -1: there is no such file. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return -1;
    throw error;
  }
}
