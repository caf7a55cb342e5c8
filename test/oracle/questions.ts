// Draws questions about the oracle's log, in the words of the query API, and says what a right answer is.

import type { Ask, Reference, ReferenceEvent } from './reference.js';

export interface Question {
  readonly ask: Ask;
  readonly fromMs: number;
  readonly toMs: number;
  /** 0: a total. */
  readonly bucketMs: number;
  readonly windowMs: number | null;
  /** Quantile asked for, or null. */
  readonly q: number | null;
  readonly body: Record<string, unknown>;
}

const KINDS_OF_ERROR: Readonly<Record<string, number>> = { unique: 0.02, quantiles: 0.0101 };

export interface QuestionLimits {
  readonly fromMs: number;
  readonly toMs: number;
  /** Shortest bucket that may be asked for. */
  readonly leastBucketMs: number;
}

export function drawQuestion(draw: () => number, reference: Reference, limits: QuestionLimits): Question {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)];
  const measure = pick(reference.measures);
  const spec = reference.measure(measure);
  const groupBy =
    draw() < 0.5 ? [] : draw() < 0.75 ? [pick(reference.dimensions)] : [...reference.dimensions].sort(() => draw() - 0.5).slice(0, 2);
  const filters: Ask['filters'][number][] = [];
  while (draw() < 0.35 && filters.length < 2) {
    filters.push(drawFilter(pick(reference.dimensions), pick, draw, reference));
  }
  const spanMs = limits.toMs - limits.fromMs;
  const a = limits.fromMs + draw() * spanMs;
  const b = draw() < 0.3 ? a + draw() * 120_000 : limits.fromMs + draw() * spanMs;
  const fromMs = Math.floor(Math.min(a, b));
  const toMs = Math.min(limits.toMs, Math.ceil(Math.max(a, b, Math.min(a, b) + 1_000)));
  const windowMs = spec.kind === 'top' ? null : measure === 'active_users' ? 300_000 : measure === 'rolling_revenue' ? 120_000 : null;
  const slideMs = measure === 'active_users' ? 30_000 : measure === 'rolling_revenue' ? 10_000 : 1_000;
  const q = spec.kind === 'quantiles' ? pick([0.5, 0.95, 0.99, 0.1]) : null;
  const total = spec.kind === 'top' || (windowMs === null && draw() < 0.3);
  const buckets = [1_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 3_600_000].filter(
    (bucket) => bucket % slideMs === 0 && bucket >= limits.leastBucketMs && (toMs - fromMs) / bucket <= 4_000,
  );
  const bucketMs = total ? 0 : pick(buckets);
  const ask: Ask = { measure, stat: q === null ? 'value' : `p${q * 100}`, groupBy, filters };
  const query =
    spec.kind === 'top'
      ? { refId: 'A', kind: 'top', measure, groupBy, filters, limit: 5 }
      : {
          refId: 'A',
          kind: 'metric',
          measure,
          groupBy,
          filters,
          ...(q === null ? {} : { stat: ask.stat }),
          ...(total ? { format: 'total' } : { bucket: `${bucketMs / 1000}s` }),
        };
  return { ask, fromMs, toMs, bucketMs, windowMs, q, body: { from: fromMs, to: toMs, queries: [query] } };
}

function drawFilter(
  dimension: string,
  pick: <T>(list: readonly T[]) => T,
  draw: () => number,
  reference: Reference,
): Ask['filters'][number] {
  const value = (): string => reference.dimensionValue(pick(reference.applied), dimension);
  switch (Math.floor(draw() * 6)) {
    case 0:
      return { dimension, op: '!=', values: [value()] };
    case 1:
      return { dimension, op: 'in', values: [value(), value(), 'nowhere'] };
    case 2:
      return { dimension, op: 'not in', values: [value(), value()] };
    case 3:
      return { dimension, op: '=~', values: [pick(['^[a-zA-Z]{2}$', 'o', '^p.*e$', 's$'])] };
    case 4:
      return { dimension, op: '!~', values: [pick(['^D', 'o', 't'])] };
    default:
      return { dimension, op: '=', values: [value()] };
  }
}

interface Frame {
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type: string; readonly labels?: Readonly<Record<string, string>> }[];
    readonly meta?: {
      readonly custom?: {
        readonly effectiveRange?: { readonly fromMs: number; readonly toMs: number };
        readonly plan?: { readonly reads: readonly { readonly tier: string }[] };
      };
      readonly notices?: readonly { readonly text: string }[];
    };
  };
  readonly data: { readonly values: readonly (readonly (number | string | null)[])[] };
}

export interface Answer {
  readonly status: number;
  readonly error?: string;
  readonly frames: readonly Frame[];
}

/** Tiers that answered, e.g. `cold+hot`. */
export function tiersOf(answer: Answer): string {
  return [...new Set(answer.frames[0]?.schema.meta?.custom?.plan?.reads.map((r) => r.tier) ?? [])].sort().join('+');
}

