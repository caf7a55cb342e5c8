// A small word in the corner when the picture is behind the world, and why.

import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, Tooltip, useStyles2 } from '@grafana/ui';
import type { FreshnessNote } from './panel-state';

export function FreshnessBadge({ note }: { readonly note: FreshnessNote }) {
  const styles = useStyles2(getStyles);
  return (
    <Tooltip content={note.detail} placement="bottom-end">
      <button
        type="button"
        className={cx(styles.badge, note.kind === 'behind' && styles.behind)}
        aria-label={`${note.text}. ${note.detail}`}
      >
        <Icon name={note.kind === 'behind' ? 'history' : 'clock-nine'} size="xs" />
        {note.text}
      </button>
    </Tooltip>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  badge: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    padding: theme.spacing(0, 0.75),
    height: 20,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: 10,
    background: theme.colors.background.secondary,
    color: theme.colors.text.secondary,
    fontSize: 11,
    lineHeight: '18px',
    whiteSpace: 'nowrap',
    cursor: 'help',
  }),
  behind: css({ color: theme.colors.warning.text, borderColor: theme.colors.warning.border }),
});
