// A chart in one or two sentences, for people who hear it. Pure.

import { dateTimeFormat, type TimeRange, type TimeZone } from '@grafana/data';
import type { ChartView } from './chart-view';

export function chartSummary(title: string, view: ChartView, range: TimeRange, timeZone: TimeZone): string {
  const visible = view.lines.filter((line) => line.visible);
  const anomalies = view.lines.reduce((sum, line, index) => sum + (line.visible ? (view.regions[index]?.length ?? 0) : 0), 0);
  const judged = visible.some((line) => line.series.anomalous !== null);
  const time = (at: TimeRange['from']): string => dateTimeFormat(at, { timeZone });
  const hidden = view.lines.length - visible.length;
  return [
    `${title === '' ? 'Time series' : title}: ${count(visible.length, 'series', 'series')}${hidden > 0 ? `, ${hidden} hidden` : ''}, from ${time(range.from)} to ${time(range.to)}.`,
    judged ? (anomalies === 0 ? 'No anomalies.' : `${count(anomalies, 'anomaly', 'anomalies')}.`) : '',
    visible.some((line) => line.series.partialFromMs !== null) ? 'The last bucket is not finished.' : '',
    'Use the arrow keys to read the points, page up and page down to go from anomaly to anomaly.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function count(amount: number, one: string, many: string): string {
  return `${amount} ${amount === 1 ? one : many}`;
}
