// The line of a series: solid up to the last finished bucket, dashed and lighter after it. uPlot has one dash per series, so the path
// builder stops at the last finished point and a hook draws the rest with the same builder.

import uPlot from 'uplot';
import type { Line } from '../lines';
import type { LineShape } from '../options';
import type { ChartFeed } from './chart-feed';
import { lastFinished } from './chart-view';

const DASH = [4, 4];
const UNFINISHED_ALPHA = 0.7;
const HOLLOW_RADIUS_PX = 3;
/** With more lines than this a hollow point at the end of each hides the lines. */
const HOLLOW_POINTS_AT_MOST = 12;

export function pathOf(shape: LineShape): uPlot.Series.PathBuilder {
  const made =
    shape === 'smooth' ? uPlot.paths.spline?.() : shape === 'step' ? uPlot.paths.stepped?.({ align: 1 }) : uPlot.paths.linear?.();
  return made ?? (() => null);
}

/** Of the series at `lineIndex`, everything but the unfinished end. */
export function finishedPath(builder: uPlot.Series.PathBuilder, feed: ChartFeed, lineIndex: number): uPlot.Series.PathBuilder {
  return (u, seriesIndex, from, to) => {
    const last = lastIndex(feed, lineIndex);
    return last < from ? null : builder(u, seriesIndex, from, Math.min(to, last));
  };
}

/** Draws the unfinished end; for uPlot's hook `drawSeries`. */
export function drawUnfinished(u: uPlot, seriesIndex: number, builder: uPlot.Series.PathBuilder, feed: ChartFeed, surface: string): void {
  const { lines, set } = feed.view;
  const lineIndex = seriesIndex - 1;
  const line = lines[lineIndex];
  const [from = 0, to = -1] = u.series[0]?.idxs ?? [];
  const last = lastIndex(feed, lineIndex);
  if (line === undefined || last >= to) return;
  const { ctx } = u;
  const start = Math.max(last, from);
  const path = builder(u, seriesIndex, start, to);
  const width = line.options.lineWidth * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  ctx.strokeStyle = line.color;
  ctx.lineWidth = width;
  ctx.lineJoin = 'round';
  const alpha = u.series[seriesIndex]?.alpha ?? 1;
  ctx.globalAlpha = UNFINISHED_ALPHA * alpha;
  const stroke = path?.stroke;
  if (stroke instanceof Path2D && width > 0) {
    ctx.setLineDash(DASH.map((length) => length * devicePixelRatio));
    ctx.stroke(stroke);
  }
  ctx.restore();
  if (lines.length > HOLLOW_POINTS_AT_MOST) return;
  let end = to;
  while (end > last && typeof line.series.values[end] !== 'number') end--;
  const value = line.series.values[end];
  const timeMs = set.timesMs[end];
  if (end > last && typeof value === 'number' && timeMs !== undefined) hollowPoint(u, timeMs, value, line, alpha, surface);
}

function hollowPoint(u: uPlot, timeMs: number, value: number, line: Line, alpha: number, surface: string): void {
  const { ctx } = u;
  const x = u.valToPos(timeMs, 'x', true);
  const y = u.valToPos(value, line.scaleKey, true);
  if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
  ctx.save();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.arc(x, y, HOLLOW_RADIUS_PX * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fillStyle = surface;
  ctx.strokeStyle = line.color;
  ctx.globalAlpha = alpha;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}

function lastIndex(feed: ChartFeed, lineIndex: number): number {
  const { set, lines, options } = feed.view;
  const partialFromMs = options.partial === 'dashed' ? (lines[lineIndex]?.series.partialFromMs ?? null) : null;
  return lastFinished(set.timesMs, partialFromMs);
}
