// Anomalies made visible: a light strip over the time of each, and on the line the anomalous stretch in red with a point at its peak.

import type uPlot from 'uplot';
import type { Line } from '../lines';
import type { ChartView } from './chart-view';

export interface AnomalyColors {
  readonly anomaly: string;
  readonly surface: string;
}

const STRIP_ALPHA = 0.14;
const POINT_RADIUS_PX = 3.5;
/** Closer than this, points run into each other: only the peak gets one. */
const POINT_SPACING_PX = 9;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When any visible series is anomalous: spans that overlap are one, or strips over strips would grow darker. Half a bucket each side. */
export function anomalousSpans(view: ChartView): Span[] {
  const spans: Span[] = [];
  view.lines.forEach((line, lineIndex) => {
    if (!line.visible) return;
    for (const region of view.regions[lineIndex] ?? []) {
      const half = line.series.stepMs / 2;
      spans.push({ fromMs: (view.set.timesMs[region.fromIndex] ?? 0) - half, toMs: (view.set.timesMs[region.toIndex] ?? 0) + half });
    }
  });
  spans.sort((a, b) => a.fromMs - b.fromMs);
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && span.fromMs <= last.toMs)
      merged[merged.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, span.toMs) };
    else merged.push(span);
  }
  return merged;
}

/** For uPlot's hook `drawClear`: under everything. */
export function drawAnomalousSpans(u: uPlot, view: ChartView, colors: AnomalyColors): void {
  if (view.options.highlight !== 'both' && view.options.highlight !== 'regions') return;
  const { ctx } = u;
  const [left, right] = [u.bbox.left, u.bbox.left + u.bbox.width];
  ctx.save();
  ctx.fillStyle = colors.anomaly;
  for (const span of anomalousSpans(view)) {
    const from = Math.max(left, u.valToPos(span.fromMs, 'x', true));
    const to = Math.min(right, u.valToPos(span.toMs, 'x', true));
    if (to <= left || from >= right) continue;
    const width = Math.max(to - from, 2 * devicePixelRatio);
    ctx.globalAlpha = STRIP_ALPHA;
    ctx.fillRect(from, u.bbox.top, width, u.bbox.height);
    ctx.globalAlpha = 0.9;
    ctx.fillRect(from, u.bbox.top, width, 2 * devicePixelRatio);
  }
  ctx.restore();
}

/** For uPlot's hook `draw`: over everything. */
export function drawAnomalousPoints(u: uPlot, view: ChartView, colors: AnomalyColors): void {
  if (view.options.highlight !== 'both' && view.options.highlight !== 'points') return;
  const { ctx } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  ctx.lineJoin = 'round';
  // uPlot leaves the dash of the last series set.
  ctx.setLineDash([]);
  view.lines.forEach((line, lineIndex) => {
    if (!line.visible) return;
    const spacing = (line.series.stepMs * u.bbox.width) / ((u.scales['x']?.max ?? 0) - (u.scales['x']?.min ?? 0)) / devicePixelRatio;
    for (const region of view.regions[lineIndex] ?? []) {
      const points = pointsOf(u, view, line, region.fromIndex, region.toIndex);
      ctx.strokeStyle = colors.anomaly;
      ctx.lineWidth = (line.options.lineWidth + 1) * devicePixelRatio;
      ctx.beginPath();
      for (const point of points) ctx.lineTo(point.x, point.y);
      ctx.stroke();
      for (const point of points) {
        if (spacing >= POINT_SPACING_PX || point.index === region.peakIndex) dot(ctx, point.x, point.y, colors);
      }
    }
  });
  ctx.restore();
}

interface Point {
  readonly index: number;
  readonly x: number;
  readonly y: number;
}

function pointsOf(u: uPlot, view: ChartView, line: Line, from: number, to: number): Point[] {
  const points: Point[] = [];
  for (let index = from; index <= to; index++) {
    const value = line.series.values[index] ?? line.series.expected?.[index];
    if (typeof value !== 'number') continue;
    points.push({ index, x: u.valToPos(view.set.timesMs[index] ?? 0, 'x', true), y: u.valToPos(value, line.scaleKey, true) });
  }
  return points;
}

function dot(ctx: CanvasRenderingContext2D, x: number, y: number, colors: AnomalyColors): void {
  ctx.beginPath();
  ctx.arc(x, y, POINT_RADIUS_PX * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fillStyle = colors.anomaly;
  ctx.fill();
  ctx.strokeStyle = colors.surface;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.stroke();
}
