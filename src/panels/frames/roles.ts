// What each field of a frame is for: a series' values, or what a detector says about them. The data source marks fields by
// `config.custom.role`; frames from elsewhere (transformations, other sources) are recognised by the field's name. Pure.

import { FieldType, type DataFrame, type Field } from '@grafana/data';

/** What a detector says beside the value; the first three and the score are numbers. */
export const VERDICT_ROLES = ['expected', 'lower', 'upper', 'score', 'anomalous', 'reason'] as const;
export type VerdictRole = (typeof VERDICT_ROLES)[number];
export type Role = 'value' | VerdictRole;

/** One series of a frame: the field with its values and the fields that judge them. */
export interface RoledSeries {
  readonly value: Field;
  readonly verdict: ReadonlyMap<VerdictRole, Field>;
}

/** Whether a field can carry the values of a line. */
export function isDrawable(field: Field): boolean {
  return field.type === FieldType.number || field.type === FieldType.boolean;
}

/**
 * The series of one frame, in the order of its fields.
 * A verdict field belongs to the value field with equal labels, or to the only one there is. A verdict field that belongs to
 * nothing is drawn as a line of its own: a frame that happens to have a field called `score` is not swallowed.
 */
export function seriesOf(frame: DataFrame): RoledSeries[] {
  const values = frame.fields.filter((field) => isDrawable(field) && roleOf(field) === 'value');
  const series = values.map((value) => ({ value, verdict: new Map<VerdictRole, Field>() }));
  const orphans = new Set<Field>();
  for (const field of frame.fields) {
    const role = roleOf(field);
    if (role === 'value') continue;
    const owner = ownerOf(field, series);
    if (owner === undefined || owner.verdict.has(role)) {
      if (isDrawable(field)) orphans.add(field);
    } else owner.verdict.set(role, field);
  }
  if (orphans.size === 0) return series;
  const byValue = new Map<Field, RoledSeries>(series.map((one) => [one.value, one]));
  return frame.fields.flatMap((field) => {
    const own = byValue.get(field);
    if (own !== undefined) return [own];
    return orphans.has(field) ? [{ value: field, verdict: new Map<VerdictRole, Field>() }] : [];
  });
}

export function roleOf(field: Field): Role {
  if (field.type === FieldType.time) return 'value';
  const marked: unknown = field.config.custom?.role;
  const role = VERDICT_ROLES.find((name) => name === marked) ?? (marked === 'value' ? null : byName(field));
  return role !== null && fits(role, field) ? role : 'value';
}

function byName(field: Field): VerdictRole | null {
  return VERDICT_ROLES.find((name) => name === field.name.toLowerCase()) ?? null;
}

function fits(role: VerdictRole, field: Field): boolean {
  if (role === 'reason') return field.type === FieldType.string;
  return role === 'anomalous' ? isDrawable(field) : field.type === FieldType.number;
}

function ownerOf<S extends RoledSeries>(field: Field, series: readonly S[]): S | undefined {
  const key = labelsKey(field.labels);
  return series.find((one) => labelsKey(one.value.labels) === key) ?? (series.length === 1 ? series[0] : undefined);
}

/** Labels as one text, the same for equal labels whatever their order. */
export function labelsKey(labels: Field['labels']): string {
  if (labels === undefined) return '[]';
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
