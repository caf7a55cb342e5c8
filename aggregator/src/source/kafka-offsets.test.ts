import { describe, expect, it } from 'vitest';
import { readOffsetBounds } from './kafka-offsets.js';

type Asked = Parameters<Parameters<typeof readOffsetBounds>[0]['fetchTopicsOffset']>[0];

describe('where a partition that was never committed starts', () => {
  const offsets = { beginning: [3, 0], end: [90, 40], timestamp: [50, 7] };
  const cluster = {
    fetchTopicsOffset: (asked: Asked) =>
      Promise.resolve(
        asked.map(({ topic, partitions, ...from }) => {
          const kind = 'fromTimestamp' in from ? 'timestamp' : from.fromBeginning ? 'beginning' : 'end';
          return { topic, partitions: partitions.map(({ partition }) => ({ partition, offset: String(offsets[kind][partition]) })) };
        }),
      ),
  };
  const partitions = [0, 1].map((partition) => ({ topic: 'shop', partition }));
  const starts = async (start: Parameters<typeof readOffsetBounds>[2], ...appeared: string[]): Promise<number[]> =>
    [...(await readOffsetBounds(cluster, partitions, start, new Set(appeared))).values()].map(({ startOffset }) => startOffset);

  it('is where the definition says', async () => {
    expect(await starts({ from: 'earliest' })).toEqual([3, 0]);
    expect(await starts({ from: 'latest' })).toEqual([90, 40]);
    expect(await starts({ from: 'timestamp', timeMs: 1 })).toEqual([50, 7]);
  });

  it('is its beginning when it appeared while the process ran, so that nothing written meanwhile is skipped', async () => {
    expect(await starts({ from: 'latest' }, 'shop/1')).toEqual([90, 0]);
    expect(await starts({ from: 'timestamp', timeMs: 1 }, 'shop/1')).toEqual([50, 0]);
  });
});
