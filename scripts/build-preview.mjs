// Bundles the preview's host page into preview/dist, and puts the built plugin and Grafana's icons beside it, under the paths that Grafana
// serves them from. By esbuild: Grafana's packages are thousands of modules, and Vite takes several times as long for the same page.
import { cpSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { repositoryRoot } from './bundle.mjs';

const page = join(repositoryRoot, 'preview', 'dist');

export const pageIndex = join(page, 'index.html');
export const pagePluginStamp = join(page, 'public', 'plugins', 'copied.txt');

/** What the page is made of, from the repository's root. */
export const pageSources = ['preview/src', 'preview/public', 'preview/index.html', 'package-lock.json', 'scripts/build-preview.mjs'];

/** Under the names that Grafana's styles give them; a variable font is all of its weights. */
const FONTS = [
  ['inter/Inter-Regular.woff2', 'inter/files/inter-latin-wght-normal.woff2'],
  ['inter/Inter-Medium.woff2', 'inter/files/inter-latin-wght-normal.woff2'],
  ['inter/Inter-Italic.woff2', 'inter/files/inter-latin-wght-italic.woff2'],
  ['roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2', 'roboto-mono/files/roboto-mono-latin-wght-normal.woff2'],
];

/**
 * @typedef {object} OtherPackages
 * @property {string} folder with a package.json: what it depends on is taken from its node_modules, whoever asks
 * @property {Readonly<Record<string, string>>} [additions] source text, by the module that it is added to: what those packages do not have yet
 */

/**
 * @param {string} root the repository
 * @param {{ to?: string, packages?: OtherPackages, mode?: 'production' | 'development' }} [options] to: folder of the page, by default the one
 *   that the aggregator serves
 * @returns {Promise<readonly string[]>} the files that the page is made of, from the repository's root
 * @throws Error when a source does not compile; what is wrong has been printed
 */
export async function buildPage(root, { to = page, packages, mode = 'production' } = {}) {
  const fresh = join(root, '.cache', `fresh-${basename(dirname(to))}-${basename(to)}`);
  rmSync(fresh, { recursive: true, force: true });
  const source = join(root, 'preview', 'src');
  const grafana = join(packages?.folder ?? root, 'node_modules', '@grafana');
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { boot: join(source, 'boot.ts'), style: join(source, 'boot', 'boot.css') },
    outdir: join(fresh, 'assets'),
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: mode === 'production',
    jsx: 'automatic',
    metafile: true,
    logLevel: 'warning',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['browser', 'module', 'import'],
    // Grafana's packages were written for a bundler that knows `global` and `process.env`.
    define: {
      global: 'globalThis',
      'process.env.NODE_ENV': JSON.stringify(mode),
      'process.env.NODE_DEBUG': 'undefined',
      GRAFANA_VERSION: JSON.stringify(JSON.parse(readFileSync(join(grafana, 'runtime', 'package.json'), 'utf8')).version),
    },
    loader: { '.woff2': 'file', '.ttf': 'file', '.svg': 'file', '.png': 'file' },
    plugins: [
      ...(packages === undefined ? [] : [packagesFrom(packages)]),
      insideOfRuntime(realpathSync(join(grafana, 'runtime', 'dist', 'esm'))),
      bundlersDefaults(),
    ],
  });
  // Ours are those that Grafana's components draw and its packages do not bring.
  for (const icons of [join(grafana, 'ui', 'dist', 'public', 'img', 'icons'), join(root, 'preview', 'public', 'icons')])
    cpSync(icons, join(fresh, 'public', 'build', 'img', 'icons'), { recursive: true });
  for (const [name, file] of FONTS) cpSync(join(root, 'node_modules', '@fontsource-variable', file), join(fresh, 'public', 'fonts', name));
  // Whoever serves the page in the aggregator's place serves a host.json of its own.
  writeFileSync(join(fresh, 'host.json'), '{ "backend": "aggregator" }\n');
  const styles = stylesOnce(Object.keys(metafile.outputs).filter((file) => file.endsWith('.css')));
  const links = styles.map((file) => `<link rel="stylesheet" href="/assets/${file}" />`);
  const html = readFileSync(join(root, 'preview', 'index.html'), 'utf8');
  writeFileSync(join(fresh, 'index.html'), html.replace('<!-- styles -->', links.join('\n    ')));
  // At once, so that whoever serves the page meanwhile has the old one until the new one is whole.
  rmSync(to, { recursive: true, force: true });
  renameSync(fresh, to);
  return Object.keys(metafile.inputs);
}

