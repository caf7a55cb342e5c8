import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CATEGORIES, COUNTRIES, DEVICES } from './catalogue.js';
import { incidentsBetween, INCIDENT_SLOT_MS, type Incident } from './incidents.js';
import { rhythm } from './rhythm.js';
import { createShop, type ShopEvent } from './shop.js';

const MONDAY = Date.UTC(2026, 2, 2);
const HOUR_MS = 3_600_000;

interface Event {
  readonly event_id: string;
  readonly ts: string;
  readonly type: string;
  readonly user_id: string;
  readonly session_id: string;
  readonly geo: { readonly country: string };
  readonly device: string;
  readonly page: string;
  readonly product?: { readonly id: string; readonly category: string };
  readonly quantity?: number;
  readonly amount?: number;
  readonly latency_ms: number;
  readonly status: number;
}

function eventsOf(
  seed: number,
  rate: number,
  fromMs: number,
  toMs: number,
): (Event & { readonly sentMs: number; readonly timeMs: number })[] {
  return createShop({ seed, rate })
    .eventsBetween(fromMs, toMs)
    .map(({ sentMs, json }) => {
      const event = JSON.parse(json) as Event;
      return { ...event, sentMs, timeMs: Date.parse(event.ts) };
    });
}

function texts(events: readonly ShopEvent[]): string[] {
  return events.map(({ sentMs, userId, json }) => `${sentMs} ${userId} ${json}`);
}

/** The first incident of a kind at or after a time. */
function nextIncident(seed: number, fromMs: number, fits: (incident: Incident) => boolean): Incident {
  const found = incidentsBetween(seed, fromMs, fromMs + 7 * 24 * HOUR_MS).find(fits);
  if (found === undefined) throw new Error('no such incident in a week');
  return found;
}

