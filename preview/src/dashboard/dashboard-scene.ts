// A stored dashboard as a scene: what Grafana's application does when it opens one. The panels keep their queries in a runner of their own,
// which the edit view changes.

import { DashboardCursorSync } from '@grafana/schema';
import {
  behaviors,
  dataLayers,
  EmbeddedScene,
  SceneControlsSpacer,
  SceneDataLayerControls,
  SceneDataLayerSet,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  VariableValueSelectors,
  VizPanel,
  VizPanelMenu,
  type SceneGridItemLike,
} from '@grafana/scenes';
import type { DashboardJson, PanelJson } from './dashboard-json.js';
import { variablesOf } from './variables.js';

const INTERVALS = ['1s', '5s', '10s', '30s', '1m', '5m'];
const SYNC = [DashboardCursorSync.Off, DashboardCursorSync.Crosshair, DashboardCursorSync.Tooltip];
/** Grafana's own panels are not to be had; these draw the same frames. */
const DRAWN_BY: Readonly<Record<string, string>> = { timeseries: 'tidemark-anomaly-panel', piechart: 'bargauge' };

export interface PanelActions {
  readonly edit: (panel: VizPanel) => void;
  readonly inspect: (panel: VizPanel) => void;
  readonly explore: (panel: VizPanel) => void;
}

export function dashboardScene(json: DashboardJson, actions: PanelActions): EmbeddedScene {
  const { from, to } = json.time ?? { from: 'now-15m', to: 'now' };
  const annotations = (json.annotations?.list ?? []).filter(
    ({ datasource }) => datasource?.uid !== '-- Grafana --' && datasource?.uid !== 'grafana',
  );
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from, to, ...(json.timezone === undefined ? {} : { timeZone: json.timezone }) }),
    $variables: variablesOf(json),
    $behaviors: [new behaviors.CursorSync({ sync: SYNC[json.graphTooltip ?? 1] ?? DashboardCursorSync.Crosshair })],
    ...(annotations.length === 0
      ? {}
      : {
          $data: new SceneDataLayerSet({
            layers: annotations.map((query) => new dataLayers.AnnotationsDataLayer({ name: query.name, isEnabled: query.enable, query })),
          }),
        }),
    controls: [
      new VariableValueSelectors({}),
      ...(annotations.length === 0 ? [] : [new SceneDataLayerControls()]),
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
      new SceneRefreshPicker({
        isOnCanvas: true,
        intervals: [...(json.timepicker?.refresh_intervals ?? INTERVALS)],
        refresh: json.refresh ?? '',
      }),
    ],
    body: new SceneGridLayout({ isDraggable: false, isResizable: false, children: itemsOf(json.panels, actions) }),
  });
}

/** Panels below an open row are its own; a collapsed row carries them itself. */
function itemsOf(panels: readonly PanelJson[], actions: PanelActions): SceneGridItemLike[] {
  const items: SceneGridItemLike[] = [];
  let row: SceneGridRow | null = null;
  for (const panel of panels) {
    if (panel.type === 'row') {
      row = new SceneGridRow({
        key: `row-${panel.id ?? panel.title}`,
        title: panel.title ?? '',
        isCollapsible: true,
        isCollapsed: panel.collapsed ?? false,
        y: panel.gridPos?.y ?? 0,
        children: (panel.panels ?? []).map((one) => itemOf(one, actions)),
      });
      items.push(row);
    } else if (row === null || row.state.isCollapsed === true) {
      items.push(itemOf(panel, actions));
    } else {
      row.setState({ children: [...row.state.children, itemOf(panel, actions)] });
    }
  }
  return items;
}

function itemOf(panel: PanelJson, actions: PanelActions): SceneGridItem {
  const { x, y, w, h } = panel.gridPos ?? { x: 0, y: 0, w: 12, h: 8 };
  return new SceneGridItem({ key: `item-${panel.id ?? panel.title}`, x, y, width: w, height: h, body: vizPanel(panel, actions) });
}

function vizPanel(panel: PanelJson, actions: PanelActions): VizPanel {
  const queries = (panel.targets ?? []).map((target) => ({ ...target, refId: target.refId }));
  const viz = new VizPanel({
    key: `panel-${panel.id ?? panel.title}`,
    pluginId: DRAWN_BY[panel.type] ?? panel.type,
    title: panel.title ?? '',
    ...(panel.description === undefined ? {} : { description: panel.description }),
    options: panel.options ?? {},
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    displayMode: panel.transparent === true ? 'transparent' : 'default',
    ...(queries.length === 0
      ? {}
      : {
          $data: new SceneQueryRunner({
            queries,
            ...(panel.datasource === undefined ? {} : { datasource: panel.datasource }),
            ...(panel.maxDataPoints === undefined ? {} : { maxDataPoints: panel.maxDataPoints }),
            ...(panel.interval === undefined ? {} : { minInterval: panel.interval }),
          }),
        }),
  });
  if (queries.length > 0) {
    viz.setState({
      menu: new VizPanelMenu({
        items: [
          { text: 'Edit', iconClassName: 'pen', onClick: () => actions.edit(viz) },
          { text: 'Explore', iconClassName: 'compass', onClick: () => actions.explore(viz) },
          { text: 'Inspect', iconClassName: 'info-circle', onClick: () => actions.inspect(viz) },
        ],
      }),
    });
  }
  return viz;
}

/** @returns the runner with the panel's queries; null for a panel without */
export function runnerOf(panel: VizPanel): SceneQueryRunner | null {
  return panel.state.$data instanceof SceneQueryRunner ? panel.state.$data : null;
}
