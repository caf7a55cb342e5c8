// Stand-in for Grafana's table: the first frame that has rows, drawn by @grafana/ui's own table, data links included.

import type { PanelProps } from '@grafana/data';
import { Table } from '@grafana/ui';
import { NoData } from './NoData.js';

export function TablePanel({ data, width, height, timeRange }: PanelProps<object>) {
  const frame = data.series.find(({ length }) => length > 0);
  if (frame === undefined) return <NoData data={data} />;
  return <Table data={frame} width={width} height={height} timeRange={timeRange} columnMinWidth={90} ariaLabel="Rows" resizable />;
}
