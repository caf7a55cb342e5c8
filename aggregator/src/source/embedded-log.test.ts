import { appendFile, mkdtemp, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../clock.js';
import { EMBEDDED_PARTITION, openEmbeddedLog, type EmbeddedLog } from './embedded-log.js';
import type { AssignedPartition, LogConsumer, RecordBatch } from './log.js';

const NOW = Date.UTC(2026, 2, 1);

/** Records everything it is called with, and lets a test wait for what it expects. */
class Recorder implements LogConsumer {
  readonly records: { offset: number; text: string; timestampMs: number; generation: number }[] = [];
  readonly damaged: { fromOffset: number; toOffset: number }[] = [];
  readonly assignments: AssignedPartition[] = [];
  idleAt = -1;
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  constructor(readonly from: (partition: AssignedPartition) => number = (p) => p.committedOffset ?? p.startOffset) {}

  async assigned(_generation: number, partitions: readonly AssignedPartition[]): Promise<ReadonlyMap<string, number>> {
    this.assignments.push(...partitions);
    this.#check();
    return new Map(partitions.map((p) => [p.id, this.from(p)]));
  }

  async revoked(): Promise<void> {}

  async batch(batch: RecordBatch): Promise<void> {
    for (let i = 0; i < batch.count; i++) {
      const text = Buffer.from(batch.bytes.slice(batch.start[i], batch.end[i])).toString();
      this.records.push({ offset: batch.offset[i], text, timestampMs: batch.timestampMs[i], generation: batch.generation });
    }
    this.#check();
  }

  async undecodable(_partition: string, _generation: number, fromOffset: number, toOffset: number): Promise<void> {
    this.damaged.push({ fromOffset, toOffset });
  }

  idle(_partition: string, logEnd: number): void {
    this.idleAt = logEnd;
    this.#check();
  }

  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ holds, resolve }));
  }

  #check(): void {
    const [met, unmet] = [this.#waiting.filter((w) => w.holds()), this.#waiting.filter((w) => !w.holds())];
    this.#waiting = unmet;
    for (const { resolve } of met) resolve();
  }

  texts(): string[] {
    return this.records.map(({ text }) => text);
  }
}

let dir = '';
let nowMs = NOW;
const clock: Clock = { now: () => nowMs, monotonic: () => nowMs };
const warnings: string[] = [];
const log = { debug() {}, info() {}, warn: (_: object, text: string) => void warnings.push(text), error() {} };

async function openLog(segmentBytes?: number): Promise<EmbeddedLog> {
  return openEmbeddedLog({
    dir,
    clock,
    log,
    onFatal: (error) => {
      throw error;
    },
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  });
}

async function append(target: EmbeddedLog, texts: readonly string[]): Promise<number[]> {
  const stored = await target.append(texts.map((text) => ({ key: '', value: Buffer.from(text) })));
  return stored.map(({ offset }) => offset);
}

/** Reads the whole log from an offset. */
async function readAll(target: EmbeddedLog, from = target.logStart): Promise<Recorder> {
  const consumer = new Recorder(() => from);
  await target.start(consumer);
  await consumer.until(() => consumer.idleAt >= target.logEnd);
  await target.stop();
  return consumer;
}

