// The log of the embedded default: one partition on local disk, written and read by this process. The same contract as Kafka's.
// Invariant: an offset is given out only once its bytes are on disk (group commit: what arrives while the disk works goes out together),
// and is read only after that. Damaged bytes are handed on as an undecodable range.

import { mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { TidemarkError } from '../errors.js';
import { calling, ConsumerFailure } from './consumer-failure.js';
import { eachValue, encodeBlock, type Block } from './embedded-block.js';
import { readPosition, writePosition, type EmbeddedPosition } from './embedded-position.js';
import { EmbeddedSegments, type ReadCursor } from './embedded-segments.js';
import { SILENT_LOG, type SourceLog } from './kafka-client.js';
import type { Commit, LogConsumer, LogSource, LogWriter, PartitionId, RecordBatch } from './log.js';

export const EMBEDDED_PARTITION: PartitionId = 'embedded/0';

export interface EmbeddedLogOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly log?: SourceLog;
  /** Called once when reading has ended for good. */
  readonly onFatal: (error: TidemarkError) => void;
  /** A segment is closed once it holds this much. @default 64 MiB */
  readonly segmentBytes?: number;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
/** One block, so that a reader need not take in more at once. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** How often a consumer that has read everything is told so. */
const IDLE_MS = 100;

interface PendingAppend {
  readonly events: readonly { readonly key: string; readonly value: Uint8Array }[];
  readonly stored: (firstOffset: number) => void;
  readonly failed: (error: unknown) => void;
}

/** Opens or creates the log in `dir`. @throws TidemarkError when another process has it open */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  await mkdir(options.dir, { recursive: true });
  await lock(join(options.dir, 'lock'));
  let segments: EmbeddedSegments | null = null;
  try {
    const position = await readPosition(join(options.dir, 'position.json'));
    segments = await EmbeddedSegments.open(options.dir, options.segmentBytes ?? SEGMENT_BYTES, options.log ?? SILENT_LOG);
    return new EmbeddedLog(options, segments, position);
  } catch (error) {
    await segments?.close();
    await unlink(join(options.dir, 'lock'));
    throw error;
  }
}

export class EmbeddedLog implements LogSource, LogWriter {
  readonly #options: EmbeddedLogOptions;
  readonly #segments: EmbeddedSegments;
  #position: EmbeddedPosition | null;
  #committing: Promise<void> = Promise.resolve();
  #queue: PendingAppend[] = [];
  #writing: Promise<void> | null = null;
  #broken: TidemarkError | null = null;
  #closed = false;
  #reading: Promise<void> | null = null;
  #generation = 0;
  #stopping = false;
  #reassigning = false;
  /** Wakes the reader: something was appended, or it has to stop or start anew. */
  #wake: () => void = () => undefined;

  constructor(options: EmbeddedLogOptions, segments: EmbeddedSegments, position: EmbeddedPosition | null) {
    this.#options = options;
    this.#segments = segments;
    this.#position = position;
  }

  get logStart(): number {
    return this.#segments.logStart;
  }

  get logEnd(): number {
    return this.#segments.logEnd;
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes;
  }

  async append(
    events: readonly { readonly key: string; readonly value: Uint8Array }[],
  ): Promise<readonly { partition: PartitionId; offset: number }[]> {
    if (this.#closed) throw new TidemarkError('fatal', 'LOG_CLOSED', 'the embedded log is closed');
    if (this.#broken !== null) throw this.#broken;
    if (events.length === 0) return [];
    const first = await new Promise<number>((stored, failed) => {
      this.#queue.push({ events, stored, failed });
      this.#writing ??= this.#drain().finally(() => {
        this.#writing = null;
      });
    });
    return events.map((_, i) => ({ partition: EMBEDDED_PARTITION, offset: first + i }));
  }

