// What each tenant may hold open in this process: connections, subscriptions, distinct questions. Refused with 429 in the API's form.
// A quota of 0 is no limit. State: counters.

import { tooMany, type ApiError } from '../api/api-error.js';
import type { Tenant } from '../definition/model.js';

interface Usage {
  connections: number;
  subscriptions: number;
  questions: number;
}

export class LiveQuotas {
  readonly #usage = new Map<string, Usage>();

  /** A connection without a subscription counts as one that may have some. @throws ApiError 429 */
  admit(tenant: Tenant): void {
    const { connections } = this.#of(tenant);
    const most = tenant.quotas.liveSubscriptions;
    if (most > 0 && connections >= most)
      throw refusal('QUOTA_LIVE_CONNECTIONS', connections, 'live connections', 'liveSubscriptions', most);
  }

  connect(tenant: Tenant): void {
    this.#of(tenant).connections++;
  }

  disconnect(tenant: Tenant): void {
    this.#of(tenant).connections--;
  }

  /** @throws ApiError 429 */
  subscribe(tenant: Tenant, isNewQuestion: boolean): void {
    const usage = this.#of(tenant);
    const { liveSubscriptions, liveQueries } = tenant.quotas;
    if (liveSubscriptions > 0 && usage.subscriptions >= liveSubscriptions) {
      throw refusal('QUOTA_LIVE_SUBSCRIPTIONS', usage.subscriptions, 'live subscriptions', 'liveSubscriptions', liveSubscriptions);
    }
    if (isNewQuestion && liveQueries > 0 && usage.questions >= liveQueries) {
      throw refusal('QUOTA_LIVE_QUERIES', usage.questions, 'distinct live queries', 'liveQueries', liveQueries);
    }
    usage.subscriptions++;
    if (isNewQuestion) usage.questions++;
  }

  unsubscribe(tenant: Tenant, wasLastOfQuestion: boolean): void {
    const usage = this.#of(tenant);
    usage.subscriptions--;
    if (wasLastOfQuestion) usage.questions--;
  }

  #of({ name }: Tenant): Usage {
    const known = this.#usage.get(name);
    if (known !== undefined) return known;
    const usage = { connections: 0, subscriptions: 0, questions: 0 };
    this.#usage.set(name, usage);
    return usage;
  }
}

function refusal(code: string, has: number, what: string, quota: string, most: number): ApiError {
  return tooMany(
    code,
    `This tenant has ${has} ${what} here, the quota is ${most}.`,
    `Close some, ask another process, or raise quotas.${quota}.`,
    5_000,
  );
}
