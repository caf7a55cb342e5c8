// The set-up check: one line per thing that must work, green or with what to do.

import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, Icon, LinkButton, Stack, Text, useStyles2, type IconName } from '@grafana/ui';
import type { StatusViewProps } from '../status/StatusObject';
import { checksOf, verdictOf, type Check, type CheckState } from './checks';

const ICONS: Readonly<Record<CheckState, IconName>> = {
  ok: 'check-circle',
  warning: 'exclamation-triangle',
  failed: 'times-circle',
  unknown: 'question-circle',
};
const WORDS: Readonly<Record<CheckState, string>> = {
  ok: 'works',
  warning: 'needs a look',
  failed: 'does not work',
  unknown: 'not checked',
};

export function SetupView({ answer, dataSourceUid, asking, again }: StatusViewProps) {
  const styles = useStyles2(getStyles);
  const checks = checksOf(answer);
  const verdict = verdictOf(checks);
  return (
    <div className={styles.page}>
      <Stack justifyContent="space-between" alignItems="center" wrap="wrap" gap={2}>
        <div className={cx(styles.verdict, styles[verdict.state])} role="status">
          <Icon name={ICONS[verdict.state]} size="xl" />
          <Text element="h2" variant="h3">
            {verdict.text}
          </Text>
        </div>
        <Stack gap={1}>
          <Button variant="secondary" icon="sync" onClick={again} disabled={asking}>
            Check again
          </Button>
          <LinkButton variant="secondary" icon="cog" href={`/connections/datasources/edit/${encodeURIComponent(dataSourceUid)}`}>
            Data source settings
          </LinkButton>
        </Stack>
      </Stack>
      <ul className={styles.list}>
        {checks.map((check) => (
          <CheckRow key={check.id} check={check} />
        ))}
      </ul>
    </div>
  );
}

function CheckRow({ check }: { readonly check: Check }) {
  const styles = useStyles2(getStyles);
  return (
    <li className={styles.row} data-check={check.id} data-state={check.state}>
      <Icon name={ICONS[check.state]} size="lg" className={styles[check.state]} title={WORDS[check.state]} />
      <div className={styles.words}>
        <Text element="h3" variant="h5">
          {check.title}
        </Text>
        <Text color="secondary">{check.detail}</Text>
        {check.remedy !== '' && (
          <div className={styles.remedy}>
            <strong>What to do: </strong>
            {check.remedy}
          </div>
        )}
      </div>
    </li>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(2), maxWidth: 960, width: '100%' }),
  verdict: css({ display: 'flex', alignItems: 'center', gap: theme.spacing(1.5), '& h2': { margin: 0 } }),
  list: css({
    listStyle: 'none',
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    overflow: 'hidden',
  }),
  row: css({
    display: 'flex',
    gap: theme.spacing(2),
    padding: theme.spacing(2),
    background: theme.colors.background.primary,
    '&:not(:last-child)': { borderBottom: `1px solid ${theme.colors.border.weak}` },
    '& > svg': { marginTop: 1 },
  }),
  words: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    minWidth: 0,
    overflowWrap: 'anywhere',
    '& h3': { margin: 0 },
  }),
  remedy: css({
    marginTop: theme.spacing(0.5),
    padding: theme.spacing(1, 1.5),
    borderLeft: `3px solid ${theme.colors.warning.border}`,
    background: theme.colors.background.secondary,
  }),
  ok: css({ color: theme.colors.success.text }),
  warning: css({ color: theme.colors.warning.text }),
  failed: css({ color: theme.colors.error.text }),
  unknown: css({ color: theme.colors.text.disabled }),
});
