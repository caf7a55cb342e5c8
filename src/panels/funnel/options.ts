// What a person can set on the funnel panel. The names are stored in dashboards.

export interface FunnelOptions {
  /** How a time series becomes one number: a reducer of Grafana's. */
  calculation: string;
}

export const FUNNEL_DEFAULTS: FunnelOptions = { calculation: 'sum' };
