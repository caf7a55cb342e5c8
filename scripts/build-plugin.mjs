// Bundles the plugin's front end into dist/, by webpack as .config says. The Go backend's binaries in the same folder stay.
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import webpack from 'webpack';
import { webpackConfig } from '../.config/webpack/webpack.config.mjs';

/** What the bundle is made of, from the repository's root. */
export const pluginSources = [
  'src',
  'plugin.json',
  '.config',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'package.json',
  'package-lock.json',
  'scripts/build-plugin.mjs',
];

/**
 * @param {string} root the repository
 * @param {{ mode?: 'production' | 'development', date?: string }} [options] date: YYYY-MM-DD, stands in every plugin.json
 * @throws Error when a source does not compile; what is wrong has been printed
 */
export async function buildPlugin(root, { mode = 'production', date = new Date().toISOString().slice(0, 10) } = {}) {
  const compiler = webpack(webpackConfig({ root, mode, date }));
  const stats = await new Promise((resolve, reject) => {
    compiler.run((error, result) => (error === null ? resolve(result) : reject(error)));
  });
  // Writes the cache; without it the next build starts cold.
  await new Promise((resolve) => compiler.close(resolve));
  if (stats.hasErrors() || stats.hasWarnings()) console.error(stats.toString({ all: false, errors: true, warnings: true, colors: false }));
  if (stats.hasErrors()) throw new Error('the plugin does not compile');
  // webpack leaves files alone that did not change, and this one's age says whether the build is stale.
  const now = new Date();
  utimesSync(join(root, 'dist', 'module.js'), now, now);
}
