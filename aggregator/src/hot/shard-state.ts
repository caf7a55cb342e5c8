// What a shard knows of the log: its epoch, the partitions it should have, and a marker for each. Written only together with
// the data it stands for. Read here into the coverage that the planner goes by.
// Invariant: coverage is claimed only when every expected partition has a marker in every shard.

import { TidemarkError } from '../errors.js';
import type { Coverage } from '../query/tier-read.js';
import type { PartitionId } from '../source/log.js';
import type { PartitionState } from '../window/flush-batch.js';
import type { PartitionReach, ShardReach } from './hot-tier.js';

export interface Marker {
  readonly state: PartitionState;
  readonly coverageFromMs: number;
}

export interface ShardState {
  /** Changes whenever the shard starts anew; '' when there is nothing. */
  readonly epoch: string;
  readonly expected: readonly PartitionId[];
  readonly markers: ReadonlyMap<PartitionId, Marker>;
  /** Offset from which on everything of a partition is there; see PartitionReach. */
  readonly bases: ReadonlyMap<PartitionId, number>;
}

/** The base of a partition whose marker was dropped: what lies below the next one is there in parts. */
export const NO_BASE = -1;

export const EMPTY_SHARD: ShardState = { epoch: '', expected: [], markers: new Map(), bases: new Map() };

const FIELDS = ['offset', 'maxEventTimeMs', 'warmFrom', 'consumed', 'applied', 'duplicates', 'deadLettered', 'late', 'lost'] as const;

/** A state as a short JSON list of numbers, in the order of FIELDS. */
export function encodeState(state: PartitionState): string {
  return JSON.stringify(FIELDS.map((field) => state[field]));
}

/**
 * Reads a stored marker: `<offset> <coverageFromMs> <state>`.
 * @throws TidemarkError fatal when it is not what this version writes
 */
export function decodeMarker(partition: PartitionId, stored: string): Marker {
  const match = /^\d+ (-?\d+) (\[.*\])$/.exec(stored);
  const numbers: unknown = match === null ? null : parseJson(match[2]);
  if (match === null || !Array.isArray(numbers) || numbers.length !== FIELDS.length || !numbers.every((n) => typeof n === 'number')) {
    throw new TidemarkError(
      'fatal',
      'HOT_STATE_UNREADABLE',
      `The hot tier's marker of ${partition} is ${JSON.stringify(stored.slice(0, 200))}, which this version did not write.`,
      'Clear the hot tier, or give this definition a hot.redis.keyPrefix of its own; it is then rebuilt from the log.',
    );
  }
  const [offset, maxEventTimeMs, warmFrom, consumed, applied, duplicates, deadLettered, late, lost]: number[] = numbers;
  return {
    coverageFromMs: Number(match[1]),
    state: { offset, maxEventTimeMs, warmFrom, consumed, applied, duplicates, deadLettered, late, lost },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A coverage that answers nothing, and why. */
export function noCoverage(reason: string, missing: readonly PartitionId[] = []): Coverage {
  return { fromMs: Number.POSITIVE_INFINITY, partitions: new Map(), missing, reason };
}

/**
 * What all shards together can answer: per partition the state of the shard that is furthest behind. A partition that is not
 * expected any more (its topic was taken out of the definition) has its part in the data, so its coverage counts; its position does not.
 * @param life differs when the store itself may be another one than before
 */
export function coverageOf(shards: readonly ShardState[], life: string): Coverage {
  const partitions = new Map<PartitionId, PartitionState>();
  const missing = new Set<PartitionId>();
  const expected = new Set<PartitionId>(shards.flatMap((shard) => shard.expected));
  let fromMs = Number.NEGATIVE_INFINITY;
  for (const shard of shards) {
    for (const [partition, marker] of shard.markers) {
      fromMs = Math.max(fromMs, marker.coverageFromMs);
      const other = partitions.get(partition);
      if (expected.has(partition) && (other === undefined || marker.state.offset < other.offset)) {
        partitions.set(partition, marker.state);
      }
    }
    for (const partition of expected) {
      if (!shard.markers.has(partition)) {
        missing.add(partition);
      }
    }
  }
  if (expected.size === 0) {
    return noCoverage('The hot tier is empty: nothing was written to it yet, or it lost its data.');
  }
  if (missing.size > 0) {
    const names = [...missing].sort();
    const reason = `The hot tier has no data of ${names.length} of ${expected.size} partitions (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}).`;
    return { fromMs: Number.POSITIVE_INFINITY, partitions, missing: names, reason };
  }
  return { fromMs, partitions, missing: [], reason: '', epoch: [life, ...shards.map((shard) => shard.epoch)].join('/') };
}

export function reachOf({ epoch, expected, markers, bases }: ShardState): ShardReach {
  const partitions = new Map<PartitionId, PartitionReach>();
  for (const [partition, { coverageFromMs }] of markers) {
    const base = bases.get(partition) ?? NO_BASE;
    partitions.set(partition, { coverageFromMs, baseOffset: base === NO_BASE ? null : base });
  }
  return { epoch, partitions, missing: expected.filter((partition) => !markers.has(partition)) };
}

/**
 * How far each partition was seen to be: a store that went back (a replica promoted, an older snapshot restored) covers nothing until
 * it stands there again. What it lacks until then is in the cold tier.
 */
export class SeenPositions {
  readonly #offsets = new Map<PartitionId, number>();

  /** @returns the coverage, or none while a partition stands behind where it was seen before */
  check(coverage: Coverage): Coverage {
    const behind: PartitionId[] = [];
    for (const [partition, { offset }] of coverage.partitions) {
      if (offset < (this.#offsets.get(partition) ?? 0)) {
        behind.push(partition);
      } else {
        this.#offsets.set(partition, offset);
      }
    }
    if (behind.length === 0 || !Number.isFinite(coverage.fromMs)) {
      return coverage;
    }
    const names = behind.sort().slice(0, 3).join(', ');
    return {
      ...noCoverage(`The hot tier stands behind where it stood before in ${names}${behind.length > 3 ? ', …' : ''} and is catching up.`),
      partitions: coverage.partitions,
    };
  }

  /** Somebody else has seen them further on. */
  raise(positions: ReadonlyMap<PartitionId, number>): void {
    for (const [partition, offset] of positions) {
      this.#offsets.set(partition, Math.max(offset, this.#offsets.get(partition) ?? 0));
    }
  }

  forget(): void {
    this.#offsets.clear();
  }
}
