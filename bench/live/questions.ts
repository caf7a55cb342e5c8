// The fifty panels that the viewers look at: what a shop's dashboards are made of, each for another country, device or category.

import { CATEGORIES, countryName, DEVICES } from '../query/traffic.js';

export interface LivePanel {
  readonly query: object;
  readonly spanMs: number;
}

const MINUTE_MS = 60_000;

function filtered(measure: string, dimension: string, value: string, more: object = {}): LivePanel {
  return { query: { measure, bucket: '5s', filters: [{ dimension, value }], ...more }, spanMs: 15 * MINUTE_MS };
}

export const PANELS: readonly LivePanel[] = [
  ...Array.from({ length: 20 }, (_, index) =>
    filtered(['events', 'revenue', 'errors', 'conversion'][index % 4], 'country', countryName(index)),
  ),
  ...Array.from({ length: CATEGORIES }, (_, index) => filtered('purchases', 'category', `c${index}`)),
  ...DEVICES.map((device) => filtered('visitors', 'device', device)),
  ...DEVICES.map((device) => filtered('latency', 'device', device, { stat: ['p50', 'p95'] })),
  ...DEVICES.map((device) => filtered('error_rate', 'device', device, { bucket: '10s' })),
  { query: { measure: 'events', groupBy: ['device'], bucket: '1s' }, spanMs: 5 * MINUTE_MS },
  { query: { measure: 'events', groupBy: ['country'], bucket: '10s' }, spanMs: 15 * MINUTE_MS },
  { query: { measure: 'revenue', groupBy: ['category'], bucket: '10s' }, spanMs: 60 * MINUTE_MS },
  { query: { measure: 'active_users', bucket: '30s' }, spanMs: 60 * MINUTE_MS },
  { query: { measure: 'events', bucket: '1m', compareWith: '10m' }, spanMs: 60 * MINUTE_MS },
  { query: { measure: 'revenue', groupBy: ['country'], bucket: '10s', limit: 5 }, spanMs: 15 * MINUTE_MS },
  { query: { kind: 'top', measure: 'top_products' }, spanMs: 15 * MINUTE_MS },
  { query: { kind: 'top', measure: 'revenue', by: 'country' }, spanMs: 15 * MINUTE_MS },
];
