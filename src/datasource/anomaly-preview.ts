// What an anomaly query would have flagged lately, before it is saved: the same query for the last day and the last week, of which only
// the summary in `meta.custom.anomaly` is of interest. Ranges fail by themselves: a week may be too much where a day is not.

import { numberOf, recordOf } from './live-frame';
import { formatDuration } from './query/duration';
import type { ApiQuery } from './query/model';

const REF_ID = 'A';
const RANGES = [
  { words: 'the last day', from: 'now-1d' },
  { words: 'the last week', from: 'now-7d' },
] as const;
/** Series that are named. */
const NAMED = 3;

export interface PreviewedSeries {
  readonly name: string;
  readonly flagged: number;
  readonly episodes: number;
}

export type PreviewedRange = { readonly range: string } & (
  | {
      readonly problem: null;
      /** Buckets. */
      readonly flagged: number;
      readonly episodes: number;
      readonly series: number;
      /** null: the answer did not say. */
      readonly bucketMs: number | null;
      /** Those with anomalies, most first. */
      readonly loudest: readonly PreviewedSeries[];
    }
  | { readonly problem: string }
);

export interface PreviewQuestion {
  /** Of kind anomaly, with its variables filled in. @throws Error where it cannot be used */
  readonly query: () => ApiQuery;
  /** The panel's own bucket, for queries whose bucket follows the range; null: not known. */
  readonly bucketMs: number | null;
  /** Sends a body of POST /api/v1/query */
  readonly post: (body: object) => Promise<unknown>;
  readonly wordsOf: (error: unknown) => string;
}

/** @returns one for each range; never rejects */
export function previewAnomalies(question: PreviewQuestion): Promise<readonly PreviewedRange[]> {
  return Promise.all(
    RANGES.map(async ({ words, from }): Promise<PreviewedRange> => {
      try {
        return read(words, await question.post({ from, to: 'now', queries: [queryOf(question)] }));
      } catch (error) {
        return { range: words, problem: question.wordsOf(error) };
      }
    }),
  );
}

/** The newest bucket alone is answered; all of the range is judged and counted. */
function queryOf({ query, bucketMs }: PreviewQuestion): object {
  const asked = query();
  const automatic = asked.bucket === undefined || asked.bucket === 'auto';
  const bucket = automatic && bucketMs !== null && bucketMs > 0 ? { bucket: formatDuration(bucketMs) } : {};
  return { refId: REF_ID, ...asked, ...bucket, format: 'total', fields: 'anomalous' };
}

function read(range: string, answer: unknown): PreviewedRange {
  const result = recordOf(recordOf(recordOf(answer)['results'])[REF_ID]);
  if (typeof result['error'] === 'string' && result['error'] !== '') return { range, problem: result['error'] };
  const frames: readonly unknown[] = Array.isArray(result['frames']) ? result['frames'] : [];
  const custom = recordOf(recordOf(recordOf(recordOf(frames[0])['schema'])['meta'])['custom']);
  const anomaly = recordOf(custom['anomaly']);
  const [flagged, episodes, series] = [numberOf(anomaly['flagged']), numberOf(anomaly['episodes']), numberOf(anomaly['series'])];
  if (flagged === null || episodes === null || series === null) return { range, problem: 'The answer does not say what was flagged.' };
  const described: readonly unknown[] = Array.isArray(anomaly['described']) ? anomaly['described'] : [];
  const loudest = described
    .map(recordOf)
    .map(({ name, flagged: points, episodes: times }) => ({
      name: typeof name === 'string' ? name : '',
      flagged: numberOf(points) ?? 0,
      episodes: numberOf(times) ?? 0,
    }))
    .filter((one) => one.episodes > 0)
    .sort((a, b) => b.episodes - a.episodes || b.flagged - a.flagged)
    .slice(0, NAMED);
  return { range, problem: null, flagged, episodes, series, bucketMs: numberOf(recordOf(custom['plan'])['bucketMs']), loudest };
}

/** `Would have flagged 12 points (2 episodes) in the last day, 31 points (5 episodes) in the last week, in 4 series.` */
export function previewWords(ranges: readonly PreviewedRange[]): readonly string[] {
  const answered = ranges.filter((one) => one.problem === null);
  const lines: string[] = [];
  if (answered.length > 0) {
    const counts = answered.map(
      ({ range, flagged, episodes }) => `${counted(flagged, 'point')} (${counted(episodes, 'episode')}) in ${range}`,
    );
    const last = answered[answered.length - 1];
    const buckets = [...new Set(answered.map(({ bucketMs }) => (bucketMs === null ? '' : formatDuration(bucketMs))))].filter(Boolean);
    const series = Math.max(...answered.map((one) => one.series));
    const per = buckets.length === 0 ? '' : `, in buckets of ${buckets.join(' and ')}`;
    lines.push(`Would have flagged ${counts.join(', ')}; ${counted(series, 'series', 'series')} judged${per}.`);
    const named = last.loudest.map(({ name, episodes }) => `${name} (${episodes})`).join(', ');
    if (series > 1 && named !== '') lines.push(`Most episodes in ${last.range}: ${named}.`);
  }
  for (const one of ranges) if (one.problem !== null) lines.push(`For ${one.range}: ${one.problem}`);
  return lines;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? 'no' : count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
