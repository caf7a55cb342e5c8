// The uPlot configuration of a view: scales, axes, lines, thresholds and the hooks that draw what uPlot does not know. Made anew only
// when the view's key changes; the hooks read the newest view, the newest time range and nothing else.

import type uPlot from 'uplot';
import { formattedValueToString, type GrafanaTheme2, type TimeZone } from '@grafana/data';
import {
  AxisPlacement,
  GraphDrawStyle,
  GraphThresholdsStyleMode,
  ScaleDirection,
  ScaleDistribution,
  ScaleOrientation,
  VisibilityMode,
} from '@grafana/schema';
import { UPlotConfigBuilder } from '@grafana/ui';
import type { Line } from '../lines';
import { drawAnnotations } from './draw-annotations';
import { drawAnomalousPoints, drawAnomalousSpans } from './draw-anomalies';
import { drawBands } from './draw-band';
import type { ChartFeed } from './chart-feed';
import type { ChartView, ExtraColumn } from './chart-view';
import { drawUnfinished, finishedPath, pathOf } from './paths';

export interface ConfigParts {
  readonly feed: ChartFeed;
  readonly theme: GrafanaTheme2;
  readonly timeZone: TimeZone;
}

export function buildConfig(view: ChartView, { feed, theme, timeZone }: ConfigParts): UPlotConfigBuilder {
  const builder = new UPlotConfigBuilder(timeZone);
  builder.addScale({
    scaleKey: 'x',
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    isTime: true,
    range: () => {
      const range = feed.timeRange;
      return [range.from.valueOf(), range.to.valueOf()];
    },
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme, grid: { show: true } });
  builder.setCursor({ drag: { x: true, y: false, setScale: false } });

  const paths = view.lines.map((line) => pathOf(line.options.lineShape));
  const visible = view.lines.filter((line) => line.visible);
  // Hidden lines lend their axis when nothing is visible, so that the chart keeps its frame.
  for (const line of visible.length > 0 ? visible : view.lines.slice(0, 1)) addScaleAndAxis(builder, line, theme);
  view.lines.forEach((line, index) => {
    builder.addSeries({
      theme,
      scaleKey: line.scaleKey,
      lineColor: line.color,
      lineWidth: line.options.lineWidth,
      fillOpacity: line.options.fillOpacity,
      spanNulls: line.options.connectGaps,
      drawStyle: GraphDrawStyle.Line,
      pathBuilder: finishedPath(paths[index] ?? pathOf('linear'), feed, index),
      showPoints: { auto: VisibilityMode.Auto, always: VisibilityMode.Always, never: VisibilityMode.Never }[line.options.points],
      pointSize: Math.max(5, line.options.lineWidth * 2 + 2),
      pxAlign: false,
      show: line.visible,
    });
  });
  for (const extra of view.extras) addExtra(builder, extra, theme);

  const colors = { anomaly: theme.visualization.getColorByName('red'), surface: theme.colors.background.primary };
  builder.addHook('drawClear', (u: uPlot) => drawAnomalousSpans(u, feed.view, colors));
  builder.addHook('drawAxes', (u: uPlot) => drawBands(u, feed.view));
  builder.addHook('drawSeries', (u: uPlot, seriesIndex: number) => {
    const path = paths[seriesIndex - 1];
    if (path !== undefined && u.series[seriesIndex]?.show === true) drawUnfinished(u, seriesIndex, path, feed, colors.surface);
  });
  builder.addHook('draw', (u: uPlot) => {
    drawAnnotations(u, feed.view.annotations, (annotation) =>
      theme.visualization.getColorByName(annotation.color ?? theme.colors.primary.main),
    );
    drawAnomalousPoints(u, feed.view, colors);
  });
  return builder;
}

function addScaleAndAxis(builder: UPlotConfigBuilder, line: Line, theme: GrafanaTheme2): void {
  const { config } = line.series.field;
  const { options } = line;
  const distribution = options.scaleDistribution?.type;
  const bounds = { softMin: options.axisSoftMin ?? null, softMax: options.axisSoftMax ?? null };
  builder.addScale({
    scaleKey: line.scaleKey,
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    distribution: distribution ?? ScaleDistribution.Linear,
    min: config.min ?? null,
    max: config.max ?? null,
    ...bounds,
    ...(options.scaleDistribution?.log === undefined ? {} : { log: options.scaleDistribution.log }),
    ...(options.scaleDistribution?.linearThreshold === undefined ? {} : { linearThreshold: options.scaleDistribution.linearThreshold }),
    centeredZero: options.axisCenteredZero ?? false,
    ...(config.decimals === undefined || config.decimals === null ? {} : { decimals: config.decimals }),
  });
  if (options.axisPlacement !== AxisPlacement.Hidden) {
    builder.addAxis({
      scaleKey: line.scaleKey,
      theme,
      placement: options.axisPlacement ?? AxisPlacement.Auto,
      formatValue: (value: number, decimals) => formattedValueToString(line.display(value, decimals)),
      ...(options.axisLabel === undefined || options.axisLabel === '' ? {} : { label: options.axisLabel }),
      size: options.axisWidth ?? null,
      grid: options.axisGridShow === undefined ? {} : { show: options.axisGridShow },
      ...(distribution === undefined ? {} : { distr: distribution }),
      ...(config.decimals === undefined ? {} : { decimals: config.decimals }),
    });
  }
  const style = options.thresholdsStyle;
  if (config.thresholds !== undefined && style !== undefined && style.mode !== GraphThresholdsStyleMode.Off) {
    builder.addThresholds({
      scaleKey: line.scaleKey,
      thresholds: config.thresholds,
      config: style,
      theme,
      hardMin: config.min ?? null,
      hardMax: config.max ?? null,
      ...bounds,
    });
  }
}

function addExtra(builder: UPlotConfigBuilder, { line, role }: ExtraColumn, theme: GrafanaTheme2): void {
  const drawn = role === 'expected';
  builder.addSeries({
    theme,
    scaleKey: line.scaleKey,
    lineColor: theme.visualization.getColorByName(line.color),
    lineWidth: drawn ? 1 : 0,
    lineStyle: { fill: 'dash', dash: [1, 3] },
    fillOpacity: 0,
    spanNulls: false,
    drawStyle: GraphDrawStyle.Line,
    pathBuilder: drawn ? pathOf('linear') : () => null,
    showPoints: VisibilityMode.Never,
    pointsBuilder: () => false,
    pointSize: 0,
    pxAlign: false,
  });
}
