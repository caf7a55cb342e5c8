// The panel: from an answer to one of its states, or to the chart with its legend. Keeps nothing between answers.

import { useCallback, useMemo } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2, PanelProps } from '@grafana/data';
import { AxisPlacement, LegendDisplayMode } from '@grafana/schema';
import { useStyles2, useTheme2, VizLayout, VizLegend } from '@grafana/ui';
import { annotationsOf } from '../frames/annotations';
import { seriesSetOf } from '../frames/series-set';
import { FreshnessBadge } from '../states/FreshnessBadge';
import { freshnessNote, panelState } from '../states/panel-state';
import { PARTIAL_ERROR_HEIGHT_PX, PartialError } from '../states/PartialError';
import { StateView } from '../states/StateView';
import { Chart } from './chart/Chart';
import { chartView, type ChartView } from './chart/chart-view';
import { legendItems } from './chart/legend-items';
import { chartSummary } from './chart/summary';
import { OPTION_DEFAULTS, type AnomalyOptions } from './options';

/** Below these a legend takes more than it gives. */
const LEGEND_MIN_HEIGHT_PX = 130;
const LEGEND_RIGHT_MIN_WIDTH_PX = 480;

export function AnomalyPanel(props: PanelProps<AnomalyOptions>) {
  const { data, width, height, timeRange, timeZone, fieldConfig, eventBus, onChangeTimeRange, title } = props;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const options = useMemo(() => ({ ...OPTION_DEFAULTS, ...props.options }), [props.options]);
  const set = useMemo(() => seriesSetOf(data.series), [data.series]);
  const annotations = useMemo(() => annotationsOf(data.annotations), [data.annotations]);
  const view = useMemo(() => chartView(set, annotations, options, theme), [set, annotations, options, theme]);
  const onZoom = useCallback(
    (from: number, to: number) => onChangeTimeRange({ from: Math.round(from), to: Math.round(to) }),
    [onChangeTimeRange],
  );
  const state = panelState(data, set, fieldConfig.defaults.noValue);
  if (state.kind !== 'ready') return <StateView state={state} width={width} height={height} />;

  const stepMs = Math.max(...set.series.map((series) => series.stepMs));
  const note = options.showFreshness ? freshnessNote(data, timeRange.to.valueOf(), stepMs) : null;
  const warningHeight = state.partialError === null ? 0 : PARTIAL_ERROR_HEIGHT_PX;
  return (
    <div className={styles.panel} style={{ width, height }}>
      {state.partialError !== null && <PartialError message={state.partialError} />}
      <VizLayout width={width} height={height - warningHeight} legend={legendOf(view, options, width, height)}>
        {(chartWidth: number, chartHeight: number) => (
          <Chart
            view={view}
            label={chartSummary(title, view, timeRange, timeZone)}
            width={chartWidth}
            height={chartHeight}
            timeRange={timeRange}
            timeZone={timeZone}
            eventBus={eventBus}
            onZoom={onZoom}
          />
        )}
      </VizLayout>
      {note !== null && (
        <div className={styles.badge} style={{ top: warningHeight + 2 }}>
          <FreshnessBadge note={note} />
        </div>
      )}
    </div>
  );
}

function legendOf(view: ChartView, options: AnomalyOptions, width: number, height: number) {
  const { legend } = options;
  if (!legend.showLegend || legend.displayMode === LegendDisplayMode.Hidden || height < LEGEND_MIN_HEIGHT_PX) return null;
  const items = legendItems(view, legend.calcs, rightScalesOf(view));
  if (items.length === 0) return null;
  const placement = legend.placement === 'right' && width >= LEGEND_RIGHT_MIN_WIDTH_PX ? 'right' : 'bottom';
  return (
    <VizLayout.Legend placement={placement} {...(legend.width === undefined ? {} : { width: legend.width })}>
      <VizLegend
        placement={placement}
        displayMode={legend.displayMode}
        items={items}
        isSortable
        {...(legend.sortBy === undefined ? {} : { sortBy: legend.sortBy, sortDesc: legend.sortDesc ?? false })}
      />
    </VizLayout.Legend>
  );
}

/** Every unit after the first has its axis on the right, unless a field says otherwise. */
function rightScalesOf(view: ChartView): Set<string> {
  const visible = view.lines.filter((line) => line.visible);
  const right = new Set(
    visible.filter((line) => (line.options.axisPlacement ?? AxisPlacement.Auto) === AxisPlacement.Auto).map((line) => line.scaleKey),
  );
  right.delete(visible[0]?.scaleKey ?? '');
  return right;
}

const getStyles = (theme: GrafanaTheme2) => ({
  panel: css({ position: 'relative' }),
  badge: css({ position: 'absolute', right: theme.spacing(1), zIndex: 1 }),
});
