// `tidemark replay`: computes rollups of a range anew from raw events, while queries go on.

import { systemClock } from '../clock.js';
import { createCold } from '../runtime/stores.js';
import { readDefinitionFile } from './definition-file.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import { rangeOf } from './range.js';

export async function replay(
  options: { readonly definition: string; readonly from: string; readonly to: string },
  io: Io,
): Promise<number> {
  const definition = readDefinitionFile(options.definition, io);
  const range = rangeOf(options.from, options.to, systemClock.now());
  const cold = createCold(definition, systemClock);
  await cold.start();
  try {
    await cold.migrate(() => undefined);
    const { spans, changedMeanwhile } = await cold.replay(range, new AbortController().signal, ({ resolution, untilMs }) => {
      io.stderr.write(`rollup_${resolution}: done up to ${new Date(untilMs).toISOString()}\n`);
    });
    for (const [resolution, span] of Object.entries(spans)) {
      io.stdout.write(
        span === null
          ? `rollup_${resolution}  nothing of the range is closed, or its rows are not kept any more\n`
          : `rollup_${resolution}  ${new Date(span.fromMs).toISOString()} to ${new Date(span.toMs).toISOString()} computed anew\n`,
      );
    }
    if (changedMeanwhile > 0) io.stdout.write(`${changedMeanwhile} minutes got late events meanwhile; compaction does them next.\n`);
    return EXIT.ok;
  } finally {
    await cold.stop();
  }
}
