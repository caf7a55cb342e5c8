// The page's calls of the aggregator's API, the same that anyone makes.

export interface Catalog {
  readonly name: string;
  readonly measures: readonly {
    readonly name: string;
    readonly kind: string;
    readonly description: string;
    readonly unit: string;
    readonly stats?: readonly string[];
  }[];
  readonly dimensions: readonly { readonly name: string }[];
}

export interface Field {
  readonly name: string;
  readonly type: 'time' | 'number' | 'string';
  readonly config?: { readonly displayNameFromDS?: string; readonly unit?: string };
}

export interface Frame {
  readonly schema: {
    readonly fields: readonly Field[];
    readonly meta?: {
      readonly custom?: { readonly partialFrom?: number | null; readonly plan?: { readonly bucketMs: number } };
      readonly notices?: readonly { readonly text: string }[];
    };
  };
  readonly data: { readonly values: readonly (readonly (number | null)[])[] };
}

export interface Status {
  readonly name: string;
  readonly state: string;
  readonly watermarkMs: number;
  readonly complete: boolean;
  readonly reason: string;
  readonly partitions: readonly {
    readonly lag: number | null;
    readonly applied: number;
    readonly duplicates: number;
    readonly deadLettered: number;
  }[];
}

/** @throws Error with the API's own words */
async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch(() => {
    throw new Error('The aggregator does not answer. Is `npm start` still running?');
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    throw new Error([body?.error?.message ?? response.statusText, body?.error?.remedy ?? ''].filter(Boolean).join(' '));
  }
  return body;
}

export const readCatalog = (): Promise<Catalog> => call('/api/v1/catalog');
export const readStatus = (): Promise<Status> => call('/api/v1/status');

export async function readSeries(query: Readonly<Record<string, unknown>>, rangeS: number, maxDataPoints: number): Promise<Frame | null> {
  const body = JSON.stringify({ from: `now-${rangeS}s`, to: 'now', maxDataPoints, queries: [{ refId: 'A', ...query }] });
  const answer = await call<{ results: Record<string, { error?: { message?: string } | string; frames?: Frame[] }> }>('/api/v1/query', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const result = answer.results['A'];
  if (result.error !== undefined) {
    throw new Error(typeof result.error === 'string' ? result.error : (result.error.message ?? 'The query failed.'));
  }
  const frame = result.frames?.[0] ?? null;
  return frame === null || frame.schema.fields.length === 0 ? null : frame;
}
