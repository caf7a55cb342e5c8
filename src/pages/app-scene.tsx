// The app's pages as scenes: each is one status object with its view, below a data source picker that is shown when there is a choice.

import { getDataSourceSrv } from '@grafana/runtime';
import {
  DataSourceVariable,
  EmbeddedScene,
  SceneApp,
  SceneAppPage,
  SceneControlsSpacer,
  SceneFlexItem,
  SceneFlexLayout,
  SceneVariableSet,
  VariableValueSelectors,
} from '@grafana/scenes';
import { HealthView } from './health/HealthView';
import { SetupView } from './setup/SetupView';
import { DATA_SOURCE_TYPE } from './status/NoDataSource';
import { DATA_SOURCE_VARIABLE, StatusObject, type StatusViewProps } from './status/StatusObject';
import type { ComponentType } from 'react';

export const APP_PATH = '/a/tidemark-realtime-app';
export const PAGE_PATHS = [`${APP_PATH}/setup`, `${APP_PATH}/health`] as const;

export function createApp(): SceneApp {
  return new SceneApp({
    pages: [
      new SceneAppPage({
        title: 'Pipeline health',
        subTitle: 'Lag, watermark, freshness and the ledger of the aggregator, every five seconds.',
        url: `${APP_PATH}/health`,
        routePath: 'health/*',
        getScene: () => statusScene(HealthView),
      }),
      new SceneAppPage({
        title: 'Set-up check',
        subTitle: 'What Tidemark needs, and what to do where something is missing.',
        url: `${APP_PATH}/setup`,
        routePath: 'setup/*',
        getScene: () => statusScene(SetupView),
      }),
    ],
  });
}

function statusScene(view: ComponentType<StatusViewProps>): EmbeddedScene {
  const several = getDataSourceSrv().getList({ pluginId: DATA_SOURCE_TYPE }).length > 1;
  return new EmbeddedScene({
    $variables: new SceneVariableSet({
      variables: [new DataSourceVariable({ name: DATA_SOURCE_VARIABLE, label: 'Data source', pluginId: DATA_SOURCE_TYPE })],
    }),
    ...(several ? { controls: [new VariableValueSelectors({}), new SceneControlsSpacer()] } : {}),
    body: new SceneFlexLayout({ direction: 'column', children: [new SceneFlexItem({ body: new StatusObject(view) })] }),
  });
}
