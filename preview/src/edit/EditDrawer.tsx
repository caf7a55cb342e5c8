// A panel's edit view: a copy of the panel above, its queries below. Only 'Apply' changes the dashboard; closing forgets.

import { css } from '@emotion/css';
import { CoreApp, type GrafanaTheme2 } from '@grafana/data';
import { EmbeddedScene, sceneGraph, SceneQueryRunner, type VizPanel, type SceneDataQuery } from '@grafana/scenes';
import { Button, Drawer, Stack, useStyles2 } from '@grafana/ui';
import { useMemo, useState } from 'react';
import { runnerOf } from '../dashboard/dashboard-scene.js';
import { QueryRows } from './QueryRows.js';

export function EditDrawer({ panel, onClose }: { readonly panel: VizPanel; readonly onClose: () => void }) {
  const styles = useStyles2(getStyles);
  const draft = useMemo(() => draftOf(panel), [panel]);
  const { data } = draft.runner.useState();
  const [queries, setQueries] = useState<readonly SceneDataQuery[]>(draft.runner.state.queries);
  const run = (): void => draft.runner.runQueries();
  const change = (changed: SceneDataQuery[]): void => {
    setQueries(changed);
    draft.runner.setState({ queries: changed });
  };
  const apply = (): void => {
    const runner = runnerOf(panel);
    runner?.setState({ queries: [...queries] });
    runner?.runQueries();
    onClose();
  };
  return (
    <Drawer title={`Edit: ${panel.state.title}`} size="lg" onClose={onClose}>
      <Stack direction="column" gap={2}>
        <div className={styles.panel}>
          <draft.scene.Component model={draft.scene} />
        </div>
        <QueryRows queries={queries} data={data} app={CoreApp.PanelEditor} onChange={change} onRun={run} />
        <Stack justifyContent="flex-end" gap={1}>
          <Button variant="secondary" onClick={onClose}>
            Discard
          </Button>
          <Button onClick={apply}>Apply</Button>
        </Stack>
      </Stack>
    </Drawer>
  );
}

/** The same panel, range and variables in a scene of their own. */
function draftOf(panel: VizPanel): { readonly scene: EmbeddedScene; readonly runner: SceneQueryRunner } {
  const known = runnerOf(panel);
  const runner = known === null ? new SceneQueryRunner({ queries: [] }) : known.clone({ data: undefined });
  const scene = new EmbeddedScene({
    $timeRange: sceneGraph.getTimeRange(panel).clone(),
    $variables: sceneGraph.getVariables(panel).clone(),
    body: panel.clone({ $data: runner, menu: undefined }),
  });
  return { scene, runner };
}

const getStyles = (_: GrafanaTheme2) => ({
  panel: css({ display: 'flex', height: 300 }),
});
