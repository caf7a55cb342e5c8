// A demo shop in which something goes wrong at a chosen time: its incidents follow from seed and spacing, so these are looked for.

import { incidentsBetween, type Incident } from '../../aggregator/src/source/demo/incidents.js';

export interface IncidentWish {
  /** It begins in here, epoch ms; the end is not part of it. */
  readonly beginFromMs: number;
  readonly beginToMs: number;
  /** Nothing else is on from here until it begins. */
  readonly quietFromMs: number;
  readonly fits: (incident: Incident) => boolean;
}

export interface ShopWithIncident {
  readonly seed: number;
  readonly incidentsEveryMs: number;
  readonly incident: Incident;
}

const MINUTE_MS = 60_000;
/** At the edges of a slot nothing begins: of several lengths one has the wished time within. */
const SPACINGS_MS = [60, 67, 74, 83].map((minutes) => minutes * MINUTE_MS);
const SEEDS = 20_000;

/** @throws Error when no seed has such an incident */
export function shopWithIncident({ beginFromMs, beginToMs, quietFromMs, fits }: IncidentWish): ShopWithIncident {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const incidentsEveryMs of SPACINGS_MS) {
      const [incident, other] = incidentsBetween(seed, quietFromMs, beginToMs, incidentsEveryMs);
      if (incident === undefined || other !== undefined || incident.fromMs < beginFromMs || incident.fromMs >= beginToMs) continue;
      if (fits(incident)) return { seed, incidentsEveryMs, incident };
    }
  }
  throw new Error(`none of ${SEEDS} seeds has such an incident`);
}
