// Raw events as annotations on a panel: each row one, worded by a template. Pure.

import { FieldType, type AnnotationEvent, type DataFrame } from '@grafana/data';

/** What the text says where nothing is given: the event's type, then whatever else has a value. */
const SHOWN_BY_DEFAULT = 6;

export interface Wording {
  /** `{{column}}` is replaced; absent: all columns that have a value. */
  readonly text?: string;
  /** Columns whose values become tags. */
  readonly tags?: readonly string[];
}

/** @param frames answers of `events` queries; the first time column says when */
export function annotationsOf(frames: readonly DataFrame[], wording: Wording): AnnotationEvent[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === FieldType.time);
    if (time === undefined) return [];
    const others = frame.fields.filter((field) => field !== time);
    return Array.from({ length: frame.length }, (_, row): AnnotationEvent => {
      const cells = new Map(others.map((field) => [field.name, textOf(field.values[row])]));
      return {
        time: Number(time.values[row]),
        text: wording.text ? fill(wording.text, cells) : summary(cells),
        tags: (wording.tags ?? []).map((name) => cells.get(name) ?? '').filter((tag) => tag !== ''),
      };
    });
  });
}

function fill(template: string, cells: ReadonlyMap<string, string>): string {
  return template.replace(/\{\{\s*([^{}]{1,128}?)\s*\}\}/g, (_, name: string) => cells.get(name) ?? '');
}

function summary(cells: ReadonlyMap<string, string>): string {
  return [...cells]
    .filter(([, value]) => value !== '')
    .slice(0, SHOWN_BY_DEFAULT)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
