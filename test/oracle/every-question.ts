// Every question about a log that a dashboard of all measures would ask: each measure in total and per minute, as a whole and by
// each dimension. Judged by `judge` in questions.ts.

import type { Question } from './questions.js';
import { Reference, type Ask, type ReferenceEvent } from './reference.js';

const MINUTE_MS = 60_000;

/** Works each expectation out once: the same questions are asked of several tiers. */
export class RememberingReference extends Reference {
  readonly #groups = new Map<string, Map<string, ReferenceEvent[]>>();
  readonly #numbers = new WeakMap<readonly ReferenceEvent[], Map<string, unknown>>();

  override groups(ask: Ask, fromMs: number, toMs: number): Map<string, ReferenceEvent[]> {
    const key = JSON.stringify([ask.groupBy, ask.filters, fromMs, toMs]);
    const groups = this.#groups.get(key) ?? super.groups(ask, fromMs, toMs);
    this.#groups.set(key, groups);
    return groups;
  }

  override exact(name: string, events: readonly ReferenceEvent[]): ReturnType<Reference['exact']> {
    return this.#once(`exact ${name}`, events, () => super.exact(name, events));
  }

  override number(name: string, events: readonly ReferenceEvent[]): number {
    return this.#once(`number ${name}`, events, () => super.number(name, events));
  }

  override quantile(name: string, q: number, events: readonly ReferenceEvent[]): [number, number] {
    return this.#once(`quantile ${q} ${name}`, events, () => super.quantile(name, q, events));
  }

  #once<T>(what: string, events: readonly ReferenceEvent[], workOut: () => T): T {
    const known = this.#numbers.get(events) ?? new Map<string, unknown>();
    this.#numbers.set(events, known);
    if (!known.has(what)) known.set(what, workOut());
    return known.get(what) as T;
  }
}

/**
 * @param fromMs @param toMs epoch ms, multiples of the buckets
 * @param bucketsMs 0: a total
 */
export function everyQuestion(
  reference: Reference,
  fromMs: number,
  toMs: number,
  bucketsMs: readonly number[] = [0, MINUTE_MS],
): Question[] {
  const groupings = [[], ...reference.dimensions.map((dimension) => [dimension])];
  return reference.measures.flatMap((measure) =>
    groupings.flatMap((groupBy) => bucketsMs.flatMap((bucketMs) => question(reference, measure, groupBy, bucketMs, fromMs, toMs) ?? [])),
  );
}

/** @returns null where the measure has no such form: a top list has no time series, a window slides by whole steps */
function question(
  reference: Reference,
  measure: string,
  groupBy: readonly string[],
  bucketMs: number,
  fromMs: number,
  toMs: number,
): Question | null {
  const { kind, window, quantiles } = reference.measure(measure);
  if (kind === 'top' && bucketMs > 0) return null;
  if (window !== undefined && bucketMs > 0 && bucketMs % durationMs(window.slide) !== 0) return null;
  const q = kind === 'quantiles' ? (quantiles?.at(-1) ?? 0.5) : null;
  const ask: Ask = { measure, stat: q === null ? 'value' : `p${q * 100}`, groupBy, filters: [] };
  const stat = q === null ? {} : { stat: ask.stat };
  const query =
    kind === 'top'
      ? { refId: 'A', kind, measure, groupBy, limit: 5 }
      : {
          refId: 'A',
          kind: 'metric',
          measure,
          groupBy,
          ...stat,
          ...(bucketMs === 0 ? { format: 'total' } : { bucket: `${bucketMs / 1_000}s` }),
        };
  const windowMs = window === undefined || bucketMs === 0 ? null : durationMs(window.size);
  return { ask, fromMs, toMs, bucketMs, windowMs, q, body: { from: fromMs, to: toMs, queries: [query] } };
}

function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * { s: 1_000, m: MINUTE_MS, h: 60 * MINUTE_MS }[text.slice(-1) as 's' | 'm' | 'h'];
}
