// Finds the app and the plugins nested in it. The app's plugin.json stands at the repository's root, its module in src/; every other
// folder of src/ that has a plugin.json is a plugin of its own, with a module beside it.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { DIST_DIR, SOURCE_DIR } from './constants.mjs';

const MODULES = ['module.ts', 'module.tsx'];

/** @param {string} path @returns {any} */
export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * @typedef {object} PluginFolder
 * @property {string} manifest path of its plugin.json
 * @property {string} name where it stands in dist: '' for the app, else e.g. `panels/anomaly`
 * @property {string | undefined} module path of its module; undefined where it is missing
 */

/**
 * @param {string} root the repository
 * @returns {PluginFolder[]} the app first, then the nested ones by name
 */
export function pluginFolders(root) {
  const source = join(root, SOURCE_DIR);
  const nested = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.split(sep).at(-1) === 'plugin.json')
    .sort()
    .map((path) => join(source, path));
  return [join(root, 'plugin.json'), ...nested].map((manifest) => {
    const folder = manifest === join(root, 'plugin.json') ? source : dirname(manifest);
    const module = MODULES.map((file) => join(folder, file)).find((file) => existsSync(file));
    return { manifest, name: relative(source, folder).replaceAll(sep, '/'), module };
  });
}

/**
 * @param {string} root the repository
 * @param {string} publicPathModule runs before each plugin's own module
 * @returns {Record<string, { import: string[] }>} webpack's entries by output name
 * @throws Error where a plugin.json has no module beside it
 */
export function bundleEntries(root, publicPathModule) {
  return Object.fromEntries(
    pluginFolders(root).map(({ manifest, name, module }) => {
      if (module === undefined) throw new Error(`${relative(root, manifest)} has no module beside it; add ${MODULES.join(' or ')}`);
      return [name === '' ? 'module' : `${name}/module`, { import: [publicPathModule, module] }];
    }),
  );
}

/** @param {string} root */
export function outputFolder(root) {
  return join(root, DIST_DIR);
}
