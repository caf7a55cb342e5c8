// What the contract's tests stand on: a clock that they move, flushes and deltas in few words, and a fresh tier for each test.

import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { encodeExact, type ExactEntry } from '../../../test/support/exact-sketches.js';
import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { Flush, PartitionAdvance, PartitionState, Resolution, SeriesDelta } from '../window/flush-batch.js';
import type { HotTier, SeriesRead } from './hot-tier.js';

export interface TestClock extends Clock {
  /** Epoch ms; moved by the tests. */
  timeMs: number;
}

/** Starts at the real time: where Redis itself lets keys expire, its clock counts too. */
export function createTestClock(): TestClock {
  return {
    timeMs: Math.floor(Date.now() / 3_600_000) * 3_600_000 + 1_800_000,
    now() {
      return this.timeMs;
    },
    monotonic: () => performance.now(),
  };
}

export interface ContractSubject {
  /** A started tier that shares its store with every other one that this made, as another process would. */
  open(clock: Clock): Promise<HotTier>;
  readonly definition: Definition;
  /** Ends what the subject started. */
  close(): Promise<void>;
}

export const PARTITION = 'events/0';
export const never = new AbortController().signal;

export function stateAt(offset: number, changes: Partial<PartitionState> = {}): PartitionState {
  return {
    offset,
    maxEventTimeMs: offset * 10,
    warmFrom: 0,
    consumed: offset,
    applied: offset,
    duplicates: 0,
    deadLettered: 0,
    late: 0,
    lost: 0,
    ...changes,
  };
}

export function advance(from: number, to: number, coverageFromMs: number | null = null, partition = PARTITION): PartitionAdvance {
  return { partition, from, state: stateAt(to), coverageFromMs };
}

export interface DeltaSpec {
  readonly tenant?: string;
  readonly grouping?: number;
  readonly values?: readonly string[];
  readonly resolution?: Resolution;
  readonly bucketS: number;
  /** By component; others are 0 or NaN. */
  readonly numbers?: Readonly<Record<number, number>>;
  readonly sketches?: Readonly<Record<number, readonly ExactEntry[]>>;
}

export function delta(definition: Definition, spec: DeltaSpec): SeriesDelta {
  const { components } = definition;
  return {
    tenant: spec.tenant ?? 'a',
    grouping: spec.grouping ?? 1,
    values: spec.values ?? ['de'],
    resolution: spec.resolution ?? 60,
    bucketS: spec.bucketS,
    numeric: Float64Array.from(
      components,
      ({ kind, index }) => spec.numbers?.[index] ?? (index === 0 ? 1 : kind === 'count' || kind === 'sum' ? 0 : Number.NaN),
    ),
    sketches: components.map(({ index }) => {
      const entries = spec.sketches?.[index];
      return entries === undefined ? null : encodeExact(entries);
    }),
  };
}

export function flushOf(
  partitions: readonly PartitionAdvance[],
  deltas: Flush['deltas'],
  allPartitions: readonly string[] = [PARTITION],
): Flush {
  return { partitions, allPartitions, deltas, raw: { rows: 0, columns: [], minutes: [] } };
}

/** The tier under test and its surroundings, made anew before each test. */
export class ContractStage {
  readonly #create: () => Promise<ContractSubject>;
  readonly #opened: HotTier[] = [];
  #subject: ContractSubject | null = null;
  clock = createTestClock();
  /** A minute that began ten minutes ago, epoch s. */
  minute = 0;
  #tier: HotTier | null = null;
  /** Every shard. */
  all: number[] = [];

  constructor(create: () => Promise<ContractSubject>) {
    this.#create = create;
  }

  /** Registers the set-up with the test runner. */
  prepare(): void {
    beforeAll(async () => {
      this.#subject = await this.#create();
    });
    afterAll(async () => {
      await Promise.all(this.#opened.map((tier) => tier.stop()));
      await this.#subject?.close();
    });
    beforeEach(async () => {
      this.clock = createTestClock();
      this.minute = Math.floor(this.clock.now() / 60_000) * 60 - 600;
      await Promise.all(this.#opened.splice(0).map((tier) => tier.stop()));
      this.tier = await this.open();
      await this.tier.clear();
      this.all = Array.from({ length: this.tier.shards }, (_, shard) => shard);
    });
  }

  get tier(): HotTier {
    if (this.#tier === null) throw new Error('the test has not begun');
    return this.#tier;
  }

  set tier(tier: HotTier) {
    this.#tier = tier;
  }

  get definition(): Definition {
    if (this.#subject === null) throw new Error('the suite has not begun');
    return this.#subject.definition;
  }

  /** Another tier on the same store, as another process would have. */
  async open(): Promise<HotTier> {
    if (this.#subject === null) throw new Error('the suite has not begun');
    const tier = await this.#subject.open(this.clock);
    this.#opened.push(tier);
    return tier;
  }

  make(spec: DeltaSpec): SeriesDelta {
    return delta(this.definition, spec);
  }

  /** The minute of the series de of tenant a by country, unless changed. */
  reading(changes: Partial<SeriesRead> = {}): SeriesRead {
    const { minute } = this;
    return { tenant: 'a', grouping: 1, series: [['de']], resolution: 60, fromS: minute, toS: minute + 60, signal: never, ...changes };
  }

  /** One series' single bucket. */
  async number(component: number, changes: Partial<SeriesRead> = {}): Promise<number> {
    return (await this.tier.readNumeric(this.reading(changes), [component]))[0][0][0];
  }

  /** The first flush: offsets 0 to 10, everything covered. */
  async begin(deltas: readonly SeriesDelta[] = []): Promise<void> {
    expect(await this.tier.apply(flushOf([advance(0, 10, 0)], deltas), this.all)).toEqual({ outcome: 'applied' });
  }
}

/** Values that have broken other systems: separators, escapes, code, control characters, broken Unicode, length. */
export const WEIRD_STRINGS: readonly string[] = [
  '',
  ' ',
  '"quoted" \'twice\' `thrice`',
  "'); DROP TABLE events; --",
  "redis.call('FLUSHALL')",
  ']] .. redis.call("FLUSHALL") .. [[',
  '#!lua flags=no-writes',
  'line\nfeed\r\n$5\r\nhello\r\n',
  'nul\u0000inside',
  'a,b:c%d{e}f',
  '%002c',
  '{tm0}:state',
  '*?[a-z]\\',
  '🦊🧪 naïve Ünïcödé',
  '\ud800',
  '\udc00x',
  '__proto__',
  '__other__',
  'ü'.repeat(128),
  'x'.repeat(256),
];
