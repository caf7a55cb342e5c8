// What watches found, as regions from begin to end: the rows of an `annotations` query. Pure.

import type { AnnotationEvent, DataFrame } from '@grafana/data';

/** @param frames columns time, timeEnd, title, text, tags (with commas between) */
export function regionsOf(frames: readonly DataFrame[]): AnnotationEvent[] {
  return frames.flatMap((frame) => {
    const column = (name: string): readonly unknown[] => frame.fields.find((field) => field.name === name)?.values ?? [];
    const [times, ends, titles, texts, tags] = ['time', 'timeEnd', 'title', 'text', 'tags'].map(column);
    return (times ?? []).map((time, row): AnnotationEvent => {
      const from = Number(time);
      const end = Number(ends?.[row] ?? from);
      return {
        time: from,
        ...(end > from ? { timeEnd: end, isRegion: true } : {}),
        title: textOf(titles?.[row]),
        text: textOf(texts?.[row]),
        tags: textOf(tags?.[row]).split(',').filter(Boolean),
      };
    });
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
