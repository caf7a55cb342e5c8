// An event of the demo shop as JSON text, put together by hand: twice as fast as JSON.stringify, which is the test's reference.
// Every value is plain ASCII without quotes or backslashes, so nothing needs escaping.

import { CATEGORIES, COUNTRIES, DEVICES, PRODUCTS } from './catalogue.js';

export type ShopEventType = 'page_view' | 'cart_add' | 'checkout_start' | 'payment_completed' | 'purchase' | 'error';

/** Everything that one event says. */
export interface EventFacts {
  /** Number of the event in its session; together they are the event's id. */
  readonly step: number;
  /** Event time, epoch ms. */
  readonly timeMs: number;
  readonly type: ShopEventType;
  readonly user: number;
  readonly sessionId: string;
  /** Indices into the catalogue; product -1: none. */
  readonly country: number;
  readonly device: number;
  readonly product: number;
  readonly page: string;
  /** 0: left out, as is `quantity`. */
  readonly amountCents: number;
  readonly quantity: number;
  /** Tenths of a millisecond. */
  readonly latencyTenths: number;
  readonly status: number;
  readonly referrer: string;
}

/** The event's JSON, about 280 bytes. */
export function writeEventJson(event: EventFacts, times: TimeTexts): string {
  const { product } = event;
  return (
    `{"event_id":"${event.sessionId}-${event.step}","ts":"${times.iso(event.timeMs)}","type":"${event.type}","user_id":"${userId(event.user)}",` +
    `"session_id":"${event.sessionId}","geo":{"country":"${COUNTRIES[event.country]}"},"device":"${DEVICES[event.device]}","page":"${event.page}"` +
    (product < 0 ? '' : `,"product":{"id":"${PRODUCTS[product].id}","category":"${CATEGORIES[PRODUCTS[product].category]}"}`) +
    (event.amountCents === 0 ? '' : `,"quantity":${event.quantity},"amount":${event.amountCents / 100}`) +
    `,"latency_ms":${event.latencyTenths / 10},"status":${event.status},"referrer":"${event.referrer}"}`
  );
}

export function userId(user: number): string {
  return `u-${user}`;
}

/** ISO 8601 texts with milliseconds; keeps the last second's. */
export class TimeTexts {
  #second = Number.NaN;
  #text = '';

  iso(ms: number): string {
    const second = Math.floor(ms / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1_000).toISOString().slice(0, 20);
    }
    const rest = ms - second * 1_000;
    return `${this.#text}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
  }
}
