// Changes bytes in a broker's own log file: what no client can be made to send, such as a batch of an unknown compression.

import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigResourceTypes } from 'kafkajs';
import { crc32c } from '@node-rs/crc32';
import type { KafkaCluster } from './kafka-broker.js';

/** Changes the n-th batch of a partition in place. Where the batch stays as long as it was, the broker notices nothing. */
export async function patchBatch(
  cluster: KafkaCluster,
  topic: string,
  partition: number,
  index: number,
  change: (batch: Buffer) => void,
): Promise<void> {
  const admin = await cluster.admin();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.BROKER, name: '1', configNames: ['log.dirs'] }],
  });
  const folder = join(resources[0].configEntries[0].configValue, `${topic}-${partition}`);
  const name = (await readdir(folder)).find((file) => file.endsWith('.log')) ?? '';
  const bytes = await readFile(join(folder, name));
  let at = 0;
  for (let i = 0; i < index; i++) at += 12 + bytes.readInt32BE(at + 8);
  const batch = bytes.subarray(at, at + 12 + bytes.readInt32BE(at + 8));
  change(batch);
  const file = await open(join(folder, name), 'r+');
  await file.write(batch, 0, batch.length, at);
  await file.close();
}

/** A compression that is none of Kafka's, under a checksum that is right. */
export function setUnknownCompression(batch: Buffer): void {
  batch.writeInt16BE((batch.readInt16BE(21) & ~7) | 6, 21);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
}

/** One bit of the records is another than was sent. */
export function breakChecksum(batch: Buffer): void {
  batch.writeUInt8(batch.readUInt8(batch.length - 4) ^ 1, batch.length - 4);
}
