// `npm start`: the demo, from a fresh clone on. Installs and builds what is missing or stale, then becomes the aggregator itself, so
// that signals and the exit code are its own. Arguments go on to `tidemark serve`; `--definition FILE` replaces the demo.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { buildAll } = await import('./build.mjs');
const { repositoryRoot } = await import('./bundle.mjs');
await buildAll({ onlyStale: true }).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

const given = process.argv.slice(2);
const named = given.some((argument) => argument === '-d' || argument.startsWith('-d=') || argument.startsWith('--definition'));
const definition = named ? [] : ['--definition', join(repositoryRoot, 'definitions', 'demo.yaml')];
const program = join(repositoryRoot, 'aggregator', 'dist', 'tidemark.js');
process.argv = [process.argv[0] ?? 'node', program, 'serve', ...definition, ...given];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(program).href);
