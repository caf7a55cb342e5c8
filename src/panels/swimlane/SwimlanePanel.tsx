// The panel: from an answer to one of its states, or to lanes with their time axis and what the colours mean.

import { useMemo } from 'react';
import { css } from '@emotion/css';
import { dateTimeFormat, dateTimeForTimeZone, type GrafanaTheme2, type PanelProps, type TimeRange, type TimeZone } from '@grafana/data';
import { measureText, useStyles2, useTheme2 } from '@grafana/ui';
import { seriesSetOf } from '../frames/series-set';
import { FreshnessBadge } from '../states/FreshnessBadge';
import { freshnessNote, panelState } from '../states/panel-state';
import { PARTIAL_ERROR_HEIGHT_PX, PartialError } from '../states/PartialError';
import { StateView } from '../states/StateView';
import { laneColors } from './draw-lanes';
import { LaneCanvas } from './LaneCanvas';
import { lanesOf, xOf, type Lane, type LaneGeometry } from './lanes';
import { SWIMLANE_DEFAULTS, type SwimlaneOptions } from './options';
import { tickFormat, timeTicks } from './ticks';

const AXIS_HEIGHT_PX = 22;
const NAME_PADDING_PX = 12;
const NAMES_AT_MOST = 0.35;
const SCROLLBAR_PX = 10;
const LABEL_PX = 90;

export function SwimlanePanel(props: PanelProps<SwimlaneOptions>) {
  const { data, width, height, timeRange, timeZone, fieldConfig, eventBus, title } = props;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const options = useMemo(() => ({ ...SWIMLANE_DEFAULTS, ...props.options }), [props.options]);
  const set = useMemo(() => seriesSetOf(data.series), [data.series]);
  const lanes = useMemo(() => lanesOf(set, options), [set, options]);
  const nameWidth = useMemo(() => widestName(lanes), [lanes]);
  const colors = useMemo(() => laneColors(theme), [theme]);
  const state = panelState(data, set, fieldConfig.defaults.noValue);
  if (state.kind !== 'ready') return <StateView state={state} width={width} height={height} />;
  if (lanes.length === 0) {
    const message = `No anomaly in this time range: ${set.series.length} series looked at`;
    // What was not read may be what is out of line.
    if (state.partialError !== null) {
      const half = `${message}. Not all of it could be read. ${state.partialError}`;
      return <StateView state={{ kind: 'problem', message: half }} width={width} height={height} />;
    }
    return <StateView state={{ kind: 'calm', message }} width={width} height={height} />;
  }
  const left = Math.ceil(Math.min(width * NAMES_AT_MOST, nameWidth + NAME_PADDING_PX));
  const geometry: LaneGeometry = {
    left,
    width: Math.max(1, width - left - SCROLLBAR_PX),
    laneHeight: options.laneHeight,
    fromMs: timeRange.from.valueOf(),
    toMs: timeRange.to.valueOf(),
  };
  const stepMs = Math.max(...lanes.map((lane) => lane.series.stepMs));
  const warningHeight = state.partialError === null ? 0 : PARTIAL_ERROR_HEIGHT_PX;
  const note = options.showFreshness ? freshnessNote(data, geometry.toMs, stepMs) : null;
  return (
    <div className={styles.panel} style={{ width, height }}>
      {state.partialError !== null && <PartialError message={state.partialError} />}
      <LaneCanvas
        lanes={lanes}
        timesMs={set.timesMs}
        geometry={geometry}
        colors={colors}
        width={width}
        height={Math.max(options.laneHeight, height - AXIS_HEIGHT_PX - warningHeight)}
        timeZone={timeZone}
        eventBus={eventBus}
        label={summary(title, lanes, timeRange, timeZone)}
      />
      <TimeAxis geometry={geometry} timeZone={timeZone} />
      {note !== null && (
        <div className={styles.badge} style={{ top: warningHeight + 2 }}>
          <FreshnessBadge note={note} />
        </div>
      )}
    </div>
  );
}

function TimeAxis({ geometry, timeZone }: { readonly geometry: LaneGeometry; readonly timeZone: TimeZone }) {
  const styles = useStyles2(getStyles);
  const offsetMs = dateTimeForTimeZone(timeZone, geometry.fromMs).utcOffset() * 60_000;
  const { stepMs, ticks } = timeTicks(geometry.fromMs, geometry.toMs, geometry.width, LABEL_PX, offsetMs);
  return (
    <div className={styles.axis} aria-hidden="true">
      {ticks.map((at) => (
        <span key={at} className={styles.tick} style={{ left: xOf(at, geometry) }}>
          {dateTimeFormat(at, { timeZone, format: tickFormat(stepMs) })}
        </span>
      ))}
    </div>
  );
}

function summary(title: string, lanes: readonly Lane[], range: TimeRange, timeZone: TimeZone): string {
  const anomalous = lanes.filter((lane) => lane.anomalies > 0);
  const judged = lanes.some((lane) => lane.judged);
  return [
    `${title === '' ? 'Swimlanes' : title}: ${lanes.length} series from ${dateTimeFormat(range.from, { timeZone })} to ${dateTimeFormat(range.to, { timeZone })}.`,
    judged ? `${anomalous.length} with anomalies${anomalous[0] === undefined ? '' : `, first ${anomalous[0].series.name}`}.` : '',
    'Use the arrow keys to go from lane to lane and from bucket to bucket, enter for the links of a bucket.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function widestName(lanes: readonly Lane[]): number {
  const longest = lanes.reduce((name, lane) => (lane.series.name.length > name.length ? lane.series.name : name), '');
  return measureText(longest, 12).width;
}

const getStyles = (theme: GrafanaTheme2) => ({
  panel: css({ position: 'relative' }),
  axis: css({ position: 'relative', height: AXIS_HEIGHT_PX, overflow: 'hidden' }),
  tick: css({
    position: 'absolute',
    top: 4,
    transform: 'translateX(-50%)',
    color: theme.colors.text.primary,
    fontSize: 12,
    whiteSpace: 'nowrap',
  }),
  badge: css({ position: 'absolute', right: theme.spacing(2), zIndex: 1 }),
});