async function segmentFiles(): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith('.log')).sort();
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'embedded-log-'));
  nowMs = NOW;
  warnings.length = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('embedded log', () => {
  it('gives dense offsets, and reads back what was appended with its time', async () => {
    const target = await openLog();
    expect(await append(target, ['a', '', 'c'])).toEqual([0, 1, 2]);
    nowMs += 5;
    expect(await append(target, ['d'])).toEqual([3]);
    const { records } = await readAll(target);
    expect(records).toEqual([
      { offset: 0, text: 'a', timestampMs: NOW, generation: 1 },
      { offset: 1, text: '', timestampMs: NOW, generation: 1 },
      { offset: 2, text: 'c', timestampMs: NOW, generation: 1 },
      { offset: 3, text: 'd', timestampMs: NOW + 5, generation: 1 },
    ]);
    await target.close();
  });

  it('goes on where it was after a restart, with the commit and its metadata', async () => {
    const first = await openLog();
    await append(first, ['a', 'b', 'c']);
    await first.start(new Recorder());
    await first.commit([{ partition: EMBEDDED_PARTITION, offset: 2, metadata: '{"warmFrom":1}' }]);
    await first.stop();
    await first.close();

    const second = await openLog();
    expect(await append(second, ['d'])).toEqual([3]);
    const consumer = new Recorder();
    await second.start(consumer);
    await consumer.until(() => consumer.records.length === 2);
    expect(consumer.assignments[0]).toEqual({
      id: EMBEDDED_PARTITION,
      committedOffset: 2,
      committedMetadata: '{"warmFrom":1}',
      logStart: 0,
      logEnd: 4,
      startOffset: 0,
    });
    expect(consumer.texts()).toEqual(['c', 'd']);
    await second.stop();
    await second.close();
  });

  it('wakes the reader for what is appended while it waits', async () => {
    const target = await openLog();
    const consumer = new Recorder();
    await target.start(consumer);
    await consumer.until(() => consumer.idleAt === 0);
    await append(target, ['now']);
    await consumer.until(() => consumer.texts().includes('now'));
    await consumer.until(() => consumer.idleAt === 1);
    await target.stop();
    await target.close();
  });

  it('assigns again from where the consumer says, under a new generation', async () => {
    const target = await openLog();
    await append(target, ['a', 'b']);
    let from = 0;
    const consumer = new Recorder(() => from);
    await target.start(consumer);
    await consumer.until(() => consumer.records.length === 2);
    from = 1;
    await target.reassign();
    await consumer.until(() => consumer.records.length === 3);
    expect(consumer.records.map(({ offset, generation }) => [offset, generation])).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
    ]);
    await target.stop();
    await target.close();
  });

  it('removes a tail that was cut off, wherever the cut fell, and warns', async () => {
    const first = await openLog();
    await append(first, ['kept']);
    const [file] = await segmentFiles();
    const sound = (await stat(join(dir, file))).size;
    await append(first, ['lost '.repeat(20)]);
    await first.close();
    const whole = (await stat(join(dir, file))).size;
    const bytes = await readFile(join(dir, file));
    for (const cut of [whole - 1, sound + 33, sound + 32, sound + 5, sound + 1]) {
      await truncate(join(dir, file), 0);
      await appendFile(join(dir, file), bytes.subarray(0, cut));
      warnings.length = 0;
      const again = await openLog();
      expect(again.logEnd).toBe(1);
      expect(warnings).toHaveLength(1);
      expect((await stat(join(dir, file))).size).toBe(sound);
      await again.close();
    }
    const last = await openLog();
    expect(await append(last, ['next'])).toEqual([1]);
    expect((await readAll(last)).texts()).toEqual(['kept', 'next']);
    await last.close();
  });

  it('hands damaged bytes on as a range of offsets and reads what is behind them', async () => {
    const first = await openLog();
    await append(first, ['one']);
    const [file] = await segmentFiles();
    const from = (await stat(join(dir, file))).size;
    await append(first, ['two', 'three']);
    await append(first, ['four']);
    await first.close();
    const handle = await open(join(dir, file), 'r+');
    await handle.write(Buffer.from([0xff]), 0, 1, from + 45);
    await handle.close();

    const second = await openLog();
    expect(warnings).toEqual([]);
    const consumer = await readAll(second);
    expect(consumer.records.map(({ offset, text }) => [offset, text])).toEqual([
      [0, 'one'],
      [3, 'four'],
    ]);
    expect(consumer.damaged).toEqual([{ fromOffset: 1, toOffset: 3 }]);
    await second.close();
  });

  it('trims whole segments before an offset, never what is not committed', async () => {
    const target = await openLog(200);
    for (let i = 0; i < 20; i++) await append(target, [`event ${i}`.padEnd(80)]);
    expect((await segmentFiles()).length).toBeGreaterThan(5);
    await target.trimTo(15);
    expect(target.logStart).toBe(0);
    await target.commit([{ partition: EMBEDDED_PARTITION, offset: 12, metadata: '' }]);
    await target.trimTo(15);
    expect(target.logStart).toBeGreaterThan(6);
    expect(target.logStart).toBeLessThanOrEqual(12);
    const start = target.logStart;
    expect((await readAll(target)).records.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 - start }, (_, i) => start + i));
    await target.close();
    const again = await openLog(200);
    expect(again.logStart).toBe(start);
    await again.close();
  });

  it('stores a 5 MB event', async () => {
    const target = await openLog();
    const large = 'x'.repeat(5_000_000);
    await append(target, ['small', large, 'small']);
    expect((await readAll(target)).texts().map((text) => text.length)).toEqual([5, 5_000_000, 5]);
    await target.close();
  });

  it('refuses a second process', async () => {
    const target = await openLog();
    // The lock of a live process that is not this one.
    const handle = await open(join(dir, 'lock'), 'w');
    await handle.writeFile(String(process.ppid));
    await handle.close();
    await expect(openLog()).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    await target.close();
  });

  it('says that the log shrank instead of skipping', async () => {
    const target = await openLog();
    await append(target, ['a']);
    const fatal: unknown[] = [];
    await target.close();
    const again = await openEmbeddedLog({ dir, clock, onFatal: (error) => void fatal.push(error) });
    await expect(again.start(new Recorder(() => 5))).rejects.toMatchObject({ code: 'LOG_SHRUNK' });
    expect(fatal).toHaveLength(1);
    await again.stop();
    await again.close();
  });

  it('says what is wrong with a damaged position file', async () => {
    const target = await openLog();
    await target.close();
    await appendFile(join(dir, 'position.json'), '{"offset": 1');
    await expect(openLog()).rejects.toMatchObject({ code: 'POSITION_DAMAGED' });
  });

  it('is the array of everything appended, whatever the sequence of appends, restarts and reads', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('append' as const), sizes: fc.array(fc.nat(300), { minLength: 1, maxLength: 30 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('together' as const), sizes: fc.array(fc.nat(50), { minLength: 1, maxLength: 10 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), from: fc.double({ min: 0, max: 1, noNaN: true }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await rm(dir, { recursive: true, force: true });
        let target = await openLog(2_000);
        const model: string[] = [];
        const next = (size: number): string => `${model.length}:${'y'.repeat(size)}`;
        for (const action of steps) {
          if (action.kind === 'append') {
            const texts = action.sizes.map((size, i) => `${model.length + i}:${'y'.repeat(size)}`);
            expect(await append(target, texts)).toEqual(texts.map((_, i) => model.length + i));
            model.push(...texts);
          } else if (action.kind === 'together') {
            const pending = action.sizes.map((size) => {
              const text = next(size);
              model.push(text);
              return append(target, [text]);
            });
            expect((await Promise.all(pending)).flat()).toEqual(action.sizes.map((_, i) => model.length - action.sizes.length + i));
          } else {
            await target.close();
            target = await openLog(2_000);
            if (action.kind === 'read') {
              const from = Math.floor(action.from * (model.length + 1));
              expect((await readAll(target, Math.min(from, model.length))).texts()).toEqual(model.slice(from));
              await target.close();
              target = await openLog(2_000);
            }
          }
        }
        expect((await readAll(target)).texts()).toEqual(model);
        await target.close();
      }),
      { numRuns: 30 },
    );
  });
});
