// Writes one shard's part of a flush in the form the apply script reads: its keys, and one packed argument.
// Invariant: the order of the keys is the order of the operations.

import type { Flush } from '../window/flush-batch.js';
import type { NamedDelta } from './flush-plan.js';
import { joinValues, type HotKeys } from './keys.js';
import { isSketch, SKETCH_STRETCH_SLOTS, STRETCH_SLOTS, storeExtremum, stretchOf, type HotLayout } from './layout.js';
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

interface KeyGroup<T> {
  readonly key: string;
  readonly first: NamedDelta;
  readonly entries: T[];
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
export function buildApply(context: ApplyContext, flush: Flush, deltas: readonly NamedDelta[]): ApplyCall {
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
  const keys = [context.keys.state(context.shard)];
  const dataEpoch = context.epoch === '' ? context.newEpoch : context.epoch;
  writeNumbers(context, dataEpoch, deltas, keys, writer);
  const blobComponents = writeSketches(context, dataEpoch, deltas, keys, writer);
  const registered = writeRegistry(context, dataEpoch, deltas, keys, writer);
  return { keys, argument: writer.finish(), blobComponents, registered };
}

/** Groups of one series: which by a number made of component, resolution and stretch, so that no key is built to look one up. */
type GroupsOfSeries<T> = Map<string, Map<number, T>>;

function groupIn<T>(groups: GroupsOfSeries<T>, name: string, which: number): T | undefined {
  return groups.get(name)?.get(which);
}

function putGroup<T>(groups: GroupsOfSeries<T>, name: string, which: number, group: T): void {
  const ofSeries = groups.get(name);
  if (ofSeries === undefined) {
    groups.set(name, new Map([[which, group]]));
  } else {
    ofSeries.set(which, group);
  }
}

/** Stretches are below 2^32 and components few: an exact integer. */
function whichGroup(stretch: number, resolution: number, component: number): number {
  return (component * 61 + resolution) * 0x100000000 + stretch;
}

function writeNumbers(context: ApplyContext, epoch: string, deltas: readonly NamedDelta[], keys: string[], writer: PackWriter): void {
  const { layout } = context;
  const kinds = layout.components.map((c) => c.kind);
  const perDelta = Math.max(1, Math.floor(MAX_OPERATIONS_PER_KEY / layout.components.length));
  const groups: KeyGroup<NamedDelta>[] = [];
  const open: GroupsOfSeries<KeyGroup<NamedDelta>> = new Map();
  for (const named of deltas) {
    const { resolution, bucketS } = named.delta;
    const stretch = stretchOf(resolution, bucketS, STRETCH_SLOTS);
    const which = whichGroup(stretch, resolution, 0);
    let group = groupIn(open, named.name, which);
    if (group === undefined || group.entries.length >= perDelta) {
      group = { key: context.keys.numeric(context.shard, epoch, resolution, stretch, named.name), first: named, entries: [] };
      putGroup(open, named.name, which, group);
      groups.push(group);
    }
    group.entries.push(named);
  }
  writer.integer(groups.length);
  // Pairs of slot and value.
  const adds: number[] = [];
  const mins: number[] = [];
  const maxs: number[] = [];
  for (const { key, first, entries } of groups) {
    adds.length = 0;
    mins.length = 0;
    maxs.length = 0;
    for (const { delta } of entries) {
      for (let i = 0; i < kinds.length; i++) {
        const kind = kinds[i];
        const value = delta.numeric[i];
        if (kind === 'count' || kind === 'sum') {
          // The script sees from the first increment whether the string is new, so that one is never left out.
          if (value !== 0 || adds.length === 0) {
            adds.push(layout.slot(i, delta.resolution, delta.bucketS), value);
          }
        } else if ((kind === 'min' || kind === 'max') && !Number.isNaN(value)) {
          (kind === 'min' ? mins : maxs).push(layout.slot(i, delta.resolution, delta.bucketS), storeExtremum(value));
        }
      }
    }
    keys.push(key);
    writer.integer(ttlS(layout.timeToLiveMs(first.delta.resolution, first.delta.bucketS, STRETCH_SLOTS, context.nowMs)));
    for (const operations of [adds, mins, maxs]) {
      writer.integer(operations.length / 2);
      for (let i = 0; i < operations.length; i += 2) {
        writer.decimal(operations[i], true);
        writer.decimal(operations[i + 1]);
      }
    }
  }
}

interface SketchGroup extends KeyGroup<Uint8Array> {
  readonly component: number;
  readonly resolution: 1 | 10;
  /** Bucket in the stretch of each entry. */
  readonly buckets: number[];
  bytes: number;
}

function writeSketches(
  context: ApplyContext,
  epoch: string,
  deltas: readonly NamedDelta[],
  keys: string[],
  writer: PackWriter,
): ApplyCall['blobComponents'] {
  const { layout } = context;
  const sketchComponents = layout.components.filter(isSketch).map((c) => c.index);
  const groups: SketchGroup[] = [];
  const known: GroupsOfSeries<SketchGroup> = new Map();
  for (const named of deltas) {
    const { resolution, bucketS, sketches } = named.delta;
    if (resolution === 60) {
      continue;
    }
    const slots = SKETCH_STRETCH_SLOTS[resolution];
    const stretch = stretchOf(resolution, bucketS, slots);
    const bucket = (bucketS / resolution) % slots;
    for (const component of sketchComponents) {
      const entries = sketches[component];
      if (entries === null || entries.length === 0) {
        continue;
      }
      const which = whichGroup(stretch, resolution, component);
      let group = groupIn(known, named.name, which);
      if (group === undefined) {
        const key = context.keys.sketch(context.shard, epoch, component, resolution, stretch, named.name);
        group = { key, first: named, entries: [], buckets: [], bytes: 0, component, resolution };
        putGroup(known, named.name, which, group);
        groups.push(group);
      }
      group.entries.push(entries);
      group.buckets.push(bucket);
      group.bytes += frameBytes(entries.length);
    }
  }
  writer.integer(groups.length);
  const blobComponents = new Map<number, { component: number; resolution: 1 | 10 }>();
  for (const { key, first, entries, buckets, bytes, component, resolution } of groups) {
    keys.push(key);
    blobComponents.set(keys.length, { component, resolution });
    writer.integer(ttlS(layout.timeToLiveMs(resolution, first.delta.bucketS, SKETCH_STRETCH_SLOTS[resolution], context.nowMs)));
    writer.frames(buckets, entries, bytes);
  }
  return blobComponents;
}

function writeRegistry(
  context: ApplyContext,
  epoch: string,
  deltas: readonly NamedDelta[],
  keys: string[],
  writer: PackWriter,
): ApplyCall['registered'] {
  const due = new Map<string, { readonly delta: NamedDelta['delta']; untilS: number }>();
  for (const { name, delta } of deltas) {
    const untilS = listedUntilS(delta.bucketS);
    if (context.registry.isListed(name, untilS)) {
      continue;
    }
    const entry = due.get(name);
    if (entry === undefined) {
      due.set(name, { delta, untilS });
    } else {
      entry.untilS = Math.max(entry.untilS, untilS);
    }
  }
  const byRegistry = new Map<string, { untilS: number; values: string }[]>();
  for (const { delta, untilS } of due.values()) {
    const key = context.keys.registry(context.shard, epoch, delta.tenant, delta.grouping);
    const members = byRegistry.get(key) ?? [];
    byRegistry.set(key, members);
    members.push({ untilS, values: joinValues(delta.values) });
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
  return [...due].map(([name, { untilS }]) => ({ name, untilS }));
}

export function stateTtlS(layout: HotLayout): number {
  return ttlS(layout.longestRetentionMs()) + REGISTRY_STEP_S;
}

function ttlS(timeToLiveMs: number): number {
  return Math.ceil(timeToLiveMs / 1000);
}
