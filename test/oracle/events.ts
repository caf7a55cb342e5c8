// The oracle's event log: seeded, with everything that makes numbers wrong: late events, duplicates, missing and odd values,
// refused records, names with quotes in them. Four partitions; a user's events stay in one.

import type { ScriptedRecord } from '../support/scripted-log.js';

/** mulberry32: small, seeded, good enough to draw test data. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const COUNTRIES = ['DE', 'FR', 'US', "C'IV", 'a"b', 'x\\y', "'; DROP TABLE events; --", 'Ünïcode 🌊', '}] return redis.call()'];
const DEVICES = ['phone', 'desktop', 'tablet'];
const CATEGORIES = ['shoes', 'books', 'toys', 'tools', 'food'];
const TYPES = ['page_view', 'page_view', 'page_view', 'page_view', 'cart_add', 'purchase', 'purchase', 'refund'];

export interface LogOptions {
  readonly seed: number;
  readonly events: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly partitions: number;
}

export function makeLog({ seed, events, startMs, endMs, partitions }: LogOptions): Map<string, ScriptedRecord[]> {
  const draw = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)];
  const log = new Map<string, ScriptedRecord[]>(Array.from({ length: partitions }, (_, i) => [`shop/${i}`, []]));
  for (let i = 0; i < events; i++) {
    const logTimeMs = Math.floor(startMs + ((endMs - startMs) * i) / events);
    const user = Math.floor(draw() ** 2 * 4_000);
    const records = log.get(`shop/${user % partitions}`);
    if (records === undefined) {
      throw new Error('no such partition');
    }
    const kind = draw();
    const offset = (records.at(-1)?.offset ?? -1) + (draw() < 0.01 ? 3 : 1);
    if (kind < 0.01 && records.length > 0) {
      // The same event again, as a producer's retry brings it.
      const again = records[Math.max(0, records.length - 1 - Math.floor(draw() * 50))];
      records.push({ offset, timestampMs: logTimeMs, value: again.value });
      continue;
    }
    if (kind < 0.013) {
      const rubbish = ['{"event_id":', '[1,2]', '{"event_id":"x"}', '{"event_id":"y","ts":"yesterday"}', '"text"', ''];
      records.push({ offset, timestampMs: logTimeMs, value: pick(rubbish) });
      continue;
    }
    const lateMs = draw() < 0.05 ? draw() * 600_000 : draw() < 0.3 ? draw() * 15_000 : draw() * 500;
    const type = pick(TYPES);
    const event: Record<string, unknown> = {
      event_id: `e-${seed}-${i}`,
      ts: new Date(Math.floor(logTimeMs - lateMs)).toISOString(),
      type,
      user_id: `user-${user}`,
      geo: draw() < 0.03 ? {} : { country: pick(COUNTRIES) },
      device: pick(DEVICES),
      product: { id: `p-${Math.floor(draw() ** 3 * 60)}`, category: pick(CATEGORIES) },
      latency_ms: Math.round(Math.exp(draw() * 7) * 10) / 10,
    };
    if (type === 'purchase') {
      event['amount'] = Math.round(draw() * 20_000) / 100;
      event['quantity'] = 1 + Math.floor(draw() * 4);
    } else if (type === 'refund') {
      event['amount'] = -Math.round(draw() * 5_000) / 100;
    }
    if (draw() < 0.1) {
      event['coupon'] = draw() < 0.2 ? null : 'SPRING';
    }
    records.push({ offset, timestampMs: logTimeMs, value: JSON.stringify(event) });
  }
  return log;
}
