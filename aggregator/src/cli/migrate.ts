// `tidemark migrate`: brings the cold tier's tables to what the definition needs, saying each step.

import { systemClock } from '../clock.js';
import { createCold } from '../runtime/stores.js';
import { readDefinitionFile } from './definition-file.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';

export async function migrate(options: { readonly definition: string; readonly dryRun: boolean }, io: Io): Promise<number> {
  const definition = readDefinitionFile(options.definition, io);
  const cold = createCold(definition, systemClock);
  await cold.start();
  try {
    if (options.dryRun) {
      for (const step of await cold.migrations()) {
        io.stdout.write(`${step.state.padEnd(8)} ${step.version}  ${step.name}\n`);
      }
      return EXIT.ok;
    }
    const pending = new Set((await cold.migrations()).filter((step) => step.state === 'pending').map((step) => step.version));
    await cold.migrate((step) => {
      if (pending.has(step.version)) {
        io.stdout.write(`${(step.state === 'pending' ? 'begun' : step.state).padEnd(8)} ${step.version}  ${step.name}\n`);
      }
    });
    io.stdout.write(pending.size === 0 ? 'The tables are up to date.\n' : 'The tables are ready.\n');
    return EXIT.ok;
  } finally {
    await cold.stop();
  }
}
