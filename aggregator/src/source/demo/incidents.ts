// What goes wrong in the demo shop, and when: a pure function of seed and time, so that tests and dashboards can ask for it beforehand.
// Time is cut into slots of equal length (UTC): each has exactly one incident of one to five minutes, and the rest of it is quiet.

import { CATEGORIES, COUNTRIES, DEVICES, pickCountry } from './catalogue.js';
import { mix, Random } from './random.js';

/**
 * error_burst: pages fail. payment_outage: nobody there can pay. slow_checkout: checkout answers take `factor` times as long.
 * traffic_spike and traffic_drop: `factor` times the usual visits start.
 */
export type IncidentKind = 'error_burst' | 'payment_outage' | 'slow_checkout' | 'traffic_spike' | 'traffic_drop';

export interface Incident {
  readonly kind: IncidentKind;
  /** Epoch ms; the end is not part of it. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Whom it concerns: all of the given must fit; nothing given means everybody. */
  readonly affects: { readonly country?: string; readonly device?: string; readonly category?: string };
  /** error_burst: share of steps that fail. Otherwise the factor of the kind. */
  readonly factor: number;
}

/** Slots are this long unless the shop says otherwise, and never shorter: an incident and its quiet before and after must fit. */
export const INCIDENT_SLOT_MS = 15 * 60_000;
const LONGEST_MS = 5 * 60_000;
/** Quiet at the begin of a slot, and at its end. */
const QUIET_MS = 60_000;

const KINDS: readonly IncidentKind[] = ['error_burst', 'payment_outage', 'slow_checkout', 'traffic_spike', 'traffic_drop'];

/** The incident of the slot that `slot` (epoch ms / slot length) numbers. */
function incidentOf(seed: number, slot: number, slotMs: number): Incident {
  const random = new Random(mix(seed, slot, 9));
  // Each kind comes once in five slots, in an order that changes.
  const round = Math.floor(slot / KINDS.length);
  const order = new Random(mix(seed, round, 10));
  const kinds = [...KINDS];
  for (let i = kinds.length - 1; i > 0; i--) {
    const j = order.below(i + 1);
    [kinds[i], kinds[j]] = [kinds[j], kinds[i]];
  }
  const kind = kinds[slot - round * KINDS.length];
  const fromMs = slot * slotMs + QUIET_MS + random.below((slotMs - LONGEST_MS - 2 * QUIET_MS) / 1_000) * 1_000;
  const toMs = fromMs + (60 + random.below(4 * 60)) * 1_000;
  const country = COUNTRIES[pickCountry(random.next() * 0.7)];
  const device = DEVICES[random.below(2)];
  const category = CATEGORIES[random.below(CATEGORIES.length)];
  const spread = random.next();
  switch (kind) {
    case 'error_burst':
      return {
        kind,
        fromMs,
        toMs,
        affects: spread < 0.4 ? { country } : spread < 0.7 ? { device } : { category },
        factor: 0.25 + 0.4 * random.next(),
      };
    case 'payment_outage':
      return { kind, fromMs, toMs, affects: spread < 0.5 ? {} : { country }, factor: 0 };
    case 'slow_checkout':
      return { kind, fromMs, toMs, affects: spread < 0.4 ? {} : { device }, factor: 5 + 7 * random.next() };
    case 'traffic_spike':
      return { kind, fromMs, toMs, affects: spread < 0.5 ? {} : { country }, factor: 2.5 + 2.5 * random.next() };
    case 'traffic_drop':
      return { kind, fromMs, toMs, affects: spread < 0.5 ? {} : { country }, factor: 0.1 + 0.2 * random.next() };
  }
}

/** Incidents that overlap [fromMs, toMs), in the order of time. Times in epoch ms. */
export function incidentsBetween(seed: number, fromMs: number, toMs: number, slotMs = INCIDENT_SLOT_MS): Incident[] {
  const incidents: Incident[] = [];
  for (let slot = Math.floor(fromMs / slotMs) - 1; slot * slotMs < toMs; slot++) {
    const incident = incidentOf(seed, slot, slotMs);
    if (incident.toMs > fromMs && incident.fromMs < toMs) incidents.push(incident);
  }
  return incidents;
}

/** The incident that is on at `ms`, if any. */
export function incidentAt(seed: number, ms: number, slotMs = INCIDENT_SLOT_MS): Incident | null {
  const incident = incidentOf(seed, Math.floor(ms / slotMs), slotMs);
  return ms >= incident.fromMs && ms < incident.toMs ? incident : null;
}
