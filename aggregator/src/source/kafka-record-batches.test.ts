import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCodecs } from './kafka-codecs.js';
import type { PlainMessage } from './kafka-fetch.js';
import { plainRecordBatches, registerPlainCodecs } from './kafka-plain-records.js';
import { decodeRecordSet, scanRecordSet, type AbortedTransaction, type UndecodableRange } from './kafka-record-batches.js';
import type { RecordBatch } from './log.js';
import { encodeMarker, encodeRecordBatch, sealed, type BatchSpec, type RecordSpec } from './record-batches.fixture.js';

const decompress = await loadCodecs();
registerPlainCodecs(decompress);

// The reference: kafkajs' own decoding of a record set.
const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => object;
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (decoder: object) => Promise<PlainMessage[]>;

async function kafkajsMessages(recordSet: Buffer): Promise<PlainMessage[]> {
  const sized = Buffer.alloc(4 + recordSet.length);
  sized.writeInt32BE(recordSet.length);
  recordSet.copy(sized, 4);
  return decodeMessages(new Decoder(sized));
}

interface Flat {
  readonly offset: number;
  readonly timestampMs: number;
  readonly value: string | null;
}

function flat(batches: readonly RecordBatch[]): Flat[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, i) => ({
      offset: batch.offset[i],
      timestampMs: batch.timestampMs[i],
      value: batch.end[i] < 0 ? null : Buffer.from(batch.bytes.slice(batch.start[i], batch.end[i])).toString('base64'),
    })),
  );
}

function isUnreadable(item: RecordBatch | UndecodableRange): item is UndecodableRange {
  return 'detail' in item;
}

function read(recordSet: Buffer, { fromOffset = 0, aborted = [] as readonly AbortedTransaction[], distrust = -1 } = {}) {
  const { batches, nextOffset, failedAt } = scanRecordSet(recordSet, fromOffset, aborted, distrust);
  const items = decodeRecordSet(recordSet, batches, { partition: 't/0', generation: 3, logEnd: 99, decompress });
  return {
    items,
    nextOffset,
    failedAt,
    records: flat(items.filter((item): item is RecordBatch => !isUnreadable(item))),
    unreadable: items.filter(isUnreadable),
  };
}

const record = (offsetDelta: number): fc.Arbitrary<RecordSpec> =>
  fc.record({
    offsetDelta: fc.constant(offsetDelta),
    timestampDelta: fc.oneof(fc.integer({ min: -500, max: 500 }), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
    key: fc.option(fc.uint8Array({ maxLength: 200 })),
    value: fc.option(fc.uint8Array({ maxLength: 400 })),
    headers: fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 5 }), fc.string({ maxLength: 9 })), { maxLength: 3 }),
  });

