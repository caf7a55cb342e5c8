// Compares what the query API answers with what the log must come to. A benchmark of wrong numbers is worth nothing, so a single
// difference ends it.

import type { Expected } from './shop-log.js';

interface Frame {
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type?: string; readonly labels?: Readonly<Record<string, string>> }[];
  };
  readonly data: { readonly values: readonly (readonly (number | string | null)[])[] };
}

interface Answer {
  readonly results: Readonly<Record<string, { readonly status: number; readonly error?: string; readonly frames: readonly Frame[] }>>;
}

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Events that the API counts in the range. */
export async function countEvents(url: string, range: Range): Promise<number> {
  const answer = await ask(url, range, [{ refId: 'n', measure: 'events', format: 'total' }]);
  return sumOf(frameOf(answer, 'n'));
}

/** @throws Error with every difference */
export async function checkCounts(url: string, range: Range, expected: Expected): Promise<void> {
  const answer = await ask(url, range, [
    { refId: 'all', measure: 'events', format: 'total' },
    { refId: 'purchases', measure: 'purchases', format: 'total' },
    { refId: 'revenue', measure: 'revenue', format: 'total' },
    { refId: 'countries', measure: 'events', format: 'total', groupBy: ['country'] },
    { refId: 'minutes', measure: 'events', bucket: '1m' },
  ]);
  const differences: string[] = [];
  const compare = (what: string, found: number, wanted: number): void => {
    if (found !== wanted) differences.push(`${what}: ${found} instead of ${wanted}`);
  };
  compare('events', sumOf(frameOf(answer, 'all')), expected.applied);
  compare('purchases', sumOf(frameOf(answer, 'purchases')), expected.purchases);
  compare('revenue in cents', Math.round(sumOf(frameOf(answer, 'revenue')) * 100), expected.revenueCents);
  const countries = numbersByLabel(frameOf(answer, 'countries'), 'country');
  for (const name of new Set([...countries.keys(), ...expected.byCountry.keys()])) {
    compare(`events of ${name}`, countries.get(name) ?? 0, expected.byCountry.get(name) ?? 0);
  }
  const minutes = frameOf(answer, 'minutes');
  const times = minutes.data.values[0] ?? [];
  const counts = minutes.data.values[1] ?? [];
  const found = new Map(times.map((time, i) => [Number(time) / 60_000, Number(counts[i] ?? 0)]));
  for (const minute of new Set([...found.keys(), ...expected.byMinute.keys()])) {
    compare(`events of minute ${new Date(minute * 60_000).toISOString()}`, found.get(minute) ?? 0, expected.byMinute.get(minute) ?? 0);
  }
  if (differences.length > 0) throw new Error(`the answers are wrong:\n${differences.slice(0, 20).join('\n')}`);
}

async function ask(url: string, { fromMs, toMs }: Range, queries: readonly object[]): Promise<Answer> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: fromMs, to: toMs, queries }),
  });
  if (!response.ok) throw new Error(`/api/v1/query answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

function frameOf(answer: Answer, refId: string): Frame {
  const result = answer.results[refId];
  if (result === undefined || result.status !== 200 || result.frames[0] === undefined) {
    throw new Error(`query ${refId} failed: ${JSON.stringify(result)?.slice(0, 2_000)}`);
  }
  return result.frames[0];
}

function sumOf(frame: Frame): number {
  return frame.schema.fields
    .flatMap((field, i) => (field.type === 'number' ? (frame.data.values[i] ?? []) : []))
    .reduce((sum: number, value) => sum + Number(value ?? 0), 0);
}

/** By a label of the fields, or by a column of that name, whichever the frame has. */
function numbersByLabel(frame: Frame, label: string): Map<string, number> {
  const numbers = new Map<string, number>();
  const labels = frame.schema.fields.findIndex((field) => field.name === label);
  frame.schema.fields.forEach((field, i) => {
    if (field.type !== 'number') return;
    (frame.data.values[i] ?? []).forEach((value, row) => {
      const name = labels >= 0 ? String(frame.data.values[labels]?.[row] ?? '') : (field.labels?.[label] ?? '');
      numbers.set(name, (numbers.get(name) ?? 0) + Number(value ?? 0));
    });
  });
  return numbers;
}
