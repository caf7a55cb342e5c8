// What the producers send, drawn from the seed: the oracle's shop with duplicates, late and disordered events and poison, and on top
// producers whose clocks are an hour off and repeats of records that were sent long ago. Times are the wall clock's, all else the seed's.

import { makeLog, random } from '../../oracle/events.js';
import type { ScriptedRecord } from '../../support/scripted-log.js';

/** What the prober needs of an event. */
export interface SentEvent {
  readonly id: string;
  readonly timeMs: number;
  readonly type: string;
  readonly device: string;
  readonly country: string;
  /** Sent before: counts again only if that is long enough ago. */
  readonly repeated: boolean;
}

export interface Sent {
  readonly partition: number;
  readonly timestampMs: number;
  readonly value: string;
  /** null: not an event, or the same one again. */
  readonly event: SentEvent | null;
}

const HOUR_OFF_MS = 59 * 60_000;
const SHARE_OFF = 0.01;
const SHARE_REPEATED = 0.01;
/** Only this partition gets events from ahead: for an hour they end the lateness there of all that comes on time. */
const AHEAD_PARTITION = 3;
const REMEMBERED = 2_000;

export class Events {
  readonly #seed: number;
  readonly #draw: () => number;
  readonly #clocksAhead: boolean;
  readonly #past: Sent[] = [];
  #slice = 0;

  /** @param clocksAhead some producers' clocks are an hour ahead; others' are an hour behind in any case */
  constructor(seed: number, clocksAhead: boolean) {
    this.#seed = seed;
    this.#draw = random(seed * 7_919 + 1);
    this.#clocksAhead = clocksAhead;
  }

  /** The next `count` or so records, with log times between two moments, partition by partition. */
  next(count: number, fromMs: number, toMs: number, partitions: number): Sent[] {
    const log = makeLog({ seed: this.#seed * 100_000 + this.#slice++, events: count, startMs: fromMs, endMs: toMs, partitions });
    const known = new Set<string>();
    const sent = [...log].flatMap(([id, records]) => records.map((record) => this.#send(Number(id.split('/')[1]), record, known)));
    for (const record of sent) {
      if (record.event === null || record.event.repeated) continue;
      if (this.#past.length < REMEMBERED) this.#past.push(record);
      else if (this.#draw() < 0.05) this.#past[Math.floor(this.#draw() * REMEMBERED)] = record;
    }
    return sent;
  }

  #send(partition: number, { timestampMs, value: bytes }: ScriptedRecord, known: Set<string>): Sent {
    if (this.#draw() < SHARE_REPEATED && this.#past.length > 0) {
      const again = this.#past[Math.floor(this.#draw() * this.#past.length)];
      if (again.partition === partition && again.event !== null) {
        return { partition, timestampMs, value: again.value, event: { ...again.event, repeated: true } };
      }
    }
    const value = String(bytes);
    const json = parse(value);
    const timeMs = json === null ? Number.NaN : Date.parse(String(json['ts']));
    const id = String(json?.['event_id']);
    if (json === null || Number.isNaN(timeMs) || known.has(id)) return { partition, timestampMs, value, event: null };
    known.add(id);
    const shiftedMs = timeMs + this.#clockError(partition);
    const geo = json['geo'];
    const country = typeof geo === 'object' && geo !== null && 'country' in geo ? String(geo.country) : '';
    const event = { id, timeMs: shiftedMs, type: String(json['type']), device: String(json['device']), country, repeated: false };
    return { partition, timestampMs, value: JSON.stringify({ ...json, ts: new Date(shiftedMs).toISOString() }), event };
  }

  #clockError(partition: number): number {
    if (this.#draw() >= SHARE_OFF) return 0;
    return this.#clocksAhead && partition === AHEAD_PARTITION ? HOUR_OFF_MS : -HOUR_OFF_MS;
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
