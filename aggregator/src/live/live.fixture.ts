// For tests of the live room: a log that grows record by record, tiers over it that know how far it got, and a client that applies
// messages as docs/live.md says, written anew from that page.

import { QueryEngine } from '../query/engine.js';
import { ListCold, ListHot, TEST_BINS, TestClock, type TestEvent } from '../query/event-list.fixture.js';
import { freshnessOf, type Freshness, type FreshnessProvider } from '../query/freshness.js';
import { testDefinition, testTenant } from '../query/shop.fixture.js';
import type { Coverage } from '../query/tier-read.js';
import type { PartitionState } from '../window/flush-batch.js';
import { encodeAnnouncement } from './announcement.js';
import type { DeltaMessage, ServerMessage, SnapshotMessage } from './protocol.js';

export const NOW = Date.UTC(2025, 5, 10, 12, 0, 30);
export const NEVER = new AbortController().signal;
export const PARTITION = 'shop/0';

/** One partition's log, applied at once, as the pipeline would count it. */
export class GrowingLog {
  readonly events: TestEvent[] = [];
  readonly #latenessMs: number;
  state: PartitionState = {
    offset: 0,
    maxEventTimeMs: 0,
    warmFrom: 0,
    consumed: 0,
    applied: 0,
    duplicates: 0,
    deadLettered: 0,
    late: 0,
    lost: 0,
  };

  constructor(latenessMs: number) {
    this.#latenessMs = latenessMs;
  }

  /** @returns the announcement of the flush that applied them */
  append(events: readonly TestEvent[], atMs: number): string {
    const from = this.state.offset;
    for (const event of events) {
      const isLate = event.timeMs < this.state.maxEventTimeMs - this.#latenessMs;
      this.events.push(event);
      this.state = {
        ...this.state,
        offset: this.state.offset + 1,
        late: this.state.late + (isLate ? 1 : 0),
        maxEventTimeMs: Math.max(this.state.maxEventTimeMs, event.timeMs),
      };
    }
    const seconds = [...new Set(events.map((event) => Math.floor(event.timeMs / 1_000)))].sort((a, b) => a - b);
    const changed = seconds.map((second) => [second, second + 1] as const);
    return encodeAnnouncement({ moves: [{ partition: PARTITION, from, state: this.state }], changed, queryableAtMs: atMs });
  }
}

class GrowingHot extends ListHot {
  log: GrowingLog | null = null;

  override async coverage(): Promise<Coverage> {
    const coverage = await super.coverage();
    return this.log === null ? coverage : { ...coverage, partitions: new Map([[PARTITION, this.log.state]]) };
  }
}

class LogFreshness implements FreshnessProvider {
  constructor(
    readonly log: GrowingLog,
    readonly clock: TestClock,
    readonly latenessMs: number,
  ) {}

  freshness(): Freshness {
    return freshnessOf([{ id: PARTITION, state: this.log.state, logEnd: null }], [], this.latenessMs, this.clock.now());
  }
}

/** A query engine over a growing log, at a time that stands still until it is moved. */
export function liveStage(more: Parameters<typeof testDefinition>[0] = {}) {
  const def = testDefinition(more);
  const clock = new TestClock(NOW);
  const log = new GrowingLog(def.latenessMs);
  const hot = new GrowingHot(def, log.events, clock, 0);
  hot.log = log;
  const cold = new ListCold(def, log.events);
  const freshness = new LogFreshness(log, clock, def.latenessMs);
  const errors: unknown[] = [];
  const engine = new QueryEngine({ def, hot, cold, freshness, bins: TEST_BINS, clock, onError: (error) => errors.push(error) });
  return { def, clock, log, hot, cold, engine, errors, tenant: testTenant() };
}

export function event(timeMs: number, more: Partial<TestEvent> = {}): TestEvent {
  const plain = { tenant: 'shop', country: 'DE', device: 'phone', type: 'view', user: 'u1', page: '/p1', amount: 100, latency: 10 };
  return { timeMs, ...plain, ...more };
}

/** Cells by time and field: what a client shows. */
export type Cells = ReadonlyMap<number, ReadonlyMap<string, number | string | null>>;

/** Applies messages of one subscription. */
export class LiveTable {
  readonly received: ServerMessage[] = [];
  cursor = '';
  #fields: string[] = [];
  #rows = new Map<number, Map<string, number | string | null>>();

  apply(message: ServerMessage): void {
    this.received.push(message);
    if (message.type === 'snapshot') this.#snapshot(message);
    if (message.type === 'delta') this.#delta(message);
  }

  get cells(): Cells {
    return this.#rows;
  }

  #snapshot(message: SnapshotMessage): void {
    const [frame] = message.frames;
    this.#fields = frame.schema.fields.map(({ name, labels }) => JSON.stringify([name, labels ?? {}]));
    this.#rows = new Map();
    this.#put(message, frame.data.values);
  }

  #delta(message: DeltaMessage): void {
    this.#put(message, message.frames[0].data.values);
  }

  #put({ meta, cursor }: SnapshotMessage | DeltaMessage, values: readonly (readonly (number | string | null)[])[]): void {
    if (values.length !== this.#fields.length) throw new Error(`${values.length} columns for ${this.#fields.length} fields`);
    const times = values[0] ?? [];
    times.forEach((time, row) => {
      this.#rows.set(Number(time), new Map(this.#fields.slice(1).map((field, index) => [field, values[index + 1][row]])));
    });
    for (const time of this.#rows.keys()) if (time < meta.fromMs) this.#rows.delete(time);
    this.cursor = cursor;
  }
}
