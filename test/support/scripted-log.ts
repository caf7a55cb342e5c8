// A log held in memory as a LogSource: partitions of records, delivered when and as far as the test says. Commits, metadata and
// seeks are as Kafka's; time is the test's.

import type {
  AssignedPartition,
  Commit,
  DeadLetter,
  DeadLetterSink,
  LogConsumer,
  LogSource,
  PartitionId,
  RecordBatch,
} from '../../aggregator/src/source/log.js';

export interface ScriptedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  /** null: a tombstone. */
  readonly value: Uint8Array | string | null;
}

export class ScriptedLog implements LogSource {
  readonly #records: ReadonlyMap<PartitionId, readonly ScriptedRecord[]>;
  readonly #committed = new Map<PartitionId, Commit>();
  readonly #position = new Map<PartitionId, number>();
  #consumer: LogConsumer | null = null;
  #generation = 0;

  constructor(records: ReadonlyMap<PartitionId, readonly ScriptedRecord[]>) {
    this.#records = records;
  }

  get committed(): ReadonlyMap<PartitionId, Commit> {
    return this.#committed;
  }

  recordsOf(partition: PartitionId): readonly ScriptedRecord[] {
    return this.#records.get(partition) ?? [];
  }

  logEnd(partition: PartitionId): number {
    const last = this.#records.get(partition)?.at(-1);
    return last === undefined ? 0 : last.offset + 1;
  }

  async start(consumer: LogConsumer): Promise<void> {
    this.#consumer = consumer;
    await this.#assign();
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    commits.forEach((c) => this.#committed.set(c.partition, c));
    return Promise.resolve();
  }

  async reassign(): Promise<void> {
    await this.#assign();
  }

  async stop(): Promise<void> {
    this.#consumer = null;
    return Promise.resolve();
  }

  /** Delivers up to `most` further records of a partition in one batch. @returns how many */
  async deliver(partition: PartitionId, most: number): Promise<number> {
    const position = this.#position.get(partition) ?? 0;
    const records = (this.#records.get(partition) ?? []).filter((r) => r.offset >= position).slice(0, most);
    if (records.length === 0) {
      this.#consumer?.idle(partition, this.logEnd(partition));
      return 0;
    }
    this.#position.set(partition, records[records.length - 1].offset + 1);
    await this.#consumer?.batch(toBatch(partition, this.#generation, records, this.logEnd(partition)));
    return records.length;
  }

  /** Delivers everything, partition by partition in turn. */
  async deliverAll(batchSize = 1_000): Promise<void> {
    for (let more = true; more;) {
      more = false;
      for (const partition of this.#records.keys()) {
        more = (await this.deliver(partition, batchSize)) > 0 || more;
      }
    }
  }

  async #assign(): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === null) {
      return;
    }
    this.#generation++;
    const partitions = [...this.#records.keys()].map((id): AssignedPartition => {
      const committed = this.#committed.get(id);
      return {
        id,
        committedOffset: committed?.offset ?? null,
        committedMetadata: committed?.metadata ?? '',
        logStart: this.#records.get(id)?.[0]?.offset ?? 0,
        logEnd: this.logEnd(id),
        startOffset: 0,
      };
    });
    const from = await consumer.assigned(this.#generation, partitions, [...this.#records.keys()]);
    from.forEach((offset, id) => this.#position.set(id, offset));
  }
}

export function toBatch(partition: PartitionId, generation: number, records: readonly ScriptedRecord[], logEnd: number): RecordBatch {
  const values = records.map((r) => (r.value === null ? null : typeof r.value === 'string' ? Buffer.from(r.value) : r.value));
  const bytes = new Uint8Array(values.reduce((sum, v) => sum + (v?.length ?? 0), 0) + 16);
  const start = new Int32Array(records.length);
  const end = new Int32Array(records.length);
  let at = 0;
  values.forEach((value, i) => {
    start[i] = at;
    if (value === null) {
      end[i] = -1;
    } else {
      bytes.set(value, at);
      at += value.length;
      end[i] = at;
    }
  });
  return {
    partition,
    generation,
    count: records.length,
    bytes,
    start,
    end,
    offset: Float64Array.from(records, (r) => r.offset),
    timestampMs: Float64Array.from(records, (r) => r.timestampMs),
    logEnd,
  };
}

/** Keeps dead letters in a list. */
export class DeadLetterList implements DeadLetterSink {
  readonly letters: DeadLetter[] = [];

  async write(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) {
      if (!this.letters.some((known) => known.partition === letter.partition && known.offset === letter.offset)) {
        this.letters.push(letter);
      }
    }
    return Promise.resolve();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A clock that stands where the test puts it. */
export class SetClock {
  constructor(public nowMs: number) {}
  now(): number {
    return this.nowMs;
  }
  monotonic(): number {
    return performance.now();
  }
}
