// Writes one shard's part of a flush in the form the apply script reads: its keys, and one packed argument.
// Invariant: the order of the keys is the order of the operations.

import type { Flush } from '../window/flush-batch.js';
import type { ShardDeltas } from './flush-plan.js';
import type { Extension } from './hot-tier.js';
import { joinValues, type HotKeys } from './keys.js';
import { SKETCH_STRETCH_SLOTS, STRETCH_SLOTS, storeExtremum, stretchOf, type HotLayout } from './layout.js';
import { PackWriter } from './redis-pack.js';
import { MAX_OPERATIONS_PER_KEY } from './redis-scripts.js';
import { encodeState } from './shard-state.js';
import { COMPACT_AT_BYTES, frameBytes } from './sketch-blob.js';

export interface ApplyCall {
  readonly keys: readonly string[];
  readonly argument: Buffer;
  /** Component of the blob at a key number (1-based, as the script answers). */
  readonly blobComponents: ReadonlyMap<number, { readonly component: number; readonly resolution: 1 | 10 }>;
  /** What becomes known to be registered when the call was applied. */
  readonly registered: readonly { readonly name: string; readonly untilS: number }[];
}

/** Remembers until when each series is listed, so that the registry is written about once an hour per series. */
export class RegistryMemory {
  readonly #untilS = new Map<string, number>();
  #newestS = 0;

