// Builds the aggregator with failpoints that obey (test/faults/program.ts), whole or with one protection taken out of its sources:
// `node test/faults/build-program.mjs OUT.mjs [PROTECTION]`. The text that is taken out must be there, or the build fails.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions, repositoryRoot } from '../../scripts/bundle.mjs';
import { protections } from './protections.mjs';

const [outfile, name] = process.argv.slice(2);
if (outfile === undefined) throw new Error('usage: node test/faults/build-program.mjs OUT.mjs [PROTECTION]');
const changes = name === undefined ? [] : protections[name];
if (changes === undefined) throw new Error(`no protection is called ${name}; there are ${Object.keys(protections).join(', ')}`);

const left = new Set(changes);
await build({
  ...bundleOptions,
  entryPoints: [join(repositoryRoot, 'test', 'faults', 'program.ts')],
  outfile,
  sourcemap: 'inline',
  plugins: [
    {
      name: 'without a protection',
      setup(builder) {
        builder.onLoad({ filter: /aggregator\/src\/.*\.ts$/ }, ({ path }) => {
          const own = changes.filter(({ file }) => path.endsWith(`/aggregator/src/${file}`));
          let contents = readFileSync(path, 'utf8');
          for (const change of own) {
            if (!contents.includes(change.find)) throw new Error(`${change.file} no longer has ${JSON.stringify(change.find)}`);
            contents = contents.replaceAll(change.find, change.replace);
            left.delete(change);
          }
          return { contents, loader: 'ts' };
        });
      },
    },
  ],
});
if (left.size > 0) throw new Error(`not in the program: ${[...left].map(({ file }) => file).join(', ')}`);
