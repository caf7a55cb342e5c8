import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { describe, expect, it } from 'vitest';
import { CodecError, loadCodecs, zstdOutputBound } from './kafka-codecs.js';

const decompress = await loadCodecs();

/** Java's framing of snappy: magic, version, compatible version, blocks. */
function xerial(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const framed = blocks.flatMap((block) => {
    const compressed = snappy.compressSync(block);
    const length = Buffer.alloc(4);
    length.writeInt32BE(compressed.length);
    return [length, compressed];
  });
  return Buffer.concat([header, ...framed]);
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  fc
    .tuple(fc.string({ minLength: 1 }), fc.nat(40_000))
    .map(([text, times]) => Buffer.from(text.repeat(Math.min(times, 200_000 / text.length)))),
);

describe('codecs', () => {
  it.each([
    ['gzip', 1, (raw: Buffer): Buffer => gzipSync(raw)],
    ['raw snappy', 2, (raw: Buffer): Buffer => snappy.compressSync(raw)],
    ['snappy as Java frames it', 2, (raw: Buffer): Buffer => xerial([raw.subarray(0, raw.length >> 1), raw.subarray(raw.length >> 1)])],
    ['lz4 frame', 3, (raw: Buffer): Buffer => lz4.compressFrameSync(raw)],
  ] as const)('%s comes back as it was', (_, codec, compress) => {
    fc.assert(
      fc.property(bytes, (raw) => {
        expect(Buffer.from(decompress(codec, compress(Buffer.from(raw)))).equals(raw)).toBe(true);
      }),
    );
  });

  it('reads zstd of every frame form: content size stated or not, raw, run-length and compressed blocks, several frames', () => {
    const text = Buffer.from('a shop sells shoes, shirts and shoes again; '.repeat(4));
    expect(Buffer.from(decompress(4, ZSTD_STATED)).equals(text)).toBe(true);
    expect(Buffer.from(decompress(4, ZSTD_STREAMED)).equals(text)).toBe(true);
    expect(Buffer.from(decompress(4, Buffer.concat([SKIPPABLE, ZSTD_STATED, ZSTD_STREAMED]))).equals(Buffer.concat([text, text]))).toBe(
      true,
    );
    expect(Buffer.from(decompress(4, rawBlocks(['shoes', ' and ', 'shirts']))).toString()).toBe('shoes and shirts');
    expect(zstdOutputBound(ZSTD_STATED)).toBe(text.length);
    expect(zstdOutputBound(rawBlocks(['shoes']))).toBe(5);
  });

  it.each([1, 2, 3, 4])('codec %i ends with a CodecError or bytes on anything', (codec) => {
    const seeds: Record<number, Buffer> = {
      1: gzipSync('x'.repeat(300)),
      2: xerial([Buffer.from('x'.repeat(300))]),
      3: lz4.compressFrameSync(Buffer.from('x'.repeat(300))),
      4: ZSTD_STREAMED,
    };
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), fc.nat(), (at, value, cut) => {
        const damaged = Buffer.from(seeds[codec]);
        damaged[at % damaged.length] = value;
        try {
          decompress(codec, damaged.subarray(0, cut % 3 === 0 ? cut % damaged.length : damaged.length));
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what claims to be enormous before making room for it', () => {
    expect(() => decompress(2, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]))).toThrow(/claims/);
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0]);
    expect(() => decompress(4, frame)).toThrow(/more than/);
  });

  it('names a compression that Kafka does not define', () => {
    expect(() => decompress(5, Buffer.alloc(4))).toThrow(/compression 5 is not one that Kafka defines/);
  });
});

/** A frame of raw blocks, made by hand after RFC 8878. */
function rawBlocks(texts: readonly string[]): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  const blocks = texts.flatMap((text, i) => {
    const header = (text.length << 3) | (i === texts.length - 1 ? 1 : 0);
    return [Buffer.from([header & 255, (header >> 8) & 255, header >> 16]), Buffer.from(text)];
  });
  return Buffer.concat([head, ...blocks]);
}

const SKIPPABLE = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
/** The text by `zstd --no-check` from a file, which states its size, and from a pipe, which cannot. */
const ZSTD_STATED = Buffer.from('KLUv/SCwfQEAJAJhIHNob3Agc2VsbHNlcywgc2hpcnRzIGFuZCBhZ2FpbjsgAwCBpyhXc5SDkgQ=', 'base64');
const ZSTD_STREAMED = Buffer.from('KLUv/QRYjQEAZAJhIHNob3Agc2VsbHMgc2hvZXMsIHNoaXJ0cyBhbmQgYWdhaW47IAIAgacot4bpBNKRxMs=', 'base64');
