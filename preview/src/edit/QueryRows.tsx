// The queries of one panel, each in the data source's own editor, as Grafana stacks them: add, remove, hide, run. The rows own nothing; every
// change goes to whoever shows them.

import { css } from '@emotion/css';
import { type CoreApp, getDefaultTimeRange, LoadingState, type DataSourceApi, type GrafanaTheme2, type PanelData } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import type { SceneDataQuery } from '@grafana/scenes';
import { Alert, Button, IconButton, LoadingPlaceholder, Stack, Text, useStyles2 } from '@grafana/ui';
import { useAsync } from 'react-use';

export interface QueryRowsProps {
  readonly queries: readonly SceneDataQuery[];
  readonly data: PanelData | undefined;
  readonly app: CoreApp;
  readonly onChange: (queries: SceneDataQuery[]) => void;
  readonly onRun: () => void;
}

export function QueryRows({ queries, data, app, onChange, onRun }: QueryRowsProps) {
  const source = useAsync(() => getDataSourceSrv().get(), []);
  if (source.error !== undefined) return <Alert title={source.error.message} />;
  if (source.value === undefined) return <LoadingPlaceholder text="Loading the query editor" />;
  const datasource = source.value;
  const replace = (refId: string, changed: SceneDataQuery): void => onChange(queries.map((one) => (one.refId === refId ? changed : one)));
  const add = (): void => {
    const used = new Set(queries.map(({ refId }) => refId));
    const refId =
      Array.from({ length: 26 }, (_, index) => String.fromCharCode(65 + index)).find((letter) => !used.has(letter)) ?? `Q${queries.length}`;
    onChange([...queries, { ...datasource.getDefaultQuery?.(app), refId, datasource: datasource.getRef() }]);
  };
  return (
    <Stack direction="column" gap={1}>
      {queries.map((query) => (
        <QueryRow
          key={query.refId}
          query={query}
          queries={queries}
          datasource={datasource}
          data={partOf(data, query.refId)}
          app={app}
          onChange={(changed) => replace(query.refId, changed)}
          onRemove={() => onChange(queries.filter(({ refId }) => refId !== query.refId))}
          onRun={onRun}
        />
      ))}
      <div>
        <Button variant="secondary" icon="plus" size="sm" onClick={add}>
          Add query
        </Button>
      </div>
    </Stack>
  );
}

interface QueryRowProps {
  readonly query: SceneDataQuery;
  readonly queries: readonly SceneDataQuery[];
  readonly datasource: DataSourceApi;
  readonly data: PanelData | undefined;
  readonly app: CoreApp;
  readonly onChange: (query: SceneDataQuery) => void;
  readonly onRemove: () => void;
  readonly onRun: () => void;
}

function QueryRow({ query, queries, datasource, data, app, onChange, onRemove, onRun }: QueryRowProps) {
  const styles = useStyles2(getStyles);
  const Editor = datasource.components?.QueryEditor;
  const hidden = query.hide === true;
  return (
    <section className={styles.row} aria-label={`Query ${query.refId}`}>
      <div className={styles.head}>
        <Text weight="medium">{query.refId}</Text>
        <Text color="secondary" variant="bodySmall" truncate>
          {datasource.getQueryDisplayText?.(query) ?? ''}
        </Text>
        <span className={styles.space} />
        <IconButton
          name={hidden ? 'eye-slash' : 'eye'}
          aria-label={hidden ? `Show query ${query.refId}` : `Hide query ${query.refId}`}
          onClick={() => {
            onChange({ ...query, hide: !hidden });
            onRun();
          }}
        />
        <IconButton name="trash-alt" aria-label={`Remove query ${query.refId}`} onClick={onRemove} disabled={queries.length === 1} />
      </div>
      <div className={styles.editor}>
        {Editor === undefined ? (
          <Alert title="The data source has no query editor." />
        ) : (
          <Editor
            query={query}
            queries={[...queries]}
            datasource={datasource}
            app={app}
            data={data}
            range={data?.timeRange ?? getDefaultTimeRange()}
            history={[]}
            onChange={onChange}
            onRunQuery={onRun}
          />
        )}
      </div>
    </section>
  );
}

/** What came back for one query, as Grafana hands it to the query's editor. */
function partOf(data: PanelData | undefined, refId: string): PanelData | undefined {
  if (data === undefined) return undefined;
  const errors = data.errors?.filter((error) => error.refId === undefined || error.refId === refId) ?? [];
  return {
    ...data,
    series: data.series.filter((frame) => frame.refId === refId),
    state: errors.length === 0 && data.state === LoadingState.Error ? LoadingState.Done : data.state,
    errors,
    error: errors[0],
  };
}

const getStyles = (theme: GrafanaTheme2) => ({
  row: css({
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    background: theme.colors.background.primary,
  }),
  head: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    padding: theme.spacing(0.75, 1),
    background: theme.colors.background.secondary,
  }),
  space: css({ flexGrow: 1 }),
  editor: css({ padding: theme.spacing(1) }),
});
