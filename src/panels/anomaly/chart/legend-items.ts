// The legend's entries and their numbers. Numbers are taken over finished buckets only: the minimum or the last value of a bucket
// that is still filling would be wrong every time. Pure.

import { fieldReducers, reduceField, type DisplayValue, type Field } from '@grafana/data';
import { AxisPlacement } from '@grafana/schema';
import type { VizLegendItem } from '@grafana/ui';
import type { Line } from '../lines';
import { lastFinished, type ChartView } from './chart-view';

export function legendItems(view: ChartView, calcs: readonly string[], rightScales: ReadonlySet<string>): VizLegendItem[] {
  return view.lines
    .filter((line) => line.inLegend)
    .map((line) => ({
      getItemKey: () => `${line.series.index} ${line.series.name}`,
      label: line.series.name,
      fieldName: line.series.name,
      color: line.color,
      yAxis: line.options.axisPlacement === AxisPlacement.Right || rightScales.has(line.scaleKey) ? 2 : 1,
      disabled: !line.visible,
      getDisplayValues: () => calculated(line, view, calcs),
    }));
}

function calculated(line: Line, view: ChartView, calcs: readonly string[]): DisplayValue[] {
  if (calcs.length === 0) return [];
  const values = line.series.values
    .slice(0, lastFinished(view.set.timesMs, line.series.partialFromMs) + 1)
    .filter((value) => value !== undefined);
  const field: Field = { ...line.series.field, values, state: null };
  const results = reduceField({ field, reducers: [...calcs] });
  return calcs.map((id) => {
    const reducer = fieldReducers.getIfExists(id);
    return { ...line.display(results[id]), title: reducer?.name ?? id, description: reducer?.description ?? '' };
  });
}
