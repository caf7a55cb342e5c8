// Builds what runs: the aggregator as one module, the plugin's front end and the preview page. `node scripts/build.mjs` builds always, `--if-stale` only
// what is older than its sources.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stop } from 'esbuild';
import { aggregatorProgram, aggregatorSources, buildAggregator } from './build-aggregator.mjs';
import { buildPlugin, pluginSources } from './build-plugin.mjs';
import { buildPage, copyPlugin, pageIndex, pagePluginStamp, pageSources } from './build-preview.mjs';
import { repositoryRoot } from './bundle.mjs';

const targets = [
  { name: 'aggregator', output: aggregatorProgram, sources: [...aggregatorSources, 'scripts/build.mjs'], make: buildAggregator },
  {
    name: 'plugin',
    output: join(repositoryRoot, 'dist', 'module.js'),
    sources: pluginSources,
    make: () => buildPlugin(repositoryRoot),
  },
  { name: 'preview', output: pageIndex, sources: pageSources, make: () => buildPage(repositoryRoot) },
  // After both: the page serves the plugin as Grafana would.
  { name: 'preview plugin', output: pagePluginStamp, sources: ['dist', 'preview/dist/index.html'], make: () => copyPlugin(repositoryRoot) },
];

/**
 * Builds into aggregator/dist, dist and preview/dist. @throws Error when a source does not compile
 * @param {{ onlyStale: boolean, only?: string | undefined, log?: (line: string) => void }} options only: the name of one target
 */
export async function buildAll({ onlyStale, only, log = console.log }) {
  for (const { name, output, sources, make } of targets) {
    if (only !== undefined && only !== name) continue;
    if (onlyStale && existsSync(output) && statSync(output).mtimeMs >= newest(sources)) continue;
    const started = performance.now();
    try {
      await make();
    } catch (error) {
      // The bundler has printed what is wrong and where.
      throw new Error(`${name} could not be built; see above`, { cause: error });
    }
    log(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  await stop();
}

/** @param {readonly string[]} paths */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    const full = join(repositoryRoot, path);
    const files = statSync(full).isDirectory()
      ? readdirSync(full, { recursive: true, encoding: 'utf8' }).map((file) => join(full, file))
      : [full];
    for (const file of [full, ...files]) latest = Math.max(latest, statSync(file).mtimeMs);
  }
  return latest;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
  await buildAll({ onlyStale: process.argv.includes('--if-stale'), only }).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
