// The chart itself: keeps one uPlot configuration as long as the view's key stays, hands each new answer to it, and connects tooltip,
// shared crosshair, zoom, legend and keyboard.

import { useCallback, useEffect, useMemo, useState } from 'react';
import { css } from '@emotion/css';
import type uPlot from 'uplot';
import {
  DashboardCursorSync,
  DataHoverClearEvent,
  DataHoverEvent,
  type EventBus,
  type GrafanaTheme2,
  type TimeRange,
  type TimeZone,
} from '@grafana/data';
import { SortOrder, TooltipDisplayMode } from '@grafana/schema';
import { EventBusPlugin, TooltipPlugin2, UPlotChart, usePanelContext, useStyles2, useTheme2, type UPlotConfigBuilder } from '@grafana/ui';
import { AnnotationLayer } from './AnnotationLayer';
import { buildConfig } from './build-config';
import { ChartFeed, ChartFeedUpdate } from './chart-feed';
import type { ChartView } from './chart-view';
import { onChartKey } from './keyboard';
import { tooltipContent } from './tooltip-rows';
import { PointTooltip } from '../../tooltip/PointTooltip';

interface Props {
  readonly view: ChartView;
  readonly label: string;
  readonly width: number;
  readonly height: number;
  readonly timeRange: TimeRange;
  readonly timeZone: TimeZone;
  readonly eventBus: EventBus;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

const ROWS_WHILE_HOVERING = 14;
const ROWS_WHEN_PINNED = 200;
const PINNED_MAX_HEIGHT_PX = 320;
const ZOOM_AT_LEAST_PX = 5;
const UNFOCUSED_ALPHA = 0.15;

export function Chart(props: Props) {
  const { label, width, height, timeZone, eventBus, onZoom } = props;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const { sync, eventsScope } = usePanelContext();
  const syncMode = sync?.() ?? DashboardCursorSync.Off;
  const { view, timeRange, onPinned } = useStill(props);
  const state = useMemo(() => ({ view, timeRange, onZoom }), [view, timeRange, onZoom]);
  const [feed] = useState(() => new ChartFeed(state));

  const { mode, sort, hideZeros, maxWidth, maxHeight } = view.options.tooltip;
  const config = useConfig(view, feed, theme, timeZone);
  // The axis ends at the time range, which moves even when the same data comes back.
  const [fromMs, toMs] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  useEffect(() => feed.plot?.setScale('x', { min: fromMs, max: toMs }), [feed, fromMs, toMs]);
  useEffect(() => feed.plot?.redraw(false), [feed, view.options, view.annotations]);
  useEffect(() => focusOnHover(eventBus, feed), [eventBus, feed]);

  return (
    <div
      className={styles.chart}
      role="group"
      aria-roledescription="chart"
      aria-label={label}
      tabIndex={0}
      onKeyDown={(event) => onChartKey(event, feed.plot, feed.view)}
    >
      <ChartFeedUpdate feed={feed} state={state} />
      <UPlotChart config={config} data={view.data} width={width} height={height} plotRef={(u) => feed.attach(u)}>
        {syncMode !== DashboardCursorSync.Off && <EventBusPlugin config={config} eventBus={eventBus} />}
        {mode !== TooltipDisplayMode.None && (
          <TooltipPlugin2
            config={config}
            hoverMode={mode === TooltipDisplayMode.Single ? 0 : 1}
            syncMode={syncMode}
            syncScope={eventsScope}
            queryZoom={({ from, to }) => onZoom(from, to)}
            maxWidth={maxWidth ?? 420}
            render={(_u, indexes, seriesIndex, pinned, _dismiss, _range, viaSync) => {
              const current = feed.view;
              const focusedLine = focusedLineOf(current, seriesIndex);
              const content = tooltipContent(current, {
                indexes: indexes.slice(1),
                focusedLine,
                onlyFocused: mode === TooltipDisplayMode.Single && !viaSync,
                sort: sort ?? SortOrder.None,
                hideZeros: hideZeros ?? false,
                atMost: pinned ? ROWS_WHEN_PINNED : ROWS_WHILE_HOVERING,
              });
              if (content === null) return null;
              return (
                <PointTooltip
                  content={content}
                  timeZone={timeZone}
                  pinned={pinned}
                  maxHeight={maxHeight ?? PINNED_MAX_HEIGHT_PX}
                  links={pinned ? linksAt(current, focusedLine, indexes) : []}
                  onPinned={onPinned}
                />
              );
            }}
          />
        )}
        <AnnotationLayer config={config} annotations={view.annotations} timeZone={timeZone} />
      </UPlotChart>
    </div>
  );
}

/**
 * While a tooltip is pinned the picture stands still: new data would take the tooltip away, on a live panel within a second, and nobody could
 * follow its links.
 */
function useStill({ view, timeRange }: Pick<Props, 'view' | 'timeRange'>) {
  const now = { view, timeRange };
  const [held, setHeld] = useState<typeof now | null>(null);
  const shown = held ?? now;
  const { view: shownView, timeRange: shownRange } = shown;
  const onPinned = useCallback(
    (pinned: boolean) => setHeld(pinned ? { view: shownView, timeRange: shownRange } : null),
    [shownView, shownRange],
  );
  return { ...shown, onPinned };
}

/** Kept as long as the view's key stays: a new configuration builds the chart anew. */
function useConfig(view: ChartView, feed: ChartFeed, theme: GrafanaTheme2, timeZone: TimeZone): UPlotConfigBuilder {
  const [kept, setKept] = useState(() => ({ key: view.key, theme, timeZone, config: configOf(view, feed, theme, timeZone) }));
  if (kept.key === view.key && kept.theme === theme && kept.timeZone === timeZone) return kept.config;
  const made = { key: view.key, theme, timeZone, config: configOf(view, feed, theme, timeZone) };
  setKept(made);
  return made.config;
}

function configOf(view: ChartView, feed: ChartFeed, theme: GrafanaTheme2, timeZone: TimeZone): UPlotConfigBuilder {
  const config = buildConfig(view, { feed, theme, timeZone });
  if (view.options.tooltip.mode === TooltipDisplayMode.None) {
    // The tooltip plugin brings zooming with it; without a tooltip it is done here.
    config.addHook('setSelect', (u: uPlot) => {
      const { left, width } = u.select;
      if (width >= ZOOM_AT_LEAST_PX) feed.zoom(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
      u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    });
  }
  return config;
}

/** The cursor may be nearest to the edge of a band; that too means its series. */
function focusedLineOf(view: ChartView, seriesIndex: number | null): number | null {
  if (seriesIndex === null || seriesIndex < 1) return null;
  if (seriesIndex <= view.lines.length) return seriesIndex - 1;
  return view.extras[seriesIndex - 1 - view.lines.length]?.line.series.index ?? null;
}

function linksAt(view: ChartView, lineIndex: number | null, indexes: readonly (number | null)[]) {
  const line = lineIndex === null ? undefined : view.lines[lineIndex];
  const index = lineIndex === null ? null : indexes[lineIndex + 1];
  if (line === undefined || index === null || index === undefined) return [];
  const row = line.series.rowAt(index);
  return row < 0 ? [] : (line.series.field.getLinks?.({ valueRowIndex: row }) ?? []);
}

/** The legend says by the event bus which series the mouse is on; the others step back. */
function focusOnHover(eventBus: EventBus, feed: ChartFeed): () => void {
  const focus = (name: string | null): void => {
    const u = feed.plot;
    const index = name === null ? -1 : feed.view.lines.findIndex((line) => line.series.name === name);
    if (u === null || (name !== null && index < 0)) return;
    // Not uPlot's own focus: its dimming would also follow every move of the mouse over the chart.
    u.series.forEach((series, at) => (series.alpha = index < 0 || at === index + 1 ? 1 : UNFOCUSED_ALPHA));
    u.redraw(false, false);
  };
  const subscriptions = [
    eventBus.getStream(DataHoverEvent).subscribe(({ payload }) => payload.dataId !== undefined && focus(payload.dataId)),
    eventBus.getStream(DataHoverClearEvent).subscribe(({ payload }) => payload?.dataId !== undefined && focus(null)),
  ];
  return () => subscriptions.forEach((subscription) => subscription.unsubscribe());
}

const getStyles = (theme: GrafanaTheme2) => ({
  chart: css({
    borderRadius: theme.shape.radius.default,
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: -2 },
  }),
});
