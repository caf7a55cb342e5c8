// Reading the chart without a mouse: arrow keys go from point to point, page up and page down from anomaly to anomaly, home and end to
// the ends, enter pins the point with its links, escape leaves. The cursor is moved by a real mouse event, so that tooltip and shared crosshair follow as they do else.

import type { KeyboardEvent } from 'react';
import type uPlot from 'uplot';
import type { ChartView } from './chart-view';

/** Index to go to, or null: the key is not ours. `at` is -1 when there is no cursor yet. */
export function nextIndex(key: string, view: ChartView, at: number, from: number, to: number): number | null {
  const clamp = (index: number): number => Math.min(to, Math.max(from, index));
  switch (key) {
    case 'ArrowRight':
      return at < 0 ? from : clamp(at + 1);
    case 'ArrowLeft':
      return at < 0 ? to : clamp(at - 1);
    case 'Home':
      return from;
    case 'End':
      return to;
    case 'PageDown':
    case 'PageUp': {
      const peaks = view.lines
        .flatMap((line, index) => (line.visible ? (view.regions[index] ?? []) : []))
        .map((region) => region.peakIndex)
        .filter((index) => index >= from && index <= to)
        .sort((a, b) => a - b);
      return key === 'PageDown' ? (peaks.find((peak) => peak > at) ?? null) : (peaks.findLast((peak) => at < 0 || peak < at) ?? null);
    }
    default:
      return null;
  }
}

export function onChartKey(event: KeyboardEvent, u: uPlot | null, view: ChartView): void {
  if (u === null) return;
  if (event.key === 'Escape') {
    u.over.dispatchEvent(new MouseEvent('mouseleave', { bubbles: true }));
    u.setCursor({ left: -10, top: -10 });
    return;
  }
  const [from = 0, to = -1] = u.series[0]?.idxs ?? [];
  const at = u.cursor.idx ?? -1;
  const pins = event.key === 'Enter';
  const index = pins ? at : nextIndex(event.key, view, at, from, to);
  const place = index === null ? null : placeOf(u, view, index);
  if (place === null) return;
  event.preventDefault();
  u.over.dispatchEvent(new MouseEvent('mouseenter', place));
  // uPlot takes a click that no press came before for the end of a drag.
  for (const type of pins ? ['mousemove', 'mousedown', 'mouseup', 'click'] : ['mousemove']) {
    u.over.dispatchEvent(new MouseEvent(type, { bubbles: true, ...place }));
  }
}

/** Where a point is on the screen; best that of an anomalous series, so that the tooltip is about it. */
function placeOf(u: uPlot, view: ChartView, index: number): { readonly clientX: number; readonly clientY: number } | null {
  const timeMs = view.set.timesMs[index];
  if (timeMs === undefined) return null;
  const rect = u.over.getBoundingClientRect();
  const onIt = view.lines.find((line, at) => line.visible && view.regions[at]?.some((region) => region.peakIndex === index));
  const line = onIt ?? view.lines.find((one) => one.visible && typeof one.series.values[index] === 'number');
  const value = line?.series.values[index];
  const top = line === undefined || typeof value !== 'number' ? rect.height / 2 : u.valToPos(value, line.scaleKey);
  return { clientX: rect.left + u.valToPos(timeMs, 'x'), clientY: rect.top + Math.min(rect.height - 1, Math.max(0, top)) };
}
