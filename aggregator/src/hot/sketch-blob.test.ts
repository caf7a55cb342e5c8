import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compactBlob, concatenate, encodeFrame, splitBlob } from './sketch-blob.js';

const frames = fc.array(fc.tuple(fc.nat(59), fc.uint8Array({ minLength: 1, maxLength: 400 })), { maxLength: 30 });

describe('a sketch blob', () => {
  it('gives back what was appended, per bucket and in order, and the same once compacted', () => {
    fc.assert(
      fc.property(frames, (list) => {
        const blob = concatenate(list.map(([bucket, entries]) => encodeFrame(bucket, entries))) ?? new Uint8Array(0);
        const wanted = Array.from({ length: 60 }, (_, b) => list.filter(([bucket]) => bucket === b).flatMap(([, entries]) => [...entries]));
        const lists = (bytes: Uint8Array): number[][] => splitBlob(bytes, 60).map((entries) => [...(entries ?? [])]);
        expect(lists(blob)).toEqual(wanted);
        expect(lists(compactBlob(blob, 60, (entries) => entries))).toEqual(wanted);
      }),
    );
  });

  it('holds frames of any length', () => {
    for (const length of [1, 127, 128, 16_383, 16_384, 3_000_000]) {
      const entries = new Uint8Array(length).fill(7);
      expect(splitBlob(encodeFrame(3, entries), 4)[3]?.length).toBe(length);
    }
  });

  it('that was cut is refused', () => {
    const blob = encodeFrame(3, new Uint8Array(300));
    for (const length of [1, 2, 3, 100, blob.length - 1]) {
      expect(() => splitBlob(blob.subarray(0, length), 60)).toThrow(expect.objectContaining({ code: 'HOT_SKETCH_UNREADABLE' }));
    }
  });
});
