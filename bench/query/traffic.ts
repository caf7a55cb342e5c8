// Events with 2,000 series: every combination of 50 countries, 4 devices and 10 categories. Plain and fast to write; the same
// numbers always give the same events. What fills the stack and what loads it come from here.

import type { TopicProducer } from '../harness/topic-producer.js';

export const COUNTRIES = 50;
export const DEVICES = ['mobile', 'desktop', 'tablet', 'tv'] as const;
export const CATEGORIES = 10;
export const SERIES = COUNTRIES * DEVICES.length * CATEGORIES;

const USERS = 200_000;
const PRODUCTS = 500;
const PAGES = 40;
/** Ready-made second halves of events per series: enough that latencies and amounts look spread. */
const VARIANTS = 16;
const MINUTE_MS = 60_000;

export function countryName(index: number): string {
  return `C${String(index).padStart(2, '0')}`;
}

export class Traffic {
  readonly #producer: TopicProducer;
  readonly #partitions: number;
  /** By series × variant. */
  readonly #tails: readonly string[];
  #random: number;
  #count = 0;
  #second = Number.NaN;
  #secondText = '';

  constructor(producer: TopicProducer, partitions: number, seed: number) {
    this.#producer = producer;
    this.#partitions = partitions;
    this.#random = seed | 1;
    this.#tails = Array.from({ length: SERIES * VARIANTS }, (_, i) => this.#tail(Math.floor(i / VARIANTS)));
  }

  get count(): number {
    return this.#count;
  }

  /** Events of one minute, `perSeries` for each series, in the order of time. @param untilMs leaves out what is later */
  async minute(startMs: number, perSeries: number, untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    const events = SERIES * perSeries;
    for (let i = 0; i < events; i++) {
      const timeMs = startMs + Math.floor((i * MINUTE_MS) / events);
      if (timeMs >= untilMs) return;
      // A stride that meets every series: neighbours in time are of different series.
      const waiting = this.#event((i * 737) % SERIES, timeMs);
      if (waiting !== null) await waiting;
    }
  }

  /** Events of [fromMs, toMs) at a rate, of any series. */
  async flow(fromMs: number, toMs: number, perSecond: number): Promise<void> {
    const events = Math.round(((toMs - fromMs) / 1_000) * perSecond);
    for (let i = 0; i < events; i++) {
      const waiting = this.#event(this.#below(SERIES), fromMs + Math.floor((i * (toMs - fromMs)) / events));
      if (waiting !== null) await waiting;
    }
  }

  #event(series: number, timeMs: number): Promise<void> | null {
    const second = Math.floor(timeMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1_000).toISOString().slice(0, 20);
    }
    const user = `u-${this.#below(USERS)}`;
    const millis = String(timeMs - second * 1_000).padStart(3, '0');
    const tail = this.#tails[series * VARIANTS + this.#below(VARIANTS)];
    const value = `{"event_id":"e-${timeMs.toString(36)}-${this.#count++}","ts":"${this.#secondText}${millis}Z","user_id":"${user}",${tail}`;
    return this.#producer.add(series % this.#partitions, user, value, timeMs);
  }

  #tail(series: number): string {
    const country = countryName(Math.floor(series / (DEVICES.length * CATEGORIES)));
    const device = DEVICES[Math.floor(series / CATEGORIES) % DEVICES.length];
    const kind = this.#below(100);
    const type =
      kind < 70
        ? 'page_view'
        : kind < 82
          ? 'cart_add'
          : kind < 88
            ? 'checkout_start'
            : kind < 92
              ? 'payment_completed'
              : kind < 97
                ? 'purchase'
                : 'error';
    const paid = type === 'purchase' ? `,"quantity":${1 + this.#below(4)},"amount":${(500 + this.#below(20_000)) / 100}` : '';
    // Skewed, as latencies are.
    const latency = (20 + this.#below(400) + (this.#below(20) === 0 ? this.#below(4_000) : 0)) / 10;
    return (
      `"type":"${type}","geo":{"country":"${country}"},"device":"${device}","page":"/p/${this.#below(PAGES)}",` +
      `"product":{"id":"p-${this.#below(PRODUCTS)}","category":"c${series % CATEGORIES}"}${paid},"latency_ms":${latency}}`
    );
  }

  /** xorshift32. */
  #below(limit: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % limit;
  }
}
