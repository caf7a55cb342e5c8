// What an answer says about itself, read from `meta.custom` of its frames: the first unfinished bucket, the bucket size, how fresh
// the data is. Everything is optional and checked, because frames also come from other sources and from transformations. Pure.

import type { DataFrame } from '@grafana/data';

export interface Freshness {
  /** When the answer was made; null: not known. Epoch ms. */
  readonly nowMs: number | null;
  /** Time since the newest event when the answer was made; null: not known. */
  readonly ageMs: number | null;
  /** False: newest data may still be missing. */
  readonly complete: boolean;
  readonly reason: string;
  /** Records not yet applied; null: not known. */
  readonly lag: number | null;
}

/** Epoch ms of the first bucket that is not finished, or null. */
export function partialFromOf(frame: DataFrame): number | null {
  return finite(customOf(frame)['partialFrom']);
}

/** Distance of neighbouring points: the plan's bucket, or else the most modest guess, the median distance. 0: cannot be known. */
export function stepOf(frame: DataFrame, timesMs: readonly number[]): number {
  const planned = finite(objectOf(customOf(frame)['plan'])['bucketMs']);
  if (planned !== null && planned > 0) return planned;
  const deltas = timesMs
    .slice(1, 200)
    .map((timeMs, index) => timeMs - (timesMs[index] ?? timeMs))
    .sort((a, b) => a - b);
  return deltas[deltas.length >> 1] ?? 0;
}

/** Of several frames the least fresh counts. Null: no frame says anything. */
export function freshnessOf(frames: readonly DataFrame[]): Freshness | null {
  let worst: Freshness | null = null;
  for (const frame of frames) {
    const raw = customOf(frame)['freshness'];
    if (typeof raw !== 'object' || raw === null) continue;
    const fields = objectOf(raw);
    const one: Freshness = {
      nowMs: finite(fields['nowMs']),
      ageMs: finite(fields['ageMs']),
      complete: fields['complete'] !== false,
      reason: typeof fields['reason'] === 'string' ? fields['reason'] : '',
      lag: finite(fields['lag']),
    };
    if (
      worst === null ||
      Number(one.complete) < Number(worst.complete) ||
      (one.complete === worst.complete && (one.ageMs ?? 0) > (worst.ageMs ?? 0))
    )
      worst = one;
  }
  return worst;
}

function customOf(frame: DataFrame): Readonly<Record<string, unknown>> {
  return objectOf(frame.meta?.custom);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
