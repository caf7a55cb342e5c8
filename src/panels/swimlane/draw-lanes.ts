// Draws the lanes that can be seen onto a canvas. Only those: a thousand lanes cost as much as the screen holds.

import type { GrafanaTheme2 } from '@grafana/data';
import { hottest, lastAtOrBefore, xOf, type Hit, type Lane, type LaneGeometry } from './lanes';
import type { Cell } from '../frames/series-set';

export interface LaneColors {
  readonly nothing: string;
  readonly marker: string;
  /** For a heat of 0 to 1. */
  heat(value: number, judged: boolean): string;
}

const STEPS = 64;
const GAP_PX = 2;
const UNFINISHED_ALPHA = 0.45;

export function laneColors(theme: GrafanaTheme2): LaneColors {
  const calm = theme.colors.background.secondary;
  const named = (name: string): string => theme.visualization.getColorByName(name);
  const judged = ramp([
    [0, calm],
    [0.35, mix(calm, named('blue'), 0.14)],
    [0.5, named('orange')],
    [0.75, named('red')],
    [1, named('dark-red')],
  ]);
  const plain = ramp([
    [0, mix(calm, named('blue'), 0.08)],
    [1, named('blue')],
  ]);
  return {
    nothing: theme.colors.background.canvas,
    marker: theme.colors.text.maxContrast,
    heat: (value, byScore) => (byScore ? judged : plain)[Math.min(STEPS, Math.round(value * STEPS))] ?? calm,
  };
}

export interface LaneFrame {
  readonly lanes: readonly Lane[];
  readonly timesMs: readonly number[];
  readonly geometry: LaneGeometry;
  readonly scrollTop: number;
  readonly height: number;
  readonly hit: Hit | null;
}

/** @param ctx scaled so that one unit is one CSS pixel */
export function drawLanes(ctx: CanvasRenderingContext2D, frame: LaneFrame, colors: LaneColors): void {
  const { lanes, geometry, scrollTop, height, hit } = frame;
  ctx.clearRect(0, 0, geometry.left + geometry.width + 1, height);
  const first = Math.max(0, Math.floor(scrollTop / geometry.laneHeight));
  const last = Math.min(lanes.length - 1, Math.floor((scrollTop + height) / geometry.laneHeight));
  for (let laneIndex = first; laneIndex <= last; laneIndex++) {
    const lane = lanes[laneIndex];
    if (lane !== undefined) drawLane(ctx, frame, lane, laneIndex * geometry.laneHeight - scrollTop, colors);
  }
  const hovered = hit === null ? undefined : lanes[hit.laneIndex];
  if (hit === null || hovered === undefined) return;
  const start = frame.timesMs[hit.index] ?? 0;
  const x = Math.max(geometry.left, xOf(start, geometry));
  const width = Math.max(2, xOf(start + hovered.series.stepMs, geometry) - x);
  ctx.strokeStyle = colors.marker;
  ctx.lineWidth = 1.5;
  ctx.strokeRect(x - 0.5, hit.laneIndex * geometry.laneHeight - scrollTop + 0.5, width + 1, geometry.laneHeight - GAP_PX);
}

function drawLane(ctx: CanvasRenderingContext2D, { timesMs, geometry }: LaneFrame, lane: Lane, top: number, colors: LaneColors): void {
  const height = geometry.laneHeight - GAP_PX;
  ctx.fillStyle = colors.nothing;
  ctx.fillRect(geometry.left, top, geometry.width, height);
  const { partialFromMs, stepMs } = lane.series;
  const from = Math.max(0, lastAtOrBefore(timesMs, geometry.fromMs));
  let pending: { x: number; end: number; heat: Cell; partial: boolean } | null = null;
  const flush = (): void => {
    if (pending === null || typeof pending.heat !== 'number') return;
    ctx.globalAlpha = pending.partial ? UNFINISHED_ALPHA : 1;
    ctx.fillStyle = colors.heat(pending.heat, lane.judged);
    const x = Math.max(geometry.left, pending.x);
    ctx.fillRect(x, top, Math.min(geometry.left + geometry.width, pending.end) - x, height);
  };
  for (let index = from; index < timesMs.length; index++) {
    const timeMs = timesMs[index] ?? 0;
    if (timeMs > geometry.toMs) break;
    const heat = lane.heat[index];
    if (typeof heat !== 'number' || timeMs + stepMs < geometry.fromMs) continue;
    const x = Math.floor(xOf(timeMs, geometry));
    const end = Math.max(x + 1, Math.floor(xOf(timeMs + stepMs, geometry)));
    const partial = partialFromMs !== null && timeMs >= partialFromMs;
    if (pending !== null && pending.x === x) pending = { x, end, heat: hottest(pending.heat, heat), partial };
    else {
      flush();
      pending = { x, end, heat, partial };
    }
  }
  flush();
  ctx.globalAlpha = 1;
}

/** Colours for 0 to 1 in equal steps, mixed between the given ones. */
function ramp(stops: readonly (readonly [number, string])[]): string[] {
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const at = step / STEPS;
    const upper = stops.findIndex(([position]) => position >= at);
    const [toPosition, to] = stops[Math.max(0, upper)] ?? [1, ''];
    const [fromPosition, from] = stops[Math.max(0, upper - 1)] ?? [0, ''];
    return toPosition === fromPosition ? to : mix(from, to, (at - fromPosition) / (toPosition - fromPosition));
  });
}

/** Of two colours `#rrggbb`; anything else cannot be mixed and stays one of the two. */
export function mix(from: string, to: string, share: number): string {
  const [a, b] = [channels(from), channels(to)];
  if (a === null || b === null) return share < 0.5 ? from : to;
  return `#${a
    .map((value, index) =>
      Math.round(value + ((b[index] ?? value) - value) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

function channels(color: string): number[] | null {
  const hex = /^#([0-9a-f]{6})/i.exec(color)?.[1];
  return hex === undefined ? null : [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
