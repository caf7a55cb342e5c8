// Runs a TypeScript entry: `node scripts/run-ts.mjs FILE [arguments]`. It is bundled and imported into this very process, so
// that signals, exit code and process id are the program's own.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './bundle.mjs';

const [entry, ...rest] = process.argv.slice(2);
if (entry === undefined) {
  console.error('usage: node scripts/run-ts.mjs FILE.ts [arguments]');
  process.exit(64);
}
const program = await bundle(entry);
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0] ?? 'node', resolve(entry), ...rest];
await import(pathToFileURL(program).href);
