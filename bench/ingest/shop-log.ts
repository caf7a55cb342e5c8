// The demo shop's events in a Kafka topic, and beside them what every count must come to: a plain pass over the same events that
// shares no code with the aggregator.

import { createShop } from '../../aggregator/src/source/demo/shop.js';
import type { TopicProducer } from '../harness/topic-producer.js';

export interface Expected {
  /** Records in the log, duplicates included. */
  readonly records: number;
  readonly bytes: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly purchases: number;
  readonly revenueCents: number;
  readonly byCountry: ReadonlyMap<string, number>;
  /** Epoch minute → events. */
  readonly byMinute: ReadonlyMap<number, number>;
}

/** A repeated event follows the first one within seconds; ids are remembered for this long. */
const REMEMBER_MS = 60_000;

export interface ShopLogOptions {
  readonly events: number;
  readonly untilMs: number;
  readonly spanMs: number;
  readonly seed: number;
}

/** Writes exactly `events` events, in the order of arrival, whose arrivals are spread over the `spanMs` before `untilMs`. */
export async function writeShopLog(producer: TopicProducer, options: ShopLogOptions): Promise<Expected> {
  const { events, untilMs, spanMs, seed } = options;
  const shop = createShop({ seed, rate: rateFor(options) });
  const oracle = new Oracle();
  let written = 0;
  for (let fromMs = untilMs - spanMs; written < events; fromMs += 1_000) {
    if (fromMs >= untilMs) throw new Error(`the shop had only ${written} of ${events} events in the time; try another --seed`);
    for (const event of shop.eventsBetween(fromMs, fromMs + 1_000)) {
      if (written === events) break;
      const { json } = event;
      oracle.take(json, event.sentMs);
      written++;
      const waiting = producer.add(producer.partitionOf(event.userId), event.userId, json, event.sentMs);
      if (waiting !== null) await waiting;
    }
  }
  await producer.flush();
  return oracle.expected();
}

/** The shop's mean rate that gives a little more than the wanted events at this time of its day. */
function rateFor({ events, untilMs, spanMs, seed }: ShopLogOptions): number {
  const wanted = (events * 1.03) / (spanMs / 1_000);
  const sample = wanted / 20;
  const sampled = createShop({ seed, rate: sample }).eventsBetween(untilMs - spanMs, untilMs).length / (spanMs / 1_000);
  return wanted * (sample / sampled);
}

interface ShopRecord {
  readonly event_id: string;
  readonly ts: string;
  readonly type: string;
  readonly geo: { readonly country: string };
  readonly amount?: number;
}

class Oracle {
  #records = 0;
  #bytes = 0;
  #applied = 0;
  #duplicates = 0;
  #purchases = 0;
  #revenueCents = 0;
  readonly #byCountry = new Map<string, number>();
  readonly #byMinute = new Map<number, number>();
  #recent = new Set<string>();
  #older = new Set<string>();
  #renewedMs = 0;

  take(json: string, sentMs: number): void {
    this.#records++;
    this.#bytes += json.length;
    const event = JSON.parse(json) as ShopRecord;
    if (sentMs - this.#renewedMs > REMEMBER_MS) {
      this.#older = this.#recent;
      this.#recent = new Set();
      this.#renewedMs = sentMs;
    }
    if (this.#recent.has(event.event_id) || this.#older.has(event.event_id)) {
      this.#duplicates++;
      return;
    }
    this.#recent.add(event.event_id);
    this.#applied++;
    const { country } = event.geo;
    this.#byCountry.set(country, (this.#byCountry.get(country) ?? 0) + 1);
    const minute = Math.floor(Date.parse(event.ts) / 60_000);
    this.#byMinute.set(minute, (this.#byMinute.get(minute) ?? 0) + 1);
    if (event.type === 'purchase') {
      this.#purchases++;
      this.#revenueCents += Math.round((event.amount ?? 0) * 100);
    }
  }

  expected(): Expected {
    return {
      records: this.#records,
      bytes: this.#bytes,
      applied: this.#applied,
      duplicates: this.#duplicates,
      purchases: this.#purchases,
      revenueCents: this.#revenueCents,
      byCountry: this.#byCountry,
      byMinute: this.#byMinute,
    };
  }
}