  async #drain(): Promise<void> {
    // Lets appends of the same turn of the event loop join.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      try {
        if (this.#broken !== null) throw this.#broken;
        const first = this.#segments.logEnd;
        const values = group.flatMap(({ events }) => events.map(({ value }) => value));
        const timestampMs = Math.max(this.#options.clock.now(), this.#segments.lastTimestampMs);
        await this.#segments.append(encodeBlocks(first, timestampMs, values), first + values.length, timestampMs);
        let at = first;
        for (const pending of group) {
          pending.stored(at);
          at += pending.events.length;
        }
        this.#wake();
      } catch (error) {
        if (error instanceof TidemarkError && error.errorClass === 'fatal') this.#broken = error;
        for (const pending of group) pending.failed(error);
      }
    }
  }

  start(consumer: LogConsumer): Promise<void> {
    if (this.#reading !== null) throw new TidemarkError('fatal', 'SOURCE_STARTED_TWICE', 'the embedded log was started twice');
    return new Promise((resolve, reject) => {
      this.#reading = this.#read(consumer, resolve).catch((error: unknown) => {
        const fatal = error instanceof ConsumerFailure ? error.asFatal() : readFailure(error);
        reject(fatal);
        this.#options.onFatal(fatal);
      });
    });
  }

  async #read(consumer: LogConsumer, assigned: () => void): Promise<void> {
    while (!this.#stopping) {
      this.#reassigning = false;
      const generation = ++this.#generation;
      const cursor = await this.#assign(consumer, generation);
      const from = cursor.offset;
      assigned();
      while (!this.#stopping && !this.#reassigning) {
        const result = await this.#segments.read(cursor);
        if (this.#stopping || this.#reassigning) break;
        if (result === null) {
          // Not the log's end: an append may have moved it meanwhile.
          consumer.idle(EMBEDDED_PARTITION, cursor.offset);
          await this.#appended(cursor.offset);
        } else if (result.kind === 'damaged') {
          const { fromOffset, toOffset, detail, bytes } = result;
          this.#options.log?.error({ fromOffset, toOffset }, detail);
          await calling(consumer.undecodable(EMBEDDED_PARTITION, generation, fromOffset, toOffset, detail, bytes));
        } else {
          const batch = toBatch(result.buffer, result.blocks, generation, from, this.#segments.logEnd);
          if (batch.count > 0) await calling(consumer.batch(batch));
        }
      }
    }
  }

  async #assign(consumer: LogConsumer, generation: number): Promise<ReadCursor> {
    const { logStart, logEnd } = this.#segments;
    const partition = {
      id: EMBEDDED_PARTITION,
      committedOffset: this.#position?.offset ?? null,
      committedMetadata: this.#position?.metadata ?? '',
      logStart,
      logEnd,
      startOffset: logStart,
    };
    const from = (await calling(consumer.assigned(generation, [partition], [EMBEDDED_PARTITION]))).get(EMBEDDED_PARTITION);
    if (from === undefined) throw new TidemarkError('fatal', 'POSITION_MISSING', `no position was chosen for ${EMBEDDED_PARTITION}`);
    if (from > logEnd) {
      const what = `the embedded log ends at offset ${logEnd}, before ${from}, which was read already`;
      throw new TidemarkError('invalid', 'LOG_SHRUNK', what, 'Restore the log files, or clear the data directory with the stores.');
    }
    return this.#segments.seek(Math.max(from, logStart));
  }

  /** Waits until something is appended behind `offset`, or for a moment. */
  async #appended(offset: number): Promise<void> {
    if (this.#segments.logEnd > offset || this.#stopping || this.#reassigning) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    for (const { partition, offset, metadata } of commits) {
      if (partition !== EMBEDDED_PARTITION) throw new TidemarkError('fenced', 'NOT_ASSIGNED', `${partition} is not in this log`);
      const write = this.#committing
        .catch(() => undefined)
        .then(() => writePosition(join(this.#options.dir, 'position.json'), { offset, metadata }))
        .then(() => {
          this.#position = { offset, metadata };
        });
      this.#committing = write;
      try {
        await write;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        throw new TidemarkError(
          'retryable',
          'COMMIT_FAILED',
          `the position could not be written: ${text}`,
          'Free space in the data directory.',
          { cause: error },
        );
      }
    }
  }

  reassign(): Promise<void> {
    this.#reassigning = true;
    this.#wake();
    return Promise.resolve();
  }

  /** Ends reading; appends go on until `close`. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#reading;
    await this.#committing.catch(() => undefined);
  }

  /** Deletes whole segments before `offset`, which the consumer does not need any more; never what is not committed. */
  async trimTo(offset: number): Promise<void> {
    await this.#segments.trimTo(Math.min(offset, this.#position?.offset ?? 0));
  }

  /** Writes out what was appended and closes the files; `stop` comes first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#segments.close();
    await unlink(join(this.#options.dir, 'lock'));
  }
}

function readFailure(error: unknown): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new TidemarkError('fatal', 'LOG_READ_FAILED', `reading the embedded log failed: ${text}`, 'Check the disk, then restart.', {
    cause: error,
  });
}

function encodeBlocks(firstOffset: number, timestampMs: number, values: readonly Uint8Array[]): Buffer[] {
  const blocks: Buffer[] = [];
  let from = 0;
  let bytes = 0;
  for (let to = 0; to <= values.length; to++) {
    if (to === values.length || (bytes + values[to].length > BLOCK_BYTES && to > from)) {
      if (to > from) blocks.push(encodeBlock(firstOffset + from, timestampMs, values.slice(from, to)));
      from = to;
      bytes = 0;
    }
    if (to < values.length) bytes += values[to].length;
  }
  return blocks;
}

function toBatch(buffer: Buffer, blocks: readonly Block[], generation: number, from: number, logEnd: number): RecordBatch {
  const capacity = blocks.reduce((sum, block) => sum + block.count, 0);
  const start = new Int32Array(capacity);
  const end = new Int32Array(capacity);
  const offsets = new Float64Array(capacity);
  const timestampMs = new Float64Array(capacity);
  let count = 0;
  for (const block of blocks) {
    eachValue(buffer, block, (offset, valueStart, valueEnd) => {
      if (offset < from) return;
      start[count] = valueStart;
      end[count] = valueEnd;
      offsets[count] = offset;
      timestampMs[count] = block.timestampMs;
      count++;
    });
  }
  return {
    partition: EMBEDDED_PARTITION,
    generation,
    count,
    bytes: buffer,
    start: start.subarray(0, count),
    end: end.subarray(0, count),
    offset: offsets.subarray(0, count),
    timestampMs: timestampMs.subarray(0, count),
    logEnd,
  };
}

/** One process per log. A lock whose process is gone is taken over. */
async function lock(path: string): Promise<void> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const holder = Number(await readFile(path, 'utf8'));
  if (holder !== process.pid && isAlive(holder)) {
    const remedy = 'Stop it, or give each process a data directory of its own.';
    throw new TidemarkError('invalid', 'LOG_LOCKED', `process ${holder} has the embedded log open (${path})`, remedy);
  }
  await writeFile(path, String(process.pid));
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
