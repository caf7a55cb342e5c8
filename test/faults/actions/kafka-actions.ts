// What happens to Kafka: a broker killed or hung, the leader elsewhere, more partitions, records deleted before they were read.

import type { World } from '../world/world.js';
import { between, sleep, type Action } from './action.js';

const UNREAD_MS = 2_500;

export const kafkaActions: readonly Action[] = [
  {
    name: 'kafka-kill',
    weight: 1,
    draw: (draw) => ({ node: between(draw, 0, 2), awayMs: between(draw, 500, 4_000) }),
    run: async ({ kafka }, { node, awayMs }) => {
      const index = Number(node) % kafka.brokers.length;
      await kafka.kill(index);
      await sleep(Number(awayMs));
      await kafka.restart(index);
      return true;
    },
  },
  {
    name: 'kafka-hangs',
    weight: 1,
    draw: (draw) => ({ node: between(draw, 0, 2), ms: between(draw, 1_500, 5_000) }),
    run: async ({ kafka }, { node, ms }) => {
      const index = Number(node) % kafka.brokers.length;
      kafka.pause(index);
      await sleep(Number(ms));
      kafka.resume(index);
      return true;
    },
  },
  {
    // Away for longer than the controller waits: its partitions get other leaders.
    name: 'kafka-leader-moved',
    weight: 6,
    cluster: true,
    draw: (draw) => ({ partition: between(draw, 0, 3), awayMs: between(draw, 7_000, 10_000) }),
    run: async ({ kafka, topic }, { partition, awayMs }) => {
      const admin = await kafka.admin();
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const leader = topics[0].partitions.find(({ partitionId }) => partitionId === Number(partition))?.leader ?? 1;
      await kafka.kill(leader - 1);
      await sleep(Number(awayMs));
      await kafka.restart(leader - 1);
      return true;
    },
  },
  {
    name: 'kafka-more-partitions',
    weight: 1,
    draw: () => ({}),
    run: async ({ kafka, load, topic }) => {
      const admin = await kafka.admin();
      await admin.createPartitions({ topicPartitions: [{ topic, count: load.partitions + 1 }] });
      load.grow(load.partitions + 1);
      return true;
    },
  },
  {
    // Everybody is away, events come, and half of them are deleted before anybody returns.
    name: 'kafka-retention-passes-commit',
    weight: 1,
    draw: () => ({}),
    run: async (world) => {
      let deleted = 0;
      await world.group.whileAllStand(async () => {
        await sleep(UNREAD_MS);
        await world.load.whileHeld(async () => {
          deleted = await deleteUnread(world);
        });
      });
      return deleted > 0;
    },
  },
];

/** @returns how many records */
async function deleteUnread({ kafka, topic, database, engine, log, lost }: World): Promise<number> {
  await sleep(500);
  await log.read();
  const admin = await kafka.admin();
  const [committed] = await admin.fetchOffsets({ groupId: database, topics: [topic] });
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]));
  const rows = await engine.ask(`SELECT partition, max(offset) + 1 FROM ${database}.events GROUP BY partition`);
  const inCold = new Map(rows.map((row) => row.split('\t').map(Number) as [number, number]));
  const upTo: { partition: number; offset: string }[] = [];
  let count = 0;
  for (const { partition, offset } of committed.partitions) {
    const from = Number(offset);
    // What a tier has beyond the commit was read; only what nobody read can be lost.
    if (from < 0 || (inCold.get(partition) ?? 0) > from) continue;
    const to = from + Math.floor(((ends.get(partition) ?? from) - from) / 2);
    upTo.push({ partition, offset: String(to) });
    if (to <= from) continue;
    count += to - from;
    log.forget(partition, from, to);
    lost.push({ partition, from, to, atMs: Date.now() });
  }
  if (upTo.length > 0) await admin.deleteTopicRecords({ topic, partitions: upTo });
  return count;
}
