// Makes the log that a definition names, with its writer and its place for dead letters: Kafka, or the embedded log on disk.

import { join } from 'node:path';
import type { Clock } from '../clock.js';
import type { Definition } from '../definition/model.js';
import type { TidemarkError } from '../errors.js';
import { createDeadLetterFile } from '../source/dead-letter-file.js';
import { openEmbeddedLog } from '../source/embedded-log.js';
import { createKafkaDeadLetters } from '../source/kafka-dead-letters.js';
import type { SourceLog } from '../source/kafka-client.js';
import { createKafkaSource } from '../source/kafka-source.js';
import { createKafkaWriter } from '../source/kafka-writer.js';
import type { DeadLetterSink, LogSource, LogWriter } from '../source/log.js';

export interface LogParts {
  /** null in a process that does not ingest. */
  readonly source: LogSource | null;
  /** Takes events from HTTP collect and the demo shop. */
  readonly writer: LogWriter | null;
  readonly deadLetters: DeadLetterSink | null;
  /** Records below this offset are read by nobody again. Only the embedded log forgets by itself. */
  forgetBelow(offset: number): Promise<void>;
  /** Closes the writer and the dead letters; the source is stopped before. */
  close(): Promise<void>;
}

/** A partition that nobody knows of holds no watermark back: it must be noticed before what is written there counts as late. */
function metadataAgeMs(latenessMs: number): number {
  return Math.min(30_000, Math.max(2_000, Math.floor(latenessMs / 2)));
}

export async function createLogParts(
  definition: Definition,
  clock: Clock,
  log: SourceLog,
  onFatal: (error: TidemarkError) => void,
  onWaiting: (problem: TidemarkError, attempt: number) => void,
): Promise<LogParts> {
  const { kafka } = definition.source;
  if (kafka !== null) {
    const writer = createKafkaWriter(kafka, () => clock.now(), log);
    const deadLetters = definition.roles.ingest ? createKafkaDeadLetters(kafka, log) : null;
    return {
      source: definition.roles.ingest
        ? createKafkaSource(kafka, { clock, log, onFatal, onWaiting, metadataMaxAgeMs: metadataAgeMs(definition.latenessMs) })
        : null,
      writer,
      deadLetters,
      forgetBelow: async () => Promise.resolve(),
      close: async () => {
        await writer.close();
        await deadLetters?.close();
      },
    };
  }
  if (!definition.roles.ingest) {
    return {
      source: null,
      writer: null,
      deadLetters: null,
      forgetBelow: async () => Promise.resolve(),
      close: async () => Promise.resolve(),
    };
  }
  const embedded = await openEmbeddedLog({ dir: join(definition.dataDir, 'log'), clock, log, onFatal });
  const deadLetters = createDeadLetterFile({ dir: definition.dataDir });
  return {
    source: embedded,
    writer: embedded,
    deadLetters,
    forgetBelow: (offset) => embedded.trimTo(offset),
    close: async () => {
      await embedded.close();
      await deadLetters.close();
    },
  };
}
