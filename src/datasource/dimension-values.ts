// Values of a dimension, for suggestions, variables and ad-hoc filters: one `values` query through the backend's resources.

import type { Range } from './query/interpolate';
import { recordOf } from './live-frame';

const DEFAULT_LIMIT = 500;
const REF_ID = 'A';

export interface ValuesQuestion {
  readonly dimension: string;
  /** Only values that contain it. */
  readonly search?: string;
  readonly limit?: number;
  /** Undefined: the last 6 hours. */
  readonly range?: Range | undefined;
}

/**
 * @param post sends a body of POST /api/v1/query
 * @throws Error with the aggregator's words
 */
export async function askValues(post: (body: object) => Promise<unknown>, question: ValuesQuestion): Promise<string[]> {
  const { dimension, search = '', limit = DEFAULT_LIMIT, range } = question;
  const answer = await post({
    from: range?.fromMs ?? 'now-6h',
    to: range?.toMs ?? 'now',
    queries: [{ refId: REF_ID, kind: 'values', dimension, ...(search === '' ? {} : { search }), limit }],
  });
  const result = recordOf(recordOf(recordOf(answer)['results'])[REF_ID]);
  if (typeof result['error'] === 'string' && result['error'] !== '') throw new Error(result['error']);
  const frames = Array.isArray(result['frames']) ? result['frames'] : [];
  const columns = recordOf(recordOf(frames[0])['data'])['values'];
  const values: unknown = Array.isArray(columns) ? columns[0] : [];
  return Array.isArray(values) ? values.filter((value): value is string => typeof value === 'string') : [];
}
