// Structured logs: one JSON line per event to standard output (pino). Secrets never come here: nothing logs a definition whole.

import { pino, type Logger } from 'pino';
import type { SourceLog } from '../source/kafka-client.js';

export type { Logger } from 'pino';

/** @param level trace, debug, info, warn, error, fatal or silent */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } });
}

/** A part's log as the source room wants it. */
export function sourceLog(logger: Logger): SourceLog {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}