  isListed(name: string, untilS: number): boolean {
    return (this.#untilS.get(name) ?? 0) >= untilS;
  }

  note(registered: ApplyCall['registered']): void {
    for (const { name, untilS } of registered) {
      if (untilS > this.#newestS) {
        this.#newestS = untilS;
        for (const [known, until] of this.#untilS) {
          if (until < untilS - REGISTRY_STEP_S) {
            this.#untilS.delete(known);
          }
        }
      }
      if (!this.isListed(name, untilS)) {
        this.#untilS.set(name, untilS);
      }
    }
  }

  forget(): void {
    this.#untilS.clear();
    this.#newestS = 0;
  }
}

/** A series is listed until the end of the hour of its last bucket. */
const REGISTRY_STEP_S = 3_600;

export function listedUntilS(bucketS: number): number {
  return (Math.floor(bucketS / REGISTRY_STEP_S) + 1) * REGISTRY_STEP_S;
}

export interface ApplyContext {
  readonly keys: HotKeys;
  readonly layout: HotLayout;
  readonly registry: RegistryMemory;
  readonly shard: number;
  /** The epoch the shard is believed to have; '' for none. */
  readonly epoch: string;
  /** The epoch to create where it has none. */
  readonly newEpoch: string;
  readonly nowMs: number;
}

/** Builds the call that applies `deltas` and moves all of the flush's partitions in one shard. */
export function buildApply(context: ApplyContext, flush: Flush, deltas: ShardDeltas): ApplyCall {
  const writer = new PackWriter();
  writer.text(context.epoch);
  writer.text(context.newEpoch);
  writer.text(JSON.stringify([...flush.allPartitions].sort()));
  writer.integer(COMPACT_AT_BYTES);
  writer.integer(flush.partitions.length);
  for (const advance of flush.partitions) {
    writer.text(advance.partition);
    writer.text(String(advance.from));
    writer.text(String(advance.state.offset));
    writer.text(advance.coverageFromMs === null ? '' : String(advance.coverageFromMs));
    writer.text(encodeState(advance.state));
  }
  // As long as anything that it stands for: what another definition left behind goes away, and is not caught up with when it comes back.
  writer.integer(stateTtlS(context.layout));
  return writeData(context, context.epoch === '' ? context.newEpoch : context.epoch, deltas, writer);
}

/** Builds the call that adds `deltas` of before the coverage and moves that back, in one shard. */
export function buildExtend(context: ApplyContext, { partitions }: Extension, deltas: ShardDeltas): ApplyCall {
  const writer = new PackWriter();
  writer.text(context.epoch);
  writer.integer(COMPACT_AT_BYTES);
  writer.integer(partitions.length);
  for (const { partition, baseOffset, fromMs, toMs } of partitions) {
    writer.text(partition);
    writer.text(String(baseOffset));
    writer.text(String(fromMs));
    writer.text(String(toMs));
  }
  return writeData(context, context.epoch, deltas, writer);
}

function writeData(context: ApplyContext, dataEpoch: string, deltas: ShardDeltas, writer: PackWriter): ApplyCall {
  const keys = [context.keys.state(context.shard)];
  writeNumbers(context, dataEpoch, deltas, keys, writer);
  const blobComponents = writeSketches(context, dataEpoch, deltas, keys, writer);
  const registered = writeRegistry(context, dataEpoch, deltas, keys, writer);
  return { keys, argument: writer.finish(), blobComponents, registered };
}

/** End of the deltas from `from` on that go to one string: of one series, resolution and stretch, `most` at most. */
function endOfGroup({ columns, order }: ShardDeltas, from: number, slots: number, most: number): number {
  const { seriesOf, resolution, bucketS } = columns;
  const first = order[from];
  const stretch = stretchOf(columns.resolutionOf(first), bucketS[first], slots);
  const last = Math.min(order.length, from + most);
  let i = from + 1;
  while (
    i < last &&
    seriesOf[order[i]] === seriesOf[first] &&
    resolution[order[i]] === resolution[first] &&
    stretchOf(columns.resolutionOf(first), bucketS[order[i]], slots) === stretch
  ) {
    i++;
  }
  return i;
}

function writeNumbers(context: ApplyContext, epoch: string, deltas: ShardDeltas, keys: string[], writer: PackWriter): void {
  const { layout } = context;
  const { columns, names, order } = deltas;
  const { numbers, numbersAt, bucketS } = columns;
  const indices = (...kinds: readonly string[]): Uint16Array =>
    Uint16Array.from(layout.components.filter((c) => kinds.includes(c.kind)).map((c) => c.index));
  const sums = indices('count', 'sum');
  const extrema = [indices('min'), indices('max')];
  const perString = Math.max(1, Math.floor(MAX_OPERATIONS_PER_KEY / layout.components.length));
  const groupsAt = writer.later();
  let groups = 0;
  let to: number;
  for (let from = 0; from < order.length; from = to) {
    to = endOfGroup(deltas, from, STRETCH_SLOTS, perString);
    const first = order[from];
    const resolution = columns.resolutionOf(first);
    groups++;
    const stretch = stretchOf(resolution, bucketS[first], STRETCH_SLOTS);
    keys.push(context.keys.numeric(context.shard, epoch, resolution, stretch, names[columns.seriesOf[first]]));
    writer.integer(ttlS(layout.timeToLiveMs(resolution, bucketS[first], STRETCH_SLOTS, context.nowMs)));
    const addsAt = writer.later();
    let adds = 0;
    for (let i = from; i < to; i++) {
      const at = numbersAt[order[i]];
      for (let s = 0; s < sums.length; s++) {
        const value = numbers[at + sums[s]];
        // The script sees from the first increment whether the string is new, so that one is never left out.
        if (value !== 0 || adds === 0) {
          writer.decimal(layout.slot(sums[s], resolution, bucketS[order[i]]), true);
          writer.decimal(value);
          adds++;
        }
      }
    }
    writer.put(addsAt, adds);
    for (const components of extrema) {
      const countAt = writer.later();
      let count = 0;
      for (let i = from; i < to; i++) {
        for (let c = 0; c < components.length; c++) {
          const value = numbers[numbersAt[order[i]] + components[c]];
          if (value === value) {
            writer.decimal(layout.slot(components[c], resolution, bucketS[order[i]]), true);
            writer.decimal(storeExtremum(value));
            count++;
          }
        }
      }
      writer.put(countAt, count);
    }
  }
  writer.put(groupsAt, groups);
}

function writeSketches(
  context: ApplyContext,
  epoch: string,
  deltas: ShardDeltas,
  keys: string[],
  writer: PackWriter,
): ApplyCall['blobComponents'] {
  const { layout } = context;
  const { columns, names, order } = deltas;
  const { sketches, sketchChunk, sketchStart, sketchEnd, chunks, bucketS } = columns;
  const places = sketches.length;
  const blobComponents = new Map<number, { component: number; resolution: 1 | 10 }>();
  const groupsAt = writer.later();
  let to: number;
  for (let from = 0; from < order.length; from = to) {
    const first = order[from];
    const resolution = columns.resolutionOf(first);
    if (resolution === 60) {
      to = from + 1;
      continue;
    }
    const slots = SKETCH_STRETCH_SLOTS[resolution];
    to = endOfGroup(deltas, from, slots, order.length);
    const stretch = stretchOf(resolution, bucketS[first], slots);
    for (let place = 0; place < places; place++) {
      let bytes = 0;
      for (let i = from; i < to; i++) {
        const at = order[i] * places + place;
        const length = sketchEnd[at] - sketchStart[at];
        bytes += length > 0 ? frameBytes(length) : 0;
      }
      if (bytes === 0) {
        continue;
      }
      const component = sketches[place].index;
      keys.push(context.keys.sketch(context.shard, epoch, component, resolution, stretch, names[columns.seriesOf[first]]));
      blobComponents.set(keys.length, { component, resolution });
      writer.integer(ttlS(layout.timeToLiveMs(resolution, bucketS[first], slots, context.nowMs)));
      writer.beginFrames(bytes);
      for (let i = from; i < to; i++) {
        const at = order[i] * places + place;
        if (sketchEnd[at] > sketchStart[at]) {
          const bucket = (bucketS[order[i]] / resolution) % slots;
          writer.frame(bucket, chunks[sketchChunk[at]], sketchStart[at], sketchEnd[at]);
        }
      }
    }
  }
  writer.put(groupsAt, blobComponents.size);
  return blobComponents;
}

function writeRegistry(
  context: ApplyContext,
  epoch: string,
  { columns, names, order }: ShardDeltas,
  keys: string[],
  writer: PackWriter,
): ApplyCall['registered'] {
  // The latest bucket decides until when a series is listed; the deltas of a series stand together.
  const due: { readonly name: string; readonly series: number; readonly untilS: number }[] = [];
  let to: number;
  for (let from = 0; from < order.length; from = to) {
    const series = columns.seriesOf[order[from]];
    let untilS = 0;
    for (to = from; to < order.length && columns.seriesOf[order[to]] === series; to++) {
      untilS = Math.max(untilS, listedUntilS(columns.bucketS[order[to]]));
    }
    if (!context.registry.isListed(names[series], untilS)) {
      due.push({ name: names[series], series, untilS });
    }
  }
  const byRegistry = new Map<string, { untilS: number; values: string }[]>();
  for (const { series, untilS } of due) {
    const { tenant, grouping, values } = columns.series[series];
    const key = context.keys.registry(context.shard, epoch, tenant, grouping);
    const members = byRegistry.get(key) ?? [];
    byRegistry.set(key, members);
    members.push({ untilS, values: joinValues(values) });
  }
  const retentionS = Math.ceil(context.layout.longestRetentionMs() / 1000);
  writer.integer(byRegistry.size);
  for (const [key, members] of byRegistry) {
    keys.push(key);
    writer.integer(retentionS + 2 * REGISTRY_STEP_S);
    writer.text(String(Math.floor(context.nowMs / 1000) - retentionS - REGISTRY_STEP_S));
    writer.integer(members.length);
    for (const { untilS, values } of members) {
      writer.text(String(untilS));
      writer.text(values);
    }
  }
  return due.map(({ name, untilS }) => ({ name, untilS }));
}

export function stateTtlS(layout: HotLayout): number {
  return ttlS(layout.longestRetentionMs()) + REGISTRY_STEP_S;
}

function ttlS(timeToLiveMs: number): number {
  return Math.ceil(timeToLiveMs / 1000);
}
