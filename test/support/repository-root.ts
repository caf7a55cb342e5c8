// Where the repository stands, for support code that runs both from its source and from a bundle under .cache/run.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the folder that holds package-lock.json. @throws Error outside a checkout */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package-lock.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package-lock.json above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
  return folder;
}
