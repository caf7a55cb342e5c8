// The dashboards that come with the plugin: those its manifest lists, read from the built plugin's own folder.

import type { PluginStore } from '../plugins/plugin-store.js';
import { checkDashboard, type DashboardJson } from './dashboard-json.js';

/** In the manifest's order; the first is the start page. @throws Error where a listed file is missing or no dashboard */
export async function bundledDashboards(plugins: PluginStore): Promise<readonly DashboardJson[]> {
  return Promise.all(
    plugins.dashboardFiles().map(async (file) => {
      const response = await fetch(file);
      if (!response.ok) throw new Error(`The dashboard ${file} is missing. Build the plugin: npm run build`);
      return checkDashboard(await response.text(), file);
    }),
  );
}
