// Makes a clone ready to run: the right Node.js and the packages that package-lock.json names. Imports nothing that must be
// installed first, and nothing newer than what an outdated Node.js can parse.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 11];
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const stampFile = join(root, 'node_modules', '.tidemark-lock-hash');

/** Ends the process with a message when Node.js is too old or the packages cannot be installed. */
export function ensureInstalled() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    const wanted = OLDEST_NODE.join('.');
    console.error(
      `Tidemark needs Node.js ${wanted} or newer; this is ${process.version}. Get it from https://nodejs.org or with: nvm install 20`,
    );
    process.exit(1);
  }
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  // Native packages are built for one platform and one Node.js.
  const stamp = createHash('sha256').update(`${lock}${process.platform}${process.arch}${major}`).digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  if (!installedAsLocked(lock)) {
    console.log('installing the packages of package-lock.json (npm ci) …');
    const npm = process.env['npm_execpath'];
    const options = { cwd: root, stdio: 'inherit' };
    const ci = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
    const done = npm === undefined ? spawnSync('npm', ci, options) : spawnSync(process.execPath, [npm, ...ci], options);
    if (done.status !== 0) {
      console.error('npm ci failed; see above. Is the package registry reachable?');
      process.exit(done.status ?? 1);
    }
  }
  writeFileSync(stampFile, stamp);
}

/**
 * Somebody may have run `npm ci` by hand: then npm's own record of what it installed says the same as the lock file.
 * @param {string} lock
 */
function installedAsLocked(lock) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(lock).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (!path.startsWith('node_modules/') || link === true) return true;
    const found = installed[path];
    return found === undefined ? optional === true : found.version === version && existsSync(join(root, path));
  });
}
