// Where partitions begin and end, and where the definition's `start` points in them.
// Asked of the leaders at each assignment; nothing is kept.

import type { Cluster } from 'kafkajs';
import type { KafkaConfig } from '../definition/model.js';
import type { CommittedOffset, TopicPartition } from './kafka-group.js';
import { partitionId } from './kafka-reader.js';
import type { PartitionId } from './log.js';

export interface OffsetBounds {
  readonly logStart: number;
  /** Of committed records. */
  readonly logEnd: number;
  readonly startOffset: number;
}

/**
 * @param appeared partitions that a topic got while the group read it: they start at their beginning, whatever `start` says, or what was
 * written before anybody noticed them would be skipped
 * @returns per partition that a leader answered for
 * @throws kafkajs' errors
 */
export async function readOffsetBounds(
  cluster: Pick<Cluster, 'fetchTopicsOffset'>,
  partitions: readonly TopicPartition[],
  start: KafkaConfig['start'],
  appeared: ReadonlySet<PartitionId>,
): Promise<Map<PartitionId, OffsetBounds>> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const ask = async (from: { fromBeginning: boolean } | { fromTimestamp: number }): Promise<Map<PartitionId, number>> => {
    const request = topics.map((topic) => ({
      topic,
      partitions: partitions.filter((p) => p.topic === topic).map(({ partition }) => ({ partition })),
      ...from,
    }));
    const answers = await cluster.fetchTopicsOffset(request);
    return new Map(answers.flatMap(({ topic, partitions: list }) => list.map((p) => [partitionId(topic, p.partition), Number(p.offset)])));
  };
  const [starts, ends] = [await ask({ fromBeginning: true }), await ask({ fromBeginning: false })];
  const timed = start.from === 'timestamp' ? await ask({ fromTimestamp: start.timeMs }) : null;
  const bounds = new Map<PartitionId, OffsetBounds>();
  for (const [id, logStart] of starts) {
    const logEnd = ends.get(id);
    if (logEnd === undefined || logStart < 0 || logEnd < 0) continue;
    // -1 for a time after the newest record.
    const atTime = timed?.get(id) ?? -1;
    const startOffset = start.from === 'earliest' || appeared.has(id) ? logStart : start.from === 'latest' || atTime < 0 ? logEnd : atTime;
    bounds.set(id, { logStart, logEnd, startOffset });
  }
  return bounds;
}

/**
 * Partitions that the topic got since the group began to read it: while this process ran, or before it was started, when the group has
 * committed the others already (it commits every partition with its first flush, whether there were records or not).
 */
export function appearedPartitions(
  owned: readonly TopicPartition[],
  knownFromStart: ReadonlySet<PartitionId>,
  commits: readonly CommittedOffset[],
): Set<PartitionId> {
  const begun = new Set(commits.filter(({ offset }) => offset !== null).map(({ topic }) => topic));
  return new Set(
    owned
      .filter(({ topic, partition }) => begun.has(topic) || !knownFromStart.has(partitionId(topic, partition)))
      .map(({ topic, partition }) => partitionId(topic, partition)),
  );
}