/**
 * Every chunk that leads to a style sheet gets a copy of it; one of each is kept.
 * @param {readonly string[]} files from the repository's root @returns {string[]} names of those that stay
 */
function stylesOnce(files) {
  /** @type {Map<string, string>} */
  const kept = new Map();
  for (const file of files) {
    const text = readFileSync(join(repositoryRoot, file), 'utf8').replace(/\/\*# sourceMappingURL.*$/, '');
    if (kept.has(text)) rmSync(join(repositoryRoot, file));
    else kept.set(text, basename(file));
  }
  return [...kept.values()];
}

/**
 * One of each, for the page, for @grafana/scenes and for the packages themselves.
 * @param {OtherPackages} packages @returns {import('esbuild').Plugin}
 */
function packagesFrom({ folder, additions = {} }) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const names = Object.keys(dependencies).map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const found = { from: folder };
  return {
    name: 'packages-from',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /./ }, ({ path, pluginData, namespace }) => {
        if (pluginData === found || namespace === 'added' || additions[path] === undefined) return undefined;
        return { path, namespace: 'added' };
      });
      onLoad({ filter: /./, namespace: 'added' }, ({ path }) => ({ contents: additions[path], loader: 'js', resolveDir: folder }));
      onResolve({ filter: new RegExp(`^(?:${names.join('|')})(?:/|$)`) }, async ({ path, kind, importer, pluginData }) => {
        if (pluginData === found) return undefined;
        const result = await resolve(path, { kind, importer, resolveDir: folder, pluginData: found });
        // A file that they do not have yet is taken from where everything else is.
        return result.errors.length > 0 ? undefined : result;
      });
    },
  };
}

/**
 * Grafana's server fills stores in @grafana/runtime that its published entry point leaves out.
 * @param {string} folder of its modules, links followed, as esbuild does: else each of them is there twice
 * @returns {import('esbuild').Plugin}
 */
function insideOfRuntime(folder) {
  const prefix = 'grafana-runtime-inside/';
  return {
    name: 'inside-of-runtime',
    setup({ onResolve }) {
      onResolve({ filter: new RegExp(`^${prefix}`) }, ({ path }) => ({ path: join(folder, `${path.slice(prefix.length)}.mjs`) }));
    },
  };
}

/**
 * A default import of a CommonJS package is its `default` where it says that it has one, as every other bundler takes it. In files named
 * .mjs esbuild takes the whole module instead, as Node does, and Grafana's components would get objects for components.
 * @returns {import('esbuild').Plugin}
 */
function bundlersDefaults() {
  return {
    name: 'bundlers-defaults',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]@grafana[\\/](ui|data|runtime)[\\/].*\.mjs$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const contents = text.replace(
          /^import (\w+)(, \{[^}]*\})? from (['"][^.'"][^'"]*['"]);$/gm,
          (_, name, named = '', from) =>
            `import ${name}__given${named} from ${from};\nconst ${name} = ${name}__given?.__esModule ? ${name}__given.default : ${name}__given;`,
        );
        return contents === text ? undefined : { contents, loader: 'js' };
      });
    },
  };
}

/**
 * Without the Go binaries: a browser has no use for them.
 * @param {string} root the repository @param {string} to folder of the page
 */
export function copyPlugin(root, to = page) {
  const from = join(root, 'dist');
  const { id } = JSON.parse(readFileSync(join(from, 'plugin.json'), 'utf8'));
  const folder = join(to, 'public', 'plugins', id);
  if (existsSync(folder)) rmSync(folder, { recursive: true });
  cpSync(from, folder, { recursive: true, filter: (file) => !/gpx_[^/\\]*$|go_plugin_build_manifest$|\.map$/.test(file) });
  // Last, because its age says whether the copy is stale.
  writeFileSync(join(to, 'public', 'plugins', 'copied.txt'), `${id}\n`);
}
