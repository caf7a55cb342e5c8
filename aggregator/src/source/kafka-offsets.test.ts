import { describe, expect, it } from 'vitest';
import { appearedPartitions, readOffsetBounds } from './kafka-offsets.js';

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

describe('a partition that was never committed', () => {
  const owned = [0, 1, 4].map((partition) => ({ topic: 'shop', partition }));
  const commit = (partition: number, offset: number | null) => ({ topic: 'shop', partition, offset, metadata: '' });

  it('is a new one when the group has committed others, though this process was started after it appeared', () => {
    const known = new Set(['shop/0', 'shop/1', 'shop/4']);
    expect(appearedPartitions(owned, known, [commit(0, 7), commit(1, 3), commit(4, null)])).toContain('shop/4');
  });

  it('is where the definition says when the group never committed anything', () => {
    const known = new Set(['shop/0', 'shop/1', 'shop/4']);
    expect(appearedPartitions(owned, known, [commit(0, null), commit(1, null), commit(4, null)])).toEqual(new Set());
  });

  it('is a new one when this process did not know it at its start', () => {
    expect(appearedPartitions(owned, new Set(['shop/0', 'shop/1']), [])).toEqual(new Set(['shop/4']));
  });
});
