// Everything that Grafana's plugin validator would find wrong with a build, and what it cannot know of ours. Its own program does not
// run everywhere, so the checks stand here; findings are for people.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { checkBinaries, checkModules, checkPapers } from './contents.mjs';
import { checkFamily, checkManifest, readManifests } from './manifests.mjs';
import { checkBackendSources, checkFrontendSources } from './sources.mjs';

/** @import { Finding } from './manifests.mjs' */

/**
 * @param {string} root the repository: package.json, sources, and the build in dist
 * @param {{ platforms: readonly string[] }} options platforms whose binaries must be there, e.g. linux_amd64
 * @returns {{ id: string, ids: string[], version: string, files: string[], findings: Finding[] }} files of dist, with forward slashes
 */
export function checkPlugin(root, { platforms }) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const dist = join(root, 'dist');
  const files = filesIn(dist);
  const { manifests, findings } = readManifests(dist, files);
  return {
    id: manifests.find(({ path }) => path === 'plugin.json')?.json.id ?? '',
    ids: manifests.map(({ json }) => json.id),
    version,
    files,
    findings: [
      ...findings,
      ...manifests.flatMap((manifest) => checkManifest(dist, manifest, version)),
      ...checkFamily(manifests, files),
      ...checkModules(dist, manifests, files),
      ...checkBinaries(dist, manifests, files, platforms),
      ...checkPapers(dist, files, version),
      ...checkBackendSources(root),
      ...checkFrontendSources(root),
    ],
  };
}

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(folder, file)).isFile())
    .map((file) => file.split(sep).join('/'))
    .sort();
}
