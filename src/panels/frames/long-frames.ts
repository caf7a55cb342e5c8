// A long frame (a row per time and series, the series named by string columns) as one frame per series. Frames of any other shape
// pass untouched. Reasons of verdicts are strings too, but no dimension. Pure.

import { FieldType, type DataFrame, type Field, type Labels } from '@grafana/data';
import { isDrawable, roleOf } from './roles';

export function splitLong(frame: DataFrame): DataFrame[] {
  const time = frame.fields.find((field) => field.type === FieldType.time);
  const dimensions = frame.fields.filter((field) => field.type === FieldType.string && roleOf(field) !== 'reason');
  const carried = frame.fields.filter((field) => isDrawable(field) || roleOf(field) === 'reason');
  if (time === undefined || dimensions.length === 0 || !carried.some(isDrawable)) return [frame];

  const rowsByKey = new Map<string, number[]>();
  for (let row = 0; row < frame.length; row++) {
    const key = JSON.stringify(dimensions.map((field) => textOf(field.values[row])));
    const rows = rowsByKey.get(key);
    if (rows === undefined) rowsByKey.set(key, [row]);
    else rows.push(row);
  }
  return [...rowsByKey.values()].map((rows) => {
    const labels: Labels = {};
    for (const field of dimensions) labels[field.name] = textOf(field.values[rows[0] ?? 0]);
    return {
      ...frame,
      length: rows.length,
      fields: [
        pick(time, rows, {}),
        ...carried.map((field) =>
          // The name that Grafana gave belongs to the column, not to one series of it: it is made anew from the labels.
          pick(field, rows, { labels: { ...field.labels, ...labels }, state: { ...field.state, displayName: null } }),
        ),
      ],
    };
  });
}

function pick(field: Field, rows: readonly number[], changes: Partial<Field>): Field {
  return { ...field, ...changes, values: rows.map((row) => field.values[row]) };
}

function textOf(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}
