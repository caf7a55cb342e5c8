// The frame around a page of an app plugin: title, actions, content. Grafana brings one of its own; plugins only name it.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import type { PluginPageProps } from '@grafana/runtime';
import { Stack, Text, useStyles2 } from '@grafana/ui';

export function PluginPage({ pageNav, subTitle, actions, info, renderTitle, children }: PluginPageProps) {
  const styles = useStyles2(getStyles);
  const title = pageNav?.text ?? '';
  const described = subTitle ?? pageNav?.subTitle;
  return (
    <div className={styles.page}>
      {title !== '' && (
        <Stack justifyContent="space-between" alignItems="center" wrap="wrap" gap={2}>
          {renderTitle === undefined ? (
            <Text element="h1" variant="h2">
              {title}
            </Text>
          ) : (
            renderTitle(title)
          )}
          <Stack gap={2} alignItems="center" wrap="wrap">
            {info?.map(({ label, value }) => (
              <span key={label}>
                <Text color="secondary">{label}</Text> {value}
              </span>
            ))}
            {actions}
          </Stack>
        </Stack>
      )}
      {described !== undefined && <div className={styles.described}>{described}</div>}
      <div className={styles.content}>{children}</div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({
    display: 'flex',
    flexDirection: 'column',
    flexGrow: 1,
    minHeight: 0,
    padding: theme.spacing(3),
    [theme.breakpoints.down('sm')]: { padding: theme.spacing(1.5) },
  }),
  described: css({ color: theme.colors.text.secondary, marginTop: theme.spacing(0.5) }),
  content: css({ display: 'flex', flexDirection: 'column', flexGrow: 1, minHeight: 0, marginTop: theme.spacing(2) }),
});
