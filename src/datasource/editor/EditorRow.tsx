// The editor's layout, as in Grafana's newer query editors: rows of fields, each field with its label above and what is wrong below.

import { cloneElement, type ReactElement, type ReactNode } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, Tooltip, useStyles2 } from '@grafana/ui';

export function EditorRow({ children }: { children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return <div className={styles.row}>{children}</div>;
}

interface EditorFieldProps {
  readonly label: string;
  /** Of the control, so that the label belongs to it. */
  readonly id: string;
  readonly tooltip?: string;
  readonly problem?: string | undefined;
  readonly optional?: boolean;
  /** What is worth knowing of the chosen value. */
  readonly hint?: string;
  readonly children: ReactElement<{ 'aria-describedby'?: string }>;
}

export function EditorField({ label, id, tooltip, problem, optional, hint, children }: EditorFieldProps) {
  const styles = useStyles2(getStyles);
  const problemId = `${id}-problem`;
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
        {optional === true && <span className={styles.optional}>optional</span>}
        {tooltip !== undefined && (
          <Tooltip content={tooltip} placement="top">
            <Icon name="info-circle" size="sm" className={styles.icon} />
          </Tooltip>
        )}
      </label>
      {problem === undefined ? children : cloneElement(children, { 'aria-describedby': problemId })}
      {problem === undefined && hint !== undefined && hint !== '' && <div className={styles.hint}>{hint}</div>}
      {problem !== undefined && (
        <div className={styles.problem} id={problemId} role="alert">
          {problem}
        </div>
      )}
    </div>
  );
}

/** Words wrap below their control and never push its neighbours aside. */
const asWideAsTheControl = { width: 0, minWidth: '100%' };

function getStyles(theme: GrafanaTheme2) {
  return {
    row: css({
      display: 'flex',
      flexWrap: 'wrap',
      alignItems: 'flex-start',
      gap: theme.spacing(1, 2),
      padding: theme.spacing(1),
      backgroundColor: theme.colors.background.secondary,
      borderRadius: theme.shape.radius.default,
    }),
    field: css({ display: 'flex', flexDirection: 'column', minWidth: 112, maxWidth: '100%' }),
    label: css({
      display: 'flex',
      alignItems: 'center',
      gap: theme.spacing(0.5),
      minHeight: theme.spacing(2.5),
      paddingLeft: theme.spacing(0.25),
      fontSize: theme.typography.bodySmall.fontSize,
      fontWeight: theme.typography.fontWeightMedium,
      whiteSpace: 'nowrap',
    }),
    optional: css({ color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular, fontStyle: 'italic' }),
    icon: css({ color: theme.colors.text.secondary }),
    hint: css({
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      lineHeight: 1.35,
      paddingTop: theme.spacing(0.25),
      ...asWideAsTheControl,
    }),
    problem: css({
      color: theme.colors.error.text,
      fontSize: theme.typography.bodySmall.fontSize,
      lineHeight: 1.35,
      paddingTop: theme.spacing(0.25),
      ...asWideAsTheControl,
    }),
  };
}
