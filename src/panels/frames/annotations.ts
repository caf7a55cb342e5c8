// Annotation frames as Grafana hands them to a panel → marks in time. Rows without a time are left out, and so are frames of other
// kinds (exemplars). Pure.

import type { DataFrame } from '@grafana/data';

export interface Annotation {
  readonly fromMs: number;
  /** Null: one moment. */
  readonly toMs: number | null;
  readonly title: string;
  readonly text: string;
  readonly tags: readonly string[];
  /** As given; null: the theme's. */
  readonly color: string | null;
}

export function annotationsOf(frames: readonly DataFrame[] | undefined): Annotation[] {
  const list: Annotation[] = [];
  for (const frame of frames ?? []) {
    const columns = new Map<string, readonly unknown[]>(frame.fields.map((field) => [field.name, field.values]));
    const times = columns.get('time') ?? [];
    times.forEach((time, row) => {
      if (typeof time !== 'number' || !Number.isFinite(time)) return;
      const end = columns.get('timeEnd')?.[row];
      const isRegion = columns.get('isRegion')?.[row] !== false && typeof end === 'number' && end > time;
      const tags = columns.get('tags')?.[row];
      const color = columns.get('color')?.[row];
      list.push({
        fromMs: time,
        toMs: isRegion ? end : null,
        title: textOf(columns.get('title')?.[row]),
        text: plainText(textOf(columns.get('text')?.[row])),
        tags: Array.isArray(tags)
          ? tags.map(textOf)
          : textOf(tags)
              .split(',')
              .map((tag) => tag.trim())
              .filter((tag) => tag !== ''),
        color: typeof color === 'string' && color !== '' ? color : null,
      });
    });
  }
  return list;
}

/** Annotation texts may hold markup; a tooltip shows words only. */
function plainText(text: string): string {
  return text
    .replace(/<br\s*\/?>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .trim();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
