// Grafana's own panels come in no package, so the host draws small ones of its own under the ids that dashboards name. They are stand-ins:
// enough to show that Tidemark's frames fit, with the options that the preview's dashboards use.

import { PanelPlugin } from '@grafana/data';
import type { PluginStore } from '../plugins/plugin-store.js';
import { BarGaugePanel } from './BarGaugePanel.js';
import { HeatMapPanel } from './HeatMapPanel.js';
import { StatPanel } from './StatPanel.js';
import { TablePanel } from './TablePanel.js';
import { TextPanel } from './TextPanel.js';

export function addStandIns(plugins: PluginStore): void {
  plugins.addStandIn('stat', 'Stat', new PanelPlugin(StatPanel).useFieldConfig());
  plugins.addStandIn('bargauge', 'Bar gauge', new PanelPlugin(BarGaugePanel).useFieldConfig());
  plugins.addStandIn('table', 'Table', new PanelPlugin(TablePanel).useFieldConfig());
  plugins.addStandIn('heatmap', 'Heat map', new PanelPlugin(HeatMapPanel).useFieldConfig());
  plugins.addStandIn('text', 'Text', new PanelPlugin(TextPanel));
}
