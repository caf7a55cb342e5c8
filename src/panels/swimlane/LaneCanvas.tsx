// The lanes themselves: one canvas that stays in place while a scroll area as high as all lanes moves behind it, so that a thousand
// lanes cost no more than the visible ones. Mouse and keyboard both move one mark; its words are shown and spoken.

import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type MouseEvent } from 'react';
import { css } from '@emotion/css';
import {
  DataHoverClearEvent,
  DataHoverEvent,
  dateTimeFormat,
  getDisplayProcessor,
  type EventBus,
  type GrafanaTheme2,
  type LinkModel,
  type TimeZone,
} from '@grafana/data';
import { Portal, useStyles2, useTheme2, VizTooltipContainer } from '@grafana/ui';
import { PointTooltip } from '../tooltip/PointTooltip';
import { pointWords, spoken } from '../tooltip/tooltip-content';
import { drawLanes, type LaneColors } from './draw-lanes';
import { hitAt, lastAtOrBefore, neighbour, xOf, type Hit, type Lane, type LaneGeometry } from './lanes';

interface Props {
  readonly lanes: readonly Lane[];
  readonly timesMs: readonly number[];
  readonly geometry: LaneGeometry;
  readonly colors: LaneColors;
  readonly width: number;
  readonly height: number;
  readonly timeZone: TimeZone;
  readonly eventBus: EventBus;
  readonly label: string;
}

interface Mark extends Hit {
  /** Of the window, where the tooltip goes. */
  readonly clientX: number;
  readonly clientY: number;
  readonly pinned: boolean;
}

const NAME_GAP_PX = 8;

export function LaneCanvas({ lanes, timesMs, geometry, colors, width, height, timeZone, eventBus, label }: Props) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [mark, setMark] = useState<Mark | null>(null);
  const elsewhereMs = useHoverElsewhere(eventBus);
  const marked = mark === null ? undefined : lanes[mark.laneIndex];

  useLayoutEffect(() => {
    const ctx = canvas.current?.getContext('2d');
    if (canvas.current === null || ctx === null || ctx === undefined) return;
    const ratio = window.devicePixelRatio;
    canvas.current.width = Math.round(width * ratio);
    canvas.current.height = Math.round(height * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawLanes(ctx, { lanes, timesMs, geometry, scrollTop, height, hit: mark }, colors);
    drawNames(ctx, lanes, geometry, scrollTop, height, theme);
    if (elsewhereMs !== null && elsewhereMs >= geometry.fromMs && elsewhereMs <= geometry.toMs) {
      ctx.fillStyle = theme.colors.text.secondary;
      ctx.fillRect(Math.round(xOf(elsewhereMs, geometry)), 0, 1, Math.min(height, lanes.length * geometry.laneHeight - scrollTop));
    }
  }, [lanes, timesMs, geometry, colors, width, height, scrollTop, mark, elsewhereMs, theme]);

  const show = (hit: Hit | null, clientX: number, clientY: number): void => {
    setMark(hit === null ? null : { ...hit, clientX, clientY, pinned: false });
    const time = hit === null ? undefined : timesMs[hit.index];
    eventBus.publish(time === undefined ? new DataHoverClearEvent() : new DataHoverEvent({ point: { time } }));
  };
  const onMove = (event: MouseEvent<HTMLDivElement>): void => {
    if (mark?.pinned === true) return;
    const rect = event.currentTarget.getBoundingClientRect();
    show(hitAt(lanes, timesMs, geometry, event.clientX - rect.left, event.clientY - rect.top + scrollTop), event.clientX, event.clientY);
  };
  const onClick = (): void => {
    if (mark !== null) setMark({ ...mark, pinned: !mark.pinned });
  };
  const onKey = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.key === 'Escape') return show(null, 0, 0);
    if (event.key === 'Enter' && mark !== null) return setMark({ ...mark, pinned: true });
    const hit = hitByKey(event.key, mark, lanes, lastAtOrBefore(timesMs, geometry.toMs));
    if (hit === null) return;
    event.preventDefault();
    const area = event.currentTarget;
    const top = hit.laneIndex * geometry.laneHeight;
    if (top < area.scrollTop) area.scrollTop = top;
    else if (top + geometry.laneHeight > area.scrollTop + height) area.scrollTop = top + geometry.laneHeight - height;
    const rect = area.getBoundingClientRect();
    show(hit, rect.left + xOf(timesMs[hit.index] ?? geometry.toMs, geometry), rect.top + top - area.scrollTop + geometry.laneHeight);
  };

  const timeMs = mark === null ? 0 : (timesMs[mark.index] ?? 0);
  const words =
    mark === null || marked === undefined
      ? null
      : pointWords({
          series: marked.series,
          index: mark.index,
          timeMs,
          display: marked.series.field.display ?? getDisplayProcessor({ field: marked.series.field, theme }),
        });
  return (
    <>
      <div
        className={styles.area}
        style={{ width, height }}
        role="group"
        aria-roledescription="swimlanes"
        aria-label={label}
        tabIndex={0}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
        onWheel={() => mark !== null && show(null, 0, 0)}
        onMouseMove={onMove}
        onMouseLeave={() => mark?.pinned !== true && show(null, 0, 0)}
        onClick={onClick}
        onKeyDown={onKey}
      >
        <div style={{ height: Math.max(height, lanes.length * geometry.laneHeight) }}>
          <canvas ref={canvas} className={styles.canvas} style={{ width, height }} aria-hidden="true" />
        </div>
      </div>
      <div className={styles.spoken} aria-live="polite">
        {words === null ? '' : spoken(words, dateTimeFormat(timeMs, { timeZone }))}
      </div>
      {mark !== null && words !== null && marked !== undefined && (
        <Portal>
          <VizTooltipContainer
            className={styles.tooltip}
            position={{ x: mark.clientX, y: mark.clientY }}
            offset={{ x: 12, y: 12 }}
            allowPointerEvents={mark.pinned}
          >
            <PointTooltip
              content={{
                timeMs,
                rows: [{ ...words, key: mark.laneIndex, color: colors.heat(heatOf(marked, mark.index), marked.judged), focused: false }],
                hidden: 0,
                unfinished: words.unfinished,
              }}
              timeZone={timeZone}
              links={mark.pinned ? linksOf(marked, mark.index) : []}
              pinned={mark.pinned}
              maxHeight={undefined}
            />
          </VizTooltipContainer>
        </Portal>
      )}
    </>
  );
}

