// Everything one picture is made of, put together once per answer. The uPlot configuration depends only on `key`; what changes with
// each answer (columns, regions, marks) is read by the drawing hooks from the newest view, so that live data does not rebuild the chart.

import type { AlignedData } from 'uplot';
import type { GrafanaTheme2 } from '@grafana/data';
import type { Annotation } from '../../frames/annotations';
import { regionsOf, type Region } from '../../frames/regions';
import type { Column, SeriesSet } from '../../frames/series-set';
import { linesOf, type Line } from '../lines';
import type { AnomalyOptions } from '../options';

/** A column beyond the values: drawn thinly (`expected`), or only there so that its axis makes room for the band. */
export interface ExtraColumn {
  readonly line: Line;
  readonly role: 'expected' | 'lower' | 'upper';
}

export interface ChartView {
  readonly set: SeriesSet;
  readonly lines: readonly Line[];
  readonly extras: readonly ExtraColumn[];
  /** Times, then a column per line, then the extras. */
  readonly data: AlignedData;
  /** Per line. */
  readonly regions: readonly (readonly Region[])[];
  readonly annotations: readonly Annotation[];
  readonly options: AnomalyOptions;
  /** Equal keys: the same uPlot configuration fits. */
  readonly key: string;
}

export function chartView(set: SeriesSet, annotations: readonly Annotation[], options: AnomalyOptions, theme: GrafanaTheme2): ChartView {
  const lines = linesOf(set, options, theme);
  const extras = lines.flatMap((line): ExtraColumn[] => {
    if (!line.visible) return [];
    const list: ExtraColumn[] = [];
    if (line.band) list.push({ line, role: 'upper' }, { line, role: 'lower' });
    if (line.band && options.expectedLine && line.series.expected !== null) list.push({ line, role: 'expected' });
    return list;
  });
  return {
    set,
    lines,
    extras,
    data: [
      set.timesMs,
      ...lines.map((line) => finished(line.series.values, set.timesMs, line.series.partialFromMs, options)),
      ...extras.map(({ line, role }) => line.series[role] ?? []),
    ],
    regions: lines.map((line) => regionsOf(line.series)),
    annotations,
    options,
    key: JSON.stringify([
      lines.map((line) => [line.series.name, line.color, line.scaleKey, line.visible, line.options, configKey(line)]),
      extras.map(({ line, role }) => [line.series.index, role]),
      [options.partial, options.tooltip.mode],
    ]),
  };
}

function configKey(line: Line): unknown {
  const { min, max, unit, decimals, thresholds, mappings } = line.series.field.config;
  return [min, max, unit, decimals, thresholds, mappings];
}

function finished(values: Column, timesMs: readonly number[], partialFromMs: number | null, options: AnomalyOptions): Column {
  if (options.partial !== 'hidden' || partialFromMs === null) return values;
  return values.map((value, index) => ((timesMs[index] ?? 0) >= partialFromMs ? null : value));
}

/** Index of the last finished point, -1: none; the last point where all are finished. */
export function lastFinished(timesMs: readonly number[], partialFromMs: number | null): number {
  let index = timesMs.length - 1;
  if (partialFromMs === null) return index;
  while (index >= 0 && (timesMs[index] ?? 0) >= partialFromMs) index--;
  return index;
}
