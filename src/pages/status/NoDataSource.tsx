// Nothing to check yet: the way to the first data source.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { EmptyState, LinkButton, useStyles2 } from '@grafana/ui';

export const DATA_SOURCE_TYPE = 'tidemark-realtime-datasource';

export function NoDataSource() {
  const styles = useStyles2(getStyles);
  return (
    <EmptyState
      variant="call-to-action"
      message="Connect Grafana to Tidemark"
      button={
        <LinkButton icon="plus" href={`/connections/datasources/new?search=${DATA_SOURCE_TYPE}`} size="lg">
          Add a Tidemark data source
        </LinkButton>
      }
    >
      <ol className={styles.steps}>
        <li>Start the aggregator where it reaches Kafka. It listens on port 4400.</li>
        <li>Add a Tidemark data source with the aggregator’s URL, and its token if it asks for one.</li>
        <li>Press “Save & test”, then come back: this page checks everything behind it.</li>
      </ol>
    </EmptyState>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  steps: css({ textAlign: 'left', display: 'inline-block', margin: 0, paddingLeft: theme.spacing(3), lineHeight: 1.9 }),
});
