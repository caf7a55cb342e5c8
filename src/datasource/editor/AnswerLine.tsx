// Below the editor: how the last answer came about, in one line, and the plan behind it when opened.

import { useId, useState } from 'react';
import { css, cx } from '@emotion/css';
import { dateTimeFormat, LoadingState, type GrafanaTheme2, type PanelData } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import { answerWords } from './answer-words';

export function AnswerLine({ data, refId }: { data: PanelData | undefined; refId: string }) {
  const styles = useStyles2(getStyles);
  const [open, setOpen] = useState(false);
  const detailId = useId();
  const frame = data?.series.find((candidate) => candidate.refId === refId);
  if (data === undefined) return null;
  const timeZone = data.request?.timezone;
  const clock = (timeMs: number): string => dateTimeFormat(timeMs, { format: 'HH:mm:ss', ...(timeZone === undefined ? {} : { timeZone }) });
  const words = frame === undefined ? null : answerWords(frame, clock);
  if (words === null) {
    return data.state === LoadingState.Loading ? <div className={styles.line}>Asking…</div> : null;
  }
  return (
    <div className={styles.answer} data-testid="tidemark-answer">
      <button
        type="button"
        className={styles.line}
        aria-expanded={open}
        aria-controls={detailId}
        onClick={() => setOpen(!open)}
        disabled={words.detail === ''}
        title="How the last answer came about"
      >
        {words.detail !== '' && <Icon name={open ? 'angle-down' : 'angle-right'} size="sm" />}
        <span className={cx(styles.dot, words.behind ? styles.behind : styles.fresh)} aria-hidden="true" />
        <span>{words.parts.join(' · ')}</span>
      </button>
      {words.warning !== '' && <div className={styles.warning}>{words.warning}</div>}
      {open && (
        <pre className={styles.detail} id={detailId}>
          {words.detail}
        </pre>
      )}
    </div>
  );
}

function getStyles(theme: GrafanaTheme2) {
  return {
    answer: css({ minWidth: 0 }),
    line: css({
      display: 'flex',
      alignItems: 'center',
      gap: theme.spacing(0.75),
      maxWidth: '100%',
      padding: theme.spacing(0.25, 0.5),
      border: 'none',
      borderRadius: theme.shape.radius.default,
      background: 'transparent',
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      textAlign: 'left',
      '&:hover:enabled': { color: theme.colors.text.primary, background: theme.colors.action.hover },
    }),
    dot: css({ width: 8, height: 8, borderRadius: '50%', flexShrink: 0 }),
    fresh: css({ backgroundColor: theme.colors.success.main }),
    behind: css({ backgroundColor: theme.colors.warning.main }),
    warning: css({ color: theme.colors.warning.text, fontSize: theme.typography.bodySmall.fontSize, paddingLeft: theme.spacing(0.5) }),
    detail: css({
      margin: theme.spacing(0.5, 0, 0),
      padding: theme.spacing(1),
      fontSize: theme.typography.bodySmall.fontSize,
      whiteSpace: 'pre-wrap',
      overflowWrap: 'anywhere',
      maxHeight: 240,
      overflow: 'auto',
    }),
  };
}