/** Consecutive batches with gaps, as compaction leaves them. */
const batchSpecs: fc.Arbitrary<BatchSpec[]> = fc
  .array(
    fc.record({
      gaps: fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
      codec: fc.constantFrom(0, 0, 1, 2, 3),
      logAppendTime: fc.boolean(),
      maxTimestampMs: fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }),
      tail: fc.nat(3),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .chain((shapes) => {
    let baseOffset = 0;
    const specs = shapes.map(({ gaps, tail, ...rest }) => {
      let delta = -1;
      const deltas = gaps.map((gap) => (delta += 1 + gap));
      const at = baseOffset;
      baseOffset += delta + 1 + tail;
      return fc
        .tuple(...deltas.map(record))
        .map((records): BatchSpec => ({ baseOffset: at, records, lastOffsetDelta: delta + tail, ...rest }));
    });
    return fc.tuple(...specs);
  });

describe('record batches', () => {
  it('reads what kafkajs reads, for every codec, gap, key, header, time and starting offset', async () => {
    await fc.assert(
      fc.asyncProperty(batchSpecs, fc.nat(40), async (specs, fromOffset) => {
        const recordSet = Buffer.concat(specs.map(encodeRecordBatch));
        const reference = plainRecordBatches('t/0', 3, await kafkajsMessages(recordSet), [], fromOffset, 99);
        const { records, unreadable, nextOffset } = read(recordSet, { fromOffset });
        expect(records).toEqual(flat(reference));
        expect(unreadable).toEqual([]);
        const last = specs[specs.length - 1];
        expect(nextOffset).toBe(Math.max(fromOffset, last.baseOffset + (last.lastOffsetDelta ?? 0) + 1));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves out transaction markers and aborted transactions as kafkajs does', async () => {
    const of = (baseOffset: number, producerId: number, transactional = true): Buffer =>
      encodeRecordBatch({
        baseOffset,
        producerId,
        transactional,
        records: [0, 1].map((offsetDelta) => ({
          offsetDelta,
          timestampDelta: 0,
          key: null,
          value: Buffer.from(`${producerId}@${baseOffset + offsetDelta}`),
          headers: [],
        })),
      });
    const recordSet = Buffer.concat([
      of(0, 1),
      of(2, 2),
      of(4, 9, false),
      encodeMarker(6, 1, 'abort'),
      of(7, 1),
      encodeMarker(9, 2, 'commit'),
      encodeMarker(10, 1, 'commit'),
      of(11, 2),
      encodeMarker(13, 2, 'abort'),
      of(14, 2),
      encodeMarker(16, 2, 'commit'),
    ]);
    const aborted = [
      { producerId: 2, firstOffset: 11 },
      { producerId: 1, firstOffset: 0 },
    ];
    const { records, nextOffset } = read(recordSet, { aborted });
    expect(records.map(({ offset }) => offset)).toEqual([2, 3, 4, 5, 7, 8, 14, 15]);
    expect(records).toEqual(flat(plainRecordBatches('t/0', 3, await kafkajsMessages(recordSet), aborted, 0, 99)));
    expect(nextOffset).toBe(17);
  });

  it('moves on behind a fetch that has nothing to show', () => {
    const { items, nextOffset } = read(encodeMarker(5, 1, 'commit'), { fromOffset: 5 });
    expect(items).toEqual([]);
    expect(nextOffset).toBe(6);
  });

  it('puts uncompressed batches into one RecordBatch over the fetched bytes, and compressed ones into one of their own', () => {
    const plain = [batchOf(0, 'a'), batchOf(1, 'b')];
    const packed = [batchOf(2, 'c', 1), batchOf(3, 'd', 3)];
    const recordSet = Buffer.concat([...plain, ...packed]);
    const { items } = read(recordSet);
    expect(items).toHaveLength(2);
    expect(items[0].bytes).toBe(recordSet);
    expect('count' in items[0] && items[0].count).toBe(2);
    expect('count' in items[1] && items[1].count).toBe(2);
  });

  it('waits for the rest of a batch that a fetch cut off', () => {
    const whole = Buffer.concat([batchOf(0, 'a'), batchOf(1, 'b')]);
    for (let cut = 1; cut < batchOf(1, 'b').length; cut += 7) {
      const { records, nextOffset } = read(whole.subarray(0, whole.length - cut));
      expect(records.map(({ offset }) => offset)).toEqual([0]);
      expect(nextOffset).toBe(1);
    }
  });

  it('asks again for a batch with a wrong checksum, and then hands it on and reads the rest', () => {
    const broken = batchOf(1, 'broken');
    broken[broken.length - 3] ^= 1;
    const recordSet = Buffer.concat([batchOf(0, 'a'), broken, batchOf(2, 'c')]);
    const first = read(recordSet);
    expect(first).toMatchObject({ nextOffset: 1, failedAt: 1, unreadable: [] });
    const second = read(recordSet, { distrust: 1 });
    expect(second.records.map(({ offset }) => offset)).toEqual([0, 2]);
    expect(second.unreadable).toMatchObject([{ fromOffset: 1, toOffset: 2, detail: expect.stringContaining('checksum') as string }]);
    expect(second.unreadable[0].bytes).toEqual(broken);
  });

  it('hands on an unknown compression with its range of offsets, in its place', () => {
    const unknown = sealed(mutated(encodeRecordBatch({ baseOffset: 1, records: values('x', 'y', 'z') }), (b) => b.writeInt16BE(6, 21)));
    const { items, nextOffset } = read(Buffer.concat([batchOf(0, 'a'), unknown, batchOf(4, 'b')]));
    expect(items.map((item) => (isUnreadable(item) ? [item.fromOffset, item.toOffset] : item.offset[0]))).toEqual([0, [1, 4], 4]);
    expect(nextOffset).toBe(5);
  });

  it('hands on a batch whose compressed bytes, counts or lengths lie', () => {
    const lies = [
      sealed(mutated(batchOf(0, 'a'.repeat(99), 1), (b) => b.fill(0xee, 70, 80))),
      sealed(mutated(batchOf(0, 'a'), (b) => b.writeInt32BE(2_000_000_000, 57))),
      sealed(mutated(batchOf(0, 'a'), (b) => b.writeInt32BE(-1, 57))),
      sealed(mutated(batchOf(0, 'abc'), (b) => b.fill(0x7e, 61, 62))),
      mutated(batchOf(0, 'a'), (b) => b.writeInt8(1, 16)),
    ];
    for (const lie of lies) {
      const { records, unreadable, nextOffset } = read(Buffer.concat([lie, batchOf(1, 'b')]));
      expect(unreadable).toMatchObject([{ fromOffset: 0, toOffset: 1 }]);
      expect(records.map(({ offset }) => offset)).toEqual([1]);
      expect(nextOffset).toBe(2);
    }
  });

  it('makes progress on any bytes at all', () => {
    fc.assert(
      fc.property(
        batchSpecs,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (specs, changes, seal) => {
          const recordSet = Buffer.concat(
            specs.map((spec) => {
              const batch = encodeRecordBatch(spec);
              // The offset is the broker's own word and has no checksum.
              for (const [at, value] of changes) batch[8 + (at % (batch.length - 8))] = value;
              return seal ? sealed(batch) : batch;
            }),
          );
          const first = read(recordSet);
          const second = first.failedAt < 0 ? first : read(recordSet, { fromOffset: first.nextOffset, distrust: first.failedAt });
          const offsets = second.records.map(({ offset }) => offset);
          expect([...offsets].sort((a, b) => a - b)).toEqual(offsets);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function values(...texts: readonly string[]): RecordSpec[] {
  return texts.map((text, offsetDelta) => ({ offsetDelta, timestampDelta: 0, key: null, value: Buffer.from(text), headers: [] }));
}

function batchOf(baseOffset: number, text: string, codec = 0): Buffer {
  return encodeRecordBatch({ baseOffset, records: values(text), codec });
}

function mutated(batch: Buffer, change: (batch: Buffer) => void): Buffer {
  change(batch);
  return batch;
}
