// `tidemark serve`: runs a process until it is told to stop, and makes sure that it ends in time.

import { setFlagsFromString } from 'node:v8';
import { systemClock } from '../clock.js';
import { Runtime } from '../runtime/runtime.js';
import { createLogger } from '../runtime/logger.js';
import { readDefinitionFile } from './definition-file.js';
import { describeError, EXIT, exitCodeOf } from './exit-codes.js';
import type { Io } from './io.js';

/** A stop that takes longer is cut off: what was not committed is read again at the next start. */
const STOP_BUDGET_MS = 9_000;
/**
 * Buffers of fetched records pass through by the gigabyte while the heap itself stays small, and V8 counts them as growth of the heap: by
 * its own judgement it marks everything again at every 64 MiB of them. This lets it grow fourfold in between, which is its own upper bound.
 */
const COLLECTOR_FLAG = '--heap-growing-percent=300';

export async function serve(options: { readonly definition: string; readonly previewDir: string }, io: Io): Promise<number> {
  const definition = readDefinitionFile(options.definition, io);
  if (definition.hot.kind === 'redis') {
    // Else the panes are in this heap, and four times as much would be a lot.
    setFlagsFromString(COLLECTOR_FLAG);
  }
  const logger = createLogger(definition.logLevel);
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const runtime = new Runtime({
    definition,
    clock: systemClock,
    logger,
    previewDir: options.previewDir,
    ...(io.failpoints === undefined ? {} : { failpoints: io.failpoints }),
  });
  const failed = runtime.failed.then((error) => ({ error }));
  const told = stopped.then((signal) => ({ signal }));
  // A start waits for stores as long as it takes; being told to stop ends the waiting.
  const unable = runtime.start().then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => ({ error }),
  );
  const end = await Promise.race([told, failed, unable]);
  if ('signal' in end) {
    logger.info({ signal: end.signal }, 'stopping: flushing, committing and leaving the group');
  } else {
    logger.fatal(describeError(end.error));
  }
  const inTime = await withinBudget(
    runtime.stop().catch((error: unknown) => logger.error({ err: error }, 'a part could not be stopped; the process ends all the same')),
  );
  logger.info(inTime ? 'stopped' : `stopped hard after ${STOP_BUDGET_MS / 1000} s: the next start reads on from the last commit`);
  return 'signal' in end ? EXIT.ok : exitCodeOf(end.error);
}

async function withinBudget(stopping: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), STOP_BUDGET_MS);
  });
  const done = await Promise.race([stopping.then(() => true as const), late]);
  clearTimeout(timer);
  return done;
}
