// One line above a picture that lacks something: some queries were answered, these were not.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';

/** What the picture below has less. */
export const PARTIAL_ERROR_HEIGHT_PX = 24;

export function PartialError({ message }: { readonly message: string }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.line} role="alert" title={message}>
      <Icon name="exclamation-triangle" size="sm" />
      <span>Not all of it could be read. {message}</span>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  line: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(0.75),
    height: PARTIAL_ERROR_HEIGHT_PX,
    flexShrink: 0,
    padding: theme.spacing(0, 1),
    color: theme.colors.warning.text,
    fontSize: theme.typography.bodySmall.fontSize,
    overflow: 'hidden',
    '& span': { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  }),
});
