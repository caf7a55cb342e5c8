// What goes into dist as it is: manifests with version and date filled in, images, bundled dashboards, and the papers.
import { basename, join } from 'node:path';
import { SOURCE_DIR } from './constants.mjs';
import { pluginFolders, readJson } from './plugins.mjs';

/**
 * @param {string} root the repository
 * @param {{ mode: 'production' | 'development', date: string }} build date: YYYY-MM-DD
 * @returns {object[]} patterns of copy-webpack-plugin
 */
export function copyPatterns(root, { mode, date }) {
  const { version } = readJson(join(root, 'package.json'));
  const { id } = readJson(join(root, 'plugin.json'));
  const fill = (/** @type {Buffer} */ content) =>
    content.toString('utf8').replaceAll('%VERSION%', version).replaceAll('%TODAY%', date).replaceAll('%PLUGIN_ID%', id);
  const manifest = (/** @type {Buffer} */ content) => `${JSON.stringify({ ...JSON.parse(fill(content)), buildMode: mode }, null, 2)}\n`;
  const optional = { noErrorOnMissing: true };
  return [
    ...pluginFolders(root).map(({ manifest: from, name }) => ({
      from,
      to: name === '' ? basename(from) : `${name}/plugin.json`,
      transform: manifest,
    })),
    { from: join(root, 'README.md'), to: '.', transform: fill },
    { from: join(root, 'CHANGELOG.md'), to: '.' },
    { from: join(root, 'LICENSE'), to: '[name]' },
    { from: '**/img/**/*', context: join(root, SOURCE_DIR), to: '.', ...optional },
    { from: 'dashboards/**/*.json', context: join(root, SOURCE_DIR), to: '.', ...optional },
    { from: '**/query_help.md', context: join(root, SOURCE_DIR), to: '.', ...optional },
  ];
}
