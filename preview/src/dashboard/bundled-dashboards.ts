// The dashboards that come with the plugin: those its manifest lists, read from the built plugin's own folder. Those that ask another data
// source than Tidemark's are left out, because the host has none.

import { DATA_SOURCE_ID, type PluginStore } from '../plugins/plugin-store.js';
import { checkDashboard, type DashboardJson } from './dashboard-json.js';

/** In the manifest's order; the first is the start page. @throws Error where a listed file is missing or no dashboard */
export async function bundledDashboards(plugins: PluginStore): Promise<readonly DashboardJson[]> {
  const all = await Promise.all(
    plugins.dashboardFiles().map(async (file) => {
      const response = await fetch(file);
      if (!response.ok) throw new Error(`The dashboard ${file} is missing. Build the plugin: npm run build`);
      return checkDashboard(await response.text(), file);
    }),
  );
  return all.filter((dashboard) => typesAsked(dashboard).every((type) => type === DATA_SOURCE_ID));
}

function typesAsked({ panels }: DashboardJson): string[] {
  return panels.flatMap((panel) =>
    [panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)]
      .flatMap((reference) => reference?.type ?? [])
      .concat(panel.panels === undefined ? [] : typesAsked({ uid: '', title: '', panels: panel.panels })),
  );
}
