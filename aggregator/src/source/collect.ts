// What HTTP collect does with a body: find the events, judge each, store the good ones, and say for each what became of it.
// Invariant: an event is answered as stored only after the log has it durably; a bad one stops no other.

import type { Clock } from '../clock.js';
import type { Definition, FieldId } from '../definition/model.js';
import type { EventDecoder } from '../decode/decoder.js';
import { reasonOf } from '../decode/outcome.js';
import { splitEvents, type ByteRange } from './collect-split.js';
import type { DeadLetterReason, LogWriter, PartitionId, RecordBatch } from './log.js';

/** What became of the event at `index` in the body. */
export type CollectResult =
  | { readonly index: number; readonly status: 'stored'; readonly partition: PartitionId; readonly offset: number }
  | { readonly index: number; readonly status: 'refused'; readonly reason: DeadLetterReason; readonly detail: string };

export interface Collector {
  /**
   * @param tenant when given, events of another tenant are refused
   * @returns one result per event, in the order of the body
   * @throws TidemarkError invalid when the body as a whole makes no sense; whatever the log throws when it could not store
   */
  collect(body: Uint8Array, contentType: string, tenant?: string): Promise<readonly CollectResult[]>;
}

/** Dictionaries are forgotten beyond this many values, so that a flood of values costs no memory. */
const INTERNED_VALUES = 100_000;

/** @param decoder one of the collector's own: it holds one current event */
export function createCollector(definition: Definition, decoder: EventDecoder, writer: LogWriter, clock: Clock): Collector {
  return {
    collect: async (body, contentType, tenant) => {
      const ranges = splitEvents(body, contentType);
      const results: CollectResult[] = new Array<CollectResult>(ranges.length);
      const accepted: { readonly index: number; readonly key: string; readonly value: Uint8Array }[] = [];
      const batch = toBatch(body, ranges, clock.now());
      for (let index = 0; index < ranges.length; index++) {
        const code = decoder.decode(batch, index);
        if (code !== 0) {
          results[index] = { index, status: 'refused', reason: reasonOf(code), detail: decoder.detail() };
        } else if (tenant !== undefined && tenantOf(definition, decoder) !== tenant) {
          const detail = `the token is of tenant ${tenant}, the event of ${tenantOf(definition, decoder)}`;
          results[index] = { index, status: 'refused', reason: 'unknown_tenant', detail };
        } else {
          const { start, end } = ranges[index];
          accepted.push({ index, key: keyOf(definition, decoder), value: body.subarray(start, end) });
        }
      }
      decoder.resetIfLarger(INTERNED_VALUES);
      const stored = accepted.length === 0 ? [] : await writer.append(accepted);
      accepted.forEach(({ index }, i) => {
        results[index] = { index, status: 'stored', ...stored[i] };
      });
      return results;
    },
  };
}

/** One RecordBatch over the body, dated now. */
function toBatch(body: Uint8Array, ranges: readonly ByteRange[], nowMs: number): RecordBatch {
  return {
    partition: 'collect/0',
    generation: 0,
    count: ranges.length,
    bytes: body,
    start: Int32Array.from(ranges, ({ start }) => start),
    end: Int32Array.from(ranges, ({ end }) => end),
    offset: Float64Array.from(ranges, (_, i) => i),
    timestampMs: new Float64Array(ranges.length).fill(nowMs),
    logEnd: ranges.length,
  };
}

function tenantOf(definition: Definition, decoder: EventDecoder): string {
  const tenant = text(decoder, definition, definition.event.tenant);
  return tenant === '' ? definition.tenants[0].name : tenant;
}

/** The user, else the session, else the event's id: what belongs together stays in one partition. */
function keyOf({ event, ...definition }: Definition, decoder: EventDecoder): string {
  for (const field of [event.user, event.session, event.id]) {
    const value = text(decoder, definition, field);
    if (value !== '') return value;
  }
  return '';
}

function text(decoder: EventDecoder, { fields }: Pick<Definition, 'fields'>, field: FieldId): string {
  if (field < 0 || decoder.present[field] === 0) return '';
  if (fields[field].interned) return decoder.dictionary(field)[decoder.internId[field]];
  const from = decoder.strStart[field];
  return Buffer.from(decoder.strBytes.buffer, decoder.strBytes.byteOffset + from, decoder.strEnd[field] - from).toString('utf8');
}
