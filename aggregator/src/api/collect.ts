// Events that come by HTTP: each is decoded exactly as it will be when it is read back, so that what is refused here is what
// would have become a dead letter; the rest is appended to the log, and counts as accepted only once it is stored there.

import type { Clock } from '../clock.js';
import type { EventDecoder } from '../decode/decoder.js';
import { DecodeCode, reasonOf } from '../decode/outcome.js';
import type { Definition } from '../definition/model.js';
import type { DeadLetterReason, LogWriter, RecordBatch } from '../source/log.js';

export interface RefusedEvent {
  /** Position in the request, from 0. */
  readonly index: number;
  readonly reason: DeadLetterReason | 'foreign_tenant';
  readonly detail: string;
}

export interface CollectAnswer {
  /** Events stored durably. */
  readonly accepted: number;
  readonly refused: readonly RefusedEvent[];
}

/** What POST /api/v1/events calls. Resolves when everything accepted is stored. @throws TidemarkError when the log does not take it */
export type Collect = (tenant: string, events: readonly Buffer[]) => Promise<CollectAnswer>;

/** Interned values of refused and collected events are forgotten beyond this, so that a flood of values costs no memory. */
const INTERNED_VALUES = 100_000;

/**
 * @param decoder one of its own: its current event is overwritten by every call
 */
export function createCollect(def: Definition, decoder: EventDecoder, writer: LogWriter, clock: Clock): Collect {
  return async (tenant, events) => {
    const batch = batchOf(events, clock.now());
    const refused: RefusedEvent[] = [];
    const accepted: { key: string; value: Uint8Array }[] = [];
    events.forEach((value, index) => {
      const code = decoder.decode(batch, index);
      if (code !== DecodeCode.ok) {
        refused.push({ index, reason: reasonOf(code), detail: decoder.detail() });
        return;
      }
      const owner = tenantOf(def, decoder);
      if (owner !== tenant) {
        refused.push({
          index,
          reason: 'foreign_tenant',
          detail: `found the tenant ${JSON.stringify(owner)}, expected ${JSON.stringify(tenant)}, the token's`,
        });
        return;
      }
      accepted.push({ key: keyOf(def, decoder), value });
    });
    decoder.resetIfLarger(INTERNED_VALUES);
    if (accepted.length > 0) await writer.append(accepted);
    return { accepted: accepted.length, refused };
  };
}

/** The events as records of a log that is written now; their offsets mean nothing. */
function batchOf(events: readonly Buffer[], nowMs: number): RecordBatch {
  const count = events.length;
  // Contiguous with spare bytes behind, as decoders may read words whole.
  const total = events.reduce((sum, event) => sum + event.length, 0);
  const bytes = Buffer.alloc(total + 64);
  const [start, end] = [new Int32Array(count), new Int32Array(count)];
  let at = 0;
  events.forEach((event, index) => {
    start[index] = at;
    at += event.copy(bytes, at);
    end[index] = at;
  });
  return {
    partition: 'collect/0',
    generation: 0,
    count,
    bytes,
    start,
    end,
    offset: Float64Array.from({ length: count }, (_, index) => index),
    timestampMs: new Float64Array(count).fill(nowMs),
    logEnd: count,
  };
}

/** Events without a tenant field are the first tenant's, as everywhere. */
function tenantOf(def: Definition, decoder: EventDecoder): string {
  const field = def.event.tenant;
  if (field < 0) return def.tenants[0].name;
  return decoder.dictionary(field)[decoder.internId[field]] ?? '';
}

/** The user, so that one user's events keep their order; '' spreads events without one. */
function keyOf(def: Definition, decoder: EventDecoder): string {
  const field = def.event.user;
  if (field < 0 || decoder.present[field] === 0) return '';
  if (def.fields[field].interned) return decoder.dictionary(field)[decoder.internId[field]] ?? '';
  return Buffer.from(decoder.strBytes.buffer, decoder.strBytes.byteOffset, decoder.strBytes.byteLength).toString(
    'utf8',
    decoder.strStart[field],
    decoder.strEnd[field],
  );
}
