// The API beside the dashboards: what can be asked, and lines to paste into a shell.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, ClipboardButton, LoadingPlaceholder, Stack, Text, useStyles2 } from '@grafana/ui';
import { useAsync } from 'react-use';
import { useHost } from '../shell/host-context.js';
import { shellLines, type Catalog } from './aggregator-catalog.js';

export function TryPage() {
  const { host } = useHost();
  const styles = useStyles2(getStyles);
  const [source] = host.settings.datasources;
  const catalog = useAsync(() => host.backend.get<Catalog>(`/api/datasources/uid/${source?.uid ?? ''}/resources/catalog`), [host, source]);
  if (catalog.error !== undefined) return <Alert title={catalog.error.message} />;
  if (catalog.value === undefined) return <LoadingPlaceholder text="Loading the catalogue" />;
  const given = source?.jsonData['url'];
  const lines = shellLines(catalog.value, typeof given === 'string' ? given : window.location.origin, new Date().toISOString());
  return (
    <div className={styles.page}>
      <section>
        <Text element="h1" variant="h3">
          Ask it yourself
        </Text>
        <Stack direction="column" gap={2}>
          {lines.map(({ title, line }) => (
            <div key={title}>
              <Stack justifyContent="space-between" alignItems="center">
                <Text weight="medium">{title}</Text>
                <ClipboardButton size="sm" variant="secondary" fill="text" icon="copy" getText={() => line}>
                  Copy
                </ClipboardButton>
              </Stack>
              <pre className={styles.line}>{line}</pre>
            </div>
          ))}
        </Stack>
      </section>
      <section>
        <Text element="h1" variant="h3">
          What can be asked
        </Text>
        <p>
          <Text color="secondary">Grouped and filtered by {catalog.value.dimensions.map(({ name }) => name).join(', ')}.</Text>
        </p>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>Measure</th>
              <th>Kind</th>
              <th>What it is</th>
            </tr>
          </thead>
          <tbody>
            {catalog.value.measures.map(({ name, kind, description }) => (
              <tr key={name}>
                <td>{name}</td>
                <td>{kind}</td>
                <td>{description}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(480px, 100%), 1fr))',
    gap: theme.spacing(4),
    padding: theme.spacing(3),
    [theme.breakpoints.down('sm')]: { padding: theme.spacing(1.5) },
  }),
  line: css({ margin: 0, whiteSpace: 'pre-wrap', wordBreak: 'break-all', fontSize: theme.typography.bodySmall.fontSize }),
  table: css({
    width: '100%',
    'th, td': { padding: theme.spacing(0.5, 1), borderBottom: `1px solid ${theme.colors.border.weak}`, textAlign: 'left' },
    th: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
  }),
});
