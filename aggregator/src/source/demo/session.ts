// One visit to the demo shop, step by step: a Markov chain from the first page to the purchase, with its own random numbers.
// Invariant: a step depends on the session's own draws and on the incident that is on at its time, on nothing else.

import { CATEGORIES, COUNTRIES, DEVICES, pickProduct, PRODUCTS } from './catalogue.js';
import type { EventFacts, ShopEventType } from './event-json.js';
import type { Incident } from './incidents.js';
import { Random } from './random.js';

/** No step comes later than this after the session's start. */
export const SESSION_MAX_MS = 10 * 60_000;

/** Errors that happen on any day, as a share of steps. */
const BASE_ERROR_SHARE = 0.004;
const ERROR_STATUS = [500, 502, 503, 504];
const REFERRERS = [
  'https://www.google.com/',
  'https://duckduckgo.com/',
  'https://newsletter.example/',
  'direct',
  'https://www.instagram.com/',
];

const CATEGORY_PAGES = CATEGORIES.map((name) => `/category/${name}`);

type State = 'browse' | 'product' | 'cart' | 'checkout' | 'payment' | 'purchase' | 'over';

/** What a state leads to: cumulative shares in the order listed; what is missing to 1 is leaving. */
const NEXT: Readonly<Record<Exclude<State, 'over'>, readonly (readonly [State, number])[]>> = {
  browse: [
    ['product', 0.62],
    ['browse', 0.76],
  ],
  product: [
    ['product', 0.4],
    ['cart', 0.57],
    ['browse', 0.66],
  ],
  cart: [
    ['checkout', 0.46],
    ['product', 0.8],
  ],
  checkout: [['payment', 0.8]],
  payment: [['purchase', 1]],
  purchase: [['browse', 0.15]],
};

/** Mean think time before a state, ms. */
const THINK_MS: Readonly<Record<Exclude<State, 'over'>, number>> = {
  browse: 15_000,
  product: 18_000,
  cart: 14_000,
  checkout: 20_000,
  payment: 30_000,
  purchase: 600,
};

/** Median latency, tenths of a millisecond. */
const LATENCY_TENTHS: Readonly<Record<Exclude<State, 'over'>, number>> = {
  browse: 380,
  product: 450,
  cart: 620,
  checkout: 1_100,
  payment: 3_600,
  purchase: 900,
};

const TYPES: Readonly<Record<Exclude<State, 'over'>, ShopEventType>> = {
  browse: 'page_view',
  product: 'page_view',
  cart: 'cart_add',
  checkout: 'checkout_start',
  payment: 'payment_completed',
  purchase: 'purchase',
};

export class Session {
  readonly id: string;
  readonly user: number;
  readonly country: number;
  readonly device: number;
  readonly #random: Random;
  readonly #endMs: number;
  readonly #referrer: string;
  #state: State;
  #step = 0;
  #failures = 0;
  #product = -1;
  #quantity = 0;
  /** Time of the next step, epoch ms; Infinity when the visit is over. */
  nextMs: number;

  constructor(id: string, user: number, country: number, device: number, startMs: number, seed: number) {
    this.id = id;
    this.user = user;
    this.country = country;
    this.device = device;
    this.nextMs = startMs;
    this.#endMs = startMs + SESSION_MAX_MS;
    this.#random = new Random(seed);
    this.#referrer = REFERRERS[this.#random.below(REFERRERS.length)];
    this.#state = this.#random.next() < 0.45 ? 'product' : 'browse';
  }

  get random(): Random {
    return this.#random;
  }

  /**
   * Takes the step that is due at `nextMs` and plans the one after it.
   * @param incident what is on at that time
   */
  step(incident: Incident | null): EventFacts {
    const random = this.#random;
    const state = this.#state === 'over' ? 'browse' : this.#state;
    if (state === 'product' && this.#failures === 0) this.#product = pickProduct(random.next());
    if (state === 'browse') this.#product = -1;
    if (state === 'cart' && this.#failures === 0) this.#quantity = random.next() < 0.78 ? 1 : 2 + random.below(3);
    const failed = random.next() < this.#errorShare(state, incident);
    const slow = incident?.kind === 'slow_checkout' && (state === 'checkout' || state === 'payment') && this.#isAffected(incident);
    const latency = random.logNormal(LATENCY_TENTHS[state], 0.45) * (failed ? 12 : 1) * (slow ? incident.factor : 1);
    const buying = state !== 'browse' && state !== 'product';
    const facts: EventFacts = {
      step: this.#step,
      timeMs: this.nextMs,
      type: failed ? 'error' : TYPES[state],
      user: this.user,
      sessionId: this.id,
      country: this.country,
      device: this.device,
      product: this.#product,
      page: this.#page(state),
      amountCents: buying && !failed ? PRODUCTS[this.#product].cents * this.#quantity : 0,
      quantity: this.#quantity,
      latencyTenths: Math.round(latency),
      status: failed ? ERROR_STATUS[random.below(ERROR_STATUS.length)] : 200,
      referrer: this.#referrer,
    };
    this.#step++;
    this.#plan(state, failed);
    return facts;
  }

  #page(state: Exclude<State, 'over'>): string {
    switch (state) {
      case 'browse':
        return this.#step % 3 === 0 ? '/' : CATEGORY_PAGES[(this.user + this.#step) % CATEGORY_PAGES.length];
      case 'product':
        return PRODUCTS[this.#product].page;
      case 'cart':
        return '/cart';
      case 'checkout':
        return '/checkout';
      case 'payment':
        return '/checkout/payment';
      case 'purchase':
        return '/checkout/done';
    }
  }

  #errorShare(state: State, incident: Incident | null): number {
    if (incident !== null && this.#isAffected(incident)) {
      if (incident.kind === 'error_burst') return incident.factor;
      if (incident.kind === 'payment_outage' && state === 'payment') return 1;
    }
    return BASE_ERROR_SHARE;
  }

  #isAffected({ affects }: Incident): boolean {
    const category = this.#product < 0 ? '' : CATEGORIES[PRODUCTS[this.#product].category];
    return (
      (affects.country === undefined || affects.country === COUNTRIES[this.country]) &&
      (affects.device === undefined || affects.device === DEVICES[this.device]) &&
      (affects.category === undefined || affects.category === category)
    );
  }

  #plan(state: Exclude<State, 'over'>, failed: boolean): void {
    const random = this.#random;
    const choice = random.next();
    let thinkMs = 0;
    if (failed) {
      // Most people try again once or twice, and soon.
      this.#failures++;
      if (choice > 0.65 || this.#failures > 2) this.#state = 'over';
      thinkMs = 1_000 + random.below(4_000);
    } else {
      this.#failures = 0;
      this.#state = NEXT[state].find(([, upTo]) => choice < upTo)?.[0] ?? 'over';
      if (this.#state !== 'over') thinkMs = 50 + random.exponential(THINK_MS[this.#state]);
    }
    this.nextMs = this.#state === 'over' ? Number.POSITIVE_INFINITY : this.nextMs + Math.round(thinkMs);
    if (this.nextMs >= this.#endMs) this.nextMs = Number.POSITIVE_INFINITY;
  }
}
