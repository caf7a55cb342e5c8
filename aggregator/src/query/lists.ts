// Lists, which only the cold tier has: raw events, newest first, the values of a dimension, most frequent first, and what watches
// found, as annotations.

import type { Definition, Tenant } from '../definition/model.js';
import type { AnomalyRecord } from '../cold/anomaly-store.js';
import type { AnnotationsAsk, EventsAsk, ValuesAsk } from './ask.js';
import { untilAborted } from './coalesce.js';
import { frame, numberColumn, stringColumn, tableColumn, type DataFrame, type FrameNotice } from './data-frame.js';
import type { ColdSource } from './execute.js';
import { eventsFrame, typed, valuesFrame } from './frames.js';
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
  const { components, filters, limit } = ask;
  const read = { tenant: tenant.name, ...range, components, filters, limit, signal };
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

/** A row per episode, with the fields that Grafana takes for annotations: time, timeEnd, title, text, tags. */
export async function listAnnotations(
  { def, cold }: { readonly def: Definition; readonly cold: ColdSource },
  tenant: Tenant,
  ask: AnnotationsAsk,
  range: Range,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<DataFrame> {
  const { watches, minScore, limit } = ask;
  const records = await untilAborted(cold.readAnomalies({ tenant: tenant.name, ...range, watches, minScore, limit, signal }), signal);
  const cut = noticeIf(records.length >= limit, `Only the newest ${limit} anomalies are shown.`);
  const meta = typed(rangeMeta(range, freshness, cut), 'table');
  if (records.length === 0) return frame(ask.refId, meta, []);
  const numbers = (pick: (record: AnomalyRecord) => number | null): (number | null)[] => records.map(pick);
  const texts = (pick: (record: AnomalyRecord) => string): string[] => records.map(pick);
  const description = (record: AnomalyRecord): string => def.watches.find((watch) => watch.name === record.watch)?.description ?? '';
  return frame(ask.refId, meta, [
    tableColumn(
      'time',
      'time',
      numbers((record) => record.fromMs),
    ),
    tableColumn(
      'timeEnd',
      'time',
      numbers((record) => record.toMs),
    ),
    stringColumn(
      'title',
      texts((record) => [description(record) || record.watch, ...Object.values(record.labels)].join(' · ')),
    ),
    stringColumn('text', texts(textOf)),
    stringColumn(
      'tags',
      texts((record) => [record.watch, ...Object.entries(record.labels).map(([name, value]) => `${name}:${value}`)].join(',')),
    ),
    stringColumn(
      'watch',
      texts((record) => record.watch),
    ),
    numberColumn(
      'score',
      numbers((record) => record.score),
    ),
    numberColumn(
      'value',
      numbers((record) => record.value),
    ),
    numberColumn(
      'expected',
      numbers((record) => record.expected),
    ),
    numberColumn(
      'open',
      numbers((record) => (record.open ? 1 : 0)),
    ),
  ]);
}

/** The reason, and who contributed: 'country DE (72 %), device mobile (55 %)'. */
function textOf({ reason, contributors }: AnomalyRecord): string {
  const parts = contributors.map(({ dimension, value, share }) => {
    const name = `${dimension} ${value === '' ? '(none)' : value}`;
    return share === null ? name : `${name} (${Math.round(share * 100)} %)`;
  });
  return parts.length === 0 ? reason : `${reason}. Most of it: ${parts.join(', ')}`;
}

function noticeIf(condition: boolean, text: string): readonly FrameNotice[] {
  return condition ? [{ severity: 'info', text }] : [];
}
