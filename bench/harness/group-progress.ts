// How far a consumer group has committed, asked of the broker, so that the process under test is not disturbed.

import type { Admin } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';

export interface GroupProgress {
  readonly committed: number;
  readonly end: number;
}

/** Sums over the topic's partitions. */
export async function groupProgress(admin: Admin, group: string, topic: string): Promise<GroupProgress> {
  const [ends, offsets] = await Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId: group, topics: [topic] })]);
  const committed = offsets.flatMap((entry) => entry.partitions).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  return { committed, end: ends.reduce((sum, { high }) => sum + Number(high), 0) };
}

/** Waits until the group has committed the topic's end. @throws Error when `alive` says no, or after `withinMs` */
export async function untilCommitted(
  admin: Admin,
  group: string,
  topic: string,
  options: {
    readonly withinMs: number;
    readonly everyMs: number;
    /** How many records may be missing. @default 0 */ readonly enough?: number;
    alive(): boolean;
    progress?(progress: GroupProgress): void;
  },
): Promise<void> {
  const deadline = performance.now() + options.withinMs;
  for (;;) {
    const progress = await groupProgress(admin, group, topic);
    options.progress?.(progress);
    if (progress.end > 0 && progress.committed >= progress.end - (options.enough ?? 0)) return;
    if (!options.alive()) throw new Error('the process ended');
    if (performance.now() > deadline) throw new Error(`committed ${progress.committed} of ${progress.end} within ${options.withinMs} ms`);
    await delay(options.everyMs);
  }
}
