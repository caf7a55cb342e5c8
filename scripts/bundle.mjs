// Bundles one TypeScript entry of this repository into a plain JavaScript module, with npm packages left outside.
// The output stands under .cache/run, inside the repository, so that the packages resolve as they do for the sources.
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * @param {string} entry path of a .ts file
 * @returns {Promise<string>} path of the bundled .mjs
 */
export async function bundle(entry) {
  const source = resolve(entry);
  const folder = join(repositoryRoot, '.cache', 'run');
  mkdirSync(folder, { recursive: true });
  const name = `${basename(source).replace(/\.[cm]?ts$/, '')}-${createHash('sha256').update(source).digest('hex').slice(0, 8)}`;
  const target = join(folder, `${name}.mjs`);
  // Two processes may bundle the same entry at once: each writes its own file and the rename is atomic.
  const scratch = join(folder, `${name}.${process.pid}.mjs`);
  await build({ ...bundleOptions, entryPoints: [source], outfile: scratch, sourcemap: 'inline' });
  renameSync(scratch, target);
  return target;
}

/** What every bundle of this repository has in common, the shipped one included. */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
};
