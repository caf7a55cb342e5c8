// Finished numbers as data frames. One shape per format, whatever the number of series:
//   timeseries → one `timeseries-wide` frame (all our series share one time grid, so it is sent once);
//   total      → one `numeric-wide` frame, a field per series;      table → one `table` frame, a row per group (and bucket);
//   heatmap    → one `heatmap-rows` frame, a field per row of the map;      no data → one frame without fields.

import type { EventsResult } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import type { EventsAsk, MetricAsk, ValuesAsk } from './ask.js';
import { groupKey } from './combine.js';
import {
  frame,
  numberColumn,
  stringColumn,
  tableColumn,
  timeColumn,
  type Column,
  type DataFrame,
  type FrameMeta,
  type FrameType,
} from './data-frame.js';
import type { Finished, Known, Series } from './finish.js';
import type { TierResult } from './tier-read.js';

/** Values of histogram bins, from the sketch room. */
export interface HistogramBins {
  /** Lower and upper bound of a coarse bin, in the component's stored integers. */
  bounds(bin: number): { readonly lower: number; readonly upper: number };
}

export function typed(meta: FrameMeta, type: FrameType): FrameMeta {
  return { type, typeVersion: [0, 1], ...meta };
}

/** Series, totals, tables and heat maps by group. */
export function metricFrame(def: Definition, ask: MetricAsk, bucketMs: number, finished: Finished, meta: FrameMeta): DataFrame {
  const type: FrameType =
    ask.format === 'total'
      ? 'numeric-wide'
      : ask.format === 'table'
        ? 'table'
        : ask.format === 'heatmap'
          ? 'heatmap-rows'
          : 'timeseries-wide';
  if (finished.series.length === 0) return frame(ask.refId, typed(meta, type), []);
  if (ask.format === 'table') return frame(ask.refId, typed(meta, type), tableColumns(def, ask, bucketMs, finished));
  const columns = finished.series.map((series) => valueColumn(def, ask, series));
  return frame(ask.refId, typed(meta, type), ask.format === 'total' ? columns : [timeColumn(finished.timesMs), ...columns]);
}

function valueColumn(def: Definition, ask: MetricAsk, series: Series): Column {
  const labels = labelsOf(def, ask, series);
  return numberColumn(fieldName(ask, series), series.values, {
    labels,
    unit: ask.measure.unit,
    displayName: displayName(ask, series, labels),
  });
}

/** The measure's name, and the quantile where the measure has several. */
export function fieldName(ask: MetricAsk, series: Series): string {
  return series.stat.name === 'value' ? ask.measure.name : `${ask.measure.name}_${series.stat.name}`;
}

export function labelsOf(def: Definition, ask: MetricAsk, series: Series): Record<string, string> {
  const labels: Record<string, string> = {};
  ask.groupBy.forEach((dimension, index) => (labels[def.dimensions[dimension].name] = series.group[index]));
  if (series.compare !== '') labels['compareWith'] = series.compare;
  return labels;
}

/** The legend's template filled in; without one: the group's values, the quantile, the shift. */
export function displayName(ask: MetricAsk, series: Series, labels: Readonly<Record<string, string>>): string {
  const stat = series.stat.name === 'value' ? '' : series.stat.name;
  const compare = series.compare === '' ? '' : `${series.compare} ago`;
  if (ask.legend !== '') {
    const known = new Map<string, string>([...Object.entries(labels), ['measure', ask.measure.name], ['stat', stat], ['compare', compare]]);
    return ask.legend.replace(/\{\{\s*([^{}]{1,128}?)\s*\}\}/g, (_, name: string) => known.get(name) ?? '').trim() || ask.measure.name;
  }
  const group = series.group.map((value) => (value === '' ? '(none)' : value)).join(', ');
  const name = [group === '' ? ask.measure.name : group, ask.stats.length > 1 || group === '' ? stat : '']
    .filter((part) => part !== '')
    .join(' ');
  return compare === '' ? name : `${name} (${compare})`;
}

