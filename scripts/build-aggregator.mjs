// Bundles the aggregator into one module, aggregator/dist/tidemark.js, with npm packages left outside. Needs nothing but esbuild,
// so that the Dockerfile can run it by itself: `node scripts/build-aggregator.mjs`.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions, repositoryRoot } from './bundle.mjs';

export const aggregatorProgram = join(repositoryRoot, 'aggregator', 'dist', 'tidemark.js');

/** What the bundle is made of, from the repository's root. */
export const aggregatorSources = ['aggregator/src', 'package-lock.json', 'scripts/build-aggregator.mjs', 'scripts/bundle.mjs'];

/** @throws Error when a source does not compile; what is wrong has been printed */
export async function buildAggregator() {
  await build({
    ...bundleOptions,
    entryPoints: [join(repositoryRoot, 'aggregator', 'src', 'main.ts')],
    outfile: aggregatorProgram,
    sourcemap: true,
    banner: { js: '#!/usr/bin/env -S node --enable-source-maps' },
  });
  chmodSync(aggregatorProgram, 0o755);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildAggregator();
