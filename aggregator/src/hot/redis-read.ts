// Reads series out of Redis: many packed strings or blobs per script call, a few calls in flight, decoded as they arrive.
// Invariant: everything that one call returns is of the epoch that was believed in; if it is another, nothing is returned.

import { TidemarkError } from '../errors.js';
import { eachLimited } from './abort.js';
import type { SeriesRead } from './hot-tier.js';
import { seriesName, shardOf, splitValues, type HotKeys } from './keys.js';
import { decodeSlots, isSketch, SKETCH_STRETCH_SLOTS, STRETCH_SLOTS, type HotLayout } from './layout.js';
import { LIST_SERIES, READ_BLOBS, READ_RANGES, type RedisScript } from './redis-scripts.js';
import { checkSeriesRead, stretchParts } from './series-read.js';
import { splitBlob } from './sketch-blob.js';

/** Keys of one call: about 2 ms of Redis. */
const KEYS_PER_CALL = 1_000;
/** Bytes of one answer, so that neither side stalls over it. */
const BYTES_PER_CALL = 2_000_000;
const CALLS_IN_FLIGHT = 4;

/** What reading needs of the tier. */
export interface EpochReader {
  /** The shard's epoch as last seen; looked up when never seen. */
  epoch(shard: number): Promise<string>;
  noteEpoch(shard: number, epoch: string): void;
  /** Runs a read script; errors are classified. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

interface Located {
  readonly index: number;
  readonly name: string;
}

interface ReadCall {
  readonly shard: number;
  readonly series: readonly Located[];
}

function planCalls(read: SeriesRead, shards: number, keysPerSeries: number, bytesPerSeries: number): ReadCall[] {
  const byShard: Located[][] = Array.from({ length: shards }, () => []);
  read.series.forEach((values, index) => {
    const name = seriesName(read.tenant, read.grouping, values);
    byShard[shardOf(name, shards)].push({ index, name });
  });
  const perCall = Math.max(
    1,
    Math.floor(Math.min(KEYS_PER_CALL / Math.max(1, keysPerSeries), BYTES_PER_CALL / Math.max(1, bytesPerSeries))),
  );
  const calls: ReadCall[] = [];
  byShard.forEach((series, shard) => {
    for (let i = 0; i < series.length; i += perCall) {
      calls.push({ shard, series: series.slice(i, i + perCall) });
    }
  });
  return calls;
}

/** Runs one read script against a shard's epoch. @throws TidemarkError retryable when the shard has started anew meanwhile */
async function runAtEpoch(
  tier: EpochReader,
  shard: number,
  script: RedisScript,
  keys: (epoch: string) => string[],
  args: readonly (string | number)[],
): Promise<readonly Buffer[]> {
  for (;;) {
    const believed = await tier.epoch(shard);
    const answer = await tier.run(script, keys(believed), [believed, ...args]);
    if (!Array.isArray(answer) || !Buffer.isBuffer(answer[0])) {
      throw unexpectedAnswer(script);
    }
    const epoch = answer[0].toString();
    if (epoch === believed) {
      const values: unknown = answer[1];
      if (!isBuffers(values)) {
        throw unexpectedAnswer(script);
      }
      return values;
    }
    tier.noteEpoch(shard, epoch);
    if (believed !== '') {
      throw new TidemarkError(
        'retryable',
        'HOT_CHANGED',
        'The hot tier lost its data or was cleared while it was read.',
        'Plan the query again.',
      );
    }
  }
}

function isBuffers(values: unknown): values is Buffer[] {
  return Array.isArray(values) && values.every((value) => Buffer.isBuffer(value));
}

function unexpectedAnswer(script: RedisScript): TidemarkError {
  return new TidemarkError(
    'fatal',
    'HOT_UNEXPECTED_ANSWER',
    `Redis answered the script ${script.name} in an unknown form.`,
    'Is something between Tidemark and Redis?',
  );
}

interface ComponentRange {
  readonly startByte: number;
  readonly endByte: number;
}

/** By series, by component, by bucket; see HotTier.readNumeric. */
export async function readNumeric(
  tier: EpochReader,
  keys: HotKeys,
  layout: HotLayout,
  read: SeriesRead,
  components: readonly number[],
): Promise<readonly (readonly Float64Array[])[]> {
  const count = checkSeriesRead(read);
  const extremum = components.map((c) => layout.components[c].kind === 'min' || layout.components[c].kind === 'max');
  const result = read.series.map(() => extremum.map((e) => (e ? new Float64Array(count).fill(Number.NaN) : new Float64Array(count))));
  if (count === 0 || components.length === 0) {
    return result;
  }
  const parts = stretchParts(read.resolution, read.fromS, read.toS, STRETCH_SLOTS);
  const ranges = parts.map((part) => joinRanges(components.map((c) => layout.range(c, part.from, part.to))));
  const args = [
    parts.length,
    ...ranges.flatMap((r) => [r.joined.length, ...r.joined.flatMap(({ startByte, endByte }) => [startByte, endByte])]),
  ];
  const calls = planCalls(read, keys.shards, parts.length, count * components.length * 8);
  await eachLimited(calls, CALLS_IN_FLIGHT, read.signal, async ({ shard, series }) => {
    const keysAt = (epoch: string): string[] => [
      keys.state(shard),
      ...series.flatMap(({ name }) => parts.map((part) => keys.numeric(shard, epoch, read.resolution, part.stretch, name))),
    ];
    const answers = await runAtEpoch(tier, shard, READ_RANGES, keysAt, args);
    let next = 0;
    for (const { index } of series) {
      for (let p = 0; p < parts.length; p++) {
        const { joined, pieces } = ranges[p];
        for (let c = 0; c < components.length; c++) {
          const answer = answers[next + pieces[c].range];
          if (answer.length > 0) {
            const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
            decodeSlots(view, pieces[c].offset, parts[p].to - parts[p].from, extremum[c], result[index][c], parts[p].at);
          }
        }
        next += joined.length;
      }
    }
  });
  return result;
}

/** Joins ranges that touch or are equal: fewer commands for the same bytes. `pieces[i]` says where the i-th went. */
function joinRanges(wanted: readonly ComponentRange[]): {
  readonly joined: readonly ComponentRange[];
  readonly pieces: readonly { readonly range: number; readonly offset: number }[];
} {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a].startByte - wanted[b].startByte);
  const joined: { startByte: number; endByte: number }[] = [];
  const pieces = wanted.map(() => ({ range: 0, offset: 0 }));
  for (const i of order) {
    const { startByte, endByte } = wanted[i];
    const last = joined.at(-1);
    if (last !== undefined && startByte <= last.endByte + 1) {
      last.endByte = Math.max(last.endByte, endByte);
    } else {
      joined.push({ startByte, endByte });
    }
    const range = joined.length - 1;
    pieces[i] = { range, offset: startByte - joined[range].startByte };
  }
  return { joined, pieces };
}

