// From a point of a series to the raw events behind it: a link that opens Explore with an `events` query of the point's own filters
// and measure over its bucket, or over its sliding window. A judged point also leads to what contributed: a `contributors` query over the
// stretch that was flagged around it. Pure; the point's time is filled in when the link is drawn.

import { FieldType, type DataFrame, type DataLink, type Field } from '@grafana/data';
import { numberOf, recordOf } from './live-frame';
import { parseDuration } from './query/duration';
import { apiQueryOf, SCHEMA_VERSION, type ApiQuery, type TidemarkFilter } from './query/model';

const LINK_TITLE = 'Raw events';
const CONTRIBUTORS_TITLE = 'What contributed';
const OWN_TITLES: readonly string[] = [LINK_TITLE, CONTRIBUTORS_TITLE];
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
    const options = { bucketMs, windowMs, target };
    const own = [...(api.kind === 'anomaly' ? [contributorsLink(frame, field, api, options)] : []), eventLink(field, api, options)];
    const others = (field.config.links ?? []).filter(({ title }) => !OWN_TITLES.includes(title));
    return { ...field, config: { ...field.config, links: [...others, ...own] } };
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
  const events: ApiQuery = { kind: 'events', limit: LINK_LIMIT, filters: [...(api.filters ?? []), ...labelFilters(field)] };
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

function contributorsLink(frame: DataFrame, field: Field, api: ApiQuery, options: LinkOptions): DataLink {
  const query: ApiQuery = { kind: 'contributors', filters: [...(api.filters ?? []), ...labelFilters(field)] };
  if (api.measure !== undefined) query.measure = api.measure;
  if (api.stat !== undefined) query.stat = api.stat;
  return {
    title: CONTRIBUTORS_TITLE,
    url: '',
    targetBlank: true,
    onBuildUrl: ({ replaceVariables }: { replaceVariables?: (text: string) => string }) => {
      const timeMs = Number(replaceVariables?.('${__value.time}'));
      return Number.isFinite(timeMs) ? exploreUrl(query, flaggedAround(frame, field, timeMs, options.bucketMs), options.target) : '';
    },
  };
}

/** The run of anomalous buckets of this series that the time is in; otherwise its bucket. */
function flaggedAround(frame: DataFrame, field: Field, timeMs: number, bucketMs: number): { fromMs: number; toMs: number } {
  const times: readonly unknown[] = frame.fields.find((candidate) => candidate.type === FieldType.time)?.values ?? [];
  const judging = frame.fields.find((other) => recordOf(other.config.custom)['role'] === 'anomalous' && sameLabels(other, field));
  const flags: readonly unknown[] = judging?.values ?? [];
  const at = times.indexOf(timeMs);
  let [from, to] = [at, at];
  if (at >= 0 && flags[at] === 1) {
    while (flags[from - 1] === 1) from--;
    while (flags[to + 1] === 1) to++;
  }
  return at < 0 ? { fromMs: timeMs, toMs: timeMs + bucketMs } : { fromMs: Number(times[from]), toMs: Number(times[to]) + bucketMs };
}

function sameLabels({ labels: a = {} }: Field, { labels: b = {} }: Field): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function labelFilters(field: Field): TidemarkFilter[] {
  return Object.entries(field.labels ?? {})
    .filter(([name]) => name !== COMPARE_LABEL)
    .map(([dimension, value]) => ({ dimension, op: '=', value }));
}

/** Explore's own address form, panes in JSON. The `to` of a range is the last ms of the bucket. */
function exploreUrl(api: ApiQuery, range: { fromMs: number; toMs: number }, target: LinkTarget): string {
  const query = {
    refId: 'A',
    datasource: { uid: target.uid, type: target.type },
    schemaVersion: SCHEMA_VERSION,
    ...apiQueryOf(api),
  };
  const pane = { datasource: target.uid, queries: [query], range: { from: String(range.fromMs), to: String(range.toMs - 1) } };
  // Grafana fills variables into links afterwards: a value with a dollar must not look like one.
  const panes = encodeURIComponent(JSON.stringify({ tidemark: pane })).replaceAll('$', '%24');
  return `/explore?schemaVersion=1&panes=${panes}`;
}
