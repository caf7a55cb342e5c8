// Dead letters as records of a Kafka topic: the value as it came, why and where it was refused in the headers.
// Invariant: a letter's key is where it stood, so a repeated letter can be told from a new one (and is dropped by a compacted topic).

import type { KafkaConfig } from '../definition/model.js';
import { SILENT_LOG, type SourceLog } from './kafka-client.js';
import { KafkaProducer } from './kafka-producer.js';
import type { DeadLetter, DeadLetterSink } from './log.js';

const VALUE_MAX_BYTES = 64 * 1024;
const REQUEST_BYTES = 900 * 1024;

/** The topic's name: as defined, else `<first topic>.dead-letters`. */
export function deadLetterTopic(config: KafkaConfig): string {
  return config.deadLetterTopic === '' ? `${config.topics[0]}.dead-letters` : config.deadLetterTopic;
}

/** The topic is created at the first letter, with one partition, if it is not there. */
export function createKafkaDeadLetters(config: KafkaConfig, log: SourceLog = SILENT_LOG): DeadLetterSink {
  const producer = new KafkaProducer(config, log);
  const topic = deadLetterTopic(config);
  let ensured = false;
  return {
    write: async (letters) => {
      if (letters.length === 0) return;
      if (!ensured) await producer.ensureTopic(topic, 1);
      ensured = true;
      let from = 0;
      let bytes = 0;
      for (let to = 0; to <= letters.length; to++) {
        const size = to < letters.length ? Math.min(letters[to].value.length, VALUE_MAX_BYTES) + 512 + letters[to].detail.length : 0;
        if (to === letters.length || (bytes + size > REQUEST_BYTES && to > from)) {
          await producer.send(topic, letters.slice(from, to).map(toMessage));
          from = to;
          bytes = 0;
        }
        bytes += size;
      }
    },
    close: () => producer.close(),
  };
}

function toMessage({ partition, offset, timestampMs, reason, detail, value }: DeadLetter): {
  key: string;
  value: Buffer;
  headers: Record<string, string>;
} {
  const slash = partition.lastIndexOf('/');
  return {
    key: `${partition}/${offset}`,
    value: Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, VALUE_MAX_BYTES)),
    headers: {
      reason,
      detail,
      topic: partition.slice(0, slash),
      partition: partition.slice(slash + 1),
      offset: String(offset),
      timestamp: String(timestampMs),
    },
  };
}
