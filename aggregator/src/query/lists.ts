// Lists, which only the cold tier has: raw events, newest first, and the values of a dimension, most frequent first.

import type { Definition, Tenant } from '../definition/model.js';
import type { EventsAsk, ValuesAsk } from './ask.js';
import { untilAborted } from './coalesce.js';
import type { DataFrame, FrameNotice } from './data-frame.js';
import type { ColdSource } from './execute.js';
import { eventsFrame, valuesFrame } from './frames.js';
import type { Freshness } from './freshness.js';
import { rangeMeta } from './meta.js';
import { quote } from './problem.js';

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** @throws TidemarkError unavailable, cancelled, deadline */
export async function listEvents(
  cold: ColdSource,
  tenant: Tenant,
  ask: EventsAsk,
  range: Range,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<DataFrame> {
  const read = { tenant: tenant.name, ...range, filters: ask.filters, limit: ask.limit, signal };
  const result = await untilAborted(cold.readEvents(read), signal);
  const cut = result.rows.length >= ask.limit;
  return eventsFrame(ask, result, rangeMeta(range, freshness, noticeIf(cut, `Only the newest ${ask.limit} events are shown.`)));
}

/** @throws TidemarkError unavailable, cancelled, deadline */
export async function listValues(
  { def, cold }: { readonly def: Definition; readonly cold: ColdSource },
  tenant: Tenant,
  ask: ValuesAsk,
  range: Range,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<DataFrame> {
  const values = await untilAborted(
    cold.readValues(tenant.name, ask.dimension, range.fromMs, range.toMs, ask.search, ask.limit, signal),
    signal,
  );
  const name = quote(def.dimensions[ask.dimension].name);
  const cut = noticeIf(values.length >= ask.limit, `Only the ${ask.limit} most frequent values of ${name} are listed.`);
  return valuesFrame(def, ask, values, rangeMeta(range, freshness, cut));
}

function noticeIf(condition: boolean, text: string): readonly FrameNotice[] {
  return condition ? [{ severity: 'info', text }] : [];
}