describe('demo shop', () => {
  it('gives the same events for the same seed and time, and others for another seed', () => {
    const [a, b] = [createShop({ seed: 7, rate: 40 }), createShop({ seed: 7, rate: 40 })];
    expect(texts(a.eventsBetween(MONDAY, MONDAY + 60_000))).toEqual(texts(b.eventsBetween(MONDAY, MONDAY + 60_000)));
    expect(texts(createShop({ seed: 8, rate: 40 }).eventsBetween(MONDAY, MONDAY + 60_000))).not.toEqual(
      texts(a.eventsBetween(MONDAY, MONDAY + 60_000)),
    );
  });

  it('gives the same events however the range is sliced, in whatever order it is asked for', () => {
    const spanMs = 40_000;
    const whole = texts(createShop({ seed: 3, rate: 30 }).eventsBetween(MONDAY, MONDAY + spanMs));
    expect(whole.length).toBeGreaterThan(300);
    fc.assert(
      fc.property(fc.array(fc.nat(spanMs), { maxLength: 12 }), fc.boolean(), (cuts, backwards) => {
        const bounds = [0, ...cuts, spanMs].sort((x, y) => x - y);
        const ranges = bounds.slice(1).map((to, i): [number, number] => [bounds[i], to]);
        const shop = createShop({ seed: 3, rate: 30 });
        const parts = backwards
          ? ranges
              .reverse()
              .map(([from, to]) => texts(shop.eventsBetween(MONDAY + from, MONDAY + to)))
              .reverse()
          : ranges.map(([from, to]) => texts(shop.eventsBetween(MONDAY + from, MONDAY + to)));
        expect(parts.flat()).toEqual(whole);
      }),
      { numRuns: 15 },
    );
  });

  it('does not depend on where it was started: hours of history lead to the same present', () => {
    const shop = createShop({ seed: 5, rate: 20 });
    shop.eventsBetween(MONDAY, MONDAY + HOUR_MS);
    const later = MONDAY + HOUR_MS;
    expect(texts(shop.eventsBetween(later, later + 60_000))).toEqual(
      texts(createShop({ seed: 5, rate: 20 }).eventsBetween(later, later + 60_000)),
    );
  });

  it('sends by arrival, never before the event time, mostly at once, sometimes minutes and at most three hours late', () => {
    const events = eventsOf(1, 15, MONDAY, MONDAY + HOUR_MS);
    const delays = events.map(({ sentMs, timeMs }) => sentMs - timeMs);
    expect(events.every(({ sentMs }, i) => i === 0 || sentMs >= events[i - 1].sentMs)).toBe(true);
    expect(delays.every((delay) => delay >= 0 && delay <= 3 * HOUR_MS)).toBe(true);
    const share = (fits: (delay: number) => boolean): number => delays.filter(fits).length / delays.length;
    expect(share((d) => d < 1_000)).toBeGreaterThan(0.9);
    expect(share((d) => d > 30_000)).toBeGreaterThan(0.002);
    expect(share((d) => d > 5 * 60_000)).toBeGreaterThan(0.000_1);
  });

  it('repeats some events exactly, under the same id, and no other id twice', () => {
    const byId = new Map<string, string[]>();
    const arrivals = createShop({ seed: 1, rate: 30 }).eventsBetween(MONDAY, MONDAY + 20 * 60_000);
    for (const { json } of arrivals) {
      const id = (JSON.parse(json) as Event).event_id;
      byId.set(id, [...(byId.get(id) ?? []), json]);
    }
    const repeated = [...byId.values()].filter((copies) => copies.length > 1);
    expect(repeated.length / arrivals.length).toBeGreaterThan(0.003);
    expect(repeated.length / arrivals.length).toBeLessThan(0.01);
    expect(repeated.every((copies) => new Set(copies).size === 1)).toBe(true);
  });

  it('keeps to the rate, over a week', () => {
    const shop = createShop({ seed: 1, rate: 2 });
    let count = 0;
    for (let hour = 0; hour < 7 * 24; hour++) count += shop.eventsBetween(MONDAY + hour * HOUR_MS, MONDAY + (hour + 1) * HOUR_MS).length;
    expect(count / (7 * 24 * 3_600) / 2).toBeGreaterThan(0.95);
    expect(count / (7 * 24 * 3_600) / 2).toBeLessThan(1.05);
  });

  it('sells in the evening more than at night, and follows the rhythm', () => {
    const count = (hour: number): number => {
      let sum = 0;
      for (let day = 0; day < 3; day++)
        sum += createShop({ seed: 2, rate: 20 }).eventsBetween(
          MONDAY + (day * 24 + hour) * HOUR_MS,
          MONDAY + (day * 24 + hour + 1) * HOUR_MS,
        ).length;
      return sum;
    };
    expect(count(20) / count(4)).toBeGreaterThan(2);
    const week = Array.from({ length: 7 * 24 * 60 }, (_, minute) => rhythm(MONDAY + minute * 60_000));
    expect(week.reduce((a, b) => a + b) / week.length).toBeCloseTo(1, 6);
    expect(Math.min(...week)).toBeGreaterThan(0.1);
    const sunday = rhythm(Date.UTC(2026, 2, 1, 12));
    expect(sunday).toBeGreaterThan(rhythm(Date.UTC(2026, 2, 4, 12)));
  });

  it('writes events as a shop would: known values, prices, funnels in order', () => {
    const arrivals = createShop({ seed: 1, rate: 20 }).eventsBetween(MONDAY, MONDAY + 1_200_000);
    const bytes = arrivals.reduce((sum, { json }) => sum + json.length, 0) / arrivals.length;
    expect(bytes).toBeGreaterThan(260);
    expect(bytes).toBeLessThan(320);
    const sessions = new Map<string, Event[]>();
    for (const { json, userId } of arrivals) {
      const event = JSON.parse(json) as Event;
      const sound =
        JSON.stringify(event) === json &&
        event.user_id === userId &&
        COUNTRIES.includes(event.geo.country) &&
        DEVICES.includes(event.device) &&
        (event.product === undefined || CATEGORIES.includes(event.product.category)) &&
        event.latency_ms > 0 &&
        event.status >= 500 === (event.type === 'error') &&
        (event.type !== 'purchase' || (event.amount ?? 0) > 0);
      expect(sound, json).toBe(true);
      sessions.set(event.session_id, [...(sessions.get(event.session_id) ?? []), event]);
    }
    const types = new Set(arrivals.map(({ json }) => (JSON.parse(json) as Event).type));
    expect([...types].sort()).toEqual(['cart_add', 'checkout_start', 'error', 'page_view', 'payment_completed', 'purchase']);
    let whole = 0;
    for (const events of sessions.values()) {
      const inOrder = [...new Map(events.map((event) => [event.event_id, event])).values()].sort((a, b) => a.ts.localeCompare(b.ts));
      expect(new Set(inOrder.map(({ user_id }) => user_id)).size).toBe(1);
      const bought = inOrder.findIndex(({ type }) => type === 'purchase');
      // Those whose every earlier step has arrived in the range.
      if (bought < 0 || !inOrder[bought].event_id.endsWith(`-${bought}`)) continue;
      whole++;
      const before = inOrder.slice(0, bought).map(({ type }) => type);
      expect(before.filter((type) => type !== 'error' && type !== 'page_view').join()).toMatch(
        /cart_add,checkout_start,payment_completed$/,
      );
    }
    expect(whole).toBeGreaterThan(50);
  });
});

