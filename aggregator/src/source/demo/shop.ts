// The demo shop's stream of events. Pure: the events that arrive in a second follow from the seed and that second alone, however the
// range is sliced, because visits are planned from their starting second on and last at most ten minutes.
// What is kept between calls is only a memory of the visits under way, so that reading on is cheap.

import { countryOf, countryShare, COUNTRIES, deviceOf, DEVICES, pickProduct, PRODUCTS } from './catalogue.js';
import { TimeTexts, userId, writeEventJson, type EventFacts } from './event-json.js';
import { incidentAt, INCIDENT_SLOT_MS, type Incident } from './incidents.js';
import { mix, Random } from './random.js';
import { rhythm } from './rhythm.js';
import { Session, SESSION_MAX_MS } from './session.js';

export interface ShopOptions {
  readonly seed: number;
  /** Events per second, mean over a week. */
  readonly rate: number;
  /** Something goes wrong once in so long; null: never. Default: a quarter of an hour. */
  readonly incidentsEveryMs?: number | null;
}

export interface ShopEvent {
  /** When it arrives, epoch ms. */
  readonly sentMs: number;
  /** Its own time (`ts`), at or before it. */
  readonly timeMs: number;
  readonly userId: string;
  /** One JSON object, ASCII; made anew at each reading. */
  readonly json: string;
}

export interface Shop {
  /** Events that arrive in [fromMs, toMs), by arrival. */
  eventsBetween(fromMs: number, toMs: number): readonly ShopEvent[];
}

/** Arrivals after their event time reach at most this far, but for those sent by phones that were offline. */
const DELAY_MAX_MS = 110_000;
const RETRY_MAX_MS = 8_000;
const OFFLINE_MAX_MS = 3 * 3_600_000;
const LOOK_BACK_SECONDS = Math.ceil((SESSION_MAX_MS + DELAY_MAX_MS + RETRY_MAX_MS) / 1_000) + 1;

const DUPLICATE_SHARE = 0.006;
const OFFLINE_SHARE = 0.001;
/** Mean arrivals per usual visit, duplicates and incidents included: measured (shop.test.ts holds the rate to what was asked for). */
const EVENTS_PER_SESSION = 3.48;

/** On its way. Its texts are made when they are asked for: a second's worth of them would keep the garbage collector busy. */
class Arrival implements ShopEvent {
  constructor(
    readonly sentMs: number,
    readonly facts: EventFacts,
    readonly times: TimeTexts,
  ) {}

  get timeMs(): number {
    return this.facts.timeMs;
  }

  get userId(): string {
    return userId(this.facts.user);
  }

  get json(): string {
    return writeEventJson(this.facts, this.times);
  }
}

export function createShop(options: ShopOptions): Shop {
  return new ShopGenerator(options);
}

class ShopGenerator implements Shop {
  readonly #seed: number;
  readonly #sessionsPerSecond: number;
  readonly #offlinePerSecond: number;
  readonly #users: number;
  readonly #incidentsEveryMs: number | null;
  readonly #times = new TimeTexts();
  /** Visits by the second of their next step, and arrivals by second. */
  #steps = new Map<number, Session[]>();
  #arrivals = new Map<number, Arrival[]>();
  /** First second whose arrivals are wanted; before it visits are only carried forward. */
  #wantedFrom = 0;
  #nextSecond = Number.NaN;
  #last: readonly ShopEvent[] = [];

  constructor({ seed, rate, incidentsEveryMs = INCIDENT_SLOT_MS }: ShopOptions) {
    this.#seed = seed;
    this.#incidentsEveryMs = incidentsEveryMs;
    this.#sessionsPerSecond = (rate * (1 - OFFLINE_SHARE)) / EVENTS_PER_SESSION;
    this.#offlinePerSecond = rate * OFFLINE_SHARE;
    // A larger shop has more customers, not busier ones: each comes back about weekly.
    this.#users = Math.max(2_000, Math.ceil(this.#sessionsPerSecond * 3 * 86_400));
  }

  eventsBetween(fromMs: number, toMs: number): readonly ShopEvent[] {
    const events: ShopEvent[] = [];
    for (let second = Math.floor(fromMs / 1_000); second * 1_000 < toMs; second++) {
      const whole = second * 1_000 >= fromMs && (second + 1) * 1_000 <= toMs;
      for (const event of this.#second(second)) {
        if (whole || (event.sentMs >= fromMs && event.sentMs < toMs)) events.push(event);
      }
    }
    return events;
  }

  #second(second: number): readonly ShopEvent[] {
    if (second === this.#nextSecond - 1) return this.#last;
    if (second !== this.#nextSecond) {
      this.#steps = new Map();
      this.#arrivals = new Map();
      this.#wantedFrom = second;
      this.#nextSecond = second - LOOK_BACK_SECONDS;
    }
    while (this.#nextSecond <= second) this.#simulate(this.#nextSecond++);
    this.#last = byMillisecond(this.#arrivals.get(second) ?? [], second);
    this.#arrivals.delete(second);
    return this.#last;
  }

  #simulate(second: number): void {
    const incident = this.#incidentsEveryMs === null ? null : incidentAt(this.#seed, second * 1_000, this.#incidentsEveryMs);
    this.#start(second, incident);
    const due = this.#steps.get(second) ?? [];
    this.#steps.delete(second);
    const endMs = (second + 1) * 1_000;
    for (const session of due) {
      while (session.nextMs < endMs) this.#deliver(session.step(incident), session.random);
      this.#schedule(session);
    }
  }