/** Rows: by group, or by bucket and group where a bucket was given. A row without any value is left out. */
function tableColumns(def: Definition, ask: MetricAsk, bucketMs: number, finished: Finished): Column[] {
  const groups = new Map<string, Series[]>();
  for (const series of finished.series) {
    const key = groupKey(series.group);
    groups.set(key, [...(groups.get(key) ?? []), series]);
  }
  const compares = ask.compare === null ? [''] : ['', ask.compare.text];
  const cells = ask.stats.flatMap((stat) => compares.map((compare) => ({ stat, compare })));
  const rows: { readonly timeMs: number; readonly group: readonly string[]; readonly numbers: readonly (number | null)[] }[] = [];
  finished.timesMs.forEach((timeMs, index) => {
    for (const list of groups.values()) {
      const numbers = cells.map(
        ({ stat, compare }) => list.find((series) => series.stat === stat && series.compare === compare)?.values[index] ?? null,
      );
      if (numbers.some((value) => value !== null)) rows.push({ timeMs, group: list[0].group, numbers });
    }
  });
  return [
    ...(bucketMs > 0
      ? [
          tableColumn(
            'time',
            'time',
            rows.map((row) => row.timeMs),
          ),
        ]
      : []),
    ...ask.groupBy.map((dimension, index) =>
      stringColumn(
        def.dimensions[dimension].name,
        rows.map((row) => row.group[index]),
      ),
    ),
    ...cells.map(({ stat, compare }, index) => {
      const name = stat.name === 'value' ? ask.measure.name : `${ask.measure.name}_${stat.name}`;
      return numberColumn(
        compare === '' ? name : `${name} (${compare} ago)`,
        rows.map((row) => row.numbers[index]),
        { unit: ask.measure.unit },
      );
    }),
  ];
}

/** A ranking: one row per item, heaviest first, after the values of its group. */
export function itemsFrame(def: Definition, ask: MetricAsk, result: TierResult, meta: FrameMeta): DataFrame {
  const rows = result.groups.flatMap((group) =>
    (group.items[ask.items]?.[0] ?? []).slice(0, ask.limit).map(({ item, weight }) => ({ group: group.values, item, weight })),
  );
  const notices = [...(meta.notices ?? [])];
  if (result.topError > 0)
    notices.push({ severity: 'info' as const, text: `Weights may be too low by up to ${Number(result.topError.toPrecision(4))}.` });
  const withNotices = typed({ ...meta, ...(notices.length > 0 ? { notices } : {}) }, 'table');
  if (rows.length === 0) return frame(ask.refId, withNotices, []);
  return frame(ask.refId, withNotices, [
    ...ask.groupBy.map((dimension, index) =>
      stringColumn(
        def.dimensions[dimension].name,
        rows.map((row) => row.group[index]),
      ),
    ),
    stringColumn(
      itemName(def, ask),
      rows.map((row) => row.item),
    ),
    numberColumn(
      ask.measure.name,
      rows.map((row) => row.weight),
      { unit: ask.measure.unit },
    ),
  ]);
}

/** The ranked field's name, unless a group's column has it already. */
function itemName(def: Definition, ask: MetricAsk): string {
  const component = def.components[ask.measure.components[0]];
  const name = component.field < 0 ? 'item' : def.fields[component.field].name;
  const taken = name === ask.measure.name || ask.groupBy.some((dimension) => def.dimensions[dimension].name === name);
  return taken ? 'item' : name;
}

/** The distribution of a quantiles measure: a row per bin, named by its upper bound, lowest first. */
export function histogramFrame(
  def: Definition,
  ask: MetricAsk,
  result: TierResult,
  bins: HistogramBins,
  bucketMs: number,
  known: Known,
  meta: FrameMeta,
): DataFrame {
  const buckets = result.groups[0]?.histograms[ask.histogram] ?? [];
  const seen = new Set(buckets.flatMap((bucket) => [...bucket.keys()]));
  const scale = 10 ** def.components[ask.outputs[ask.histogram].component].decimals;
  const isKnown = (time: number): boolean => time < known.completeUntilMs && time + bucketMs > known.dataFromMs;
  const rows = [...seen].map((bin) => ({ bin, upper: bins.bounds(bin).upper / scale })).sort((a, b) => a.upper - b.upper);
  const timesMs = [...result.timesMs];
  if (rows.length === 0) return frame(ask.refId, typed(meta, 'heatmap-rows'), []);
  const columns = rows.map(({ bin, upper }) => {
    const name = String(Number(upper.toPrecision(6)));
    const counts = timesMs.map((time, index) => buckets[index]?.get(bin) ?? (isKnown(time) ? 0 : null));
    return numberColumn(name, counts, { labels: { le: name } });
  });
  return frame(ask.refId, typed(meta, 'heatmap-rows'), [timeColumn(timesMs), ...columns]);
}

/** Raw events, newest first, as the cold tier names its columns. */
export function eventsFrame(ask: EventsAsk, result: EventsResult, meta: FrameMeta): DataFrame {
  if (result.rows.length === 0) return frame(ask.refId, typed(meta, 'table'), []);
  const columns = result.columns.map((column, index) =>
    tableColumn(
      column.name,
      column.type,
      result.rows.map((row) => row[index] ?? null),
    ),
  );
  return frame(ask.refId, typed(meta, 'table'), columns);
}

export function valuesFrame(def: Definition, ask: ValuesAsk, values: readonly string[], meta: FrameMeta): DataFrame {
  const columns = values.length === 0 ? [] : [stringColumn(def.dimensions[ask.dimension].name, values)];
  return frame(ask.refId, typed(meta, 'table'), columns);
}