function heatOf(lane: Lane, index: number): number {
  return lane.heat[index] ?? 0;
}

function linksOf({ series }: Lane, index: number): LinkModel[] {
  const row = series.rowAt(index);
  return row < 0 ? [] : (series.field.getLinks?.({ valueRowIndex: row }) ?? []);
}

/** Where a key leads from a mark; null: the key is not ours. Without a mark every arrow begins at the newest bucket of the first lane. */
export function hitByKey(key: string, from: Hit | null, lanes: readonly Lane[], lastIndex: number): Hit | null {
  if (!['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key)) return null;
  if (from === null) return lanes.length === 0 ? null : { laneIndex: 0, index: lastIndex };
  if (key === 'Home') return { ...from, laneIndex: 0 };
  if (key === 'End') return { ...from, laneIndex: lanes.length - 1 };
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    return { ...from, laneIndex: Math.min(lanes.length - 1, Math.max(0, from.laneIndex + (key === 'ArrowUp' ? -1 : 1))) };
  }
  const lane = lanes[from.laneIndex];
  return lane === undefined ? null : { ...from, index: neighbour(lane, from.index, key === 'ArrowLeft' ? -1 : 1) };
}

function drawNames(
  ctx: CanvasRenderingContext2D,
  lanes: readonly Lane[],
  geometry: LaneGeometry,
  scrollTop: number,
  height: number,
  theme: GrafanaTheme2,
): void {
  ctx.font = `12px ${theme.typography.fontFamily}`;
  ctx.textBaseline = 'middle';
  const first = Math.max(0, Math.floor(scrollTop / geometry.laneHeight));
  const last = Math.min(lanes.length - 1, Math.floor((scrollTop + height) / geometry.laneHeight));
  for (let index = first; index <= last; index++) {
    const lane = lanes[index];
    if (lane === undefined) continue;
    ctx.fillStyle = lane.anomalies > 0 ? theme.colors.text.maxContrast : theme.colors.text.secondary;
    ctx.fillText(shortened(ctx, lane.series.name, geometry.left - NAME_GAP_PX), 0, (index + 0.5) * geometry.laneHeight - scrollTop - 1);
  }
}

function shortened(ctx: CanvasRenderingContext2D, name: string, widthPx: number): string {
  if (ctx.measureText(name).width <= widthPx) return name;
  let end = name.length;
  while (end > 0 && ctx.measureText(`${name.slice(0, end)}…`).width > widthPx) end--;
  return `${name.slice(0, end)}…`;
}

/** The time under the mouse on another panel of the dashboard; null: nowhere. */
function useHoverElsewhere(eventBus: EventBus): number | null {
  const [timeMs, setTimeMs] = useState<number | null>(null);
  useEffect(() => {
    const subscriptions = [
      eventBus.getStream(DataHoverEvent).subscribe((event) => {
        const time: unknown = event.payload.point?.time;
        if (event.origin !== eventBus && typeof time === 'number') setTimeMs(time);
      }),
      eventBus.getStream(DataHoverClearEvent).subscribe(() => setTimeMs(null)),
    ];
    return () => subscriptions.forEach((subscription) => subscription.unsubscribe());
  }, [eventBus]);
  return timeMs;
}

const getStyles = (theme: GrafanaTheme2) => ({
  area: css({
    position: 'relative',
    overflow: 'hidden auto',
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 0 },
  }),
  canvas: css({ position: 'sticky', top: 0, display: 'block' }),
  tooltip: css({ padding: 0, borderRadius: theme.shape.radius.lg, maxWidth: 420 }),
  spoken: css({ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clipPath: 'inset(50%)' }),
});
