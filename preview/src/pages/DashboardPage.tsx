// One bundled dashboard: the scene, and what opens over it from a panel's menu. The address keeps range, variables and filters.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { sceneGraph, UrlSyncContextProvider, type VizPanel } from '@grafana/scenes';
import { Alert, useStyles2 } from '@grafana/ui';
import { useMemo, useState } from 'react';
import { dashboardScene, runnerOf } from '../dashboard/dashboard-scene.js';
import { EditDrawer } from '../edit/EditDrawer.js';
import { InspectDrawer } from '../edit/InspectDrawer.js';
import { useHost } from '../shell/host-context.js';
import { exploreAddress } from './explore-address.js';

type Open = { readonly what: 'edit' | 'inspect'; readonly panel: VizPanel };

export function DashboardPage({ uid }: { readonly uid: string }) {
  const { dashboards } = useHost();
  const styles = useStyles2(getStyles);
  const [open, setOpen] = useState<Open | null>(null);
  const json = dashboards.find((one) => one.uid === uid);
  const scene = useMemo(
    () =>
      json === undefined
        ? null
        : dashboardScene(json, {
            edit: (panel) => setOpen({ what: 'edit', panel }),
            inspect: (panel) => setOpen({ what: 'inspect', panel }),
            explore: (panel) =>
              locationService.push(
                exploreAddress(runnerOf(panel)?.state.queries[0] ?? null, sceneGraph.getTimeRange(panel).state.value.raw),
              ),
          }),
    [json],
  );
  if (scene === null) return <Alert title={`There is no dashboard ${uid}.`} />;
  const close = (): void => setOpen(null);
  return (
    <div className={styles.page}>
      <UrlSyncContextProvider scene={scene} updateUrlOnInit createBrowserHistorySteps>
        <scene.Component model={scene} />
      </UrlSyncContextProvider>
      {open?.what === 'edit' && <EditDrawer panel={open.panel} onClose={close} />}
      {open?.what === 'inspect' && <InspectDrawer panel={open.panel} onClose={close} />}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({
    display: 'flex',
    flexDirection: 'column',
    flexGrow: 1,
    padding: theme.spacing(2),
    [theme.breakpoints.down('sm')]: { padding: theme.spacing(1) },
  }),
});
