import { describe, expect, it } from 'vitest';
import { QUERY_SCHEMAS } from '../../aggregator/src/query/request';
import { previewAnomalies, previewWords, type PreviewQuestion } from './anomaly-preview';
import type { ApiQuery } from './query/model';

interface Body {
  readonly from: string;
  readonly to: string;
  readonly queries: readonly Readonly<Record<string, unknown>>[];
}

const query: ApiQuery = { kind: 'anomaly', measure: 'errors', groupBy: ['country'], detector: { name: 'robust', k: 6 }, fields: 'all' };
const series = (name: string, flagged: number, episodes: number) => ({ name, labels: {}, detector: 'robust', flagged, episodes });

function answer(flagged: number, episodes: number, described: readonly object[], bucketMs = 60_000): unknown {
  const custom = { plan: { bucketMs }, anomaly: { series: 4, flagged, episodes, described } };
  return { results: { A: { status: 200, frames: [{ schema: { refId: 'A', meta: { custom }, fields: [] }, data: { values: [] } }] } } };
}

function ask(reply: (body: Body) => unknown, more: Partial<PreviewQuestion> = {}) {
  const bodies: Body[] = [];
  const post = (body: object): Promise<unknown> => {
    bodies.push(body as Body);
    return Promise.resolve().then(() => reply(body as Body));
  };
  const ranges = previewAnomalies({ query: () => query, bucketMs: null, post, wordsOf: (error) => String(error), ...more });
  return { ranges, bodies };
}

describe('the preview of an anomaly query', () => {
  it('counts the last day and the last week, and names the series with most', async () => {
    const { ranges } = ask(({ from }) =>
      from === 'now-1d'
        ? answer(1, 1, [series('DE', 1, 1)])
        : answer(1_031, 9, [series('DE', 31, 2), series('AT', 0, 0), series('FR', 1_000, 7)]),
    );
    expect(previewWords(await ranges)).toEqual([
      'Would have flagged 1 point (1 episode) in the last day, 1,031 points (9 episodes) in the last week; 4 series judged, in buckets of 1m.',
      'Most episodes in the last week: FR (7), DE (2).',
    ]);
  });

  it('says so where nothing would have been flagged', async () => {
    const { ranges } = ask(() => answer(0, 0, []));
    expect(previewWords(await ranges)).toEqual([
      'Would have flagged no points (no episodes) in the last day, no points (no episodes) in the last week; 4 series judged, in buckets of 1m.',
    ]);
  });

  it('asks the same query, judged alike, of which only the newest bucket is sent', async () => {
    const { ranges, bodies } = ask(() => answer(0, 0, []));
    await ranges;
    expect(bodies.map(({ from, to }) => [from, to])).toEqual([
      ['now-1d', 'now'],
      ['now-7d', 'now'],
    ]);
    for (const { queries } of bodies) {
      expect(queries).toEqual([{ refId: 'A', ...query, format: 'total', fields: 'anomalous' }]);
      expect(QUERY_SCHEMAS.anomaly.safeParse(queries[0]).success).toBe(true);
    }
  });

  it('keeps the panel’s bucket where it follows the range, and the query’s own otherwise', async () => {
    const automatic = ask(() => answer(0, 0, []), { bucketMs: 10_000 });
    await automatic.ranges;
    expect(automatic.bodies.map(({ queries }) => queries[0].bucket)).toEqual(['10s', '10s']);
    const own = ask(() => answer(0, 0, []), { bucketMs: 10_000, query: () => ({ ...query, bucket: '5m' }) });
    await own.ranges;
    expect(own.bodies.map(({ queries }) => queries[0].bucket)).toEqual(['5m', '5m']);
  });

  it('tells of each range by itself why there is nothing to say', async () => {
    const { ranges } = ask(({ from }) => {
      if (from === 'now-1d') return answer(2, 1, []);
      return { results: { A: { status: 400, error: 'Too many buckets.' } } };
    });
    expect(previewWords(await ranges)).toEqual([
      'Would have flagged 2 points (1 episode) in the last day; 4 series judged, in buckets of 1m.',
      'For the last week: Too many buckets.',
    ]);
    const failing = ask(() => {
      throw new Error('gone');
    });
    expect((await failing.ranges).map(({ problem }) => problem)).toEqual(['Error: gone', 'Error: gone']);
    const unusable = ask(() => answer(0, 0, []), {
      query: () => {
        throw new Error('no JSON');
      },
    });
    expect((await unusable.ranges).map(({ problem }) => problem)).toEqual(['Error: no JSON', 'Error: no JSON']);
    expect((await ask(() => 'a page').ranges)[0]?.problem).toMatch(/does not say/);
  });
});
