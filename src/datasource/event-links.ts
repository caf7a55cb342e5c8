// From a point of a series to the raw events behind it: a link that opens Explore with an `events` query of the point's own filters
// and measure over its bucket, or over its sliding window. Pure; the point's time is filled in when the link is drawn.

import { FieldType, type DataFrame, type DataLink, type Field } from '@grafana/data';
import { numberOf, recordOf } from './live-frame';
import { parseDuration } from './query/duration';
import { apiQueryOf, SCHEMA_VERSION, type ApiQuery, type TidemarkFilter } from './query/model';

const LINK_TITLE = 'Raw events';
/** More than this many rows would not be read by anybody. */
const LINK_LIMIT = 200;
/** The label of a comparison's series; not a dimension. */
const COMPARE_LABEL = 'compareWith';

export interface LinkTarget {
  readonly uid: string;
  readonly type: string;
}

/** Kinds whose values are made of events. */
const KINDS_OF_SERIES: readonly (string | undefined)[] = ['metric', 'anomaly'];

/** @returns the frame with a link on each value field, where it is a series in time; the frame as it is otherwise */
export function withEventLinks(frame: DataFrame, api: ApiQuery | undefined, target: LinkTarget): DataFrame {
  const timed = frame.fields.some((field) => field.type === FieldType.time);
  const series = KINDS_OF_SERIES.includes(api?.kind) && (api?.format === undefined || api.format === 'timeseries');
  const plan = recordOf(recordOf(frame.meta?.custom)['plan']);
  const bucketMs = numberOf(plan['bucketMs']) ?? 0;
  if (api === undefined || !timed || !series || bucketMs <= 0) return frame;
  const windowMs = numberOf(plan['windowMs']) ?? bucketMs;
  const fields = frame.fields.map((field): Field => {
    // What a detector says of a value leads nowhere that the value itself does not, unless it was asked for alone.
    if (field.type !== FieldType.number || (recordOf(field.config.custom)['role'] !== undefined && api.fields === undefined)) return field;
    const link = eventLink(field, api, { bucketMs, windowMs, target });
    return {
      ...field,
      config: { ...field.config, links: [...(field.config.links ?? []).filter(({ title }) => title !== LINK_TITLE), link] },
    };
  });
  return { ...frame, fields };
}

interface LinkOptions {
  readonly bucketMs: number;
  /** Each value covers so much up to its bucket's end. */
  readonly windowMs: number;
  readonly target: LinkTarget;
}

function eventLink(field: Field, api: ApiQuery, options: LinkOptions): DataLink {
  const events: ApiQuery = { kind: 'events', filters: [...(api.filters ?? []), ...labelFilters(field)] };
  if (api.measure !== undefined) events.measure = api.measure;
  const shiftMs = parseDuration(field.labels?.[COMPARE_LABEL] ?? '') ?? 0;
  return {
    title: LINK_TITLE,
    url: '',
    targetBlank: true,
    onBuildUrl: ({ replaceVariables }: { replaceVariables?: (text: string) => string }) => {
      const timeMs = Number(replaceVariables?.('${__value.time}'));
      if (!Number.isFinite(timeMs)) return '';
      const endMs = timeMs + options.bucketMs - shiftMs;
      return exploreUrl(events, { fromMs: endMs - options.windowMs, toMs: endMs }, options.target);
    },
  };
}

function labelFilters(field: Field): TidemarkFilter[] {
  return Object.entries(field.labels ?? {})
    .filter(([name]) => name !== COMPARE_LABEL)
    .map(([dimension, value]) => ({ dimension, op: '=', value }));
}

/** Explore's own address form, panes in JSON. The `to` of a range is the last ms of the bucket. */
export function exploreUrl(events: ApiQuery, range: { fromMs: number; toMs: number }, target: LinkTarget): string {
  const query = {
    refId: 'A',
    datasource: { uid: target.uid, type: target.type },
    schemaVersion: SCHEMA_VERSION,
    ...apiQueryOf(events),
    limit: LINK_LIMIT,
  };
  const pane = { datasource: target.uid, queries: [query], range: { from: String(range.fromMs), to: String(range.toMs - 1) } };
  // Grafana fills variables into links afterwards: a value with a dollar must not look like one.
  const panes = encodeURIComponent(JSON.stringify({ tidemark: pane })).replaceAll('$', '%24');
  return `/explore?schemaVersion=1&panes=${panes}`;
}
