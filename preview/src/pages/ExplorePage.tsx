// Like Grafana's Explore: queries above, what they answer below, all of it in the address. Rows are shown as a table, series as a chart.
// A data link from a point to its raw events ends here.

import { css } from '@emotion/css';
import { CoreApp, FieldType, type GrafanaTheme2, type PanelData } from '@grafana/data';
import { getDataSourceSrv, locationService } from '@grafana/runtime';
import {
  EmbeddedScene,
  SceneControlsSpacer,
  SceneFlexItem,
  SceneFlexLayout,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  VizPanel,
  type SceneDataQuery,
} from '@grafana/scenes';
import { Alert, Button, LoadingPlaceholder, Stack, useStyles2 } from '@grafana/ui';
import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'react-router-dom';
import { useAsync } from 'react-use';
import { QueryRows } from '../edit/QueryRows.js';
import { exploreAddress, paneOfAddress, type ExplorePane } from './explore-address.js';

export function ExplorePage() {
  const { search } = useLocation();
  const first = useAsync(async (): Promise<ExplorePane> => {
    const asked = paneOfAddress(search);
    if (asked !== null && asked.queries.length > 0) return asked;
    const datasource = await getDataSourceSrv().get();
    const query = { ...datasource.getDefaultQuery?.(CoreApp.Explore), refId: 'A', datasource: datasource.getRef() };
    return { queries: [query], from: asked?.from ?? 'now-15m', to: asked?.to ?? 'now' };
  }, [search]);
  if (first.error !== undefined) return <Alert title={first.error.message} />;
  if (first.value === undefined) return <LoadingPlaceholder text="Loading" />;
  return <Pane key={search} pane={first.value} />;
}

function Pane({ pane }: { readonly pane: ExplorePane }) {
  const styles = useStyles2(getStyles);
  const { scene, runner, panel } = useMemo(() => sceneOf(pane), [pane]);
  const { data } = runner.useState();
  const [queries, setQueries] = useState<readonly SceneDataQuery[]>(pane.queries);
  const drawnBy = panelFor(data);
  useEffect(() => {
    if (drawnBy !== panel.state.pluginId) void panel.changePluginType(drawnBy);
  }, [panel, drawnBy]);
  const change = (changed: SceneDataQuery[]): void => {
    setQueries(changed);
    runner.setState({ queries: changed });
  };
  const run = (): void => {
    runner.runQueries();
    const { raw } = scene.state.$timeRange?.state.value ?? { raw: { from: pane.from, to: pane.to } };
    // Not through the router: the page shows it already.
    window.history.replaceState(window.history.state, '', exploreAddress(runner.state.queries[0] ?? null, raw));
  };
  return (
    <div className={styles.page}>
      <QueryRows queries={queries} data={data} app={CoreApp.Explore} onChange={change} onRun={run} />
      <Stack justifyContent="flex-start">
        <Button icon="sync" size="sm" onClick={run}>
          Run
        </Button>
        <Button icon="arrow-left" size="sm" variant="secondary" onClick={() => locationService.getHistory().goBack()}>
          Back
        </Button>
      </Stack>
      <div className={styles.answer}>
        <scene.Component model={scene} />
      </div>
    </div>
  );
}

function sceneOf({ queries, from, to }: ExplorePane): { scene: EmbeddedScene; runner: SceneQueryRunner; panel: VizPanel } {
  const time = (one: string): string => (/^\d{12,}$/.test(one) ? new Date(Number(one)).toISOString() : one);
  const runner = new SceneQueryRunner({ queries: [...queries], maxDataPoints: 800 });
  const panel = new VizPanel({ key: 'explore', title: 'Answer', pluginId: 'tidemark-anomaly-panel', $data: runner });
  const scene = new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from: time(from), to: time(to) }),
    controls: [
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
      new SceneRefreshPicker({ isOnCanvas: true, intervals: ['5s', '10s', '30s'] }),
    ],
    body: new SceneFlexLayout({ children: [new SceneFlexItem({ minHeight: 360, body: panel })] }),
  });
  return { scene, runner, panel };
}

/** Frames with a time and numbers alone are series, reasons of verdicts aside; everything else is rows. */
function panelFor(data: PanelData | undefined): string {
  const frames = data?.series.filter(({ fields }) => fields.length > 0) ?? [];
  const isSeries = frames.every(
    ({ fields }) =>
      fields[0]?.type === FieldType.time &&
      fields
        .slice(1)
        .every(({ type, config }) => type === FieldType.number || type === FieldType.boolean || config.custom?.role === 'reason'),
  );
  return isSeries ? 'tidemark-anomaly-panel' : 'table';
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'flex', flexDirection: 'column', flexGrow: 1, gap: theme.spacing(2), padding: theme.spacing(2) }),
  answer: css({ display: 'flex', flexGrow: 1, minHeight: 420 }),
});