/** By series, by bucket: all entries of one sketch component; see HotTier.readSketch. */
export async function readSketch(
  tier: EpochReader,
  keys: HotKeys,
  layout: HotLayout,
  read: SeriesRead,
  component: number,
): Promise<readonly (readonly (Uint8Array | null)[])[]> {
  const count = checkSeriesRead(read);
  const { resolution } = read;
  if (resolution === 60 || !isSketch(layout.components[component])) {
    throw new TidemarkError('invalid', 'HOT_READ_SKETCH', `Component ${component} has no sketches at ${resolution} s.`);
  }
  const slots = SKETCH_STRETCH_SLOTS[resolution];
  const result = read.series.map((): (Uint8Array | null)[] => new Array<Uint8Array | null>(count).fill(null));
  const parts = stretchParts(resolution, read.fromS, read.toS, slots);
  // Blobs are rewritten at 16 KiB and mostly stay below; a call of 128 of them is 2 MB at most, as a rule.
  const calls = planCalls(read, keys.shards, parts.length, parts.length * 16_384);
  await eachLimited(calls, CALLS_IN_FLIGHT, read.signal, async ({ shard, series }) => {
    const keysAt = (epoch: string): string[] => [
      keys.state(shard),
      ...series.flatMap(({ name }) => parts.map((part) => keys.sketch(shard, epoch, component, resolution, part.stretch, name))),
    ];
    const blobs = await runAtEpoch(tier, shard, READ_BLOBS, keysAt, []);
    let next = 0;
    for (const { index } of series) {
      for (const part of parts) {
        const blob = blobs[next++];
        if (blob.length > 0) {
          const buckets = splitBlob(blob, slots);
          for (let b = part.from; b < part.to; b++) {
            result[index][part.at + b - part.from] = buckets[b];
          }
        }
      }
    }
  });
  return result;
}

/** Series that were seen at or after `fromS`, at most `limit`. */
export async function listSeries(
  tier: EpochReader,
  keys: HotKeys,
  tenant: string,
  grouping: number,
  dimensions: number,
  fromS: number,
  limit: number,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const found: string[][] = [];
  const shards = Array.from({ length: keys.shards }, (_, shard) => shard);
  await eachLimited(shards, CALLS_IN_FLIGHT, signal, async (shard) => {
    if (found.length >= limit) {
      return;
    }
    const keysAt = (epoch: string): string[] => [keys.state(shard), keys.registry(shard, epoch, tenant, grouping)];
    // A score is the end of the hour of the last bucket: a series seen at fromS has a larger one.
    for (const member of await runAtEpoch(tier, shard, LIST_SERIES, keysAt, [`(${fromS}`, limit])) {
      found.push(splitValues(member.toString(), dimensions));
    }
  });
  return found.length > limit ? found.slice(0, limit) : found;
}
