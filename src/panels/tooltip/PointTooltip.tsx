// The tooltip of a point in time, the same on every panel. Pinned by a click it also offers the data links of the point.

import { useEffect, useRef } from 'react';
import { css, cx } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2, type LinkModel, type TimeZone } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { TooltipContent, TooltipRow } from './tooltip-content';

interface Props {
  readonly content: TooltipContent;
  readonly timeZone: TimeZone;
  readonly links: readonly LinkModel[];
  readonly pinned: boolean;
  readonly maxHeight: number | undefined;
  /** Told when it is pinned, and when it is no more. */
  readonly onPinned?: (pinned: boolean) => void;
}

export function PointTooltip({ content, timeZone, links, pinned, maxHeight, onPinned }: Props) {
  const styles = useStyles2(getStyles);
  const firstLink = useRef<HTMLAnchorElement>(null);
  const tell = useRef(onPinned);
  useEffect(() => {
    tell.current = onPinned;
  });
  useEffect(() => {
    if (!pinned) return undefined;
    tell.current?.(true);
    return () => tell.current?.(false);
  }, [pinned]);
  // Pinned by keyboard: the links are what comes next, and the chart again afterwards.
  useEffect(() => {
    const from = document.activeElement;
    if (!pinned || !(from instanceof HTMLElement) || !from.matches('[aria-roledescription="chart"]:focus-visible')) return undefined;
    firstLink.current?.focus();
    return () => from.focus();
  }, [pinned]);
  const single = content.rows.length === 1;
  return (
    <div className={styles.box}>
      <div className={cx(styles.head, pinned && styles.roomForClose)}>
        {dateTimeFormat(content.timeMs, { timeZone })}
        {content.unfinished && <span className={styles.unfinished}>not finished yet</span>}
      </div>
      <div className={styles.rows} style={maxHeight === undefined || !pinned ? undefined : { maxHeight, overflowY: 'auto' }}>
        {content.rows.map((row) => (
          <Row key={row.key} row={row} emphasised={row.focused && !single} />
        ))}
        {content.hidden > 0 && <div className={styles.note}>and {content.hidden} more</div>}
      </div>
      {links.length > 0 && (
        <div className={styles.links}>
          {links.map((link, index) => (
            <a
              ref={index === 0 ? firstLink : undefined}
              key={`${link.title} ${link.href}`}
              className={styles.link}
              href={link.href}
              target={link.target ?? '_self'}
              rel="noreferrer"
              onClick={(event) => link.onClick?.(event)}
            >
              {link.title}
            </a>
          ))}
        </div>
      )}
    </div>
  );
}

function Row({ row, emphasised }: { readonly row: TooltipRow; readonly emphasised: boolean }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.row}>
      <span className={styles.swatch} style={{ background: row.color }} />
      <span className={cx(styles.name, emphasised && styles.strong)}>{row.name}</span>
      <span className={cx(styles.value, emphasised && styles.strong, row.anomalous && styles.anomalous)}>{row.value}</span>
      {row.expected !== null && (
        <>
          <span className={styles.detailName}>expected</span>
          <span className={styles.detail}>{row.expected}</span>
        </>
      )}
      {row.score !== null && (
        <>
          <span className={styles.detailName}>anomaly score</span>
          <span className={styles.detail}>{row.score}</span>
        </>
      )}
      {row.reason !== null && <span className={cx(styles.reason, row.anomalous && styles.reasonAnomalous)}>{row.reason}</span>}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  box: css({ whiteSpace: 'normal', fontSize: theme.typography.bodySmall.fontSize, minWidth: 180 }),
  head: css({
    display: 'flex',
    gap: theme.spacing(1),
    justifyContent: 'space-between',
    padding: theme.spacing(1),
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    color: theme.colors.text.primary,
    fontWeight: theme.typography.fontWeightMedium,
  }),
  roomForClose: css({ paddingRight: theme.spacing(4) }),
  unfinished: css({
    color: theme.colors.text.secondary,
    fontWeight: theme.typography.fontWeightRegular,
    fontStyle: 'italic',
  }),
  rows: css({ padding: theme.spacing(1), display: 'flex', flexDirection: 'column', gap: theme.spacing(0.5) }),
  row: css({ display: 'grid', gridTemplateColumns: '10px 1fr auto', columnGap: theme.spacing(0.75), alignItems: 'baseline' }),
  swatch: css({ width: 10, height: 4, borderRadius: 2, alignSelf: 'center' }),
  name: css({ color: theme.colors.text.secondary, overflowWrap: 'anywhere' }),
  value: css({ color: theme.colors.text.primary, textAlign: 'right', fontVariantNumeric: 'tabular-nums' }),
  strong: css({ color: theme.colors.text.maxContrast, fontWeight: theme.typography.fontWeightMedium }),
  anomalous: css({ color: theme.colors.error.text, fontWeight: theme.typography.fontWeightMedium }),
  detailName: css({ gridColumn: 2, color: theme.colors.text.disabled }),
  detail: css({ color: theme.colors.text.secondary, textAlign: 'right', fontVariantNumeric: 'tabular-nums' }),
  reason: css({ gridColumn: '2 / 4', color: theme.colors.text.secondary, maxWidth: 320, paddingTop: 2 }),
  reasonAnomalous: css({ color: theme.colors.error.text }),
  note: css({ color: theme.colors.text.secondary }),
  links: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    padding: theme.spacing(1),
    borderTop: `1px solid ${theme.colors.border.weak}`,
  }),
  link: css({ color: theme.colors.text.link, '&:hover': { textDecoration: 'underline' } }),
});
