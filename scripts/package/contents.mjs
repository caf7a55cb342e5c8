// Checks of what stands beside the manifests: modules, binaries, papers, and what must not be shipped.
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** @import { Finding, Manifest } from './manifests.mjs' */

/** As Grafana runs on; the names are Go's. */
export const PLATFORMS = ['linux_amd64', 'linux_arm64', 'darwin_amd64', 'darwin_arm64', 'windows_amd64', 'windows_arm64'];

/** How React marks itself; whoever only uses it reads these names, but never sets them. */
const BUNDLED_REACT = /\.__(?:CLIENT|SECRET)_INTERNALS_DO_NOT_USE_OR_\w+\s*=[^=]/;

/**
 * A module for each manifest, as Grafana's loader takes it.
 * @param {string} dist @param {readonly Manifest[]} manifests @param {readonly string[]} files
 * @returns {Finding[]}
 */
export function checkModules(dist, manifests, files) {
  /** @type {Finding[]} */
  const findings = [];
  for (const { folder } of manifests) {
    const path = `${folder}module.js`;
    if (!files.includes(path)) {
      findings.push({ path, message: 'it is missing', remedy: 'Every plugin.json needs a module.ts or module.tsx beside it.' });
      continue;
    }
    const text = readFileSync(join(dist, path), 'utf8');
    if (!/\bdefine\(\[/.test(text)) {
      findings.push({ path, message: 'it is no AMD module', remedy: 'Build it with scripts/build-plugin.mjs; Grafana loads AMD.' });
    }
    if (folder !== '' && text.includes('?_cache=')) {
      findings.push({
        path,
        message: 'it loads chunks, which Grafana would look up in the wrong folder',
        remedy: 'Import eagerly in nested plugins; lazy() and import() only in the app.',
      });
    }
  }
  for (const path of files.filter((file) => file.endsWith('.js'))) {
    if (BUNDLED_REACT.test(readFileSync(join(dist, path), 'utf8'))) {
      findings.push({
        path,
        message: 'React is bundled into it',
        remedy: 'Keep react, react-dom and react/jsx-runtime in .config/bundler/externals.mjs.',
      });
    }
  }
  return findings;
}

/**
 * The backend's binaries, executable and of the right kind.
 * @param {string} dist @param {readonly Manifest[]} manifests @param {readonly string[]} files
 * @param {readonly string[]} platforms that must be there, e.g. linux_amd64
 * @returns {Finding[]}
 */
export function checkBinaries(dist, manifests, files, platforms) {
  /** @type {Finding[]} */
  const findings = [];
  for (const { folder, json } of manifests.filter((manifest) => manifest.json.backend === true && manifest.json.executable)) {
    for (const platform of platforms) {
      const path = `${folder}${json.executable}_${platform}${platform.startsWith('windows') ? '.exe' : ''}`;
      const remedy = 'Build it: npm run build:backend, with -- --all for every platform.';
      if (!files.includes(path)) {
        findings.push({ path, message: 'the binary is missing', remedy });
        continue;
      }
      const found = formatOf(join(dist, path));
      if (found !== platform) findings.push({ path, message: `it is ${found}, not a program for ${platform}`, remedy });
      if (!platform.startsWith('windows') && (statSync(join(dist, path)).mode & 0o111) === 0) {
        findings.push({ path, message: 'it may not be executed', remedy: 'Set its mode to 755.' });
      }
    }
  }
  return findings;
}

/**
 * README, CHANGELOG and LICENSE, and nothing that belongs to the workshop.
 * @param {string} dist @param {readonly string[]} files @param {string} version
 * @returns {Finding[]}
 */
export function checkPapers(dist, files, version) {
  /** @type {Finding[]} */
  const findings = [];
  for (const path of ['README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (!files.includes(path))
      findings.push({ path, message: 'it is missing', remedy: 'It stands at the root and is copied by the build.' });
    else if (statSync(join(dist, path)).size < 200) findings.push({ path, message: 'it says next to nothing', remedy: 'Write it.' });
  }
  if (files.includes('CHANGELOG.md')) {
    const escaped = version.replaceAll('.', '\\.');
    const named = new RegExp(`^##\\s+\\[?v?${escaped}\\b`, 'm').test(readFileSync(join(dist, 'CHANGELOG.md'), 'utf8'));
    if (!named)
      findings.push({
        path: 'CHANGELOG.md',
        message: `it has no chapter for ${version}`,
        remedy: `Head what changed with "## ${version}".`,
      });
  }
  for (const path of files) {
    const misplaced = /(^|\/)(node_modules|\.git|\.env[^/]*|\.DS_Store)(\/|$)|\.(tsx?|go|pem|key)$/.test(path) && !path.endsWith('.d.ts');
    if (misplaced)
      findings.push({ path, message: 'it does not belong into a package', remedy: 'Take it out of dist and of the copy patterns.' });
  }
  return findings;
}

/** By the first bytes. @param {string} path @returns {string} a platform, or words */
function formatOf(path) {
  const head = Buffer.alloc(1024);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (head.readUInt32BE(0) === 0x7f454c46)
    return { 0x3e: 'linux_amd64', 0xb7: 'linux_arm64' }[head.readUInt16LE(18)] ?? 'ELF of another processor';
  if (head.readUInt32LE(0) === 0xfeedfacf) {
    return { 0x01000007: 'darwin_amd64', 0x0100000c: 'darwin_arm64' }[head.readUInt32LE(4)] ?? 'Mach-O of another processor';
  }
  if (head.toString('latin1', 0, 2) === 'MZ') {
    const at = head.readUInt32LE(0x3c);
    const machine = at + 6 <= head.length ? head.readUInt16LE(at + 4) : 0;
    return { 0x8664: 'windows_amd64', 0xaa64: 'windows_arm64' }[machine] ?? 'a Windows program for another processor';
  }
  return 'no program';
}
