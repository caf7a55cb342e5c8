// What the tooltip says at a point in time, as data: which series, in which order, with the expected range and the reason in words.
// Pure; PointTooltip only lays it out, and the same words are what a screen reader hears.

import { SortOrder } from '@grafana/schema';
import { isAnomalous } from '../../frames/regions';
import { pointWords, type TooltipContent } from '../../tooltip/tooltip-content';
import type { ChartView } from './chart-view';

export interface TooltipAsk {
  /** Index of the axis per line; null: nothing near. */
  readonly indexes: readonly (number | null | undefined)[];
  readonly focusedLine: number | null;
  readonly onlyFocused: boolean;
  readonly sort: SortOrder;
  readonly hideZeros: boolean;
  readonly atMost: number;
}

export function tooltipContent(view: ChartView, ask: TooltipAsk): TooltipContent | null {
  const candidates = view.lines.flatMap((line, lineIndex) => {
    if (!line.visible || (!line.inTooltip && lineIndex !== ask.focusedLine)) return [];
    if (ask.onlyFocused && lineIndex !== ask.focusedLine) return [];
    const index = ask.indexes[lineIndex];
    if (index === null || index === undefined) return [];
    const value = line.series.values[index];
    const anomalous = isAnomalous(line.series.anomalous?.[index]);
    if (typeof value !== 'number' && !anomalous) return [];
    if (ask.hideZeros && value === 0 && !anomalous && !ask.onlyFocused) return [];
    return [{ line, lineIndex, index, value: value ?? null, anomalous }];
  });
  const first = candidates.find((one) => one.lineIndex === ask.focusedLine) ?? candidates[0];
  const timeMs = first === undefined ? undefined : view.set.timesMs[first.index];
  if (timeMs === undefined) return null;
  const direction = ask.sort === SortOrder.Ascending ? 1 : ask.sort === SortOrder.Descending ? -1 : 0;
  if (direction !== 0) candidates.sort((a, b) => direction * ((a.value ?? -Infinity) - (b.value ?? -Infinity)));
  // When there is not room for all, what is under the cursor and what is anomalous must not be what is left out.
  const important = (one: (typeof candidates)[number]): boolean => one.lineIndex === ask.focusedLine || one.anomalous;
  const kept = new Set([...candidates.filter(important), ...candidates.filter((one) => !important(one))].slice(0, ask.atMost));
  const rows = candidates
    .filter((one) => kept.has(one))
    .map(({ line, lineIndex, index }) => ({
      ...pointWords({ series: line.series, index, timeMs: view.set.timesMs[index] ?? 0, display: line.display }),
      key: lineIndex,
      color: line.color,
      focused: lineIndex === ask.focusedLine,
    }));
  return { timeMs, rows, hidden: candidates.length - rows.length, unfinished: rows.some((row) => row.unfinished) };
}
