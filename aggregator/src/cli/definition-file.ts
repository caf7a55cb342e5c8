// Loads the definition that a command names, with the environment laid over it.

import { existsSync } from 'node:fs';
import { loadDefinition } from '../definition/load.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Io } from './io.js';

/** @throws DefinitionError with every problem, TidemarkError when there is no such file */
export function readDefinitionFile(path: string, io: Io): Definition {
  if (!existsSync(path)) {
    throw new TidemarkError(
      'invalid',
      'NO_DEFINITION',
      `There is no definition at ${path}.`,
      'Name one with --definition; definitions/demo.yaml runs without any store.',
    );
  }
  return loadDefinition({ path, env: io.env });
}
