// Grafana's address of Explore, written and read: one pane with its queries and range. Data links that the plugin makes use it too.

import type { RawTimeRange } from '@grafana/data';
import type { DataQuery } from '@grafana/schema';
import { isRecord } from '../boot/host-settings.js';

export interface ExplorePane {
  readonly queries: readonly DataQuery[];
  readonly from: string;
  readonly to: string;
}

export function exploreAddress(query: DataQuery | null, { from, to }: RawTimeRange): string {
  const time = (one: RawTimeRange['from']): string => (typeof one === 'string' ? one : String(one.valueOf()));
  const pane = { queries: query === null ? [] : [query], range: { from: time(from), to: time(to) } };
  return `/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify({ a: pane }))}`;
}

/** @returns null where the address names no query, or none that can be read */
export function paneOfAddress(search: string): ExplorePane | null {
  const parameters = new URLSearchParams(search);
  const text = parameters.get('panes') ?? parameters.get('left');
  if (text === null) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Somebody's own address; the page then starts empty.
    return null;
  }
  const pane: unknown = isRecord(parsed) && !Array.isArray(parsed['queries']) ? Object.values(parsed)[0] : parsed;
  if (!isRecord(pane) || !Array.isArray(pane['queries'])) return null;
  const range = isRecord(pane['range']) ? pane['range'] : {};
  const queries: DataQuery[] = JSON.parse(JSON.stringify(pane['queries'].filter(isRecord)));
  return {
    queries: queries.map((query, index) => ({ ...query, refId: query.refId ?? String.fromCharCode(65 + index) })),
    from: String(range['from'] ?? 'now-15m'),
    to: String(range['to'] ?? 'now'),
  };
}
