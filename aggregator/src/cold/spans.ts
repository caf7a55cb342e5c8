// Stretches of time and the conditions that select them. Invariant: however scattered the stretches are, a condition stays short
// for the parser (a literal list counts as one element) and prunes by the table's sorting key.

import { HOUR_MS, MINUTE_MS } from './layout.js';
import { sqlInt } from './sql.js';

/** Half open, epoch ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** More stretches than this are given as a list of their minutes or buckets. */
const MOST_RANGES = 12;

/** Condition on raw rows' time. Spans are ascending and do not overlap. */
export function rawSpans(spans: readonly Span[]): string {
  if (spans.length <= MOST_RANGES) {
    return anyOf(spans.map(rawSpan));
  }
  const whole = spans.filter((span) => span.fromMs % MINUTE_MS === 0 && span.toMs % MINUTE_MS === 0);
  const ragged = spans.filter((span) => !whole.includes(span));
  if (whole.length === 0) {
    return anyOf(ragged.map(rawSpan));
  }
  const hull = { fromMs: whole[0].fromMs, toMs: whole[whole.length - 1].toMs };
  return anyOf([...ragged.map(rawSpan), `(${rawSpan(hull)} AND toStartOfMinute(time) ${startsWithin(whole, MINUTE_MS)})`]);
}

function rawSpan({ fromMs, toMs }: Span): string {
  const first = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
  const last = Math.floor((toMs - 1) / MINUTE_MS) * MINUTE_MS;
  return (
    `(time >= fromUnixTimestamp64Milli(${sqlInt(fromMs)}, 'UTC') AND time < fromUnixTimestamp64Milli(${sqlInt(toMs)}, 'UTC')` +
    ` AND toStartOfMinute(time) >= ${secondTime(first)} AND toStartOfMinute(time) <= ${secondTime(last)})`
  );
}

/** Condition on rollup rows' bucket. Spans are ascending, do not overlap, and are whole buckets of `bucketMs`. */
export function bucketSpans(spans: readonly Span[], bucketMs: number): string {
  if (spans.length <= MOST_RANGES) {
    return anyOf(spans.map(bucketSpan));
  }
  return `(${bucketSpan({ fromMs: spans[0].fromMs, toMs: spans[spans.length - 1].toMs })} AND bucket ${startsWithin(spans, bucketMs)})`;
}

function bucketSpan({ fromMs, toMs }: Span): string {
  return `(bucket >= ${secondTime(fromMs)} AND bucket < ${secondTime(toMs)})`;
}

/** Joins spans that touch. */
export function joinSpans(spans: readonly Span[]): readonly Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined[joined.length - 1];
    if (last !== undefined && span.fromMs <= last.toMs) {
      joined[joined.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, span.toMs) };
    } else {
      joined.push(span);
    }
  }
  return joined;
}

export function minuteSpan(minute: number): Span {
  return { fromMs: minute * MINUTE_MS, toMs: (minute + 1) * MINUTE_MS };
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}

/** `IN` the starts of the spans' units, or `NOT IN` those of the gaps, whichever are fewer. */
function startsWithin(spans: readonly Span[], unitMs: number): string {
  const gaps = spans.slice(1).map((span, i) => ({ fromMs: spans[i].toMs, toMs: span.fromMs }));
  const length = (list: readonly Span[]): number => list.reduce((sum, span) => sum + span.toMs - span.fromMs, 0);
  const [operator, list] = length(gaps) < length(spans) ? ['NOT IN', gaps] : ['IN', spans];
  const starts: string[] = [];
  for (const span of list) {
    for (let at = span.fromMs; at < span.toMs; at += unitMs) {
      starts.push(sqlInt(at / 1000));
    }
  }
  return `${operator} (${starts.join(', ')})`;
}

function secondTime(ms: number): string {
  return `toDateTime(${sqlInt(Math.floor(ms / 1000))}, 'UTC')`;
}

function anyOf(terms: readonly string[]): string {
  return `(${terms.join(' OR ')})`;
}