/** What is wrong with an answer, in words; empty when it is right. */
export function judge(question: Question, answer: Answer, reference: Reference): string[] {
  if (answer.status !== 200 || answer.frames.length !== 1) {
    return [`status ${answer.status}: ${answer.error ?? ''}, ${answer.frames.length} frames`];
  }
  const kind = reference.measure(question.ask.measure).kind;
  const frame = answer.frames[0];
  if (kind === 'top') {
    return judgeTop(question, frame, reference);
  }
  const range = frame.schema.meta?.custom?.effectiveRange ?? { fromMs: Number.NaN, toMs: Number.NaN };
  const wrong: string[] = checkRange(question, range);
  const hasTime = frame.schema.fields[0]?.type === 'time';
  const times = question.bucketMs === 0 ? [range.fromMs] : hasTime ? frame.data.values[0].map(Number) : [];
  const fields = frame.schema.fields
    .map((field, i) => ({ field, values: frame.data.values[i] }))
    .filter(({ field }) => field.type === 'number');
  const answered = new Map(
    fields.map(({ field, values }) => [JSON.stringify(question.ask.groupBy.map((d) => field.labels?.[d] ?? '')), values]),
  );
  if (question.bucketMs > 0 && hasTime) {
    const expectedTimes = (range.toMs - range.fromMs) / question.bucketMs;
    if (times.length !== expectedTimes || times.some((t, i) => t !== range.fromMs + i * question.bucketMs)) {
      wrong.push(`${times.length} bucket times, expected ${expectedTimes} without gaps`);
    }
  }
  const lengthMs = question.bucketMs === 0 ? range.toMs - range.fromMs : question.bucketMs;
  const startsMs =
    question.bucketMs === 0
      ? [range.fromMs]
      : Array.from({ length: Math.round((range.toMs - range.fromMs) / lengthMs) }, (_, i) => range.fromMs + i * lengthMs);
  const expected = new Map<string, (ReferenceEvent[] | undefined)[]>();
  startsMs.forEach((start, i) => {
    const end = start + lengthMs;
    for (const [group, events] of reference.groups(question.ask, question.windowMs === null ? start : end - question.windowMs, end)) {
      const list = expected.get(group) ?? new Array<ReferenceEvent[] | undefined>(startsMs.length).fill(undefined);
      list[i] = events;
      expected.set(group, list);
    }
  });
  for (const [group, lists] of expected) {
    const values = answered.get(group);
    lists.forEach((events, i) => {
      const value = values?.[i] ?? null;
      const problem = judgeNumber(question, kind, typeof value === 'number' ? value : null, events ?? [], reference);
      if (problem !== '') {
        wrong.push(`group ${group} at ${new Date(startsMs[i]).toISOString()}: ${problem}`);
      }
    });
  }
  for (const [group, values] of answered) {
    if (!expected.has(group) && values.some((v) => v !== null && v !== 0)) {
      wrong.push(`group ${group} has values, and no event`);
    }
  }
  return wrong;
}

function checkRange(question: Question, range: { readonly fromMs: number; readonly toMs: number }): string[] {
  const slackMs = question.bucketMs === 0 ? 60_000 : question.bucketMs;
  const outward = range.fromMs <= question.fromMs && range.toMs >= question.toMs;
  const close = question.fromMs - range.fromMs < slackMs && range.toMs - question.toMs < slackMs;
  return outward && close ? [] : [`effective range ${range.fromMs} to ${range.toMs} for ${question.fromMs} to ${question.toMs}`];
}

function judgeNumber(
  question: Question,
  kind: string,
  value: number | null,
  events: readonly ReferenceEvent[],
  reference: Reference,
): string {
  const name = question.ask.measure;
  if (kind === 'quantiles') {
    const [low, high] = reference.quantile(name, question.q ?? 0, events);
    const tolerance = KINDS_OF_ERROR['quantiles'];
    if (Number.isNaN(low)) {
      return value === null ? '' : `${value}, expected nothing`;
    }
    return value !== null && value >= low * (1 - tolerance) && value <= high * (1 + tolerance)
      ? ''
      : `${value}, expected ${low} to ${high} ± 1 %`;
  }
  const exact = reference.number(name, events);
  if (Number.isNaN(exact)) {
    return value === null ? '' : `${value}, expected nothing`;
  }
  if (value === null) {
    return exact === 0 && events.length === 0 ? '' : `nothing, expected ${exact}`;
  }
  const allowed = kind === 'unique' ? Math.max(exact * KINDS_OF_ERROR['unique'], 0.5) : Math.max(Math.abs(exact), 1) * 1e-9;
  return Math.abs(value - exact) <= allowed ? '' : `${value}, expected ${exact}`;
}

/** Lists are cut at the limit: each item's weight is exact unless the answer states an error, and no heavier item is missing. */
function judgeTop(question: Question, frame: Frame, reference: Reference): string[] {
  const wrong: string[] = [];
  const range = frame.schema.meta?.custom?.effectiveRange ?? { fromMs: question.fromMs, toMs: question.toMs };
  const names = frame.schema.fields.map((f) => f.name);
  const weightAt = names.length - 1;
  const itemAt = names.length - 2;
  const rows = (frame.data.values[0] ?? []).map((_, i) => frame.data.values.map((column) => column[i]));
  for (const [group, events] of reference.groups(question.ask, range.fromMs, range.toMs)) {
    const weights = [...reference.exact(question.ask.measure, events).weights].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const own = rows.filter((row) => JSON.stringify(question.ask.groupBy.map((_, i) => row[i])) === group);
    const expected = weights.slice(0, 5);
    if (own.length !== expected.length) {
      wrong.push(`group ${group}: ${own.length} items, expected ${expected.length}`);
    }
    own.forEach((row, i) => {
      const exact = weights.find(([item]) => item === row[itemAt])?.[1];
      if (exact === undefined || Math.abs(Number(row[weightAt]) - exact) > 1e-6) {
        wrong.push(`group ${group}: ${String(row[itemAt])} weighs ${String(row[weightAt])}, expected ${exact}`);
      }
      if (expected[i] !== undefined && Math.abs(Number(row[weightAt]) - expected[i][1]) > 1e-6) {
        wrong.push(`group ${group}: place ${i + 1} weighs ${String(row[weightAt])}, expected ${expected[i][1]}`);
      }
    });
  }
  return wrong;
}
