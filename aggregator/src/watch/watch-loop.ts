// Judges the definition's watches as their buckets close, and keeps what is out of line. One process at a time works (a lease in the
// hot tier); two at once would only write the same twice.
// Invariant: an episode is kept as the newest judging of finished buckets sees it; late data that changes a verdict changes the record.

import type { Clock } from '../clock.js';
import type { AnomalyRecord } from '../cold/anomaly-store.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition, Tenant, Watch } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import type { JudgedQuery, QueryEngine } from '../query/engine.js';
import { findContributors } from './contributors.js';
import { episodeChanges, type FoundEpisode } from './episode-changes.js';

const LEASE_NAME = 'watches';
const LEASE_MS = 30_000;
/** Buckets that are judged anew each time: late data and open episodes reach back so far. */
const JUDGED_BUCKETS = 120;
const MAX_KEPT = 10_000;

export interface WatchEvents {
  /** A watch was judged up to a bucket's end. */
  judged(tenant: Tenant, watch: Watch, judged: JudgedQuery): void;
  /** An episode began. */
  began(tenant: Tenant, watch: Watch, record: AnomalyRecord): void;
  failed(watch: Watch, error: unknown): void;
}

export interface WatchOptions {
  readonly def: Definition;
  readonly clock: Clock;
  readonly engine: Pick<QueryEngine, 'judge' | 'run'>;
  readonly cold: Pick<ColdTier, 'readAnomalies' | 'writeAnomalies'>;
  readonly hot: Pick<HotTier, 'lease' | 'releaseLease'>;
  /** The group's watermark, epoch ms; 0 when it is not known. */
  readonly watermarkMs: () => Promise<number>;
  /** Names this process in the lease. */
  readonly owner: string;
  readonly events: WatchEvents;
}

export class WatchLoop {
  readonly #options: WatchOptions;
  readonly #abort = new AbortController();
  /** End of the newest judged bucket, by tenant and watch. */
  readonly #judgedUntil = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  start(intervalMs: number): void {
    if (this.#options.def.watches.length > 0) this.#timer = setInterval(() => void this.runOnce(), intervalMs);
  }

  /** One round; joins the one that is under way. Errors are reported, not thrown: the next round tries again. */
  async runOnce(): Promise<void> {
    this.#running ??= this.#round().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#abort.abort();
    await this.#running;
    await this.#options.hot.releaseLease(LEASE_NAME, this.#options.owner).catch(() => undefined);
  }

  async #round(): Promise<void> {
    const { def, hot, owner, watermarkMs, events } = this.#options;
    try {
      const untilMs = await watermarkMs();
      if (untilMs <= 0 || this.#abort.signal.aborted || !(await hot.lease(LEASE_NAME, owner, LEASE_MS))) return;
      for (const tenant of def.tenants) {
        for (const watch of def.watches) {
          if (this.#abort.signal.aborted) return;
          await this.#watch(tenant, watch, Math.floor(untilMs / watch.bucketMs) * watch.bucketMs);
          if (!(await hot.lease(LEASE_NAME, owner, LEASE_MS))) return;
        }
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) events.failed(def.watches[0], error);
    }
  }

  async #watch(tenant: Tenant, watch: Watch, untilMs: number): Promise<void> {
    const { engine, cold, clock, events } = this.#options;
    const key = `${tenant.name}/${watch.name}`;
    if (untilMs <= (this.#judgedUntil.get(key) ?? 0)) return;
    try {
      const fromMs = untilMs - JUDGED_BUCKETS * watch.bucketMs;
      const query = { refId: watch.name, ...watch.query };
      const judged = await engine.judge(tenant, query, { fromMs, toMs: untilMs }, this.#abort.signal);
      events.judged(tenant, watch, judged);
      const found = judged.series.flatMap(({ labels, episodes }) => episodes.map((episode): FoundEpisode => ({ labels, episode })));
      const kept = await cold.readAnomalies({
        tenant: tenant.name,
        fromMs,
        toMs: untilMs,
        watches: [watch.name],
        minScore: 0,
        limit: MAX_KEPT,
        signal: this.#abort.signal,
      });
      const { changed, gone } = episodeChanges(found, kept, fromMs);
      const records: AnomalyRecord[] = [];
      for (const { found: one, before } of changed) {
        const record = await this.#record(tenant, watch, one, before);
        records.push(record);
        if (before === null) events.began(tenant, watch, record);
      }
      await cold.writeAnomalies(records, gone, clock.now());
      this.#judgedUntil.set(key, untilMs);
    } catch (error) {
      if (!this.#abort.signal.aborted) events.failed(watch, error);
    }
  }

  async #record(tenant: Tenant, watch: Watch, { labels, episode }: FoundEpisode, before: AnomalyRecord | null): Promise<AnomalyRecord> {
    const { engine } = this.#options;
    const { fromMs, toMs, peakMs, value, expected, score, reason, open } = episode;
    // What made an episode is asked when it begins, and again when it is over.
    const settled = before !== null && before.open === open && before.peakMs === peakMs;
    const contributors = settled
      ? before.contributors
      : await findContributors(engine, tenant, watch, labels, { fromMs, toMs }, this.#abort.signal);
    return { tenant: tenant.name, watch: watch.name, labels, fromMs, toMs, peakMs, value, expected, score, reason, open, contributors };
  }
}
