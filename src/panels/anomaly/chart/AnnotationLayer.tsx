// The words of annotations: a small marker under each, that the mouse and the keyboard reach. It follows the chart as that is drawn.

import { useLayoutEffect, useState } from 'react';
import { css } from '@emotion/css';
import type uPlot from 'uplot';
import { dateTimeFormat, type GrafanaTheme2, type TimeZone } from '@grafana/data';
import { Tooltip, useStyles2, useTheme2, type UPlotConfigBuilder } from '@grafana/ui';
import type { Annotation } from '../../frames/annotations';

interface Props {
  readonly config: UPlotConfigBuilder;
  readonly annotations: readonly Annotation[];
  readonly timeZone: TimeZone;
}

export function AnnotationLayer({ config, annotations, timeZone }: Props) {
  // A new value with each drawing, because the same uPlot then has other places.
  const [drawn, setDrawn] = useState<{ readonly u: uPlot } | null>(null);
  const styles = useStyles2(getStyles);
  const theme = useTheme2();
  useLayoutEffect(() => {
    let here = true;
    config.addHook('draw', (u: uPlot) => {
      // uPlot draws inside React's own commit; a state change must wait for its end.
      queueMicrotask(() => here && setDrawn({ u }));
    });
    return () => {
      here = false;
    };
  }, [config]);
  if (drawn === null || annotations.length === 0) return null;
  const { u } = drawn;
  const left = u.bbox.left / devicePixelRatio;
  const bottom = (u.bbox.top + u.bbox.height) / devicePixelRatio;
  const width = u.bbox.width / devicePixelRatio;
  return (
    <>
      {annotations.map((annotation, index) => {
        const from = u.valToPos(annotation.fromMs, 'x');
        const to = annotation.toMs === null ? from : u.valToPos(annotation.toMs, 'x');
        if (to < 0 || from > width) return null;
        const color = theme.visualization.getColorByName(annotation.color ?? theme.colors.primary.main);
        const isRegion = annotation.toMs !== null;
        const [start, end] = [Math.max(0, from), Math.min(width, to)];
        const when = [annotation.fromMs, annotation.toMs].filter((at) => at !== null).map((at) => dateTimeFormat(at, { timeZone }));
        return (
          <Tooltip key={index} content={<Words annotation={annotation} when={when.join(' – ')} />} placement="bottom">
            <button
              type="button"
              className={isRegion ? styles.bar : styles.marker}
              style={
                isRegion
                  ? { left: left + start, top: bottom, width: Math.max(6, end - start), background: color }
                  : { left: left + from - 5, top: bottom, borderBottomColor: color }
              }
              aria-label={`Annotation: ${[annotation.title, annotation.text].filter((text) => text !== '').join(', ')}, ${when.join(' to ')}`}
            />
          </Tooltip>
        );
      })}
    </>
  );
}

function Words({ annotation, when }: { readonly annotation: Annotation; readonly when: string }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.words}>
      <div className={styles.when}>{when}</div>
      {annotation.title !== '' && <strong>{annotation.title}</strong>}
      {annotation.text !== '' && <div>{annotation.text}</div>}
      {annotation.tags.length > 0 && <div className={styles.when}>{annotation.tags.join(' · ')}</div>}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  marker: css({
    position: 'absolute',
    width: 0,
    height: 0,
    padding: 0,
    background: 'none',
    border: '5px solid transparent',
    borderTop: 0,
    borderBottomWidth: 7,
    cursor: 'help',
  }),
  bar: css({ position: 'absolute', height: 5, padding: 0, border: 0, borderRadius: 1, cursor: 'help' }),
  words: css({ whiteSpace: 'pre-line', fontSize: theme.typography.bodySmall.fontSize, maxWidth: 320 }),
  when: css({ color: theme.colors.text.secondary }),
});
