// The expected range as a filled area, drawn under the lines. A bucket without a range interrupts it.

import type uPlot from 'uplot';
import type { Column } from '../../frames/series-set';
import type { ChartView } from './chart-view';

const FILL_ALPHA = 0.16;

/** For uPlot's hook `drawAxes`: after the grid, before the lines. */
export function drawBands(u: uPlot, view: ChartView): void {
  const [from = 0, to = -1] = u.series[0]?.idxs ?? [];
  const { ctx } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  for (const line of view.lines) {
    const { lower, upper } = line.series;
    if (!line.band || lower === null || upper === null) continue;
    ctx.globalAlpha = FILL_ALPHA * (u.series[line.series.index + 1]?.alpha ?? 1);
    ctx.fillStyle = line.color;
    for (const run of bandRuns(lower, upper, from, to)) {
      ctx.beginPath();
      for (const index of run) ctx.lineTo(xOf(u, view, index), u.valToPos(upper[index] ?? 0, line.scaleKey, true));
      for (const index of run.toReversed()) ctx.lineTo(xOf(u, view, index), u.valToPos(lower[index] ?? 0, line.scaleKey, true));
      ctx.closePath();
      ctx.fill();
    }
  }
  ctx.restore();
}

/** Indexes that have both bounds, cut where a bucket has none. Times that only other series have (undefined) do not cut. */
export function bandRuns(lower: Column, upper: Column, from: number, to: number): number[][] {
  const runs: number[][] = [];
  let run: number[] = [];
  for (let index = from; index <= to; index++) {
    const [low, high] = [lower[index], upper[index]];
    if (typeof low === 'number' && typeof high === 'number') run.push(index);
    else if (low !== undefined && run.length > 0) {
      runs.push(run);
      run = [];
    }
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

function xOf(u: uPlot, view: ChartView, index: number): number {
  return u.valToPos(view.set.timesMs[index] ?? 0, 'x', true);
}