  #schedule(session: Session): void {
    if (session.nextMs === Number.POSITIVE_INFINITY) return;
    const second = Math.floor(session.nextMs / 1_000);
    const list = this.#steps.get(second);
    if (list === undefined) this.#steps.set(second, [session]);
    else list.push(session);
  }

  /** Visits that begin in this second, and what phones send that were offline. */
  #start(second: number, incident: Incident | null): void {
    const random = new Random(mix(this.#seed, second, 1));
    const usual = this.#sessionsPerSecond * rhythm(second * 1_000);
    const traffic = incident?.kind === 'traffic_spike' || incident?.kind === 'traffic_drop' ? incident : null;
    const everywhere = traffic !== null && traffic.affects.country === undefined ? traffic.factor : 1;
    const there = traffic?.affects.country === undefined ? -1 : COUNTRIES.indexOf(traffic.affects.country);
    const factorThere = traffic?.factor ?? 1;
    let index = 0;
    for (let left = random.poisson(usual * everywhere); left > 0; left--) {
      const user = this.#drawUser(random);
      const country = countryOf(user);
      const stays = random.next();
      if (country === there && stays >= factorThere) continue;
      this.#begin(random, second, index++, user, country);
    }
    if (there >= 0 && factorThere > 1) {
      for (let left = random.poisson(usual * (factorThere - 1) * countryShare(there)); left > 0; left--) {
        this.#begin(random, second, index++, this.#drawUserOf(random, there), there);
      }
    }
    for (let left = random.poisson(this.#offlinePerSecond); left > 0; left--) this.#sendOffline(random, second, index++);
  }

  /** Some come often, most seldom. */
  #drawUser(random: Random): number {
    return Math.floor(this.#users * random.next() ** 1.5);
  }

  #drawUserOf(random: Random, country: number): number {
    for (let tries = 0; tries < 1_000; tries++) {
      const user = this.#drawUser(random);
      if (countryOf(user) === country) return user;
    }
    return 0;
  }

  #begin(random: Random, second: number, index: number, user: number, country: number): void {
    const startMs = second * 1_000 + random.below(1_000);
    const id = `s-${this.#seed.toString(36)}-${second.toString(36)}-${index.toString(36)}`;
    this.#schedule(new Session(id, user, country, deviceOf(user), startMs, mix(this.#seed, second, index, 2)));
  }

  #sendOffline(random: Random, second: number, index: number): void {
    const sentMs = second * 1_000 + random.below(1_000);
    const user = this.#drawUser(random);
    const product = pickProduct(random.next());
    const id = `o-${this.#seed.toString(36)}-${second.toString(36)}-${index.toString(36)}`;
    const timeMs = sentMs - 120_000 - Math.floor((OFFLINE_MAX_MS - 120_000) * random.next() ** 3);
    const facts: EventFacts = {
      step: 0,
      timeMs,
      type: 'page_view',
      user,
      sessionId: id,
      country: countryOf(user),
      device: DEVICES.indexOf('mobile'),
      product,
      page: PRODUCTS[product].page,
      amountCents: 0,
      quantity: 0,
      latencyTenths: Math.round(random.logNormal(450, 0.45)),
      status: 200,
      referrer: 'direct',
    };
    this.#arrive(facts, sentMs);
  }

  /** Puts a step on its way: mostly at once, sometimes held up, sometimes sent twice. */
  #deliver(facts: EventFacts, random: Random): void {
    const kind = random.next();
    const uniform = random.next();
    const delayMs = kind < 0.93 ? 20 + 380 * uniform : kind < 0.99 ? 400 + 9_600 * uniform : 10_000 + (DELAY_MAX_MS - 10_000) * uniform;
    const sentMs = facts.timeMs + Math.floor(delayMs);
    this.#arrive(facts, sentMs);
    if (random.next() < DUPLICATE_SHARE) this.#arrive(facts, sentMs + 200 + random.below(RETRY_MAX_MS - 200));
  }

  #arrive(facts: EventFacts, sentMs: number): void {
    const second = Math.floor(sentMs / 1_000);
    if (second < this.#wantedFrom) return;
    const list = this.#arrivals.get(second);
    const arrival = new Arrival(sentMs, facts, this.#times);
    if (list === undefined) this.#arrivals.set(second, [arrival]);
    else list.push(arrival);
  }
}

/** A second's arrivals in the order of time; those of one millisecond keep the order in which they were planned, which is always the same. */
function byMillisecond(arrivals: readonly Arrival[], second: number): Arrival[] {
  const next = new Uint32Array(1_001);
  for (const { sentMs } of arrivals) next[sentMs - second * 1_000 + 1]++;
  for (let ms = 1; ms <= 1_000; ms++) next[ms] += next[ms - 1];
  const sorted: Arrival[] = new Array<Arrival>(arrivals.length);
  for (const arrival of arrivals) sorted[next[arrival.sentMs - second * 1_000]++] = arrival;
  return sorted;
}
