// Builds the Go backend into dist/datasource: for this machine by `go build`, or with `--all` for every platform that Grafana runs on,
// by mage, with checksums of the sources beside the binaries as the plugin validator wants them.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repositoryRoot } from './bundle.mjs';

/** mage's names of linux, darwin and windows, each on amd64 and arm64. */
const EVERY_PLATFORM = ['linux', 'linuxARM64', 'darwin', 'darwinARM64', 'windows'].map((name) => `build:${name}`);

/** The binary of this machine, as Grafana looks for it beside the data source's plugin.json. */
export function backendBinary() {
  const arch = { x64: 'amd64' }[process.arch] ?? process.arch;
  const windows = process.platform === 'win32';
  const name = `gpx_tidemark_${windows ? 'windows' : process.platform}_${arch}${windows ? '.exe' : ''}`;
  return join(repositoryRoot, 'dist', 'datasource', name);
}

/**
 * Go's own cache decides what is stale. @throws Error when it does not compile; what is wrong has been printed
 * @param {{ all?: boolean }} [options]
 */
export function buildBackend({ all = false } = {}) {
  mkdirSync(join(repositoryRoot, 'dist', 'datasource'), { recursive: true });
  if (!all) {
    // The tag keeps a JSON library out that arrow would bring along; mage sets the same.
    go(['build', '-trimpath', '-tags', 'arrow_json_stdlib', '-ldflags', '-s -w', '-o', backendBinary(), './pkg']);
    return;
  }
  // One after the other: each uses all cores by itself.
  for (const target of EVERY_PLATFORM) go(['tool', 'mage', '-v', target]);
  go(['tool', 'mage', '-v', 'build:custom', 'windows', 'arm64']);
}

/** @param {readonly string[]} args */
function go(args) {
  const { status, error } = spawnSync('go', args, {
    cwd: repositoryRoot,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw new Error(`go could not be started: ${error.message}. Install Go (see CONTRIBUTING.md).`);
  if (status !== 0) throw new Error(`go ${args[0]} failed; see above`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    const all = process.argv.includes('--all');
    buildBackend({ all });
    console.log(all ? 'built the backend for every platform' : backendBinary());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