describe('incidents', () => {
  it('come once in every quarter hour, leave quiet in between, and are the same whenever asked', () => {
    const incidents = incidentsBetween(1, MONDAY, MONDAY + 24 * HOUR_MS);
    expect(incidents).toHaveLength(96);
    incidents.forEach(({ fromMs, toMs }, i) => {
      expect(Math.floor(fromMs / INCIDENT_SLOT_MS)).toBe(MONDAY / INCIDENT_SLOT_MS + i);
      expect(toMs - fromMs).toBeGreaterThanOrEqual(60_000);
      expect(toMs - fromMs).toBeLessThanOrEqual(300_000);
      expect(toMs).toBeLessThanOrEqual((MONDAY / INCIDENT_SLOT_MS + i + 1) * INCIDENT_SLOT_MS);
    });
    expect(new Set(incidents.map(({ kind }) => kind)).size).toBe(5);
    expect(incidentsBetween(1, MONDAY, MONDAY + 24 * HOUR_MS, 6 * HOUR_MS)).toHaveLength(4);
    fc.assert(
      fc.property(fc.nat(24 * HOUR_MS), fc.nat(2 * HOUR_MS), (from, span) => {
        const expected = incidents.filter((incident) => incident.toMs > MONDAY + from && incident.fromMs < MONDAY + from + span);
        const within = incidentsBetween(1, MONDAY + from, MONDAY + from + span).filter(({ fromMs }) => fromMs < MONDAY + 24 * HOUR_MS);
        expect(within).toEqual(expected);
      }),
    );
  });

  it('can be left out: a day on which nothing goes wrong', () => {
    const burst = nextIncident(1, MONDAY, ({ kind, affects }) => kind === 'error_burst' && affects.country === undefined);
    const errors = (incidentsEveryMs: number | null): number =>
      createShop({ seed: 1, rate: 60, incidentsEveryMs })
        .eventsBetween(burst.fromMs, burst.toMs)
        .filter(({ json }) => json.includes('"type":"error"')).length;
    expect(errors(null)).toBeLessThan(errors(INCIDENT_SLOT_MS) / 5);
  });

  it('show in the events: errors, failed payments, slow checkouts, more and fewer visits', () => {
    const during = (incident: Incident) =>
      eventsOf(1, 60, incident.fromMs, incident.toMs + 120_000).filter(({ timeMs }) => timeMs >= incident.fromMs && timeMs < incident.toMs);
    const before = (incident: Incident) =>
      eventsOf(1, 60, incident.fromMs - 60_000, incident.fromMs + 60_000).filter(
        ({ timeMs }) => timeMs >= incident.fromMs - 60_000 && timeMs < incident.fromMs,
      );
    const share = (events: readonly Event[], type: string): number =>
      events.filter((event) => event.type === type).length / Math.max(1, events.length);

    const burst = nextIncident(1, MONDAY, ({ kind, affects }) => kind === 'error_burst' && affects.country !== undefined);
    const there = (event: Event): boolean => event.geo.country === burst.affects.country;
    expect(share(during(burst).filter(there), 'error')).toBeGreaterThan(burst.factor - 0.1);
    expect(
      share(
        during(burst).filter((event) => !there(event)),
        'error',
      ),
    ).toBeLessThan(0.02);

    const outage = nextIncident(1, MONDAY, ({ kind, affects }) => kind === 'payment_outage' && affects.country === undefined);
    expect(during(outage).filter(({ type }) => type === 'payment_completed')).toEqual([]);
    expect(before(outage).some(({ type }) => type === 'payment_completed')).toBe(true);

    const slow = nextIncident(1, MONDAY, ({ kind, affects }) => kind === 'slow_checkout' && affects.device === undefined);
    const latency = (events: readonly Event[]): number => {
      const values = events
        .filter(({ type }) => type === 'checkout_start')
        .map(({ latency_ms }) => latency_ms)
        .sort((a, b) => a - b);
      return values[values.length >> 1];
    };
    expect(latency(during(slow)) / latency(before(slow))).toBeGreaterThan(3.5);

    const visits = (events: readonly (Event & { timeMs: number })[]): number =>
      events.filter(({ event_id }) => event_id.endsWith('-0')).length;
    const perMinute = (incident: Incident): number => (visits(during(incident)) / (incident.toMs - incident.fromMs)) * 60_000;
    const spike = nextIncident(1, MONDAY, ({ kind, affects }) => kind === 'traffic_spike' && affects.country === undefined);
    expect(perMinute(spike) / visits(before(spike))).toBeGreaterThan(0.6 * spike.factor);
    const drop = nextIncident(1, MONDAY, ({ kind, affects }) => kind === 'traffic_drop' && affects.country === undefined);
    expect(perMinute(drop) / visits(before(drop))).toBeLessThan(0.45);
  });
});
