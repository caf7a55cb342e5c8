// What each tenant may use: queries in flight, queries per second, events per second. Refused with 429 and when to retry.
// State: counters per tenant, in this process. A quota of 0 is no limit.

import type { Clock } from '../clock.js';
import type { Quotas, Tenant } from '../definition/model.js';
import { tooMany } from './api-error.js';

/** A bucket that holds one second's worth and refills steadily. */
class TokenBucket {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = perSecond;
    this.#atMs = clock.monotonic();
  }

  /**
   * Takes `count` tokens if there is at least one: a large request goes into debt and holds up the next ones, so that it is
   * possible at all. @returns 0 when taken, else ms until it may be tried again
   */
  take(count: number): number {
    const nowMs = this.#clock.monotonic();
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < Math.min(1, this.#perSecond)) return ((1 - this.#tokens) / this.#perSecond) * 1_000;
    this.#tokens -= count;
    return 0;
  }
}

interface Usage {
  inFlight: number;
  readonly queries: TokenBucket;
  readonly events: TokenBucket;
}

export class QuotaKeeper {
  readonly #clock: Clock;
  readonly #usage = new Map<string, Usage>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a request of some queries as begun. @returns must be called once when it has ended
   * @throws ApiError 429
   */
  beginQueries(tenant: Tenant, count: number): () => void {
    const { queriesInFlight, queriesPerSecond } = tenant.quotas;
    const usage = this.#of(tenant.name, tenant.quotas);
    // A request of more queries than the quota is let in when it is alone.
    if (queriesInFlight > 0 && usage.inFlight > 0 && usage.inFlight + count > queriesInFlight) {
      throw tooMany(
        'QUOTA_QUERIES_IN_FLIGHT',
        `${usage.inFlight} queries of this tenant are running, the quota is ${queriesInFlight}.`,
        'Wait for them to end, or raise quotas.queriesInFlight.',
        1_000,
      );
    }
    const waitMs = queriesPerSecond > 0 ? usage.queries.take(count) : 0;
    if (waitMs > 0) {
      throw tooMany(
        'QUOTA_QUERY_RATE',
        `This tenant asks more than ${queriesPerSecond} queries per second.`,
        'Ask less often, or raise quotas.queriesPerSecond.',
        waitMs,
      );
    }
    usage.inFlight += count;
    let ended = false;
    return () => {
      if (!ended) usage.inFlight -= count;
      ended = true;
    };
  }

  /** @throws ApiError 429 */
  takeEvents(tenant: Tenant, count: number): void {
    const { ingestEventsPerSecond } = tenant.quotas;
    if (ingestEventsPerSecond === 0) return;
    const waitMs = this.#of(tenant.name, tenant.quotas).events.take(count);
    if (waitMs > 0) {
      throw tooMany(
        'QUOTA_INGEST_RATE',
        `This tenant sends more than ${ingestEventsPerSecond} events per second.`,
        'Send the events again later, or raise quotas.ingestEventsPerSecond.',
        waitMs,
      );
    }
  }

  #of(name: string, quotas: Quotas): Usage {
    const known = this.#usage.get(name);
    if (known !== undefined) return known;
    const usage = {
      inFlight: 0,
      queries: new TokenBucket(quotas.queriesPerSecond, this.#clock),
      events: new TokenBucket(quotas.ingestEventsPerSecond, this.#clock),
    };
    this.#usage.set(name, usage);
    return usage;
  }
}
