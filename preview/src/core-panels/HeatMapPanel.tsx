// Stand-in for Grafana's heat map: one row per value of a dimension, one column per bucket, on a canvas, with the value under the pointer.

import { css } from '@emotion/css';
import { dateTimeFormat, formattedValueToString, getDisplayProcessor, type GrafanaTheme2, type PanelProps } from '@grafana/data';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { useEffect, useMemo, useRef, useState } from 'react';
import { heatMapOf, strength, type HeatMap } from './heat-map.js';
import { NoData } from './NoData.js';

const AXIS_HEIGHT_PX = 22;
const GAP_PX = 1;

interface Cell {
  readonly row: number;
  readonly column: number;
  readonly x: number;
  readonly y: number;
}

export function HeatMapPanel({ data, width, height, timeRange, timeZone }: PanelProps<object>) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState<Cell | null>(null);
  const map = useMemo(() => heatMapOf(data.series), [data.series]);
  const labelWidth = Math.min(width * 0.3, 12 + 7 * Math.max(0, ...(map?.rows.map(({ name }) => name.length) ?? [])));
  const plot = { width: Math.max(0, width - labelWidth), height: Math.max(0, height - AXIS_HEIGHT_PX) };
  const [fromMs, toMs] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const xOf = (time: number): number => ((time - fromMs) / (toMs - fromMs)) * plot.width;

  useEffect(() => {
    if (canvas.current !== null && map !== null) draw(canvas.current, map, xOf, plot, theme);
  });

  if (map === null) return <NoData data={data} />;
  const rowHeight = plot.height / map.rows.length;
  const find = (x: number, y: number): void => {
    const row = Math.floor(y / rowHeight);
    const time = fromMs + (x / plot.width) * (toMs - fromMs);
    const column = map.times.findLastIndex((start) => start <= time && time < start + map.columnMs);
    setCell(map.rows[row] === undefined || column < 0 ? null : { row, column, x, y });
  };
  const ticks = ticksOf(fromMs, toMs, Math.max(2, Math.floor(plot.width / 110)));
  return (
    <div className={styles.box} style={{ width, height }}>
      {map.rows.map(({ name }, row) => (
        <div key={name} className={styles.label} style={{ top: row * rowHeight, height: rowHeight, width: labelWidth - 8 }} title={name}>
          {name}
        </div>
      ))}
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Heat map of ${map.rows.length} rows and ${map.times.length} buckets`}
        style={{ position: 'absolute', left: labelWidth, top: 0, width: plot.width, height: plot.height }}
        onMouseMove={({ nativeEvent }) => find(nativeEvent.offsetX, nativeEvent.offsetY)}
        onMouseLeave={() => setCell(null)}
      />
      {ticks.map((time) => (
        <div key={time} className={styles.tick} style={{ left: labelWidth + xOf(time), top: plot.height + 4 }}>
          {dateTimeFormat(time, { format: toMs - fromMs > 36 * 3_600_000 ? 'MM/DD' : 'HH:mm', timeZone })}
        </div>
      ))}
      {cell !== null && <Tooltip map={map} cell={cell} left={labelWidth + cell.x} width={width} timeZone={timeZone} />}
    </div>
  );
}

function Tooltip({ map, cell, left, width, timeZone }: { map: HeatMap; cell: Cell; left: number; width: number; timeZone: string }) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const row = map.rows[cell.row];
  if (row === undefined) return null;
  const display = getDisplayProcessor({ field: row.field, theme, timeZone });
  const value = row.values[cell.column] ?? null;
  const side = left > width / 2 ? { right: width - left + 12 } : { left: left + 12 };
  return (
    <div className={styles.tooltip} style={{ ...side, top: Math.max(0, cell.y - 20) }}>
      <div className={styles.faint}>{dateTimeFormat(map.times[cell.column], { timeZone })}</div>
      <div>
        {row.name} <strong>{value === null ? 'no data' : formattedValueToString(display(value))}</strong>
      </div>
    </div>
  );
}

function draw(
  canvas: HTMLCanvasElement,
  map: HeatMap,
  xOf: (time: number) => number,
  { width, height }: { readonly width: number; readonly height: number },
  theme: GrafanaTheme2,
): void {
  const scale = window.devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(scale, scale);
  const rowHeight = height / map.rows.length;
  const [empty, full] = [theme.colors.background.secondary, theme.visualization.getColorByName('dark-orange')];
  map.rows.forEach(({ values }, row) =>
    values.forEach((value, column) => {
      const start = map.times[column] ?? 0;
      const [left, right] = [Math.max(0, xOf(start)), Math.min(width, xOf(start + map.columnMs))];
      if (value === null || right <= left) return;
      const box: [number, number, number, number] = [
        left,
        row * rowHeight,
        Math.max(1, right - left - GAP_PX),
        Math.max(1, rowHeight - GAP_PX),
      ];
      context.globalAlpha = 1;
      context.fillStyle = empty;
      context.fillRect(...box);
      context.globalAlpha = strength(value, map.max);
      context.fillStyle = full;
      context.fillRect(...box);
    }),
  );
}

/** Round times, at most `most` of them. */
function ticksOf(fromMs: number, toMs: number, most: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 10_080].map((minutes) => minutes * 60_000);
  const step = steps.find((one) => (toMs - fromMs) / one <= most) ?? (toMs - fromMs) / most;
  const ticks: number[] = [];
  for (let time = Math.ceil(fromMs / step) * step; time < toMs; time += step) ticks.push(time);
  return ticks;
}

const getStyles = (theme: GrafanaTheme2) => ({
  box: css({ position: 'relative', overflow: 'hidden' }),
  label: css({
    position: 'absolute',
    left: 0,
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'flex-end',
    overflow: 'hidden',
    whiteSpace: 'nowrap',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  tick: css({
    position: 'absolute',
    transform: 'translateX(-50%)',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  tooltip: css({
    position: 'absolute',
    zIndex: 1,
    padding: theme.spacing(0.5, 1),
    background: theme.colors.background.elevated,
    border: `1px solid ${theme.colors.border.medium}`,
    borderRadius: theme.shape.radius.default,
    boxShadow: theme.shadows.z2,
    fontSize: theme.typography.bodySmall.fontSize,
    pointerEvents: 'none',
    whiteSpace: 'nowrap',
  }),
  faint: css({ color: theme.colors.text.secondary }),
});
