// What a stand-in shows when there is nothing to draw.

import { css } from '@emotion/css';
import { LoadingState, type GrafanaTheme2, type PanelData } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';

export function NoData({ data }: { readonly data: PanelData }) {
  const styles = useStyles2(getStyles);
  const waiting = data.state === LoadingState.Loading || data.state === LoadingState.NotStarted;
  return <div className={styles.box}>{waiting ? '' : (data.error?.message ?? 'No data')}</div>;
}

const getStyles = (theme: GrafanaTheme2) => ({
  box: css({
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    height: '100%',
    padding: theme.spacing(1),
    color: theme.colors.text.secondary,
    textAlign: 'center',
  }),
});
