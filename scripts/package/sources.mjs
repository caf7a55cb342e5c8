// Checks of the sources that cannot be seen in what was built: what Grafana's validator forbids in a backend, and what would break on the
// oldest or the newest React that Grafana has.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** @import { Finding } from './manifests.mjs' */

/** Packages that reach around Grafana: environment, files, system calls, other programs. */
const FORBIDDEN_IMPORTS = ['syscall', 'unsafe', 'os/exec', 'io/ioutil', 'plugin', 'C'];
const FORBIDDEN_PREFIXES = ['golang.org/x/sys', 'os/'];
/** All that a plugin needs of `os`: to end, and to say why. */
const ALLOWED_OF_OS = new Set(['Exit', 'Stderr']);

/** What the newest of Grafana's Reacts lacks. */
const FORBIDDEN_WORDS = [
  { word: /\bfindDOMNode\b/, why: 'React 19 has no findDOMNode', remedy: 'Use a ref.' },
  { word: /\.defaultProps\b/, why: 'React 19 ignores defaultProps of functions', remedy: 'Give the parameter a default.' },
  { word: /\bref="[^"]*"/, why: 'React 19 has no string refs', remedy: 'Use useRef.' },
  { word: /\bpropTypes\b/, why: 'React 19 ignores propTypes', remedy: 'Types say it.' },
];

/**
 * @param {string} root the repository
 * @returns {Finding[]}
 */
export function checkBackendSources(root) {
  return sourcesIn(root, 'pkg', (file) => file.endsWith('.go') && !file.endsWith('_test.go')).flatMap(({ path, text }) => {
    const code = withoutGoComments(text);
    const imports = importsOf(code);
    const bad = imports.filter((name) => FORBIDDEN_IMPORTS.includes(name) || FORBIDDEN_PREFIXES.some((prefix) => name.startsWith(prefix)));
    const used = imports.includes('os') ? [...code.matchAll(/\bos\.([A-Z]\w*)/g)].map(([, name]) => name) : [];
    const remedy = 'Take it from the data source’s settings; Grafana’s validator refuses plugins that reach around it.';
    return [
      ...bad.map((name) => ({ path, message: `it imports ${name}`, remedy })),
      ...[...new Set(used)].filter((name) => !ALLOWED_OF_OS.has(name)).map((name) => ({ path, message: `it uses os.${name}`, remedy })),
    ];
  });
}

/**
 * What each of Grafana's packages gives plugins in the oldest version that plugin.json allows: the names that the `dist/esm/index.mjs` of that
 * version exports, a package a line.
 */
const OLDEST_GRAFANA = '12.3.0';
const OLDEST = new Map(
  readFileSync(new URL(`grafana-${OLDEST_GRAFANA}.txt`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([name = '', ...exported]) => [name, new Set(exported)]),
);

/**
 * @param {string} root the repository
 * @returns {Finding[]}
 */
export function checkFrontendSources(root) {
  return sourcesIn(root, 'src', (file) => /\.tsx?$/.test(file) && !/\.(test|fixture)\.tsx?$/.test(file)).flatMap(({ path, text }) => {
    const code = withoutGoComments(text);
    return [
      ...FORBIDDEN_WORDS.filter(({ word }) => word.test(code)).map(({ why, remedy }) => ({ path, message: why, remedy })),
      ...importsOfGrafana(code)
        .filter(({ from, name }) => OLDEST.get(from)?.has(name) !== true)
        .map(({ from, name }) => ({
          path,
          message: `${from} of Grafana ${OLDEST_GRAFANA} has no ${name}`,
          remedy: 'Do it with what that version has, or raise grafanaDependency and the list beside this check.',
        })),
    ];
  });
}

/** Values that are imported from packages that Grafana provides; types are gone before anything runs. @param {string} code */
function importsOfGrafana(code) {
  return [...code.matchAll(/^import\s+(?!type\b)([^;]*?)\s+from\s+['"](@grafana\/(?:data|runtime|ui)[^'"]*)['"]/gm)].flatMap(
    ([, what = '', from = '']) => {
      const names = /\{([^}]*)\}/.exec(what)?.[1]?.split(',') ?? [what];
      return names
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type '))
        .map((name) => ({ from, name: name.split(/\s+as\s+/)[0] ?? name }));
    },
  );
}

/** @param {string} root @param {string} folder @param {(file: string) => boolean} wanted */
function sourcesIn(root, folder, wanted) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(wanted)
    .sort()
    .map((file) => ({
      path: relative(root, join(root, folder, file))
        .split(sep)
        .join('/'),
      text: readFileSync(join(root, folder, file), 'utf8'),
    }));
}

/** Comments of both languages; a `//` behind a colon is part of an address. @param {string} text */
function withoutGoComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
}

/** @param {string} code */
function importsOf(code) {
  const blocks = [...code.matchAll(/^import\s*\(([\s\S]*?)^\)/gm)].map(([, body]) => body);
  const single = [...code.matchAll(/^import\s+(?:\w+\s+)?"([^"]+)"/gm)].map(([, name]) => name);
  return [...single, ...blocks.flatMap((body) => [...body.matchAll(/"([^"]+)"/g)].map(([, name]) => name))];
}
