// How far the group's data reaches, put together from the hot tier's markers, this process's own flushes, and what the other
// ingesting processes say about partitions that they have read to the end. Invariant: a partition is called idle only while
// somebody who reads it has said so a moment ago; a process that hangs stops saying so.

import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import { freshnessOf, type Freshness, type FreshnessProvider, type PartitionPosition } from '../query/freshness.js';
import type { Coverage } from '../query/tier-read.js';
import type { PartitionId } from '../source/log.js';
import type { PartitionState } from '../window/flush-batch.js';
import type { PartitionProcessor } from '../window/partition-processor.js';

const PUBLISH_MS = 1_000;
/** How long a word about a log's end is believed. */
const BELIEVED_MS = 5_000;
/** How often markers are kept that no flush moves on. */
const KEEP_EVERY_MS = 600_000;

interface CaughtUp {
  readonly logEnd: number;
  readonly atMs: number;
}

/** What of the pipeline is looked at; null in a process that does not ingest. */
export interface LocalProgress {
  readonly partitions: readonly PartitionProcessor[];
  readonly allPartitions: readonly PartitionId[];
}

export class GroupFreshness implements FreshnessProvider {
  readonly #definition: Definition;
  readonly #clock: Clock;
  readonly #hot: HotTier;
  readonly #local: LocalProgress | null;
  readonly #flushed = new Map<PartitionId, PartitionState>();
  #elsewhere = new Map<PartitionId, CaughtUp>();
  #coverage: Coverage | null = null;
  #timer: NodeJS.Timeout | null = null;
  #keptAtMs = Number.NEGATIVE_INFINITY;

  constructor(definition: Definition, clock: Clock, hot: HotTier, local: LocalProgress | null) {
    this.#definition = definition;
    this.#clock = clock;
    this.#hot = hot;
    this.#local = local;
  }

  start(): void {
    this.#timer = setInterval(() => void this.exchange(), PUBLISH_MS);
  }

  stop(): void {
    if (this.#timer !== null) {
      clearInterval(this.#timer);
    }
  }

  /** A flush of this process is done up to these states. */
  flushed(partition: PartitionId, state: PartitionState): void {
    this.#flushed.set(partition, state);
  }

  /** The group's watermark, epoch ms; 0 while partitions are missing. */
  async watermarkMs(): Promise<number> {
    await this.exchange();
    const freshness = this.freshness(this.#coverage);
    return freshness.complete ? freshness.watermarkMs : 0;
  }

  freshness(coverage: Coverage | null): Freshness {
    const nowMs = this.#clock.now();
    // What this process has flushed counts only where the hot tier says nothing: one that went back knows less than was flushed.
    const states = new Map<PartitionId, PartitionState>([...this.#flushed, ...(coverage?.partitions ?? [])]);
    const positions: PartitionPosition[] = [];
    for (const [id, state] of states) {
      const caughtUp = this.#caughtUp(id);
      const believed = caughtUp !== null && nowMs - caughtUp.atMs <= BELIEVED_MS;
      positions.push({ id, state, ...(believed ? { logEnd: caughtUp.logEnd, logEndAtMs: caughtUp.atMs } : { logEnd: null }) });
    }
    const all = new Set([...(this.#local?.allPartitions ?? []), ...(coverage?.missing ?? [])]);
    const missing = [...all].filter((id) => !states.has(id));
    return freshnessOf(positions, missing, this.#definition.latenessMs, nowMs);
  }

  /** Tells the other processes what this one has read to the end, and hears what they have. */
  async exchange(): Promise<void> {
    try {
      this.#coverage = await this.#hot.coverage();
      const own = new Set<PartitionId>();
      for (const processor of this.#local?.partitions ?? []) {
        own.add(processor.id);
        if (processor.caughtUpAtMs > 0) {
          const word: CaughtUp = { logEnd: processor.logEnd, atMs: processor.caughtUpAtMs };
          await this.#hot.cacheSet(key(processor.id), Buffer.from(JSON.stringify(word)), BELIEVED_MS * 2);
        }
      }
      if (own.size > 0 && this.#clock.monotonic() - this.#keptAtMs >= KEEP_EVERY_MS) {
        await this.#hot.keep();
        this.#keptAtMs = this.#clock.monotonic();
      }
      const others = [...this.#coverage.partitions.keys()].filter((id) => !own.has(id));
      const words = await this.#hot.cacheGet(others.map(key));
      const elsewhere = new Map<PartitionId, CaughtUp>();
      words.forEach((word, i) => {
        if (word !== null) {
          const parsed: Partial<CaughtUp> = JSON.parse(Buffer.from(word).toString('utf8'));
          if (typeof parsed.logEnd === 'number' && typeof parsed.atMs === 'number') {
            elsewhere.set(others[i], { logEnd: parsed.logEnd, atMs: parsed.atMs });
          }
        }
      });
      this.#elsewhere = elsewhere;
    } catch {
      // The hot tier does not answer: what was heard expires, and nobody is called idle on old words.
      this.#coverage = null;
    }
  }

  #caughtUp(id: PartitionId): CaughtUp | null {
    const processor = this.#local?.partitions.find((p) => p.id === id);
    if (processor !== undefined) {
      return processor.caughtUpAtMs > 0 ? { logEnd: processor.logEnd, atMs: processor.caughtUpAtMs } : null;
    }
    return this.#elsewhere.get(id) ?? null;
  }
}

function key(partition: PartitionId): string {
  return `caught-up:${partition}`;
}
