// Frames for the panels' tests, made as Grafana makes them.

import { FieldType, toDataFrame, type DataFrame } from '@grafana/data';

export const MINUTE = 60_000;
export const START = Date.UTC(2025, 5, 10, 12, 0, 0);

/** Times at each minute from START on. */
export function minutes(count: number): number[] {
  return Array.from({ length: count }, (_, index) => START + index * MINUTE);
}

/** One judged series, as an anomaly query answers it. */
export function judgedFrame(values: readonly (number | null)[], anomalous: readonly (number | null)[], custom: object = {}): DataFrame {
  const role = (name: string): object => ({ config: { custom: { role: name } } });
  return toDataFrame({
    refId: 'A',
    meta: { custom },
    fields: [
      { name: 'Time', type: FieldType.time, values: minutes(values.length) },
      { name: 'orders', type: FieldType.number, values: [...values], labels: { country: 'DE' } },
      { name: 'e', type: FieldType.number, values: values.map(() => 10), labels: { country: 'DE' }, ...role('expected') },
      { name: 'l', type: FieldType.number, values: values.map(() => 5), labels: { country: 'DE' }, ...role('lower') },
      { name: 'u', type: FieldType.number, values: values.map(() => 15), labels: { country: 'DE' }, ...role('upper') },
      {
        name: 's',
        type: FieldType.number,
        values: anomalous.map((flag) => (flag === null ? null : flag * 0.8)),
        labels: { country: 'DE' },
        ...role('score'),
      },
      { name: 'a', type: FieldType.number, values: [...anomalous], labels: { country: 'DE' }, ...role('anomalous') },
      {
        name: 'r',
        type: FieldType.string,
        values: anomalous.map((flag, index) => (flag === 1 ? `${values[index]} orders, expected 10 ± 5` : null)),
        labels: { country: 'DE' },
        ...role('reason'),
      },
    ],
  });
}
