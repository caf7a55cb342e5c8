// Bundles the preview's host page into preview/dist, and puts the built plugin and Grafana's icons beside it, under the paths that Grafana
// serves them from. By esbuild: Grafana's packages are thousands of modules, and Vite takes several times as long for the same page.
import { cpSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
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

/** @param {string} root the repository @throws Error when a source does not compile; what is wrong has been printed */
export async function buildPage(root) {
  const fresh = join(root, '.cache', 'preview');
  rmSync(fresh, { recursive: true, force: true });
  const source = join(root, 'preview', 'src');
  const grafana = join(root, 'node_modules', '@grafana');
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { boot: join(source, 'boot.ts'), style: join(source, 'boot', 'boot.css') },
    outdir: join(fresh, 'assets'),
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    jsx: 'automatic',
    metafile: true,
    logLevel: 'warning',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['browser', 'module', 'import'],
    // Grafana's packages were written for a bundler that knows `global` and `process.env`.
    define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"', 'process.env.NODE_DEBUG': 'undefined' },
    loader: { '.woff2': 'file', '.ttf': 'file', '.svg': 'file', '.png': 'file' },
    plugins: [insideOfRuntime(realpathSync(join(grafana, 'runtime', 'dist', 'esm'))), bundlersDefaults()],
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
  rmSync(page, { recursive: true, force: true });
  renameSync(fresh, page);
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
 * @param {string} root the repository
 */
export function copyPlugin(root) {
  const from = join(root, 'dist');
  const { id } = JSON.parse(readFileSync(join(from, 'plugin.json'), 'utf8'));
  const to = join(page, 'public', 'plugins', id);
  if (existsSync(to)) rmSync(to, { recursive: true });
  cpSync(from, to, { recursive: true, filter: (file) => !/gpx_[^/\\]*$|go_plugin_build_manifest$|\.map$/.test(file) });
  // Last, because its age says whether the copy is stale.
  writeFileSync(pagePluginStamp, `${id}\n`);
}
