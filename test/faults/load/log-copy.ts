// The topic as another client (librdkafka) reads it: the truth that every answer is held to. Records that retention deletes are kept
// from a reading before, and those that no aggregator had read by then are left out, as the ledger leaves them out.

import { spawn } from 'node:child_process';
import type { LogRecord } from '../../oracle/reference.js';

export class LogCopy {
  readonly #brokers: readonly string[];
  readonly #topic: string;
  readonly #records = new Map<number, Map<number, LogRecord>>();
  readonly #lost = new Map<string, number>();
  /** By partition: offsets that were deleted. A broker that is killed soon afterwards has them again, but nobody reads them any more. */
  readonly #forgotten = new Map<number, Set<number>>();

  constructor(brokers: readonly string[], topic: string) {
    this.#brokers = brokers;
    this.#topic = topic;
  }

  /** Copies what the topic holds now. @throws Error when a record differs from the copy that was made before */
  async read(): Promise<void> {
    for await (const line of this.#lines()) {
      const [partition, offset, timestampMs, ...rest] = line.split('\t');
      if (this.#forgotten.get(Number(partition))?.has(Number(offset)) === true) continue;
      const record = {
        partition: this.#id(Number(partition)),
        offset: Number(offset),
        timestampMs: Number(timestampMs),
        value: rest.join('\t'),
      };
      const records = this.#records.get(Number(partition)) ?? new Map<number, LogRecord>();
      this.#records.set(Number(partition), records);
      const known = records.get(record.offset);
      if (known !== undefined && known.value !== record.value) {
        throw new Error(`${record.partition} has another record at ${record.offset} than before`);
      }
      records.set(record.offset, record);
    }
  }

  /** Records [from, to) were deleted before anybody read them. */
  forget(partition: number, from: number, to: number): void {
    const forgotten = this.#forgotten.get(partition) ?? new Set<number>();
    this.#forgotten.set(partition, forgotten);
    for (let offset = from; offset < to; offset++) {
      forgotten.add(offset);
      if (this.#records.get(partition)?.delete(offset) === true) {
        this.#lost.set(this.#id(partition), (this.#lost.get(this.#id(partition)) ?? 0) + 1);
      }
    }
  }

  /** By partition, in offset order, as the reference takes them. */
  inLogOrder(): LogRecord[] {
    return [...this.#records].sort(([a], [b]) => a - b).flatMap(([, records]) => [...records.values()].sort((a, b) => a.offset - b.offset));
  }

  /** Records per partition id. */
  counts(): Map<string, number> {
    return new Map([...this.#records].map(([partition, records]) => [this.#id(partition), records.size]));
  }

  lostOf(partition: string): number {
    return this.#lost.get(partition) ?? 0;
  }

  #id(partition: number): string {
    return `${this.#topic}/${partition}`;
  }

  async *#lines(): AsyncGenerator<string> {
    const args = ['-C', '-b', this.#brokers.join(','), '-t', this.#topic, '-o', 'beginning', '-e', '-q', '-f', '%p\t%o\t%T\t%s\n'];
    yield* linesOf('kcat', args);
  }
}

/** @throws Error when the program fails */
export async function* linesOf(command: string, args: readonly string[]): AsyncGenerator<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  let rest = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors}`);
}
