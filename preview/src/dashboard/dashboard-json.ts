// A dashboard as Grafana stores it, as far as the host draws it. What comes from a file is checked here for the parts that would break
// the page; what is only handed on to a panel or to the data source stays as it is.

import type { AnnotationQuery, FieldConfigSource, ScopedVars } from '@grafana/data';
import type { DataQuery, DataSourceRef } from '@grafana/schema';
import { isRecord } from '../boot/host-settings.js';

export interface PanelJson {
  readonly id?: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly gridPos?: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: DataSourceRef;
  readonly targets?: readonly DataQuery[];
  readonly fieldConfig?: FieldConfigSource;
  readonly options?: Record<string, unknown>;
  readonly maxDataPoints?: number;
  readonly interval?: string;
  readonly transparent?: boolean;
  readonly pluginVersion?: string;
  /** Of a row that is collapsed. */
  readonly panels?: readonly PanelJson[];
  readonly collapsed?: boolean;
}

export interface VariableJson {
  readonly type: string;
  readonly name: string;
  readonly label?: string;
  readonly description?: string;
  readonly query?: string | DataQuery;
  readonly datasource?: DataSourceRef;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly regex?: string;
  readonly hide?: number;
  readonly refresh?: number;
  readonly sort?: number;
  readonly current?: { readonly value?: string | readonly string[]; readonly text?: string | readonly string[] };
  readonly filters?: readonly { readonly key: string; readonly operator: string; readonly value: string }[];
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly description?: string;
  readonly refresh?: string;
  readonly timezone?: string;
  readonly time?: { readonly from: string; readonly to: string };
  readonly timepicker?: { readonly refresh_intervals?: readonly string[] };
  readonly graphTooltip?: number;
  readonly templating?: { readonly list?: readonly VariableJson[] };
  readonly annotations?: { readonly list?: readonly AnnotationQuery[] };
  readonly panels: readonly PanelJson[];
  readonly variables?: ScopedVars;
}

/** @throws Error in words where the file is no dashboard */
export function checkDashboard(text: string, file: string): DashboardJson {
  const parsed: unknown = JSON.parse(text);
  if (!isRecord(parsed)) throw new Error(`${file} is no dashboard: expected an object.`);
  for (const name of ['uid', 'title']) {
    if (typeof parsed[name] !== 'string' || parsed[name] === '') throw new Error(`${file}: ${name} is missing.`);
  }
  const panels = parsed['panels'];
  if (!Array.isArray(panels)) throw new Error(`${file}: panels is not a list.`);
  panels.forEach((panel: unknown, index) => {
    if (!isRecord(panel) || typeof panel['type'] !== 'string') throw new Error(`${file}: panels[${index}] has no type.`);
  });
  const dashboard: DashboardJson = JSON.parse(text);
  return dashboard;
}
