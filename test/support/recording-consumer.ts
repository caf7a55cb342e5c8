// A LogConsumer that keeps all it is told, in order, and lets a test wait for what it expects. It chooses positions as told: by default
// where was committed, else where the definition starts.

import type { AssignedPartition, LogConsumer, PartitionId, RecordBatch } from '../../aggregator/src/source/log.js';

export interface RecordedValue {
  readonly partition: PartitionId;
  readonly generation: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** null: a tombstone. */
  readonly value: Buffer | null;
}

export interface Undecodable {
  readonly partition: PartitionId;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly detail: string;
  readonly bytes: Uint8Array;
}

export interface Assignment {
  readonly generation: number;
  readonly partitions: readonly AssignedPartition[];
  readonly allPartitions: readonly PartitionId[];
}

export class RecordingConsumer implements LogConsumer {
  readonly values: RecordedValue[] = [];
  readonly unread: Undecodable[] = [];
  readonly assignments: Assignment[] = [];
  /** Log end by partition that was reported idle. */
  readonly idleAt = new Map<PartitionId, number>();
  revocations = 0;
  /** Set by a test to take part in a callback; the source waits for it. */
  choose: (partition: AssignedPartition) => number = (p) => p.committedOffset ?? p.startOffset;
  onBatch: (batch: RecordBatch) => Promise<void> = () => Promise.resolve();
  onRevoked: () => Promise<void> = () => Promise.resolve();
  #running = 0;
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  get generation(): number {
    return this.assignments.at(-1)?.generation ?? 0;
  }

  /** Partitions owned now, sorted. */
  get owned(): PartitionId[] {
    return (this.assignments.at(-1)?.partitions ?? []).map(({ id }) => id).sort();
  }

  texts(partition?: PartitionId): string[] {
    return this.values.filter((v) => partition === undefined || v.partition === partition).map(({ value }) => value?.toString() ?? 'null');
  }

  async assigned(
    generation: number,
    partitions: readonly AssignedPartition[],
    allPartitions: readonly PartitionId[],
  ): Promise<ReadonlyMap<PartitionId, number>> {
    return this.#alone(async () => {
      this.assignments.push({ generation, partitions, allPartitions });
      return Promise.resolve(new Map(partitions.map((p) => [p.id, this.choose(p)])));
    });
  }

  async revoked(): Promise<void> {
    await this.#alone(async () => {
      this.revocations++;
      await this.onRevoked();
    });
  }

  async batch(batch: RecordBatch): Promise<void> {
    await this.#alone(async () => {
      for (let i = 0; i < batch.count; i++) {
        // Copied: the bytes are a fetch's buffer.
        const value = batch.end[i] < 0 ? null : Buffer.from(batch.bytes.slice(batch.start[i], batch.end[i]));
        this.values.push({
          partition: batch.partition,
          generation: batch.generation,
          offset: batch.offset[i],
          timestampMs: batch.timestampMs[i],
          value,
        });
      }
      this.#check();
      await this.onBatch(batch);
    });
  }

  async undecodable(
    partition: PartitionId,
    _generation: number,
    fromOffset: number,
    toOffset: number,
    detail: string,
    bytes: Uint8Array,
  ): Promise<void> {
    await this.#alone(() => {
      this.unread.push({ partition, fromOffset, toOffset, detail, bytes: bytes.slice() });
      return Promise.resolve();
    });
  }

  idle(partition: PartitionId, logEnd: number): void {
    this.idleAt.set(partition, logEnd);
    this.#check();
  }

  /** Resolves when it holds after a callback. @throws Error after the time is up */
  async until(holds: () => boolean, withinMs = 20_000): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not so within ${withinMs} ms: ${holds.toString()}`)), withinMs);
      this.#waiting.push({
        holds,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  /** The contract: callbacks never overlap. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running > 0) throw new Error('callbacks overlap');
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#check();
    }
  }

  #check(): void {
    const met = this.#waiting.filter(({ holds }) => holds());
    this.#waiting = this.#waiting.filter((waiting) => !met.includes(waiting));
    for (const { resolve } of met) resolve();
  }
}
