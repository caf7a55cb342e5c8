// `npm run package`: builds the plugin, checks it as Grafana's validator would, and makes the archive that people install:
// dist-package/tidemark-realtime-app-<version>.zip. By default with the backend for this machine; `-- --all` for every platform.
// `-- --check` only checks what stands in dist.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { buildBackend } = await import('./build-backend.mjs');
const { buildPlugin } = await import('./build-plugin.mjs');
const { repositoryRoot } = await import('./bundle.mjs');
const { checkPlugin } = await import('./package/check-plugin.mjs');
const { PLATFORMS } = await import('./package/contents.mjs');
const { zipOf } = await import('./package/zip.mjs');

try {
  const { values } = parseArgs({
    options: {
      all: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      out: { type: 'string', default: 'dist-package' },
    },
  });
  process.exitCode = await makePackage(values);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error('usage: npm run package [-- --all] [--check] [--out FOLDER]');
  process.exitCode = 2;
}

/** @param {{ all: boolean, check: boolean, out: string }} options @returns {Promise<number>} the exit code */
async function makePackage({ all, check, out }) {
  if (!check) {
    await buildPlugin(repositoryRoot);
    buildBackend({ all });
  }
  const { id, ids, version, files, findings } = checkPlugin(repositoryRoot, { platforms: all ? PLATFORMS : [thisPlatform()] });
  for (const { path, message, remedy } of findings) console.error(`${path}: ${message}. ${remedy}`);
  if (findings.length > 0) {
    console.error(`\n${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}; nothing was packed`);
    return 1;
  }
  if (check) {
    console.log(`${id} ${version}: ${files.length} files, nothing wrong`);
    return 0;
  }
  const folder = join(repositoryRoot, out);
  mkdirSync(folder, { recursive: true });
  const archive = join(folder, `${id}-${version}.zip`);
  writeFileSync(archive, zipOf(join(repositoryRoot, 'dist'), files, id));
  console.log(`${relative(repositoryRoot, archive)}: ${files.length} files, ${(statSync(archive).size / 2 ** 20).toFixed(1)} MiB`);
  console.log(`unsigned: Grafana takes it with allow_loading_unsigned_plugins = ${ids.join(',')}`);
  return 0;
}

function thisPlatform() {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `${system}_${process.arch === 'x64' ? 'amd64' : process.arch}`;
}
